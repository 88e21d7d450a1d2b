"""Sample images with their answers."""

from collections.abc import Mapping, Sequence
from typing import Any

from gammabeta.report.facts.measure import NAMES
from gammabeta.report.html import Html, joined, paragraph, tag
from gammabeta.report.run_folder import Known
from gammabeta.report.section import Section


def pictures(known: Known) -> Section:
    """Images by chance, and those with the worst answers."""
    facts = known.facts
    if facts is None or not facts.pictures:
        return Section("pictures", "", Html(""))
    where = f"Of the {NAMES[facts.looked_at]} rows; the number is the image's place in its source."
    body = joined(
        paragraph(where, class_="note"),
        tag("h3", "By chance"),
        tiles(facts.pictures["random"]),
        tag("h3", "Worst answers"),
        tiles(facts.pictures["worst"]),
    )
    return Section("pictures", "Images", body)


def tiles(images: Sequence[Mapping[str, Any]]) -> Html:
    """Images in rows, each with what is true, what was answered, and its number."""
    return tag("div", [tile(one) for one in images], class_="tiles")


def tile(one: Mapping[str, Any]) -> Html:
    right = one["true"] == one["predicted"]
    said = one["true"] if right else joined(tag("span", f"✗ {one['predicted']}", class_="wrong"), f", is {one['true']}")
    return framed(one["png"], f"{one['true']}, answered {one['predicted']}", said, one["row"])


def framed(png: str, alt: str, words: object, row: int) -> Html:
    """An image with words and its number below."""
    picture = tag("img", src=f"data:image/png;base64,{png}", alt=alt)
    return tag("figure", picture, tag("div", words), tag("div", f"no. {row:,}", class_="soft"))
