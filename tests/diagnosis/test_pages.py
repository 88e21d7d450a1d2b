"""Every code has a page with all its parts, and docs/findings is what the pages say."""

import importlib.util
import re
from pathlib import Path

import pytest

from gammabeta.diagnosis import page, registry
from gammabeta.diagnosis.finding import FAMILIES
from gammabeta.errors import UsageError

REPOSITORY = Path(__file__).parents[2]
PAGES = {code: one.page for code, one in registry().items()}


@pytest.mark.parametrize("code", PAGES)
def test_a_page_has_all_its_parts(code):
    one = PAGES[code]
    assert re.fullmatch(r"GB[1-7]\d\d", code)
    assert one.family == FAMILIES[code[:3]]
    assert len(one.name) <= 60
    assert one.name[0].islower() or one.name.split()[0].isupper() or one.name.startswith("ReLU")
    for part in (one.what, one.why, one.evidence, one.do, one.ignore):
        assert part.endswith(".")


def test_a_page_is_found_by_its_code_and_a_wrong_code_refused():
    assert page("gb201") == PAGES["GB201"]
    with pytest.raises(UsageError, match='unknown code "GB2O1"; did you mean "GB201"'):
        page("GB2O1")


def written_by():
    """The script that writes the pages."""
    spec = importlib.util.spec_from_file_location("findings", REPOSITORY / "scripts" / "findings.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


def test_the_pages_in_docs_are_what_the_script_writes():
    script = written_by()
    folder = REPOSITORY / "docs" / "findings"
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.md")} == script.pages()


def test_every_problem_of_the_research_list_has_a_code_or_a_reason_why_not():
    script = written_by()
    for number, (problem, codes) in script.RESEARCH.items():
        assert bool(codes) != (number in script.WITHOUT), problem
        assert set(codes.split()) <= set(PAGES), problem
    assert list(script.RESEARCH) == [
        f"{family}{index}"
        for family, count in {"D": 12, "I": 11, "O": 9, "A": 4, "B": 7, "G": 5, "N": 2}.items()
        for index in range(1, count + 1)
    ]
