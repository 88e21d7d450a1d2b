"""What the default plan must reach on real data, through the command line."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.stories.command import done

pytestmark = pytest.mark.slow

SharedData = Callable[[str], Path]


def cut(source: Path, first: int, folder: Path) -> tuple[Path, Path]:
    """(file of the first rows, file of the rest), both under the header line."""
    header, *rows = source.read_text(encoding="utf-8").splitlines()
    files = folder / "train.csv", folder / "test.csv"
    for file, part in zip(files, (rows[:first], rows[first:]), strict=True):
        file.write_text("\n".join([header, *part]) + "\n", encoding="utf-8")
    return files


def fitted(*typed: object, out: Path) -> dict[str, float]:
    """The test metrics of a fit with the default plan."""
    found: dict[str, float] = done("fit", *typed, "-o", out, "--json").json["test"]
    return found


def test_mnist_reaches_98_percent_in_ten_epochs(shared_data: SharedData, tmp_path: Path) -> None:
    train = shared_data("images/mnist/train-images-idx3-ubyte.gz")
    test = shared_data("images/mnist/t10k-images-idx3-ubyte.gz")
    result = done("fit", train, "--test", test, "-o", tmp_path / "run", "--json").json
    assert result["rows"]["test"] == 10_000
    assert result["epochs"] <= 10
    assert result["test"]["accuracy"] >= 0.98


def test_adult_reaches_85_percent_on_its_official_test_rows(shared_data: SharedData, tmp_path: Path) -> None:
    train, test = cut(shared_data("tabular/adult/data.csv"), 32_561, tmp_path)
    result = done("fit", train, "--target", "income", "--test", test, "-o", tmp_path / "run", "--json").json
    assert result["rows"]["test"] == 16_281
    assert result["test"]["accuracy"] >= 0.85


def test_letter_reaches_95_percent_on_its_last_rows(shared_data: SharedData, tmp_path: Path) -> None:
    train, test = cut(shared_data("tabular/letter/data.csv"), 16_000, tmp_path)
    result = done("fit", train, "--target", "letter", "--test", test, "-o", tmp_path / "run", "--json").json
    assert result["rows"]["test"] == 4_000
    assert result["test"]["accuracy"] >= 0.95


def test_california_housing_errs_by_58000_at_most(shared_data: SharedData, tmp_path: Path) -> None:
    source = shared_data("tabular/california_housing/data.csv")
    assert fitted(source, "--target", "median_house_value", out=tmp_path / "run")["rmse"] <= 58_000


def test_emotions_are_missed_in_21_percent_at_most(shared_data: SharedData, tmp_path: Path) -> None:
    source = shared_data("tabular/emotions/data.csv")
    names = source.read_text(encoding="utf-8").splitlines()[0].replace('"', "").split(",")[-6:]
    targets = [word for name in names for word in ("--target", name)]
    losses = [
        fitted(source, *targets, "--seed", seed, out=tmp_path / f"run{seed}")["hamming_loss"] for seed in range(5)
    ]
    assert np.mean(losses) <= 0.21, losses
