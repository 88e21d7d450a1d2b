"""C14: regression as classification over bins against plain regression.

The same network with squared error and with cross-entropy over bins, each at its own best rate and epoch by validation
r2, judged on test rows. The prediction of bins is their expected value; their 90 % interval is theirs, that of plain
regression the spread of its validation errors. The table is scikit-learn's diabetes, or a file whose last column is
the target.
"""

from collections.abc import Sequence
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from gammabeta.data import NumberTarget, Schema, Table, as_data, split
from gammabeta.errors import DataError
from gammabeta.lab.drawing import GRAY, style
from gammabeta.lab.estimate import difference_of, mean_of
from gammabeta.lab.experiment import Experiment, Row, Sweep, Verdict
from gammabeta.nn import PREDICTING, BinnedRegression, Loss, Mlp, SquaredError
from gammabeta.optim import AdamW, Constant
from gammabeta.plan import Plan
from gammabeta.train import fit

LEVEL = 0.9
SIDES: dict[str, Loss] = {
    "plain": SquaredError(),
    "equal width": BinnedRegression(bins=20),
    "quantile": BinnedRegression(bins=20, edges="quantile"),
    "equal width, soft": BinnedRegression(bins=20, targets="soft", softness=1.5),
    "quantile, soft": BinnedRegression(bins=20, edges="quantile", targets="soft", softness=1.5),
}

QUICK = ("plain", "quantile", "quantile, soft")


