"""Run folders that nobody had to train: the files of a fit, a search and a recipe, with numbers of their kind."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from tests.model.finished import TASKS, model_for, rows_for, table

from gammabeta.data import Images, Table, as_data
from gammabeta.diagnosis import Finding, Proof
from gammabeta.report.facts import data_facts, facts
from gammabeta.report.gates import named_in
from gammabeta.report.names import STEPS
from gammabeta.report.write import write_facts
from gammabeta.serial import dumps

EVIL = "<script>alert('x')</script>"


def line(number: int, valid: bool = True, metric: str = "accuracy", ended: str = "") -> dict[str, Any]:
    """One epoch of a history: falling losses, a probe of two layers."""
    signals = {
        f"layers.{place}.{name}": value / number
        for place in (0, 1)
        for name, value in (("mean", 0.3), ("spread", 1.2), ("saturated", 0.02))
    }
    signals |= {
        f"params.0.weight.{name}": value for name, value in (("gradient", 0.3), ("update", 0.01), ("weight", 9.0))
    }
    side = {"loss": 1 / number, metric: 1 - 0.5 / number}
    return {
        "epoch": number,
        "steps": 7 * number,
        "train": side,
        "valid": {"loss": 0.1 + 1 / number, metric: 0.9 - 0.5 / number} if valid else {},
        "step_loss": {"mean": 1.1 / number, "spread": 0.2},
        "learning_rate": 0.01 / number,
        "seconds": 0.5,
        "compile_seconds": 0.0,
        "best": True,
        "ended": ended,
        "signals": signals,
    }


def findings() -> list[Finding]:
    """One that was proved, one that was not."""
    numbers = {"steps": 300, "seeds": 3, "before": 0.4, "after": 0.8, "loss_before": 1.2, "loss_after": 0.5}
    proof = Proof(change="rate 0.01", metric="accuracy", gain=0.6, spread=0.02, confirmed=True, **numbers)
    return [
        Finding(
            code="GB302",
            name="learning rate too low",
            severity="error",
            place=f"epoch {EVIL}",
            evidence="the loss falls evenly",
            numbers={"slope": 0.2},
            advice="a higher rate",
            fix={"optimizer.learning_rate": 0.01},
            proof=proof,
        ),
        Finding(code="GB601", name="overfitting", severity="note", place="", evidence="a gap"),
    ]


def rows_of(task: str) -> Table | Images:
    """The rows of a task, from a file whose name tries to be markup."""
    if task == "images":
        return Images(rows_for(task), pa.table({"label": np.arange(len(rows_for(task))) % 3}), EVIL)
    part = as_data(table().assign(size=table()["size"]))
    return type(part)(part.columns, EVIL)


def run_folder(folder: Path, task: str = "binary", epochs: int = 3, valid: bool = True) -> Path:
    """A finished run of a task; its column names, labels and file name try to be markup."""
    folder.mkdir(parents=True, exist_ok=True)
    model = model_for(task)
    part = rows_of(task)
    encoded = model.schema.encode(part)
    parts = ("train", "valid", "test") if valid else ("train",)
    found = facts(model, dict.fromkeys(parts, part), dict.fromkeys(parts, encoded), "Fine.")
    write_facts(folder, found)
    lines = [line(i + 1, valid, ended="epochs" if i + 1 == epochs else "") for i in range(epochs)]
    (folder / "history.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    (folder / "plan.json").write_text(dumps(model.plan))
    (folder / "findings.json").write_text(json.dumps([one.to_json() for one in findings()]))
    target = [f"{EVIL}", *TASKS[task]]
    origin = {
        "command": "fit",
        "data": f"/tmp/{EVIL}.csv",
        "target": target,
        "task": "auto",
        "valid": None,
        "test": "0.3",
    }
    (folder / "rows.json").write_text(json.dumps({**origin, "drop": [], "kinds": ["a b=category"]}))
    (folder / "metrics.json").write_text(json.dumps({"seconds": 12.5, "task": task, "rows": dict(found.rows)}))
    return folder


def search(trials: int = 10, phase: str = "over") -> dict[str, Any]:
    """What a search writes: every third trial was pruned, the best one has a gain, a key applies to some only."""
    keys = {"network.dropout": ("linear", [0.0, 0.5]), "optimizer.adam_w.learning_rate": ("log", [1e-4, 0.1])}
    keys |= {"optimizer": ("choice", ["adam_w", EVIL, "sgd"]), "optimizer.sgd.learning_rate": ("log", [1e-3, 1.0])}
    found = []
    for number in range(trials):
        adam = number % 4 != 3
        params = {"network.dropout": 0.05 * number, "optimizer": "adam_w" if adam else EVIL}
        params |= {f"optimizer.{'adam_w' if adam else 'sgd'}.learning_rate": 1e-3 * (number + 1)}
        ended = "pruned" if number % 3 == 1 else "done"
        outcome = {"ended": ended, "value": 0.5 / (number + 1), "metric": "accuracy", "score": 0.8, "why": ""}
        found.append({"trial": number, **outcome, "epochs": 9, "seconds": 1.5, "program": "p", "params": params})
    best = max((one["trial"] for one in found if one["ended"] == "done"), default=0)
    gains = {"gain": 0.2, "gain_low": 0.05, "gain_high": 0.35}
    ranking = [
        {"trial": n, "first": 0.1, "values": [0.1, 0.12, 0.11], "mean": 0.11, "low": 0.09, "high": 0.13, **gains}
        for n in dict.fromkeys([best, 0])
    ]
    done = sum(one["ended"] == "done" for one in found)
    axes = [
        {"key": key, "scale": scale, "values": values, "of_trials": [one["params"].get(key) for one in found]}
        for key, (scale, values) in keys.items()
    ]
    return {
        "winner": best if phase == "over" else 0,
        "objective": "loss",
        "folds": 3,
        "asked": max(trials, 20) if phase != "over" else trials,
        "done": trials,
        "pruned": trials - done,
        "phase": phase,
        "stopped": False,
        "programs": 2,
        "seconds": 12.5,
        "ranking": ranking if trials else [],
        "importances": dict.fromkeys(keys, 0.25) if done >= 6 else {},
        "importances_from": 8,
        "trials": found,
        "axes": axes,
    }


def gate_facts(images: bool = False) -> dict[str, dict[str, Any]]:
    """What each step of a recipe tells."""
    one = {"loss": 0.4, "metric": "accuracy", "value": 0.9}
    odd = [
        {"row": row, "score": 0.6, "feature": f"pixel ({row}, 1)" if images else "size", "deviations": 3.5}
        for row in (4, 2)
    ]
    noise = {"rate": 0.1, "low": 0.02, "high": 0.2, "rows": [{"row": 3, "says": "1", "rather": "0"}]}
    target = {"name": "label", "rows": 9, "missing": 0, "classes": ["no", EVIL], "counts": [5, 4]}
    lead = {"ahead": 0.1, "error": 0.02}
    return {
        "data": {
            "rows": {"train": 9, "valid": 9},
            "columns": [],
            "targets": [target],
            "notes": [],
            "findings": [finding.to_json() for finding in findings()],
            "label_noise": noise,
            "shift": [{"split": "validation", "auc": 0.47, "low": 0.4}],
            "odd_rows": odd,
        },
        "skeleton": {
            "metric": "accuracy",
            "network": {"train": one, "valid": one},
            "references": {"constant": 0.4, "linear": 0.8, "trees": None},
            "leads": {"constant": lead, "linear": {"ahead": None, "error": None}},
            "start": {"loss": 1.2, "knowing_nothing": 1.1, "best_constant": 1.0},
            "blind_loss": 1.0,
        },
        "overfit": {
            "batch": {"rows": 9, "first_loss": 1.2, "wanted": 0.06, "curve": [0.6, 0.3, 0.05], "steps": 3},
            "train": {**one, "regularized": 0.5},
            "findings": [],
        },
        "regularize": {
            "changes": [
                {"name": "dropout", "says": "from 0 to 0.2", "state": "kept", "before": 0.5, "after": 0.4, "pairs": 4},
                {"name": "more data", "says": "a table is not augmented", "state": "left out"},
            ],
            "early_stopping": {"best_epoch": 3, "best_loss": 0.4, "last_loss": 0.5},
        },
        "tune": search(),
        "squeeze": {
            "candidates": [
                {"kind": "default", "says": "the first plan", **one},
                {"kind": "ensemble", "says": "ensemble of its seeds", **one},
            ],
            "winner": "ensemble",
            "seeds": {"losses": [0.4, 0.5], "values": [0.9, 0.8]},
            "reproduced_by": "the same command",
        },
    }


def recipe_folder(folder: Path, steps: int = len(STEPS), task: str = "binary") -> Path:
    """A recipe that came so far, the third gate closed; before the last one no test row was looked at."""
    run_folder(folder, task)
    gates = [
        {"step": step, "passed": step != "overfit", "reason": f"Of {step}.", "seconds": 2.5, "facts": found, "plan": {}}
        for step, found in list(gate_facts(task == "images").items())[:steps]
    ]
    (folder / "recipe.json").write_text(json.dumps({"format": 1, "about": {}, "gates": gates}))
    model = model_for(task)
    part = rows_of(task)
    named = named_in(tuple(gates))
    parts = ("train", "valid") if steps < len(STEPS) else ("train", "valid", "test")
    every = (dict.fromkeys(parts, part), dict.fromkeys(parts, model.schema.encode(part)))
    found = facts(model, *every, "Fine.", named) if steps > 1 else data_facts(model.schema, *every, named)
    after = "data" if steps == 1 else "skeleton" if steps < len(STEPS) else "squeeze"
    write_facts(folder, replace(found, after=after))
    if steps < len(STEPS):
        for name in ("metrics.json", "findings.json"):
            (folder / name).unlink()
    if steps == 1:
        for name in ("plan.json", "history.jsonl"):
            (folder / name).unlink()
    return folder


def search_folder(folder: Path, trials: int = 10, phase: str = "over") -> Path:
    """A search with the run of its winner, or one that has not ended."""
    if phase == "over":
        run_folder(folder, "multiclass")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "search.db").write_bytes(b"")
    (folder / "search.json").write_text(json.dumps(search(trials, phase)))
    return folder
