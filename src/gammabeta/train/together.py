"""Runs side by side: a core each on a CPU, the steps of all in one batched program on an accelerator."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp

from gammabeta.train.step import Program, State, advance
from gammabeta.types import Array

MEMBERS = 8
"""Runs at once on an accelerator: a step of one small network leaves it idle."""

Case = TypeVar("Case")
Result = TypeVar("Result")
Made = tuple[State, Array]


def at_once() -> int:
    """How many runs go on at a time: as many as this process has cores; on an accelerator :data:`MEMBERS`."""
    if jax.default_backend() != "cpu":
        return MEMBERS
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def together(size: int) -> Callable[[], AbstractContextManager[None]]:
    """What each of ``size`` threads enters around its runs: on an accelerator a :class:`Meeting`, on a CPU nothing.

    A CPU gains nothing from a batched step over threads (docs/decisions/0012-runs-that-meet.md).
    """
    return Meeting(size).joined if size > 1 and jax.default_backend() != "cpu" else nullcontext


def side_by_side(run: Callable[[Case], Result], cases: Sequence[Case], threads: int) -> Iterator[Result]:
    """``run`` of every case, ``threads`` at a time; in the order of the cases."""
    threads = max(1, min(threads, len(cases)))
    joined = together(threads)

    def one(case: Case) -> Result:
        with joined():
            return run(case)

    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(one, cases)


class Member(NamedTuple):
    """What is of one run in a batched step: as for :func:`advance`."""

    numbers: Any
    state: State
    chunk: Any
    scale: Any
    steps: int
    seed: int
    reduction: float


@dataclass(eq=False)
class Call:
    """A run that waits for its steps; ``program``: what two calls share that can be made as one."""

    skeleton: Program
    member: Member
    span: tuple[int, int]
    made: Made | BaseException | None = None
    program: Any = field(init=False)

    def __post_init__(self) -> None:
        shapes = jax.tree.map(lambda leaf: (jnp.shape(leaf), jnp.result_type(leaf)), self.member)
        leaves, structure = jax.tree.flatten(shapes)
        self.program = (self.skeleton, self.span, structure, tuple(leaves))


class Meeting:
    """Where runs on threads meet: the steps that all of them wait for are made at once, those of one program as one.

    A run stays what :func:`fit` makes of it, with its own schedule, measurements and end; it is held up by those that
    it waits for. Numbers are those of the run alone up to the order of sums. Programs are padded to ``size`` members:
    one compilation serves however many are left.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.changed = threading.Condition()
        self.present = 0
        self.waiting: list[Call] = []
        self.batched: set[Any] = set()

    @contextmanager
    def joined(self) -> Iterator[None]:
        """Around all that a thread trains; others do not wait for it before or after."""
        before = steps_of_this_thread()
        with self.changed:
            self.present += 1
        HERE.advance = self.advance
        try:
            yield
        finally:
            HERE.advance = before
            with self.changed:
                self.present -= 1
                self.changed.notify_all()

    def advance(
        self,
        skeleton: Program,
        numbers: Any,
        state: State,
        chunk: Any,
        scale: Any,
        span: tuple[int, int],
        steps: int,
        seed: int,
        reduction: float = 1.0,
    ) -> Made:
        """As :func:`advance`, once all who are here wait for their steps."""
        mine = Call(skeleton, Member(numbers, state, chunk, scale, steps, seed, reduction), span)
        taken: list[Call] = []
        with self.changed:
            self.waiting.append(mine)
            self.changed.notify_all()
            while mine.made is None and len(self.waiting) < self.present:
                self.changed.wait()
            if mine.made is None:
                taken, self.waiting = self.waiting, []
        if taken:
            self.make(taken)
            with self.changed:
                self.changed.notify_all()
        if isinstance(mine.made, BaseException):
            raise mine.made
        assert mine.made is not None
        return mine.made

    def make(self, calls: list[Call]) -> None:
        """Give every call what it waits for."""
        groups: dict[Any, list[Call]] = {}
        for call in calls:
            groups.setdefault(call.program, []).append(call)
        for program, group in groups.items():
            known = (program[0], *program[2:])
            found: Sequence[Made | BaseException]
            try:
                found = self.batch(group) if len(group) > 1 or known in self.batched else [alone(group[0])]
            except BaseException as error:
                found = [error] * len(group)
            if len(group) > 1:
                self.batched.add(known)
            for call, made in zip(group, found, strict=True):
                call.made = made

    def batch(self, group: list[Call]) -> list[Made]:
        """The steps of calls of one program, made as one."""
        size = max(self.size, len(group))
        members = [call.member for call in group] + [group[0].member] * (size - len(group))
        return list(advance_all(group[0].skeleton, tuple(members), group[0].span))[: len(group)]


class Here(threading.local):
    """How the runs of this thread make their steps."""

    advance: Callable[..., Made] = staticmethod(advance)


HERE = Here()


def steps_of_this_thread() -> Callable[..., Made]:
    """:func:`advance`, or that of the meeting that this thread has joined."""
    return HERE.advance


def alone(call: Call) -> Made:
    """The steps of one call."""
    numbers, state, chunk, scale, *rest = call.member
    made: Made = advance(call.skeleton, numbers, state, chunk, scale, call.span, *rest)
    return made


@partial(jax.jit, static_argnames="skeleton")
def advance_all(skeleton: Program, members: tuple[Member, ...], span: tuple[int, int]) -> tuple[Made, ...]:
    """The same span of steps of several runs."""

    def one(member: Member) -> Made:
        numbers, state, chunk, scale, *rest = member
        made: Made = advance(skeleton, numbers, state, chunk, scale, span, *rest)
        return made

    together: Made = jax.vmap(one)(jax.tree.map(lambda *leaves: jnp.stack(leaves), *members))
    return tuple(jax.tree.map(lambda leaf, index=index: leaf[index], together) for index in range(len(members)))
