"""docs/lab: the page tells every claim of the catalogue, from verdicts and pictures of full runs."""

import importlib
import json
import re
import sys
from pathlib import Path

import pytest

from gammabeta.lab import catalogue

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "scripts"))
script = importlib.import_module("lab")


@pytest.fixture
def folder(tmp_path):
    """Verdicts and pictures as full runs leave them."""
    for name, one in catalogue().items():
        numbers = {"ratio": {"value": 0.5, "low": 0.25, "high": None, "n": 5}}
        told = {"experiment": name, "claim": one.claim, "title": one.title, "size": "full", "holds": None}
        told |= {"verdict": "A ratio of 0.5.", "numbers": numbers, "seconds": 61.6, "data": "/somewhere/mnist"}
        (tmp_path / f"{name}.json").write_text(json.dumps({**told, "files": {"svg": "/somewhere/one.svg"}}))
        (tmp_path / f"{name}.svg").write_text("<svg/>")
    return tmp_path


def test_a_page_has_a_row_and_a_heading_with_an_anchor_for_every_claim(folder, tmp_path):
    script.keep(folder, tmp_path / "kept")
    page = script.page(script.read(tmp_path / "kept"))
    for name, one in catalogue().items():
        assert f"| [{one.claim}](#{one.claim.lower()}) {one.title} | `{name}` | undecided | 62 |" in page
        assert f'<a id="{one.claim.lower()}"></a>\n\n## {one.claim}. {one.title}\n' in page
        assert f"gammabeta lab {one.claim} --data PATH/mnist -o lab" in page
    assert "| ratio | 0.5 (0.25 to inf, n=5) |" in page


def test_what_is_kept_names_no_place_of_this_machine(folder, tmp_path):
    script.keep(folder, tmp_path / "kept")
    assert not [path for path in (tmp_path / "kept").glob("*.json") if "/somewhere" in path.read_text()]


def test_an_experiment_that_was_not_run_in_full_is_said_so_and_a_few_renew_those_few(folder, tmp_path):
    kept = tmp_path / "kept"
    script.keep(folder, kept)
    for path in [*kept.glob("hand_example.*"), *set(folder.glob("*.*")) - set(folder.glob("fewer_steps.*"))]:
        path.unlink()
    told = json.loads((folder / "fewer_steps.json").read_text())
    (folder / "fewer_steps.json").write_text(json.dumps({**told, "holds": True}))
    script.keep(folder, kept)
    page = script.page(script.read(kept))
    assert "| `hand_example` | not run yet |  |" in page
    assert f"Of {len(catalogue())} claims: 1 holds, {len(catalogue()) - 2} undecided, 1 not run yet." in page


def test_small_runs_and_heavy_pictures_are_refused(folder, tmp_path):
    (folder / "hand_example.svg").write_text(" " * (script.PICTURE + 1))
    with pytest.raises(SystemExit, match=r"hand_example.svg has 160,001 bytes"):
        script.keep(folder, tmp_path / "kept")
    told = json.loads((folder / "hand_example.json").read_text())
    (folder / "hand_example.json").write_text(json.dumps({**told, "size": "quick"}))
    with pytest.raises(SystemExit, match="expected a full one"):
        script.read(folder)


def test_the_page_is_what_the_script_writes_of_what_is_kept():
    assert (script.FOLDER / "README.md").read_text(encoding="utf-8") == script.page(script.read(script.FOLDER))


def test_every_link_of_the_page_leads_somewhere():
    page = (script.FOLDER / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)", page)
    assert len([link for link in links if link.endswith(".svg")]) == len(script.read(script.FOLDER))
    for link in links:
        if link.startswith("#"):
            assert f'<a id="{link[1:]}"></a>' in page
        else:
            assert (script.FOLDER / link).exists(), link
