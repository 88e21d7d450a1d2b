"""docs/lab: the page tells every claim of the catalogue, from verdicts and pictures of full runs."""

import importlib
import json
import re
import sys
from datetime import date
from pathlib import Path

import pytest

from gammabeta.lab import catalogue

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "scripts"))
script = importlib.import_module("lab")
written = pytest.mark.skipif(not script.PAGE.exists(), reason="scripts/lab.py writes it from full runs")


@pytest.fixture
def folder(tmp_path):
    """Verdicts and pictures as full runs leave them."""
    for name, one in catalogue().items():
        numbers = {"ratio": {"value": 0.5, "low": 0.25, "high": None, "n": 5}}
        told = {"experiment": name, "claim": one.claim, "title": one.title, "size": "full", "holds": None}
        told |= {"verdict": "A ratio of 0.5.", "numbers": numbers, "seconds": 61.6, "data": None}
        (tmp_path / f"{name}.json").write_text(json.dumps(told))
        (tmp_path / f"{name}.svg").write_text("<svg/>")
    return tmp_path


def test_a_page_has_a_row_and_a_heading_with_an_anchor_for_every_claim(folder):
    page = script.page(script.read(folder), date(2026, 11, 27), "a machine")
    for name, one in catalogue().items():
        assert f"| [{one.claim}](#{one.claim.lower()}) {one.title} | `{name}` | undecided | 62 |" in page
        assert f'<a id="{one.claim.lower()}"></a>\n\n## {one.claim}. {one.title}\n' in page
        assert f"gammabeta lab {one.claim} -o lab" in page
    assert "| ratio | 0.5 (0.25 to inf, n=5) |" in page
    assert "2026-11-27 on a machine" in page


def test_what_is_missing_small_or_too_heavy_is_refused(folder, monkeypatch):
    monkeypatch.setattr(script, "PAGE", folder / "docs" / "README.md")
    script.write(folder)
    assert len(list((folder / "docs").glob("*.svg"))) == len(catalogue())
    (folder / "hand_example.svg").write_text(" " * (script.PICTURE + 1))
    with pytest.raises(SystemExit, match=r"hand_example.svg has 160,001 bytes"):
        script.write(folder)
    told = json.loads((folder / "hand_example.json").read_text())
    (folder / "hand_example.json").write_text(json.dumps({**told, "size": "quick"}))
    with pytest.raises(SystemExit, match="expected a full one"):
        script.read(folder)
    (folder / "hand_example.json").unlink()
    with pytest.raises(SystemExit, match="gammabeta lab C12 -o"):
        script.read(folder)


@written
def test_the_page_has_every_claim_as_the_code_words_it():
    page = script.PAGE.read_text(encoding="utf-8")
    for one in catalogue().values():
        assert f"## {one.claim}. {one.title}\n" in page


@written
def test_every_link_of_the_page_leads_somewhere():
    page = script.PAGE.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)", page)
    assert len([link for link in links if link.endswith(".svg")]) == len(catalogue())
    for link in links:
        if link.startswith("#"):
            assert f'<a id="{link[1:]}"></a>' in page
        else:
            assert (script.PAGE.parent / link).exists(), link
