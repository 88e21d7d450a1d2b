"""The techniques as docs/techniques tells them: one list, with the settings that switch each of them on."""

import importlib
import sys
from pathlib import Path
from typing import NamedTuple

from gammabeta.plan import Plan, change
from gammabeta.plan.change import parsed

SCRIPTS = Path(__file__).parents[1] / "scripts"
sys.path.append(str(SCRIPTS))
script = importlib.import_module("techniques")
TECHNIQUES, ROWS, NO_TECHNIQUE = script.read()


class Example(NamedTuple):
    """The ``--set`` texts of one example, and the data that it is for."""

    settings: tuple[str, ...]
    task: str
    shape: tuple[int, ...]

    @property
    def plan(self) -> Plan:
        """The plan of the page: the example on top of defaults."""
        return change(script.base(self.task), parsed(self.settings))


EXAMPLES = {
    f"{technique.page} {number}": Example(settings, technique.task, technique.shape)
    for technique in TECHNIQUES
    for number, settings in enumerate(technique.set)
}
"""Every command line on a page."""

OUTPUTS = {"multiclass": 3, "binary": 1, "multilabel": 3, "regression": 1}
"""Classes, labels or targets of the data that examples are for."""
