"""``gammabeta range-test``"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gammabeta.cli.prepare import DataOptions, plan_in_file, prepared, show_beginning
from gammabeta.cli.terminal import console, number, print_json
from gammabeta.errors import UsageError
from gammabeta.report.names import PLAN_NAME, RANGE_NAME

if TYPE_CHECKING:
    from gammabeta.plan import Plan
    from gammabeta.train import RangeTest

WIDTH, HEIGHT = 60, 12
"""Of the chart, in characters."""


@dataclass(frozen=True)
class RangeOptions(DataOptions):
    """What was typed."""

    low: float
    high: float
    steps: int
    seeds: int
    out: Path | None
    json: bool


def range_test_command(options: RangeOptions) -> None:
    """The learning rate that suits plan and data, on the rows that fit would train on; kept where a run is named."""
    if options.out is not None and options.out.is_file():
        raise UsageError(f"-o {options.out}: found a file, expected the folder of a run; choose another name.")
    from gammabeta.train import cache_compilations, range_test

    cache_compilations()
    # refuses a file that holds several plans
    plan_in_file(options)
    plan, schema, encoded, said, *_ = prepared(options)
    out = console(beside_json=options.json)
    show_beginning(out, options.data, schema, encoded, said)
    found = range_test(
        plan, encoded["train"], low=options.low, high=options.high, steps=options.steps, seeds=options.seeds
    )
    out.print("\n".join([*chart(found), ""]), markup=False, soft_wrap=True)
    out.print(found.why, markup=False)
    setting = None
    if found.suggestion is not None and found.band is not None:
        # two digits: seeds differ by more than the third
        setting = f"optimizer.learning_rate={found.suggestion:.1e}"
        low, high = found.band
        seeds = f"between {low:.1e} and {high:.1e} over {options.seeds} seeds" if options.seeds > 1 else "of one seed"
        out.print(f"learning rate {found.suggestion:.1e}, {seeds}; the plan has {plan.optimizer.learning_rate:g}")
        out.print(f"try      --set {setting}", markup=False, soft_wrap=True)
    curve = zip(found.rates.tolist(), middle(found), strict=True)
    body = {
        "suggestion": found.suggestion,
        "band": found.band,
        "why": found.why,
        "set": setting,
        "curve": [{"learning_rate": rate, "loss": loss} for rate, loss in curve],
    }
    if options.out is not None:
        out.print(f"kept     {kept(options.out, body, plan)}", markup=False, soft_wrap=True)
    if options.json:
        print_json(body)


def kept(folder: Path, body: dict[str, Any], plan: "Plan") -> Path:
    """Write it with its plan to the folder; where that holds a run, its report is drawn with it. Returns the file."""
    from gammabeta.model.file import write_json
    from gammabeta.report.write import write_report
    from gammabeta.serial import to_json, without_nan

    path = folder / RANGE_NAME
    whole = without_nan({**body, "plan": to_json(plan)})
    write_json(path, whole)
    if (folder / PLAN_NAME).is_file():
        write_report(folder)
    return path


def middle(found: "RangeTest") -> list[float | None]:
    """The median over the seeds of the smoothed loss at each rate; None where fewer than half of them came so far."""
    reached = np.isfinite(found.smoothed)
    return [
        float(np.median(losses[there])) if 2 * there.sum() >= len(there) else None
        for losses, there in zip(found.smoothed.T, reached.T, strict=True)
    ]


def chart(found: "RangeTest") -> list[str]:
    """Smoothed loss over learning rate, both axes labeled, the suggestion marked by a column of its own."""
    losses = np.array([np.nan if loss is None else loss for loss in middle(found)])
    logs = np.log10(found.rates)
    places = np.round((logs - logs[0]) / (logs[-1] - logs[0]) * (WIDTH - 1)).astype(int)
    there = np.isfinite(losses)
    if not there.any():
        return ["", "no loss was finite"]
    low, high = float(losses[there].min()), float(losses[there].max())
    cells = [[" "] * WIDTH for _ in range(HEIGHT)]
    if found.suggestion is not None:
        marked = round((np.log10(found.suggestion) - logs[0]) / (logs[-1] - logs[0]) * (WIDTH - 1))
        for row in cells:
            row[marked] = "|"
    for place, loss in zip(places[there], losses[there], strict=True):
        down = 0 if high == low else round((high - loss) / (high - low) * (HEIGHT - 1))
        cells[down][place] = "*"
    labels = {0: number(high), HEIGHT - 1: number(low)}
    margin = max(len(label) for label in (*labels.values(), "loss"))
    lines = ["", "loss".rjust(margin)]
    lines += [f"{labels.get(index, '').rjust(margin)} {''.join(row).rstrip()}" for index, row in enumerate(cells)]
    ends = f"{found.rates[0]:.0e}", f"{found.rates[-1]:.0e}"
    axis = "learning rate" if found.suggestion is None else "learning rate, | the suggested one"
    lines.append(f"{' ' * margin} {ends[0]}{axis.center(WIDTH - sum(map(len, ends)))}{ends[1]}")
    return [line.rstrip() for line in lines]
