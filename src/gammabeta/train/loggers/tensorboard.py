"""Event files for TensorBoard."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from gammabeta.errors import TrainingError
from gammabeta.plan import Plan
from gammabeta.serial import dumps
from gammabeta.train.fit import Epoch
from gammabeta.train.loggers.log import Log, scalars

FOLDER = "tensorboard"


@contextmanager
def log_tensorboard(folder: Path, plan: Plan) -> Iterator[Log]:
    """Write event files into ``folder/tensorboard``; needs tensorboardX, the extra ``tensorboard``.

    The x of a number is the count of steps; the plan is a text. Files of an earlier run that lie there are replaced
    when this one is done; where it fails they stay, and its own go. A diverged run keeps its own.
    """
    from tensorboardX import SummaryWriter

    place = folder / FOLDER
    made = not place.exists()
    before = set(place.glob("events.*"))
    # its own names hold seconds: a second run in the same second would write into the file of the first
    writer = SummaryWriter(str(place), filename_suffix=f".{time.time_ns()}")
    reached = [0]

    def epoch(one: Epoch) -> None:
        reached[0] = one.steps
        for name, value in scalars(one).items():
            writer.add_scalar(name, value, one.steps)
        writer.flush()

    def scores(part: str, found: Mapping[str, float]) -> None:
        for name, value in found.items():
            writer.add_scalar(f"{name}/{part}", value, reached[0])

    try:
        writer.add_text("plan", f"```json\n{dumps(plan)}\n```", 0)
        writer.flush()
        yield Log(epoch, scores)
    except BaseException as error:
        writer.close()
        if before or not isinstance(error, TrainingError):
            with suppress(OSError):
                for path in set(place.glob("events.*")) - before:
                    path.unlink()
                if made:
                    place.rmdir()
        raise
    writer.close()
    for path in before:
        path.unlink(missing_ok=True)
