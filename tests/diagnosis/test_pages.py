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


def test_the_pages_in_docs_are_what_the_script_writes():
    spec = importlib.util.spec_from_file_location("findings", REPOSITORY / "scripts" / "findings.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    folder = REPOSITORY / "docs" / "findings"
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.md")} == script.pages()
