"""What fit and the range test do first: read, split, learn the schema, encode, and complete the plan."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gammabeta.cli.terminal import by_reason, notes, some_of
from gammabeta.data import Dataset, Images, Schema, Table, read
from gammabeta.data.origin import Origin, kinds_of, parts_of
from gammabeta.data.values import plural
from gammabeta.errors import UsageError

if TYPE_CHECKING:
    from gammabeta.plan import Combined, Plan


@dataclass(frozen=True)
class DataOptions(Origin):
    """What was typed about data and plan."""

    plan: Path | None
    settings: tuple[str, ...]


class Prepared(NamedTuple):
    """What can be trained on.

    plan: with its layers written out; encoded: "train" and, where there are such rows, "valid" and "test"
    said: what reading and splitting had to say
    parts: the same rows as they were read
    combined: the plans in the file where they are several, of which ``plan`` is the first
    """

    plan: "Plan"
    schema: Schema
    encoded: Mapping[str, Dataset]
    said: tuple[str, ...]
    parts: Mapping[str, Table | Images]
    combined: "Combined | None" = None


Choose = Callable[[Schema, int], "tuple[Plan, Schema]"]
"""From a schema and the number of training rows to the plan, and the schema as that plan wants it."""


def prepared(
    options: DataOptions, choose: Choose | None = None, look_at: Callable[[Table | Images], None] = lambda data: None
) -> Prepared:
    """From a file and settings to encoded rows and a plan that suits them.

    choose: by it instead of by advice or a plan file; look_at: called with what was read, to refuse it early
    """
    from gammabeta.model import raw_where_normalized, suited
    from gammabeta.plan import Combined
    from gammabeta.plan.change import parsed

    kinds = kinds_of(options.kinds)
    changes = parsed(options.settings)
    found = plans_in_file(options)
    combined = found if isinstance(found, Combined) else None
    given = found.members[0] if isinstance(found, Combined) else found

    def advised(schema: Schema, rows: int) -> "tuple[Plan, Schema]":
        plan = suited(given or advised_plan(options, schema, rows), schema)
        return plan, raw_where_normalized(schema, plan)

    data = read(options.data)
    look_at(data)
    parts = parts_of(data, options, given.seed if given else seed_of(changes)).there()
    scaled = Schema.fit(parts["train"], options.target or None, options.task, kinds, options.drop, options.weight)
    encoded = {name: scaled.encode(part) for name, part in parts.items()}
    plan, schema = (choose or advised)(scaled, encoded["train"].rows)
    if schema != scaled:
        encoded = {name: schema.encode(part) for name, part in parts.items()}
    said = [note for part in parts.values() for note in part.notes]
    return Prepared(plan, schema, encoded, (*said, *repeated(options)), parts, combined)


def plan_in_file(options: DataOptions) -> "Plan | None":
    """The plan in the file that was named, with the settings; None where none was."""
    from gammabeta.plan import change, read_plan
    from gammabeta.plan.change import parsed

    return change(read_plan(options.plan), parsed(options.settings)) if options.plan else None


def plans_in_file(options: DataOptions) -> "Plan | Combined | None":
    """The same, where the file may hold several plans that are combined; those are taken as they are."""
    from gammabeta.plan import Plan, change, read_plans
    from gammabeta.plan.change import parsed

    found = read_plans(options.plan) if options.plan else None
    if isinstance(found, Plan):
        return change(found, parsed(options.settings))
    if found and options.settings:
        raise UsageError(
            f"--set {options.settings[0]}: {options.plan} holds {len(found.members)} plans, expected one; change its "
            f"members in the file."
        )
    return found


def advised_plan(options: DataOptions, schema: Schema, rows: int) -> "Plan":
    """The plan that we would start with, with the settings; its network is not written out as layers yet."""
    from gammabeta.plan import advise, change
    from gammabeta.plan.change import parsed

    return change(advise(schema.task, rows, schema.image is not None), parsed(options.settings))


def seed_of(changes: Mapping[str, Any]) -> int:
    """The seed that was set, or 0; it splits the rows before there is a plan to hold it."""
    from gammabeta.plan import Plan
    from gammabeta.serial import checked, fields

    seed: int = checked(fields(Plan)["seed"], changes.get("seed", 0), "plan.seed")
    return seed


def repeated(options: DataOptions) -> tuple[str, ...]:
    """What to say where rows are measured that were trained on."""
    given = {"--valid": options.valid, "--test": options.test}
    here = options.data.resolve()
    same = [f"{option} {text}" for option, text in given.items() if text and Path(text).resolve() == here]
    return tuple(f"{typed} is the file that is trained on; its score says nothing about new rows." for typed in same)


def show_beginning(
    out: Any, source: Path, schema: Schema, encoded: Mapping[str, Dataset], said: tuple[str, ...]
) -> None:
    """What is about to be trained on."""
    rows = ", ".join(f"{data.rows:,} {name}" for name, data in encoded.items())
    shape = " x ".join(map(str, schema.input_shape))
    targets = ", ".join(schema.target_names[:6]) + (", ..." if len(schema.target_names) > 6 else "")
    out.print(f"{source}: {schema.task}, target {targets}, {rows} rows, {shape} inputs", markup=False)
    aside = [
        f"{some_of(names, 3)} {plural(len(names), 'is', 'are')} set aside: {reason}"
        for names, reason in by_reason((column.name, column.reason) for column in schema.set_aside)
    ]
    notes(out, [*said, *schema.notes, *aside])
    notes(out, [f"{name}: {note}" for name, data in encoded.items() for note in data.notes])
