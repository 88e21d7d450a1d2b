"""Step 1: become one with the data."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gammabeta.data import Dataset, describe
from gammabeta.diagnosis import Case, Finding, diagnose
from gammabeta.diagnosis.noise import Noise, label_noise
from gammabeta.diagnosis.references import few_columns
from gammabeta.diagnosis.rows import MOST_ROWS, feature, inputs, some
from gammabeta.diagnosis.shift import shifts
from gammabeta.model import suited
from gammabeta.recipe.gate import Gate
from gammabeta.recipe.known import Known
from gammabeta.serial import to_json

MOST_ODD, MOST_SUSPECTS, LEAST_ROWS = 10, 20, 20


def data(known: Known) -> Gate:
    """Look at the rows before any training: what they hold, whether the split is fair, whether labels can be believed.

    The gate is closed by a finding of severity "error" about the data, which is its reason.
    """
    known.say("reading columns")
    plan = suited(known.plan, known.schema)
    case = Case.of(plan, known.train, known.valid, (), None, None, None, known.schema)
    facts: dict[str, Any] = {"rows": {"train": known.train.rows, "valid": known.valid.rows}, **inspected(known)}
    known.say("looking for leaks, copies, shifts and wrong labels")
    findings = diagnose(case, forks=False, family="GB1")
    noise = label_noise(case)
    known.say("looking for odd rows")
    facts |= {
        "findings": [finding.to_json() for finding in findings],
        "label_noise": None if noise is None else suspects(noise),
        "shift": [{"split": one.split, "auc": one.auc, "low": one.low} for one in shifts(case)],
        "odd_rows": odd_rows(case, known.train),
    }
    wrong = [finding for finding in findings if finding.severity == "error"]
    return known.gate(not wrong, sentence(findings, known), facts)


def inspected(known: Known) -> dict[str, Any]:
    """Columns and targets of the training rows, as the command ``inspect`` shows them; {} without the rows as read."""
    part = known.parts.get("train")
    if part is None:
        return {}
    body: dict[str, Any] = to_json(describe(part, known.schema))
    return {name: body[name] for name in ("task", "columns", "targets", "notes")}


def suspects(noise: Noise) -> dict[str, Any]:
    """Estimated share of wrong labels, and the likeliest rows: their number, what they say, what is predicted."""
    rows = zip(noise.suspects, noise.given, noise.rather, strict=True)
    return {
        "rate": noise.rate,
        "low": noise.low,
        "high": noise.high,
        "rows": [{"row": int(row), "says": str(g), "rather": str(r)} for row, g, r in list(rows)[:MOST_SUSPECTS]],
    }


def odd_rows(case: Case, train: Dataset) -> list[Mapping[str, Any]]:
    """The training rows that are easiest to set apart, the oddest first, and in which feature each is farthest out.

    By an isolation forest (Liu 2008) on at most 4,000 rows and 256 features; score: in (0, 1], about 0.5 is usual
    """
    from sklearn.ensemble import IsolationForest

    chosen = some(train, MOST_ROWS)
    x = inputs(chosen)
    if len(x) < LEAST_ROWS:
        return []
    columns = x[:, few_columns(x.shape[1])]
    scores = -IsolationForest(random_state=0).fit(columns).score_samples(columns)
    spread = np.std(x, axis=0)
    out = np.abs(x - np.median(x, axis=0)) / np.where(spread > 0, spread, 1.0)
    return [
        {
            "row": int(chosen.kept[row]),
            "score": float(scores[row]),
            "feature": feature(case, int(np.argmax(out[row]))),
            "deviations": float(np.max(out[row])),
        }
        for row in np.argsort(-scores, kind="stable")[:MOST_ODD]
    ]


def sentence(findings: list[Finding], known: Known) -> str:
    """The worst finding, or that there is none."""
    if not findings or findings[0].severity == "note":
        seen = f"{known.train.rows:,} training and {known.valid.rows:,} validation rows"
        return f"{seen}: nothing found that would make a score wrong."
    worst = findings[0]
    others = sum(finding.severity != "note" for finding in findings) - 1
    more = f" (and {others} more)" if others else ""
    return f"{worst.code} {worst.name}, {worst.place}: {worst.evidence}{more}."
