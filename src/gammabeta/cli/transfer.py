"""``gammabeta transfer``"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from gammabeta.cli.fit import FitOptions, into_run_folder
from gammabeta.cli.prepare import prepared
from gammabeta.cli.terminal import console, grid, notes, number, score
from gammabeta.data import Images, Schema, Table
from gammabeta.errors import DataError, UsageError, nearest

if TYPE_CHECKING:
    from gammabeta.model import Model
    from gammabeta.plan import Plan
    from gammabeta.transfer import BatchNormChoice, FineTuned, Grafted, Shift

BATCH_NORM = ("re-estimate", "keep", "train")


@dataclass(frozen=True)
class TransferOptions(FitOptions):
    """What was typed."""

    model: Path
    freeze: str | None
    unfreeze: str | None
    layer_rates: str | None
    batch_norm: str


def transfer_command(options: TransferOptions) -> None:
    """Go on from a trained model with other rows: its network with a new head, into a run folder of its own."""
    refuse_options(options)
    from gammabeta.model import load
    from gammabeta.transfer import fine_tune

    source = load(options.model)
    if not options.target and source.schema.image is None:
        options = replace(options, target=source.schema.target_names)
    out = console(options.quiet, beside_json=options.json)

    def look_at(data: Table | Images) -> None:
        if isinstance(data, Images) != (source.schema.image is not None):
            found, known = ("images", "a table") if isinstance(data, Images) else ("a table", "images")
            raise DataError(f"{options.data}: found {found}, expected {known}, on which {options.model} was trained.")

    into_run_folder(
        options,
        lambda: prepared(options, partial(chosen, options, source), look_at),
        partial(fine_tune, source, batch_norm=choice(options), on_graft=partial(show_graft, out, options)),
        partial(metrics_of, out, options),
        "transfer",
    )


def refuse_options(options: TransferOptions) -> None:
    """Refuse words that say nothing, and choices that contradict each other."""
    for option, text, legal in (
        ("--unfreeze", options.unfreeze, ("gradual",)),
        ("--layer-rates", options.layer_rates, ("discriminative",)),
        ("--batch-norm", options.batch_norm, BATCH_NORM),
    ):
        if text is not None and text not in legal:
            raise UsageError(f"{option} {text}: expected {' or '.join(legal)}; {nearest(text, legal)}")
    if options.freeze and options.unfreeze:
        raise UsageError("--freeze keeps layers still, --unfreeze lets all of them learn in time; give one of the two.")


def choice(options: TransferOptions) -> "BatchNormChoice":
    """What was typed for batch norm, which :func:`refuse_options` has looked at."""
    return cast("BatchNormChoice", options.batch_norm)


def chosen(options: TransferOptions, source: "Model", schema: Schema, rows: int) -> "tuple[Plan, Schema]":
    """The plan to go on with, and the schema as the source's network wants its inputs."""
    from gammabeta.model import raw_where_normalized, suited
    from gammabeta.plan import change
    from gammabeta.plan.change import parsed
    from gammabeta.transfer import continued, discriminative, frozen, transfer_plan, unfrozen_gradually, with_batch_norm

    schema = continued(schema, source.schema)
    plan = suited(change(transfer_plan(source, schema, rows), parsed(options.settings)), schema)
    schema = continued(raw_where_normalized(schema, plan), source.schema)
    plan = with_batch_norm(plan, choice(options))
    if options.freeze:
        which = options.freeze if options.freeze == "all-but-head" else options.freeze.split(",")
        plan = frozen(plan, which, batch_norm=options.batch_norm != "train")
    if options.unfreeze:
        plan = unfrozen_gradually(plan)
    return (discriminative(plan) if options.layer_rates else plan), schema


def show_graft(out: Any, options: TransferOptions, grafted: "Grafted", shifts: "list[Shift]") -> None:
    """What came from the source, and how other the new rows look to its batch norms."""
    taken = sum(line.outcome.startswith("taken") for line in grafted.report)
    here = [line for line in grafted.report if line.new]
    out.print(f"{options.model}: {taken} of {len(here)} arrays taken", markup=False)
    rest = [line for line in grafted.report if not line.outcome.startswith("taken")]
    rows = [[line.name, line.parameter, sizes(line.old), sizes(line.new), line.outcome] for line in rest]
    if rows:
        out.print(grid("", ["layer", "parameter", "source", "here", ""], rows))
    if shifts:
        moved = [[shift.name, number(shift.mean), number(shift.spread)] for shift in shifts]
        out.print("\nthe new rows as the source's batch norms see them", markup=False)
        header = ["layer", "mean moved, in spreads", "spread, new / old"]
        out.print(grid("", header, moved, numbers=[1, 2]))


def sizes(shape: tuple[int, ...] | None) -> str:
    return "" if shape is None else " x ".join(map(str, shape))


def metrics_of(out: Any, options: TransferOptions, tuned: "FineTuned") -> Mapping[str, Any]:
    """The part of the metrics that tells of the transfer; what batch norm's statistics did is shown on the way."""
    if tuned.by_statistics:
        first = next(iter(tuned.by_statistics.values()))
        normalizes = "source" if options.batch_norm == "keep" else "re-estimated"
        rows = [
            [f"{name}{' (kept)' if name == normalizes else ''}", *(score(value) for value in found.values())]
            for name, found in tuned.by_statistics.items()
        ]
        out.print("\nthe finished network on the validation rows, by batch norm's statistics", markup=False)
        out.print(grid("", ["statistics", *first], rows, numbers=range(1, len(first) + 1)))
    half = sorted({line.name for line in tuned.report if line.outcome.startswith(("in part", "fresh"))} & still(tuned))
    notes(
        out,
        [f"{name} is frozen, and not all of it was taken: what is fresh in it stays random." for name in half],
    )
    return {
        "transfer": {
            "from": str(options.model),
            "freeze": options.freeze,
            "unfreeze": options.unfreeze,
            "layer_rates": options.layer_rates,
            "report": [line._asdict() for line in tuned.report],
            "batch_norm": {
                "choice": options.batch_norm,
                "shifts": [shift._asdict() for shift in tuned.shifts],
                "valid_by_statistics": tuned.by_statistics,
            },
        }
    }


def still(tuned: "FineTuned") -> set[str]:
    """The names of the layers with parameters of which none trains."""
    from gammabeta.model import summary

    plan = tuned.model.plan
    lines = summary(plan.layers, plan.input_shape or ())
    return {line.name for line in lines if line.fixed and not line.trainable}
