"""``gammabeta summary``"""

from pathlib import Path

from gammabeta.cli.terminal import console, grid, print_json
from gammabeta.errors import PlanError


def summary_command(path: Path, json: bool) -> None:
    """Layers, output shapes and parameters of a model or a plan."""
    from gammabeta.model import load, summary
    from gammabeta.plan import read_plan

    plan = read_plan(path) if path.suffix in (".json", ".toml") else load(path).plan
    if plan.input_shape is None:
        raise PlanError(
            f"{path}: it has no input_shape yet, expected a plan that has met its data; use a run's plan.json."
        )
    lines = summary(plan.layers, plan.input_shape)
    trainable, fixed = sum(line.trainable for line in lines), sum(line.fixed for line in lines)
    if json:
        layers = [
            {"name": line.name, "shape": line.shape, "trainable": line.trainable, "not_trainable": line.fixed}
            for line in lines
        ]
        print_json({"layers": layers, "trainable": trainable, "not_trainable": fixed, "total": trainable + fixed})
        return
    out = console()
    rows = [[line.name, " x ".join(map(str, line.shape)), f"{line.trainable:,}", f"{line.fixed:,}"] for line in lines]
    input_row = ["input", " x ".join(map(str, plan.input_shape)), "0", "0"]
    total = ["total", "", f"{trainable:,}", f"{fixed:,}"]
    out.print(grid("", ["layer", "output", "trainable", "not trainable"], [input_row, *rows, total], numbers=[2, 3]))
    out.print(f"\n{trainable + fixed:,} parameters: {trainable:,} trainable, {fixed:,} not")
