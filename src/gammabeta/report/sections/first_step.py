"""Step 1 of a recipe: what was found in the data, and the rows that are worth a look."""

from collections.abc import Mapping, Sequence
from typing import Any

from gammabeta.report.html import Html, joined, paragraph, table, tag
from gammabeta.report.numbers import number, percent
from gammabeta.report.run_folder import Known
from gammabeta.report.sections.data import held
from gammabeta.report.sections.findings import finding
from gammabeta.report.sections.pictures import framed

MOST_SUSPECTS, MOST_TILES = 10, 16
Facts = Mapping[str, Any]


def data(known: Known, facts: Facts) -> list[Any]:
    """Findings, whether the splits are alike, labels that may be wrong, odd rows, and what the columns hold."""
    named = known.facts.named if known.facts else {}
    parts: list[Any] = [finding(one) for one in facts["findings"]]
    parts += [alike(one) for one in facts["shift"]]
    parts += images(named, facts) if is_of_images(named) else [*labels(named, facts), *odd(named, facts)]
    parts.append(tag("h3", "Columns" if len(facts.get("columns") or ()) > 2 else "What the rows hold"))
    if known.facts is not None and known.facts.data:
        return [*parts, *held(known.facts.data, known.facts.source, known.facts.shares)]
    if facts.get("columns"):
        return [*parts, *held(facts, "", shares_of(facts))]
    return parts[:-1]


def shares_of(facts: Facts) -> dict[str, Any]:
    """Rows per class of the training rows, as the page's facts have them; {} where there are none, or very many."""
    target = facts["targets"][0] if facts.get("targets") else {}
    classes = target.get("classes") or ()
    return {"classes": classes, "counts": {"train": target["counts"]}} if 0 < len(classes) <= 60 else {}


def alike(one: Mapping[str, Any]) -> Html:
    """Whether a forest tells the rows of a split from training rows."""
    words = f"A forest that tries to tell {one['split']} rows from training rows has an AUC of {one['auc']:.2f}"
    return paragraph(f"{words}; 0.5 where they are alike.", class_="soft")


def is_of_images(named: Mapping[str, Any]) -> bool:
    return any("png" in row for row in (named.get("rows") or {}).values())


def row_of(named: Mapping[str, Any], position: Any) -> Mapping[str, Any]:
    """What is known of a training row, {} where it was not kept."""
    found: Mapping[str, Any] = (named.get("rows") or {}).get(str(position), {})
    return found


def place(named: Mapping[str, Any], position: Any) -> str:
    """Its number in the source; without one, its number among the training rows."""
    return f"{row_of(named, position).get('row', int(position) + 1):,}"


def row_word(named: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """What these numbers count."""
    return "row" if rows and row_of(named, rows[0]["row"]) else "training row"


def class_name(facts: Facts, given: str) -> str:
    """A class by its name, where the step knows it by its number."""
    classes = (facts["targets"][0].get("classes") or ()) if facts.get("targets") else ()
    return str(classes[int(given)]) if given.isdigit() and int(given) < len(classes) else given


def target_of(facts: Facts) -> str:
    """What the targets are called."""
    return ", ".join(str(one["name"]) for one in facts.get("targets") or ()) or "target"


def said_of(noise: Mapping[str, Any]) -> str:
    """How often certain predictions disagree with labels."""
    found = f"{percent(noise['rate'])} of them ({percent(noise['low'])} to {percent(noise['high'])})"
    return f"The most certain predictions for rows that a model has not seen disagree with the label in {found}."


def labels(named: Mapping[str, Any], facts: Facts) -> list[Any]:
    """The labels that others contradict most surely."""
    noise = facts["label_noise"]
    if not noise:
        return []
    suspects = noise["rows"][:MOST_SUSPECTS]
    if not suspects:
        return [paragraph(said_of(noise), class_="soft")]
    columns = (named.get("columns") or []) if row_of(named, suspects[0]["row"]) else []
    header = [row_word(named, suspects), target_of(facts), "predicted by others", *columns]
    rows = [
        [
            place(named, one["row"]),
            class_name(facts, one["says"]),
            class_name(facts, one["rather"]),
            *row_of(named, one["row"]).get("values", [""] * len(columns)),
        ]
        for one in suspects
    ]
    title = f"Labels that may be wrong: the {len(rows)} surest"
    return [tag("h3", title), paragraph(said_of(noise), class_="note"), table(header, rows, range(1, len(header)))]


def odd(named: Mapping[str, Any], facts: Facts) -> list[Any]:
    """The rows that are easiest to set apart, with what they hold."""
    if not facts["odd_rows"]:
        return []
    columns = (named.get("columns") or []) if row_of(named, facts["odd_rows"][0]["row"]) else []
    header = [
        row_word(named, facts["odd_rows"]),
        "isolation",
        "farthest out in",
        "standard deviations",
        *(["label", *columns] if columns else []),
    ]
    rows = []
    for one in facts["odd_rows"]:
        known = row_of(named, one["row"])
        more = [known.get("label", ""), *known.get("values", [""] * len(columns))] if columns else []
        rows.append([place(named, one["row"]), number(one["score"]), one["feature"], number(one["deviations"]), *more])
    note = "By an isolation forest; about 0.5 is usual. Worth a look: mistakes of measurement, rare cases."
    words = [2, *range(4, len(header))]
    return [tag("h3", "The rows that look oddest"), paragraph(note, class_="note"), table(header, rows, words)]


def images(named: Mapping[str, Any], facts: Facts) -> list[Any]:
    """The oddest images first, those whose labels may be wrong, and some by chance."""
    parts: list[Any] = []
    strange = [one["row"] for one in facts["odd_rows"] if row_of(named, one["row"])]
    if strange:
        parts += [tag("h3", "The images that look oddest"), tiles(named, dict.fromkeys(strange, ""))]
    noise = facts["label_noise"]
    suspects = {
        one["row"]: f"rather {class_name(facts, one['rather'])}"
        for one in (noise["rows"][:MOST_TILES] if noise else ())
        if row_of(named, one["row"])
    }
    if suspects:
        title = tag("h3", "Images whose labels may be wrong")
        parts += [title, paragraph(said_of(noise), class_="note"), tiles(named, suspects)]
    if named.get("sample"):
        parts += [tag("h3", "Images by chance"), tiles(named, dict.fromkeys(named["sample"], ""))]
    return parts


def tiles(named: Mapping[str, Any], rows: Mapping[int, str]) -> Html:
    """Images by their positions, each with its label, what is said of it, and its number."""
    return tag("div", [tile(row_of(named, row), said) for row, said in rows.items()], class_="tiles")


def tile(row: Mapping[str, Any], said: str) -> Html:
    words = joined(row["label"], joined(", ", tag("span", said, class_="wrong")) if said else None)
    return framed(row["png"], f"{row['label']}{f', {said}' if said else ''}", words, row["row"])
