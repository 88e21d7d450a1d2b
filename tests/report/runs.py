"""Run folders that nobody had to train: every file that a fit writes, with numbers of its kind."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from tests.model.finished import TASKS, model_for, rows_for, table

from gammabeta.data import Images, as_data
from gammabeta.diagnosis import Finding, Proof
from gammabeta.report.facts import facts
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


def run_folder(folder: Path, task: str = "binary", epochs: int = 3, valid: bool = True) -> Path:
    """A finished run of a task; its column names, labels and file name try to be markup."""
    folder.mkdir(parents=True, exist_ok=True)
    model = model_for(task)
    if task == "images":
        part = Images(rows_for(task), pa.table({"label": np.arange(len(rows_for(task))) % 3}), EVIL)
    else:
        part = as_data(table().assign(size=table()["size"]))
        part = type(part)(part.columns, EVIL)
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
