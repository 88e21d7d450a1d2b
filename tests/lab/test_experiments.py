"""Every experiment runs, judges and draws; what it says rests on its numbers."""

import csv
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from tests.stories.command import gammabeta

from gammabeta.errors import UsageError
from gammabeta.lab import catalogue, experiment, perform, write

EXPERIMENTS = list(catalogue())
CLAIMS = [f"C{number}" for number in range(1, 24)]
MNIST = Path(__file__).parents[3] / "shared" / "data" / "images" / "mnist"


def checked(name: str, size: str, folder: Path, data: Path | None = None, **other: object) -> dict:
    """Perform and write an experiment, look at everything that came out, and return its verdict as JSON.

    other: keywords of the size that are others here
    """
    found, chosen = experiment(name)
    chosen = replace(chosen, sizes={size: {**chosen.sizes[size], **other}})
    outcome = write(perform(found, chosen, size, data), folder)
    verdict = outcome.verdict
    assert verdict.holds in (True, False, None)
    assert verdict.says.endswith(".")
    assert any(character.isdigit() for character in verdict.says)
    assert verdict.numbers
    for estimate in verdict.numbers.values():
        assert not math.isnan(estimate.value)
        assert estimate.low <= estimate.value <= estimate.high
    with outcome.files["csv"].open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == len(outcome.rows)
    picture = outcome.files["svg"].read_text(encoding="utf-8")
    assert chosen.title in picture
    assert "prefers-color-scheme: dark" in picture
    assert outcome.files["png"].read_bytes().startswith(b"\x89PNG")
    told = json.loads(outcome.files["json"].read_text())
    assert told["claim"] == chosen.claim
    assert told["verdict"] == verdict.says
    return told


def test_every_claim_of_the_catalogue_is_an_experiment_of_its_own():
    assert [one.claim for one in catalogue().values()] == CLAIMS
    for one in catalogue().values():
        assert set(one.sizes) == {"tiny", "quick", "full"}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_experiment_measures_judges_and_draws(name, tmp_path):
    checked(name, "tiny", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_experiment_runs_in_its_quick_size(name, tmp_path):
    checked(name, "quick", tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(not MNIST.exists(), reason="needs MNIST in ../shared/data")
def test_batch_norm_needs_at_most_seven_tenths_of_the_steps_on_mnist(tmp_path):
    # each side's best rate of the full grid (docs/lab): at the others it gets there later, or never
    told = checked("C1", "full", tmp_path, MNIST, rates=(0.3, 1.0))
    assert told["holds"] is True
    assert told["numbers"]["ratio"]["value"] <= 0.7
    assert told["numbers"]["ratio"]["n"] == 5


def test_the_hand_example_is_exact_to_three_decimals(tmp_path):
    told = checked("C12", "full", tmp_path)
    assert told["holds"] is True
    for number in ("14.000", "6.633", "0.151, 1.658, 0.151, -0.603, -1.357"):
        assert number in told["verdict"]


def test_the_same_experiment_gives_the_same_numbers():
    name, chosen = experiment("hand_example")
    assert perform(name, chosen, "tiny").rows == perform(name, chosen, "tiny").rows


def test_an_experiment_is_found_by_name_and_by_claim():
    assert experiment("C12")[0] == experiment("c12")[0] == experiment("hand-example")[0] == "hand_example"
    with pytest.raises(UsageError, match='unknown experiment "hand_exampel"; did you mean "hand_example"'):
        experiment("hand_exampel")


def test_the_list_names_every_experiment():
    outcome = gammabeta("lab", "list")
    assert outcome.code == 0
    for name, one in catalogue().items():
        assert name in outcome.out
        assert one.claim in outcome.out


def test_a_run_prints_verdict_numbers_and_where_the_picture_is(tmp_path):
    outcome = gammabeta("lab", "hand_example", "--quick", "-o", tmp_path, "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.json["holds"] is True
    assert Path(outcome.json["files"]["svg"]).exists()
    assert "holds" in outcome.err


def test_an_unknown_name_and_data_without_images_are_refused(tmp_path):
    outcome = gammabeta("lab", "fewer_stepz", "-o", tmp_path)
    assert outcome.code == 2
    assert 'did you mean "fewer_steps"' in outcome.complaint
    table = tmp_path / "table.csv"
    table.write_text("a,b\n1,2\n3,4\n")
    outcome = gammabeta("lab", "fewer_steps", "--quick", "--quiet", "--data", table, "-o", tmp_path / "new")
    assert outcome.code == 1
    assert "no labeled images" in outcome.complaint
    assert not (tmp_path / "new").exists()


def test_without_matplotlib_it_is_said_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    outcome = gammabeta("lab", "hand_example", "-o", tmp_path)
    assert outcome.code == 2
    assert "gammabeta[lab]" in outcome.complaint
