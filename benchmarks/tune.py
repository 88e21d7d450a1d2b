"""Does the search help? ``fit`` alone against ``search`` on open tables, on validation and test rows.

    PYTHONPATH=src python benchmarks/tune.py ../shared/data/tabular --trials 20

Both train on the same rows of the same split and with the same seed; test rows are looked at once by each. Written as
a table in Markdown, with the seconds of either.
"""

import argparse
import json
import time
from pathlib import Path

import gammabeta as gb
from gammabeta.train import cache_compilations

TABLES = (("concrete", "strength", "rmse"), ("german_credit", "class", "log_loss"), ("segment", "class", "log_loss"))


def compared(folder: Path, name: str, target: str, trials: int) -> dict[str, object]:
    """Scores and seconds of both."""
    parts = gb.split(gb.read(folder / name / "data.csv"), target)
    schema = gb.Schema.fit(parts[0], target)
    train, valid, test = (schema.encode(part) for part in parts)
    plan = gb.advise(schema.task, train.rows)
    began = time.perf_counter()
    alone = gb.learn(plan, schema, train, valid).model
    fitted = time.perf_counter()
    found = gb.search(plan, schema, train, valid, trials=trials)
    best = gb.learn(found.plan, schema, train, valid).model
    return {
        "alone": [dict(alone.scores(rows)) for rows in (valid, test)],
        "tuned": [dict(best.scores(rows)) for rows in (valid, test)],
        "seconds": [fitted - began, time.perf_counter() - fitted],
        "winner": found.trial,
        "params": {
            key: value for key, value in found.params[found.trial].items() if found.space.start.get(key) != value
        },
        "pruned": sum(outcome.ended == "pruned" for outcome in found.outcomes.values()),
        "programs": found.programs,
        "folds": found.folds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the tables are, each in a folder of its own")
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--tables", nargs="*", default=[name for name, _, _ in TABLES])
    options = parser.parse_args()
    cache_compilations()
    print(
        "| table | metric | fit: valid | search: valid | fit: test | search: test | winner | seconds | what changed |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name, target, metric in TABLES:
        if name not in options.tables:
            continue
        found = compared(options.folder, name, target, options.trials)
        numbers = [found[side][part][metric] for part in (0, 1) for side in ("alone", "tuned")]
        seconds = " + ".join(f"{value:.0f}" for value in found["seconds"])
        cells = [name, metric, *(f"{value:.4f}" for value in numbers), f"trial {found['winner']}", seconds]
        print("|", " | ".join([*cells, json.dumps(found["params"])]), "|", flush=True)


if __name__ == "__main__":
    main()
