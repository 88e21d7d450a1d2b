"""``gammabeta inspect``"""

from pathlib import Path

from gammabeta.cli.terminal import by_reason, console, grid, notes, number, print_json
from gammabeta.data import Schema, describe, read
from gammabeta.data.inspection import ColumnFacts, TargetFacts
from gammabeta.data.origin import kinds_of
from gammabeta.serial import to_json

SHOWN_CLASSES = 20


def inspect_command(
    path: Path,
    target: tuple[str, ...],
    task: str,
    drop: tuple[str, ...],
    weight: str | None,
    kinds: tuple[str, ...],
    json: bool,
) -> None:
    """What a file holds, as a fit on all of it would see it."""
    data = read(path)
    schema = Schema.fit(data, target or None, task, kinds_of(kinds), drop, weight)
    found = describe(data, schema)
    if json:
        print_json(to_json(found))
        return
    out = console()
    out.print(f"{found.source}: {found.rows:,} rows, {len(found.columns)} columns, task {found.task}\n", markup=False)
    header = ["column", "kind", "missing", "distinct", "inputs", "values"]
    ranged = ("number", "weight", *(["target"] if found.task == "regression" else []))
    seen = [column_row(facts, facts.kind in ranged) for facts in found.columns if not facts.reason]
    out.print(grid("", header, seen, numbers=range(2, 5)))
    aside = by_reason((facts.name, facts.reason) for facts in found.columns if facts.reason)
    if aside:
        out.print()
        out.print(grid("set aside", ["columns", "why"], [[", ".join(names), reason] for names, reason in aside]))
    for facts in found.targets:
        out.print()
        out.print(target_table(facts))
    out.print()
    notes(out, found.notes)


def column_row(facts: ColumnFacts, ranged: bool) -> list[str]:
    """One line of the table; values as a range, or the most frequent ones."""
    said = ", ".join(facts.examples)
    if ranged and facts.low is not None:
        said = f"{number(facts.low)} to {number(facts.high)}"
    return [facts.name, facts.kind, missing(facts), f"{facts.distinct:,}", f"{facts.features:,}", said]


def missing(facts: ColumnFacts) -> str:
    """The share of rows without a value, never rounded to nothing."""
    return f"{max(facts.missing_share, 0.001):.1%}" if facts.missing else "0"


def target_table(facts: TargetFacts) -> object:
    """Rows per class, or range and spread of numbers."""
    if not facts.classes:
        cells = [facts.mean, facts.std, facts.low, facts.high]
        header = ["mean", "standard deviation", "low", "high"]
        return grid(f"target {facts.name}", header, [[number(cell) for cell in cells]], numbers=range(4))
    known = max(sum(facts.counts), 1)
    pairs = sorted(zip(facts.classes, facts.counts, strict=True), key=lambda pair: -pair[1])
    rows = [[name, f"{count:,}", f"{count / known:.1%}"] for name, count in pairs[:SHOWN_CLASSES]]
    if len(pairs) > SHOWN_CLASSES:
        rest = sum(count for _, count in pairs[SHOWN_CLASSES:])
        rows.append([f"{len(pairs) - SHOWN_CLASSES} more", f"{rest:,}", f"{rest / known:.1%}"])
    return grid(f"target {facts.name}", ["class", "rows", "share"], rows, numbers=[1, 2])
