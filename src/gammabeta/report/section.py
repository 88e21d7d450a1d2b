"""A section of a page."""

from typing import NamedTuple

from gammabeta.report.html import Html


class Section(NamedTuple):
    """id: stable, so that a living page can be sent just this one; html: "" where nothing is known yet."""

    id: str
    title: str
    html: Html
