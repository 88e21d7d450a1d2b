"""What a report says, section by section: each a function from what is known of a run to a piece of the page."""

from collections.abc import Callable

from gammabeta.report.run_folder import Known
from gammabeta.report.section import Section
from gammabeta.report.sections.answers import answers
from gammabeta.report.sections.data import data
from gammabeta.report.sections.findings import findings
from gammabeta.report.sections.inputs import inputs
from gammabeta.report.sections.layers import layers
from gammabeta.report.sections.measures import measures
from gammabeta.report.sections.pictures import pictures
from gammabeta.report.sections.plan import plan
from gammabeta.report.sections.range_test import range_test
from gammabeta.report.sections.recipe import RECIPE
from gammabeta.report.sections.scores import scores
from gammabeta.report.sections.search import search
from gammabeta.report.sections.training import training
from gammabeta.report.sections.verdict import verdict
from gammabeta.report.sections.worst import worst

SECTIONS: tuple[Callable[[Known], Section], ...] = (
    verdict,
    *RECIPE,
    search,
    training,
    range_test,
    findings,
    scores,
    answers,
    inputs,
    worst,
    pictures,
    layers,
    measures,
    data,
    plan,
)
"""In the order of the page. A command with more to say adds its function here, and its file to the run folder."""


def sections(known: Known) -> list[Section]:
    """Every section of a run's page; one of which nothing is known yet is empty."""
    return [make(known) for make in SECTIONS]


__all__ = ["SECTIONS", "sections"]
