"""Draws batch_norm.svg: one network with and without batch norm, on scikit-learn's digits.

    python docs/pictures/batch_norm.py

Three hidden layers of 64 sigmoid units, momentum, 5 seeds, each side at the best of the rates 0.003 to 1 by its
median validation loss at the end. The line is the median over seeds, the band reaches from the least to the most.
"""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

import gammabeta as gb

SIDES = {"with batch norm": gb.BatchNorm(), "without": None}
RATES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
SEEDS = range(5)
EPOCHS = 15
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 300, 56, 150, 40, 44


def losses(normalization: gb.BatchNorm | None, rate: float) -> np.ndarray:
    """Validation loss (seeds, epochs)."""
    digits = load_digits()
    table = {f"pixel{i}": column for i, column in enumerate(digits.data.T)} | {"digit": digits.target}
    train, valid, _ = gb.split(table, "digit")
    schema = gb.Schema.fit(train, "digit")
    encoded = schema.encode(train), schema.encode(valid)
    plan = gb.Plan(
        network=gb.Mlp(hidden=(64,) * 3, activation="sigmoid", normalization=normalization),
        loss=gb.SoftmaxCrossEntropy(),
        optimizer=gb.Momentum(learning_rate=rate),
        schedule=gb.Constant(),
        epochs=EPOCHS,
        batch_size=32,
    )
    found = np.full((len(SEEDS), EPOCHS), np.inf)  # a run that diverges ends early, and stays at infinity
    for seed in SEEDS:
        losses = [epoch.valid["loss"] for epoch in gb.fit(plan.replace(seed=seed), *encoded)]
        found[seed, : len(losses)] = losses if len(losses) == EPOCHS else np.inf
    return found


def best(normalization: gb.BatchNorm | None) -> tuple[float, np.ndarray]:
    """The rate of the grid with the least median loss at the end, and its losses."""
    tried = {rate: losses(normalization, rate) for rate in RATES}
    rate = min(tried, key=lambda rate: np.median(tried[rate][:, -1]))
    return rate, tried[rate]


def drawn(found: dict[str, tuple[float, np.ndarray]]) -> str:
    top = 1.1 * max(values[:, 0].max() for _, values in found.values())

    def x(epoch: float) -> float:
        return LEFT + (epoch - 1) / (EPOCHS - 1) * (WIDTH - LEFT - RIGHT)

    def y(loss: float) -> float:
        return TOP + (1 - loss / top) * (HEIGHT - TOP - BOTTOM)

    def path(values: np.ndarray, first: int = 1, step: int = 1) -> str:
        return " ".join(f"{x(first + step * i):.1f},{y(value):.1f}" for i, value in enumerate(values))

    parts = []
    for tick in np.arange(0, top, 0.5):
        parts.append(f'<path class="grid" d="M{LEFT} {y(tick):.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for tick in range(1, EPOCHS + 1, 2):
        parts.append(
            f'<text class="tick" x="{x(tick):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{tick}</text>'
        )
    ends = [y(np.median(values[:, -1])) for _, values in found.values()]
    # the labels keep a distance from each other, the lower line's below
    labels = dict(
        zip(
            found,
            [max(ends) - 2, max(ends) - 40] if ends[0] > ends[1] else [max(ends) - 40, max(ends) - 2],
            strict=True,
        )
    )
    for name, (rate, values) in found.items():
        kind = "with" if name.startswith("with ") else "without"
        low, middle, high = values.min(0), np.median(values, 0), values.max(0)
        parts.append(f'<polygon class="{kind} band" points="{path(low)} {path(high[::-1], EPOCHS, -1)}"/>')
        parts.append(f'<polyline class="{kind} line" points="{path(middle)}"/>')
        parts.append(f'<text class="{kind} name" x="{WIDTH - RIGHT + 10}" y="{labels[name]:.1f}">{name}</text>')
        note = f"rate {rate:g}, loss {middle[-1]:.2f}"
        parts.append(f'<text class="tick" x="{WIDTH - RIGHT + 10}" y="{labels[name] + 14:.1f}">{note}</text>')
    axis = f'<text class="tick" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">epoch</text>'
    title = "Validation loss on digits: three sigmoid layers of 64, each side at its own best learning rate, 5 seeds"
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}">
<style>
svg {{ background: #ffffff; font: 12px system-ui, sans-serif }} text {{ fill: #1f2328 }} .tick {{ fill: #59636e }}
.grid {{ stroke: #d1d9e0; stroke-width: 1 }} .line {{ fill: none; stroke-width: 2.5 }} .band {{ opacity: .18 }}
.with.line {{ stroke: #0072b2 }} .with.band, .with.name {{ fill: #0072b2 }} .name {{ font-weight: 600 }}
.without.line {{ stroke: #d55e00; stroke-dasharray: 6 4 }} .without.band, .without.name {{ fill: #d55e00 }}
@media (prefers-color-scheme: dark) {{ svg {{ background: #0d1117 }} text {{ fill: #f0f6fc }} .tick {{ fill: #9198a1 }}
.grid {{ stroke: #3d444d }} .with.line {{ stroke: #56b4e9 }} .with.band, .with.name {{ fill: #56b4e9 }}
.without.line {{ stroke: #e69f00 }} .without.band, .without.name {{ fill: #e69f00 }} }}
</style>
<text x="{LEFT}" y="22">{title}</text>
{chr(10).join(parts)}
{axis}
</svg>
"""


if __name__ == "__main__":
    found = {name: best(normalization) for name, normalization in SIDES.items()}
    Path(__file__).with_suffix(".svg").write_text(drawn(found))
    for name, (rate, values) in found.items():
        print(f"{name}: rate {rate:g}, loss {np.median(values[:, -1]):.3f}")
