"""Which task the target columns pose."""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from gammabeta.data.values import Values
from gammabeta.errors import DataError, UsageError, nearest

Task = Literal["binary", "multiclass", "multilabel", "regression"]
TASKS: tuple[str, ...] = get_args(Task)

FEW = 20
ROWS_PER_CLASS = 3
MANY_CLASSES = 1000
ROWS_PER_IMAGE_CLASS = 10


def choose_task(targets: Sequence[Values], asked: str = "auto", images: bool = False) -> Task:
    """The task asked for, or the one that the training targets show.

    One column: texts and truth values are classes; whole numbers are classes if there are at most 20 of them
    with 3 rows each on average, or just two, or if they label images and count 0 or 1 upward without a gap,
    10 rows each; all other numbers are regression. Two classes are binary, more are multiclass. Several
    columns: all 0 and 1 or truth values are multilabel, all numbers are regression.
    Raises UsageError for an unknown task or one that cannot be; DataError where the columns agree on none.
    """
    if asked == "auto":
        return task_of_one(targets[0], images) if len(targets) == 1 else task_of_several(targets)
    for task in get_args(Task):
        if asked == task:
            refuse_impossible(targets, task)
            return task  # type: ignore[no-any-return]
    raise UsageError(f'there is no task "{asked}"; {nearest(asked, ["auto", *TASKS])}')


def task_of_one(target: Values, images: bool) -> Task:
    if is_number(target) and not few_whole_numbers(target, images):
        return "regression"
    return "multiclass" if len(target.counts) > 2 else "binary"


def task_of_several(targets: Sequence[Values]) -> Task:
    if all(is_flag(target) for target in targets):
        return "multilabel"
    if all(is_number(target) for target in targets):
        return "regression"
    odd = next(target for target in targets if not is_number(target))
    found = f'"{odd.name}" holds texts such as "{odd.counts[0][0]}"' if odd.counts else f'"{odd.name}" is empty'
    expected = "0 and 1 in all of them (multilabel) or numbers in all of them (regression)"
    raise DataError(f"target columns {quoted(targets)}: {found}, expected {expected}; name one, or encode the texts.")


def refuse_impossible(targets: Sequence[Values], task: Task) -> None:
    """Refuse a task that the number of target columns or classes rules out."""
    if task in ("binary", "multiclass") and len(targets) > 1:
        raise UsageError(
            f"task {task} takes one target column, found {len(targets)}: {quoted(targets)}; name one of "
            f"them, or ask for multilabel or regression."
        )
    if task == "binary" and len(targets[0].counts) > 2:
        found = f'the target "{targets[0].name}" has {len(targets[0].counts):,} classes'
        raise UsageError(f"task binary: {found}, expected two; ask for multiclass.")
    if task == "multiclass" and is_continuous(targets[0]):
        found = f'the target "{targets[0].name}" has {len(targets[0].counts):,} different numbers in its rows'
        raise UsageError(f"task multiclass: {found}, which are no classes; ask for regression.")
    if task == "multilabel" and not all(is_flag(target) for target in targets):
        odd = next(target for target in targets if not is_flag(target))
        found = f'the target "{odd.name}" holds values such as "{odd.counts[0][0]}"'
        raise DataError(f"task multilabel: {found}, expected 0 and 1; encode it so, or ask for another task.")


def is_number(target: Values) -> bool:
    """Whether every value is a number and one is there; truth values are not numbers here."""
    return bool(target.counts) and not is_truth(target) and not target.not_numbers.any()


def is_continuous(target: Values) -> bool:
    """Whether numbers measure something: they have fractions, and more than half of them are different."""
    if not is_number(target) or len(target.counts) <= 2:
        return False
    numbers = target.numbers[np.isfinite(target.numbers)]
    return bool((numbers != np.round(numbers)).any()) and 2 * len(target.counts) > numbers.size


def is_flag(target: Values) -> bool:
    """Whether every value is 0 or 1, or a truth value."""
    return is_truth(target) or {label for label, _ in target.counts} <= {"0", "1"}


def is_truth(target: Values) -> bool:
    """Whether every value is true or false."""
    return bool(target.counts) and {label.lower() for label, _ in target.counts[:5]} <= {"true", "false"}


def few_whole_numbers(target: Values, images: bool) -> bool:
    """Whether numbers are rather names of classes."""
    numbers = target.numbers[~np.isnan(target.numbers)]
    found, rows = np.unique(numbers, return_counts=True)
    if not np.isfinite(found).all() or (found != np.round(found)).any():
        return False
    if len(found) <= 2 or (len(found) <= FEW and numbers.size >= ROWS_PER_CLASS * len(found)):
        return True
    counted = found[0] in (0, 1) and len(found) == found[-1] - found[0] + 1 and len(found) <= MANY_CLASSES
    return bool(images and counted and rows.min() >= ROWS_PER_IMAGE_CLASS)


def quoted(targets: Sequence[Values]) -> str:
    """The names of some columns, for a message."""
    names = ", ".join(f'"{target.name}"' for target in targets[:6])
    return names + (", ..." if len(targets) > 6 else "")