def measure(
    data: Path | None,
    sweep: Sweep,
    *,
    seeds: int,
    rates: Sequence[float],
    epochs: int,
    rows: int,
    sides: Sequence[str] = tuple(SIDES),
) -> list[Row]:
    """For every side, rate and split: r2 on validation rows; error, coverage and width of the interval on test rows."""
    table = whole(data)
    if table.rows > rows:
        table = table.take(np.sort(np.random.default_rng(0).choice(table.rows, rows, replace=False)))
    target = table.names[-1]

    def one(case: tuple[str, float, int]) -> list[Row]:
        side, rate, seed = case
        parts = split(table, target, seed=seed)
        schema = Schema.fit(parts[0], target, task="regression")
        train, valid, test = (schema.encode(part) for part in parts)
        plan = Plan(
            network=Mlp((32, 32), normalization=None),
            loss=SIDES[side].fitted(train.y),
            optimizer=AdamW(rate),
            schedule=Constant(),
            epochs=epochs,
            batch_size=64,
            seed=seed,
        )
        made = max(
            (epoch for epoch in fit(plan, train, valid, probe=None) if np.isfinite(epoch.valid["r2"])),
            key=lambda epoch: epoch.valid["r2"],
        )
        layers = plan.expanded(schema.input_shape, plan.loss.outputs(1)).layers

        def predicted(x: np.ndarray) -> Any:
            return layers.apply(made.state.params, made.state.stats, x, PREDICTING)[0]

        outputs = predicted(test.x)
        values = np.asarray(plan.loss.predict(outputs))
        if isinstance(plan.loss, BinnedRegression):
            low, high = (np.asarray(end) for end in plan.loss.interval(outputs, LEVEL))
        else:
            errors = valid.y - np.asarray(predicted(valid.x))
            low, high = (values + np.quantile(errors, end) for end in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
        assert isinstance(schema.targets[0], NumberTarget)
        unit = schema.targets[0].std
        return [
            {
                "side": side,
                "rate": rate,
                "seed": seed,
                "epoch": made.number,
                "valid_r2": made.valid["r2"],
                "rmse": unit * float(np.sqrt(np.mean((values - test.y) ** 2))),
                "mae": unit * float(np.mean(np.abs(values - test.y))),
                "coverage": float(np.mean((low <= test.y) & (test.y <= high))),
                "width": unit * float(np.mean(high - low)),
                "target": target,
            }
        ]

    return sweep(one, list(product(sides, rates, range(seeds))))


@cache
def whole(data: Path | None) -> Table:
    if data is None:
        from sklearn.datasets import load_diabetes

        found = load_diabetes(scaled=False)
        names = [*found.feature_names, "progression"]
        columns = np.column_stack([found.data, found.target]).T
        table = as_data(dict(zip(names, columns, strict=True)), "diabetes")
    else:
        table = as_data(data)
    if not isinstance(table, Table):
        raise DataError(f"{data}: found images, expected a table whose last column is a number; give another path.")
    return table


def at_best(rows: Sequence[Row], side: str, key: str) -> list[float]:
    """Of every split, at the side's rate of the best mean validation r2."""
    mine = [row for row in rows if row["side"] == side]
    rate = best_rate(rows, side)
    return [row[key] for row in mine if row["rate"] == rate]


def best_rate(rows: Sequence[Row], side: str) -> float:
    mine = [row for row in rows if row["side"] == side]
    rates: set[float] = {row["rate"] for row in mine}
    return max(
        rates,
        key=lambda rate: float(np.mean([row["valid_r2"] for row in mine if row["rate"] == rate])),
    )


def judge(rows: Sequence[Row]) -> Verdict:
    sides = list(dict.fromkeys(row["side"] for row in rows))
    plain = at_best(rows, "plain", "rmse")
    apart = {side: difference_of(at_best(rows, side, "rmse"), plain) for side in sides if side != "plain"}
    covered = {side: mean_of(at_best(rows, side, "coverage")) for side in sides}
    chosen = max(apart, key=lambda side: float(np.mean(at_best(rows, side, "valid_r2"))))
    found = apart[chosen]
    listed = ", ".join(
        f"{side} {np.mean(at_best(rows, side, 'rmse')):.4g} (rate {best_rate(rows, side):g})" for side in sides
    )
    inside = ", ".join(f"{side} {each.value:.0%}" for side, each in covered.items())
    says = (
        f"Test error (RMSE) of {rows[0]['target']}: {listed}. The bins that validation chooses, {chosen}, differ "
        f"from plain regression by {found.value:+.3g} ({found.low:+.3g} to {found.high:+.3g}, n={found.n}), "
        f"{found.value / np.mean(plain):+.1%}. Intervals of 90 % hold: {inside}."
    )
    numbers = {f"RMSE of {side} - plain": each for side, each in apart.items()}
    numbers |= {f"coverage, {side}": each for side, each in covered.items()}
    return Verdict(True if found.high < 0 else False if found.low > 0 else None, says, numbers)


def draw(rows: Sequence[Row], figure: Any) -> None:
    error, coverage, width = figure.subplots(1, 3, sharey=True)
    sides = list(dict.fromkeys(row["side"] for row in rows))
    plain = np.asarray(at_best(rows, "plain", "rmse"))
    for axes, key, name in (
        (error, "rmse", "test error (RMSE) against plain (%)"),
        (coverage, "coverage", "test rows inside (%)"),
        (width, "width", "mean width of the interval"),
    ):
        for place, side in enumerate(sides):
            values = np.asarray(at_best(rows, side, key))
            values = 100 * (values / plain - 1) if key == "rmse" else 100 * values if key == "coverage" else values
            color = style(0 if side == "plain" else 1)["color"]
            found = mean_of(list(values))
            axes.plot(values, [place + 0.2] * len(values), ".", ms=5, color=color, alpha=0.5)
            axes.plot((found.low, found.high), (place, place), color=color, lw=2.5)
            axes.plot(found.value, place, "o", ms=8, color=color)
        axes.set(xlabel=name, ylim=(len(sides) - 0.5, -0.6))
        axes.grid(axis="y", visible=False)
    errors = {side: f"RMSE {np.mean(at_best(rows, side, 'rmse')):.3g}" for side in sides}
    error.set_yticks(range(len(sides)), [f"{side}\n{errors[side]}, rate {best_rate(rows, side):g}" for side in sides])
    error.axvline(0, color=GRAY, lw=1.2, ls="--")
    coverage.axvline(100 * LEVEL, color=GRAY, lw=1.2, ls="--")
    error.set_title("dots: splits; line: interval of the mean")
    coverage.set_title("90 % intervals: what they hold")
    width.set_title("and how wide they are")


EXPERIMENT = Experiment(
    claim="C14",
    title="Regression as classification over bins predicts better than plain regression",
    measure=measure,
    judge=judge,
    draw=draw,
    sizes={
        "tiny": {"seeds": 2, "rates": (0.003,), "epochs": 10, "rows": 1_000, "sides": ("plain", "quantile, soft")},
        "quick": {"seeds": 4, "rates": (0.003, 0.01), "epochs": 15, "rows": 1_000, "sides": QUICK},
        "full": {"seeds": 20, "rates": (0.001, 0.003, 0.01, 0.03), "epochs": 60, "rows": 5_000},
    },
    figure_size=(13, 4.2),
)
