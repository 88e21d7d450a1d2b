"""Who does what: leases in the database that holds the trials, so that every job is done exactly once.

A job is claimed by inserting its row, which only one can; it is done when its row has a result, which is written once.
A claim lasts while its owner lives: on the same machine that is known at once, elsewhere by a heartbeat. Optuna's own
states follow these rows and never lead: they are what the sampler learns from.
"""

import json
import os
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Column, Engine, Float, Integer, MetaData, String, Table, Text, insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

BEAT = 5.0
"""Seconds between two signs of life."""

GRACE = 60.0
"""Seconds without a sign of life after which another machine's claim has lapsed."""

JOBS = Table(
    "gammabeta_jobs",
    MetaData(),
    Column("study", String(200), primary_key=True),
    Column("job", String(100), primary_key=True),
    Column("owner", String(300), nullable=False),
    Column("beat", Float, nullable=False),
    Column("trial", Integer),
    Column("result", Text),
)


class Claim(NamedTuple):
    """A job that is ours; ``lost`` is Optuna's number of the trial that its last owner did not finish."""

    job: str
    lost: int | None


@dataclass(frozen=True)
class Jobs:
    """The jobs of one study, as one process sees them."""

    engine: Engine
    study: str
    owner: str

    @classmethod
    def of(cls, engine: Engine, study: str) -> "Jobs":
        JOBS.metadata.create_all(engine)
        return cls(engine, study, f"{place()}|{os.getpid()}|{born(os.getpid())}|{time.time_ns()}")

    def rows(self) -> dict[str, Any]:
        """Every row by its job."""
        with self.engine.connect() as connection:
            found = connection.execute(select(JOBS).where(JOBS.c.study == self.study))
            return {row.job: row for row in found}

    def results(self) -> dict[str, dict[str, Any]]:
        """What the finished jobs came to."""
        return {job: json.loads(row.result) for job, row in self.rows().items() if row.result is not None}

    def claim(self, wanted: Iterable[str]) -> Claim | None:
        """The first job that is free, or whose owner is gone; None where there is none."""
        there = self.rows()
        for job in wanted:
            row = there.get(job)
            if row is None:
                values = {"study": self.study, "job": job, "owner": self.owner, "beat": time.time()}
                with suppress(IntegrityError), self.engine.begin() as connection:
                    connection.execute(insert(JOBS).values(**values))
                    return Claim(job, None)
            elif row.result is None and self.gone(row):
                seen = (JOBS.c.owner == row.owner) & (JOBS.c.beat == row.beat)
                if self.written(job, seen, owner=self.owner, beat=time.time()):
                    return Claim(job, row.trial)
        return None

    def began(self, job: str, trial: int) -> None:
        """Remember which of Optuna's trials does the job."""
        self.written(job, JOBS.c.owner == self.owner, trial=trial)

    def finish(self, job: str, result: dict[str, Any]) -> bool:
        """Whether the result was taken: not where another owner has the job by now."""
        return self.written(job, JOBS.c.owner == self.owner, result=json.dumps(result))

    def release(self, job: str) -> None:
        """Give an unfinished job back."""
        self.written(job, JOBS.c.owner == self.owner, owner="", beat=0.0)

    def written(self, job: str, where: Any, **values: Any) -> bool:
        this = (JOBS.c.study == self.study) & (JOBS.c.job == job) & JOBS.c.result.is_(None)
        with self.engine.begin() as connection:
            return bool(connection.execute(update(JOBS).where(this & where).values(**values)).rowcount == 1)

    def gone(self, row: Any) -> bool:
        """Whether the owner of a row does not work on it any more."""
        if row.owner in ("", self.owner):
            return bool(row.owner == "")
        where, process, begun, _ = row.owner.split("|")
        if where == place():
            return bool(begun != born(int(process)))
        silent: float = time.time() - row.beat
        return silent > GRACE

    @contextmanager
    def alive(self) -> Iterator[None]:
        """Give signs of life meanwhile."""
        over = threading.Event()

        def beat() -> None:
            while not over.wait(BEAT):
                mine = (JOBS.c.study == self.study) & (JOBS.c.owner == self.owner) & JOBS.c.result.is_(None)
                # one that is missed is no harm
                with suppress(SQLAlchemyError), self.engine.begin() as connection:
                    connection.execute(update(JOBS).where(mine).values(beat=time.time()))

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def place() -> str:
    """Where process numbers mean the same: the machine and, in containers, their own numbering."""
    try:
        return f"{socket.gethostname()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return socket.gethostname()


def born(process: int) -> str:
    """What tells a living process from a later one of the same number; "" where there is no such process."""
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as file:
            state, *rest = file.read().rpartition(")")[2].split()
        return "" if state == "Z" else rest[18]
    except OSError:
        return "" if os.path.exists("/proc/self/stat") else running(process)


def running(process: int) -> str:
    """The same where the system keeps no such files: a later process of the same number is taken for the first."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return ""
    except OSError:
        return "running"
    return "running"
