"""The loggers of a run together: where one fails, the run goes on without it."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from gammabeta.plan import Plan
from gammabeta.train import Epoch
from gammabeta.train.loggers import LOGGERS, Log


@contextmanager
def logs(names: Sequence[str], folder: Path, plan: Plan) -> Iterator[Log]:
    """One log that writes to all of them, by their names. Raises UsageError where one cannot begin."""
    failed: set[str] = set()

    def told(write: Callable[[Log], None]) -> None:
        for name, log in open_logs.items():
            if name in failed:
                continue
            try:
                write(log)
            except Exception as error:
                failed.add(name)
                print(f"--log {name}: {error}; the run goes on without it.", file=sys.stderr)

    def epoch(one: Epoch) -> None:
        told(lambda log: log.epoch(one))

    def scores(part: str, found: Mapping[str, float]) -> None:
        told(lambda log: log.scores(part, found))

    with ExitStack() as stack:
        open_logs = {name: stack.enter_context(LOGGERS[name](folder, plan)) for name in dict.fromkeys(names)}
        yield Log(epoch, scores)
