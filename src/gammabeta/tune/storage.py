"""The database of a search: where it is, whether it answers, and whether it holds the same search."""

import hashlib
import json
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import optuna
from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, NoSuchModuleError, SQLAlchemyError

from gammabeta.data import Dataset
from gammabeta.errors import UsageError
from gammabeta.plan import Plan
from gammabeta.serial import to_json
from gammabeta.tune.jobs import Jobs
from gammabeta.tune.space import Space

PATIENCE = 10
"""Seconds to wait for a server; a file that others write to is waited for six times as long."""

ATTEMPTS = 5

PACKAGES = {
    "psycopg": '"psycopg[binary]"',
    "psycopg2": "psycopg2-binary",
    "MySQLdb": "mysqlclient",
    "mysql": "mysql-connector-python",
}
"""What to install where it is not called as the driver is."""


class Opened(NamedTuple):
    """A study and who does what in it."""

    study: optuna.Study
    jobs: Jobs

    def close(self) -> None:
        """Let go of the database."""
        self.jobs.engine.dispose()
        backend = getattr(self.study._storage, "_backend", None)
        if backend is not None:
            backend.scoped_session.remove()
            backend.engine.dispose()


def opened(url: str, name: str, about: Mapping[str, Any], place: str = "--storage") -> Opened:
    """The study ``name`` in the database at ``url``, made where there is none.

    about: what the search is of, see :func:`subject`
    Raises UsageError where the database does not answer, or the study is of something else.
    """
    shown, options = checked(url, place)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    # some drivers wait for ever for a server that takes the connection and says nothing
    patience = None if make_url(url).get_backend_name() == "sqlite" else 2.0 * PATIENCE
    for attempt in range(ATTEMPTS):
        try:
            found = within(patience, partial(connected, url, name, options))
            break
        except (SQLAlchemyError, ImportError, OSError, RuntimeError) as error:
            # two processes that begin together both make the tables, and one of them is told so
            met = isinstance(error, IntegrityError) or "exist" in str(error)
            if met and attempt < ATTEMPTS - 1:
                time.sleep(0.2)
                continue
            reason = str(getattr(error, "orig", None) or error).splitlines()[0]
            raise UsageError(
                f"{place} {shown}: the database does not answer ({reason}), expected one that can be written to, such "
                f"as sqlite:///search.db; start it, or correct the URL."
            ) from None
    try:
        refuse_other(found.study, about, f"{place} {shown}")
    except BaseException:
        found.close()
        raise
    return found


def within(seconds: float | None, work: Callable[[], Opened]) -> Opened:
    """What ``work`` gives, or raises; TimeoutError where it takes longer. It is then left to itself."""
    if seconds is None:
        return work()
    made: list[Opened] = []
    failed: list[BaseException] = []

    def working() -> None:
        try:
            made.append(work())
        except BaseException as error:
            failed.append(error)

    # a daemon: who waits for ever is not waited for at the end
    thread = threading.Thread(target=working, daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not made:
        raise TimeoutError(f"no answer within {seconds:g} s")
    return made[0]


def connected(url: str, name: str, options: Mapping[str, Any]) -> Opened:
    """The study and its jobs, with the tables made where they are not there yet."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        storage = optuna.storages.RDBStorage(url, engine_kwargs=dict(options))
    study = optuna.create_study(storage=storage, study_name=name, load_if_exists=True)
    engine: Engine = create_engine(url, **options)
    return Opened(study, Jobs.of(engine, name))


def checked(url: str, place: str) -> tuple[str, dict[str, Any]]:
    """(the URL without its password, options for connecting to it)."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise UsageError(f"{place} {url}: not a database URL, expected such as sqlite:///search.db.") from None
    shown = parsed.render_as_string(hide_password=True)
    refuse_driver(parsed, f"{place} {shown}")
    kind = parsed.get_backend_name()
    if kind == "sqlite":
        file = parsed.database
        if file and file != ":memory:" and not Path(file).absolute().parent.is_dir():
            raise UsageError(
                f"{place} {shown}: there is no folder {Path(file).absolute().parent}, expected one that is there; make "
                f"it, or name another place."
            )
        return shown, {"connect_args": {"timeout": 6 * PATIENCE}}
    known = kind in ("postgresql", "mysql", "mariadb")
    return shown, {"connect_args": {"connect_timeout": PATIENCE}, "pool_pre_ping": True} if known else {}


def refuse_driver(url: URL, where: str) -> None:
    """Raise UsageError where the package that speaks with such a database is not here, or nobody knows of such one."""
    try:
        url.get_dialect().import_dbapi()
    except NoSuchModuleError:
        raise UsageError(
            f"{where}: {url.drivername} is no known kind of database, expected such as sqlite, postgresql or mysql."
        ) from None
    except ImportError as error:
        driver = (error.name or str(error)).partition(".")[0]
        raise UsageError(
            f"{where}: the driver {driver} is not installed, expected it in this environment; pip install "
            f"{PACKAGES.get(driver, driver)}."
        ) from None


def subject(plan: Plan, space: Space, train: Dataset, valid: Dataset | None) -> dict[str, Any]:
    """What a search is of: equal for two searches that can share their trials."""
    return {
        "training rows": digest(train),
        "validation rows": "none" if valid is None else digest(valid),
        "plan": to_json(plan),
        "space": {line["key"]: line for line in space.to_json()},
    }


def digest(data: Dataset) -> str:
    """``600 rows 3f9ab2c41d07``: a few words that differ where the rows do."""
    state = hashlib.sha256()
    for part in (data.x, data.y, data.weights):
        array = np.ascontiguousarray(part)
        state.update(f"{array.dtype} {array.shape}".encode())
        state.update(array.tobytes())
    return f"{data.rows} rows {state.hexdigest()[:12]}"


def refuse_other(study: optuna.Study, about: Mapping[str, Any], where: str) -> None:
    """Raise UsageError, saying what differs, where the study is of something else; else write down what it is of."""
    wanted = json.loads(json.dumps(about))
    held = study.user_attrs.get("about")
    if held is None:
        study.set_user_attr("about", wanted)
        return
    different = list(differences(held, wanted))
    if different:
        more = f" and {len(different) - 3} more" if len(different) > 3 else ""
        raise UsageError(
            f"{where}: it holds a search of something else: {'; '.join(different[:3])}{more}. Give what it was "
            f"begun with, or search in another place."
        )


def differences(held: Any, wanted: Any, place: str = "") -> list[str]:
    """``["plan.batch_size was 32, is 64"]``: where two JSON values differ."""
    if isinstance(held, dict) and isinstance(wanted, dict):
        names = list(dict.fromkeys([*held, *wanted]))
        return [
            line
            for name in names
            for line in differences(held.get(name, "not there"), wanted.get(name, "not there"), f"{place}{name}.")
        ]
    if held == wanted:
        return []
    shorter = (said if len(said := json.dumps(value)) < 60 else f"{said[:57]}..." for value in (held, wanted))
    return ["{} was {}, is {}".format(place.rstrip("."), *shorter)]
