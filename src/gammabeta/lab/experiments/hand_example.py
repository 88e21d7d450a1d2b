"""C12: batch normalization by hand, five rows and one unit.

Inputs (20, 10), (30, 20), (20, 10), (10, 10), (5, 5) with weights 0.5 and 0.5. The unit's five values are normalized by
the package's own batch norm, with epsilon 0, and compared with what comes out on paper. One set of lecture notes
divides the squared deviations by the standard deviation instead: that is computed beside it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gammabeta.lab.drawing import BLACK, BLUE, GRAY, ORANGE
from gammabeta.lab.estimate import exactly
from gammabeta.lab.experiment import Experiment, Row, Sweep, Verdict
from gammabeta.moments import observe
from gammabeta.nn import BatchNorm, Call

INPUTS = ((20, 10), (30, 20), (20, 10), (10, 10), (5, 5))
WEIGHTS = (0.5, 0.5)
MOMENTS_ON_PAPER = (14.0, 6.633)
NORMALIZED_ON_PAPER = (0.151, 1.658, 0.151, -0.603, -1.357)


def measure(data: Path | None, sweep: Sweep) -> list[Row]:
    """A row for each of the five examples, from its inputs to its normalized value."""
    del data, sweep
    values = np.asarray(INPUTS, np.float64) @ np.asarray(WEIGHTS)
    batch = values[:, None].astype(np.float32)
    norm = BatchNorm(epsilon=0.0)
    fresh = norm.init(None, (1,))  # gamma 1, beta 0
    normalized, _ = norm.apply(fresh.params, fresh.stats, batch, Call(by_batch=True))
    seen = observe(values[:, None])
    mean, std = float(seen.mean[0]), float(np.sqrt(seen.var[0]))
    # gamma = std and beta = mean undo it: what was taken away can be learned back
    undo = {"gamma": np.full(1, std, np.float32), "beta": np.full(1, mean, np.float32)}
    undone, _ = norm.apply(undo, fresh.stats, batch, Call(by_batch=True))
    return [
        {
            "row": index + 1,
            "x1": INPUTS[index][0],
            "x2": INPUTS[index][1],
            "value": value,
            "mean": mean,
            "std": std,
            "normalized": float(normalized[index, 0]),
            "undone": float(undone[index, 0]),
            "wrong": (value - mean) ** 2 / std,
        }
        for index, value in enumerate(values)
    ]


def judge(rows: Sequence[Row]) -> Verdict:
    found = np.asarray([row["normalized"] for row in rows])
    wrong = np.asarray([row["wrong"] for row in rows])
    mean, std = rows[0]["mean"], rows[0]["std"]
    undone = max(abs(row["undone"] - row["value"]) for row in rows)
    same = (round(mean, 3), round(std, 3)) == MOMENTS_ON_PAPER and (np.round(found, 3) == NORMALIZED_ON_PAPER).all()
    says = (
        f"The five values have mean {mean:.3f} and standard deviation {std:.3f}; batch norm makes them "
        f"{', '.join(f'{value:.3f}' for value in found)}: equal to the arithmetic on paper to three decimals, with "
        f"mean {abs(found.mean()):.3f} and standard deviation {found.std():.3f}. Squared deviations over {std:.3f}, "
        f"as one note has it, are {', '.join(f'{value:.3f}' for value in wrong)}: never negative, with mean "
        f"{wrong.mean():.3f} and standard deviation {wrong.std():.3f}."
    )
    numbers = {
        "mean": exactly(mean),
        "standard deviation": exactly(std),
        **{f"row {row['row']}": exactly(row["normalized"]) for row in rows},
        "mean of the note's form": exactly(wrong.mean()),
        "standard deviation of the note's form": exactly(wrong.std()),
    }
    return Verdict(bool(same and undone < 1e-4), says, numbers)


def draw(rows: Sequence[Row], figure: Any) -> None:
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    mean, std = rows[0]["mean"], rows[0]["std"]
    stages = np.asarray([[row["value"], row["value"] - mean, row["normalized"]] for row in rows])
    for place, (center, spread) in enumerate(((mean, std), (0, std), (0, 1))):
        left.fill_between((place - 0.2, place + 0.2), center - spread, center + spread, color=BLUE, alpha=0.13, lw=0)
        left.plot((place - 0.2, place + 0.2), (center, center), color=BLUE, lw=1.5)
    left.annotate("mean and\none standard\ndeviation", (0.2, mean), (0.72, 23), size=8.5, color=BLUE, va="center")
    for index, row in enumerate(rows):
        # the first and the third row are the same numbers: side by side
        shift = {0: -0.05, 2: 0.05}.get(index, 0.0)
        left.plot(np.arange(3) + shift, stages[index], color=BLACK, lw=0.8, alpha=0.45, marker="o", ms=6, mew=0)
        if index != 2:
            both = " (rows 1, 3)" if index == 0 else f" (row {row['row']})"
            left.text(-0.26, stages[index][0], f"({row['x1']}, {row['x2']}){both}", size=8.5, ha="right", va="center")
    left.set(xlim=(-1.15, 2.35), ylabel="value of the unit")
    left.set_xticks(range(3), ("0.5 x₁ + 0.5 x₂", "minus the mean", "over the standard\ndeviation"))
    left.set_title("shift to 0, squeeze to 1")
    left.grid(axis="x", visible=False)
    places = np.arange(len(rows))
    for shift, key, color, name in (
        (-0.2, "normalized", BLUE, "batch norm: (z - mean) / std"),
        (0.2, "wrong", ORANGE, "the note: (z - mean)² / std"),
    ):
        heights = np.asarray([row[key] for row in rows])
        right.bar(places + shift, heights, 0.38, color=color, label=name, hatch="" if key == "normalized" else "//")
        for place, height in zip(places + shift, heights, strict=True):
            # equal neighbors: one label above the other
            lift = (0.25 if height >= 0 else -0.25) + (key == "wrong") * (height < 1)
            look = {"size": 8, "ha": "center", "va": "bottom" if height >= 0 else "top", "color": color}
            right.text(place, height + lift, f"{height:.3f}", **look)
    right.axhline(0, color=GRAY, lw=1)
    right.set_xticks(places, [f"row {row['row']}" for row in rows])
    right.set(ylim=(-3, 23), ylabel="normalized value")
    right.set_title("right, and what one note computes")
    right.grid(axis="x", visible=False)
    right.legend(loc="upper right")


EXPERIMENT = Experiment(
    claim="C12",
    title="Batch normalization by hand: five rows, one unit",
    measure=measure,
    judge=judge,
    draw=draw,
    sizes={"tiny": {}, "quick": {}, "full": {}},
    figure_size=(11, 4.6),
)
