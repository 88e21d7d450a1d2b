"""Markup that is safe by its type: a plain text is escaped when it is put into markup, always."""

from collections.abc import Iterable, Sequence
from html import escape

from gammabeta.report.numbers import short

VOID = {"meta", "img", "br", "link"}
DRAWN = {"path", "line", "rect", "circle", "polygon", "polyline"}
MOST_ROWS, MOST_COLUMNS = 12, 8
"""The table behind a picture that is longer or wider than this is not printed on paper."""


class Html(str):
    """Markup; any other text is escaped on its way into it."""

    __slots__ = ()


def text(child: object) -> str:
    """A child of an element as markup: nothing for None, a sequence joined, a text escaped."""
    if isinstance(child, Html):
        return child
    if child is None:
        return ""
    if isinstance(child, (list, tuple)):
        return "".join(text(one) for one in child)
    return escape(str(child), quote=True)


def tag(name: str, /, *children: object, **attributes: object) -> Html:
    """An element; ``class_`` is class, ``data_xs`` is data-xs, None and False leave an attribute out."""
    given = []
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        label = key if key == "viewBox" else key.rstrip("_").replace("_", "-")
        if isinstance(value, float):
            value = f"{value:.2f}".rstrip("0").rstrip(".")
        given.append(f" {label}" if value is True else f' {label}="{escape(str(value), quote=True)}"')
    opening = f"<{name}{''.join(given)}"
    if name in VOID:
        return Html(f"{opening}>")
    if name in DRAWN and not children:
        return Html(f"{opening}/>")
    return Html(f"{opening}>{''.join(text(child) for child in children)}</{name}>")


def joined(*children: object) -> Html:
    """Children one after the other."""
    return Html("".join(text(child) for child in children))


def table(header: Sequence[object], rows: Iterable[Sequence[object]], words: Iterable[int] = (0,)) -> Html:
    """A table; numbers stand to the right, the columns named by ``words`` to the left."""
    left = set(words)

    def cells(name: str, row: Sequence[object]) -> list[Html]:
        return [tag(name, cell, class_=None if index in left else "n") for index, cell in enumerate(row)]

    body = [tag("tr", cells("td", row)) for row in rows]
    return tag("div", tag("table", tag("thead", tag("tr", cells("th", header))), tag("tbody", body)), class_="scroll")


def numbers_behind(header: Sequence[object], rows: Sequence[Sequence[object]], words: Iterable[int] = (0,)) -> Html:
    """The table behind a picture, folded."""
    shown = [[short(cell) if isinstance(cell, float) else cell for cell in row] for row in rows]
    long = len(shown) > MOST_ROWS or len(header) > MOST_COLUMNS
    kind = "numbers long" if long else "numbers"
    return tag("details", tag("summary", "numbers"), table(header, shown, words), class_=kind)


def figure(title: object, picture: Html, behind: Html | None = None, note: object = None, wide: bool = False) -> Html:
    """A picture with its title, a line that the pointer fills, a note, and the numbers behind it."""
    return tag(
        "figure",
        tag("figcaption", title),
        picture,
        tag("p", class_="readout", aria_hidden="true") if "data-" in picture else None,
        None if note is None else tag("p", note, class_="note"),
        behind,
        class_="wide" if wide else None,
    )


def grid(*figures: object, pair: bool = False) -> Html:
    """Figures side by side where there is room; pair: two, and larger."""
    return tag("div", figures, class_="grid pair" if pair else "grid")


def paragraph(*words: object, class_: str | None = None) -> Html:
    return tag("p", words, class_=class_)
