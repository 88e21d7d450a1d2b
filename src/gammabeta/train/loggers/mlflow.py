"""Runs for MLflow."""

import json
import logging
import os
import shutil
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from gammabeta.errors import TrainingError, UsageError
from gammabeta.plan import Plan
from gammabeta.serial import dumps
from gammabeta.train.fit import Epoch
from gammabeta.train.loggers.log import Log, scalars

DATABASE, ARTIFACTS = "mlflow.db", "mlflow"
PLACE, EXPERIMENT = "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"
MOST_PARAMS = 100
"""What MLflow takes at once."""

LONGEST = 500


@contextmanager
def log_mlflow(folder: Path, plan: Plan) -> Iterator[Log]:
    """Log a run to MLflow; needs mlflow-skinny, the extra ``mlflow``.

    To where MLFLOW_TRACKING_URI says, else to ``folder/mlflow.db``; into the experiment of MLFLOW_EXPERIMENT_NAME,
    else "gammabeta". The x of a number is the count of steps; the plan's fields are params, the whole is plan.json.
    Where the run fails it is marked as such, and a database that was made for it goes; that of a diverged run stays.
    Raises UsageError where the place cannot be used.
    """
    from_environment = os.environ.get(PLACE)
    database, artifacts = folder.resolve() / DATABASE, folder.resolve() / ARTIFACTS
    made = not from_environment and not database.exists()
    # what is trained here is nobody else's business, and a place that does not answer is told of soon
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    place = from_environment or f"sqlite:///{database}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        client, run = begun(place, None if from_environment else artifacts.as_uri(), folder.resolve().name)
    except Exception as error:
        if made:
            forgotten(database, artifacts)
        said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        hint = f"; see {PLACE}" if from_environment else ""
        raise UsageError(f"--log mlflow: {place} cannot be used{hint}: {said[:200]}") from None
    reached = [0]

    def epoch(one: Epoch) -> None:
        reached[0] = one.steps
        write(scalars(one))

    def scores(part: str, found: Mapping[str, float]) -> None:
        write({f"{name}/{part}": float(value) for name, value in found.items()})

    def write(numbers: Mapping[str, float]) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        client.log_batch(run, metrics=[Metric(name, value, now, reached[0]) for name, value in numbers.items()])

    try:
        client.log_batch(run, params=params(json.loads(dumps(plan))))
        client.log_text(run, dumps(plan), "plan.json")
        yield Log(epoch, scores)
    except BaseException as error:
        with suppress(Exception):
            client.set_terminated(run, "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")
        if made and not isinstance(error, TrainingError):
            forgotten(database, artifacts)
        raise
    # a server that went away meanwhile takes nothing from the run
    with suppress(Exception):
        client.set_terminated(run, "FINISHED")


def begun(place: str, artifacts: str | None, name: str) -> tuple[Any, str]:
    """(client, id) of a new run."""
    with warnings.catch_warnings():
        # of its database library about itself, while it is imported
        warnings.simplefilter("ignore")
        from mlflow import MlflowClient

        for loud in ("mlflow", "alembic"):
            logging.getLogger(loud).setLevel(logging.ERROR)
        client = MlflowClient(tracking_uri=place)
        called = os.environ.get(EXPERIMENT, "gammabeta")
        found = client.get_experiment_by_name(called)
    experiment = found.experiment_id if found else client.create_experiment(called, artifact_location=artifacts)
    return client, client.create_run(experiment, run_name=name).info.run_id


def params(plan: Mapping[str, Any]) -> list[Any]:
    """The fields of a plan as params: those of its parts by dotted names, lists as JSON."""
    from mlflow.entities import Param

    def flat(value: Any, name: str) -> Iterator[tuple[str, str]]:
        if isinstance(value, Mapping):
            for key, inside in value.items():
                yield from flat(inside, f"{name}.{key}" if name else key)
        else:
            yield name, (value if isinstance(value, str) else json.dumps(value))[:LONGEST]

    return [Param(name, value) for name, value in list(flat(plan, ""))[:MOST_PARAMS]]


def forgotten(database: Path, artifacts: Path) -> None:
    """Remove what was made for a run that failed."""
    with suppress(OSError):
        database.unlink(missing_ok=True)
    shutil.rmtree(artifacts, ignore_errors=True)
