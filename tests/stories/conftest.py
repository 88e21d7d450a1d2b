"""One small messy table that all stories are told with, and a model of it, fitted once."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.stories.command import SMALL, done

ROWS = 60
TARGETS = ("answer", "ok", "sort", "price", "weight", "sad", "calm", "loud")


@pytest.fixture(scope="session")
def houses() -> pd.DataFrame:
    """60 rows: inputs of every kind, three columns of no use, and a target for every task."""
    random = np.random.default_rng(5)
    size = 3 + 4 * random.standard_normal(ROWS)
    color = random.choice(["red", "blue", "green"], ROWS, p=[0.5, 0.3, 0.2])
    known = np.where(np.arange(ROWS) % 7 == 3, None, np.round(size, 3).astype(object))
    yes = size + 5 * (color == "red") + random.standard_normal(ROWS) > 5
    return pd.DataFrame(
        {
            "house_id": 1000 + np.arange(ROWS),
            "size": known,
            "color": color,
            "opened": [f"20{11 + i % 9}-0{1 + i % 8}-1{i % 10}" for i in range(ROWS)],
            "active": np.where(random.random(ROWS) < 0.4, "yes", "no"),
            "remark": [f"a remark of several words, number {i}" for i in range(ROWS)],
            "nothing": [None] * ROWS,
            "answer": np.where(yes, "stay", "leave"),
            "ok": yes,
            "sort": np.where(size > 6, "large", np.where(size > 1, "middle", "small")),
            "price": np.round(2e5 + 3e4 * size + 1e4 * random.standard_normal(ROWS), 1),
            "weight": np.round(50 - 7 * size + random.standard_normal(ROWS), 3),
            "sad": (size > 3).astype(int),
            "calm": (color == "blue").astype(int),
            "loud": yes.astype(int),
        }
    )


def for_target(houses: pd.DataFrame, *targets: str) -> pd.DataFrame:
    """The table with these targets only."""
    return houses.drop(columns=[name for name in TARGETS if name not in targets])


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, houses: pd.DataFrame) -> Path:
    """A folder with the table for the answer: all.csv, and its parts answers.csv and test.csv."""
    made = tmp_path_factory.mktemp("houses")
    table = for_target(houses, "answer")
    table.to_csv(made / "all.csv", index=False)
    table[:48].to_csv(made / "answers.csv", index=False)
    table[48:].to_csv(made / "test.csv", index=False)
    return made


@pytest.fixture(scope="session")
def typed(folder: Path) -> list[object]:
    """A fit on answers.csv, tested on test.csv: 36, 12 and 12 rows, as of all fits here, so that they compile once."""
    return ["fit", folder / "answers.csv", "--target", "answer", "--valid", 0.25, "--test", folder / "test.csv", *SMALL]


@pytest.fixture(scope="session")
def run(folder: Path, typed: list[object]) -> Path:
    """Its run folder."""
    done(*typed, "-o", folder / "run")
    return folder / "run"
