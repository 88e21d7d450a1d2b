"""How wide a text is, so that a picture leaves room for it: no font is known where a page is written."""

from gammabeta.report.numbers import cut

NARROW, SLIM, BROAD = frozenset(" .,:;'|!ijlI"), frozenset('frt-()[]/*"'), frozenset("mwMW@%…—=+<>~")
SHARES = ((NARROW, 0.33), (SLIM, 0.42), (BROAD, 0.98))
"""Widths of letters by the size of the font, in DejaVu Sans and Verdana, which are the widest of the usual ones."""

LETTER, CAPITAL, WIDEST, BOLD = 0.63, 0.74, 1.05, 1.12


def width(text: str, size: float, bold: bool = False) -> float:
    """At most how wide a text is, in the unit of the font's size."""
    return sum(map(letter, text)) * size * (BOLD if bold else 1.0)


def letter(sign: str) -> float:
    """The width of one letter at size 1."""
    for signs, share in SHARES:
        if sign in signs:
            return share
    return WIDEST if ord(sign) > 0x1100 else CAPITAL if sign.isupper() else LETTER


def fitted(text: str, room: float, size: float, bold: bool = False) -> str:
    """The text, without its middle where it is wider than the room."""
    most = len(text)
    while most > 1 and width(cut(text, most), size, bold) > room:
        most -= 1
    return cut(text, most)
