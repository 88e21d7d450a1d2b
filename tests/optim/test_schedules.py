"""Every schedule: where it starts, peaks and ends, and that it moves one way in between."""

from functools import cache

import jax
import numpy as np
import pytest

from gammabeta.optim import Constant, Cosine, OneCycle, Schedule
from gammabeta.serial import Description, lift, lower

STEPS = 201

# (schedule, start, step of the peak, end)
SCHEDULES = {
    "constant": (Constant(), 1.0, 0, 1.0),
    "cosine": (Cosine(), 1.0, 0, 0.0),
    "cosine to a tenth": (Cosine(final=0.1), 1.0, 0, 0.1),
    "one cycle": (OneCycle(), 0.04, 50.25, 1e-5),
    "one cycle, late": (OneCycle(rise=0.8, start=0.2, final=0.3), 0.2, 160.8, 0.3),
}
every_schedule = pytest.mark.parametrize(("schedule", "start", "peak", "end"), SCHEDULES.values(), ids=SCHEDULES)

traced = []


@cache
def program(skeleton):
    @jax.jit
    def factors(numbers, steps_made, steps):
        traced.append(skeleton)
        return jax.vmap(lambda step: lower(skeleton, numbers).factor(step, steps))(steps_made)

    return factors


def factors(schedule, steps=STEPS):
    """The factor at every step and one beyond, of a run of that many steps."""
    skeleton, numbers = lift(schedule)
    return np.asarray(program(skeleton)(numbers, np.linspace(0, steps, STEPS + 1), np.float32(steps)))


def test_the_list_holds_every_schedule():
    known = {kind for kind in Description.kinds.values() if issubclass(kind, Schedule) and kind is not Schedule}
    assert {type(schedule) for schedule, *_ in SCHEDULES.values()} == known


@every_schedule
def test_it_starts_peaks_and_ends_where_it_says(schedule, start, peak, end):
    found = factors(schedule)
    np.testing.assert_allclose(found[0], start, rtol=1e-5)
    np.testing.assert_allclose(found[round(peak)], 1.0, atol=1e-3)
    np.testing.assert_allclose(found[-1], end, rtol=1e-3, atol=1e-7)
    assert found.max() <= 1 + 1e-6
    assert found.min() >= 0


@every_schedule
def test_it_rises_to_its_peak_and_falls_after_it(schedule, start, peak, end):
    change = np.diff(factors(schedule))
    assert (change[: int(peak)] >= -1e-6).all()
    assert (change[int(peak) + 1 :] <= 1e-6).all()
    if start < 1:
        assert (change[1 : int(peak)] > 0).all()
    if end < 1:
        assert (change[int(peak) + 2 :] < 0).all()


@every_schedule
def test_it_is_a_function_of_the_share_of_the_run(schedule, start, peak, end):
    np.testing.assert_allclose(factors(schedule, steps=1000), factors(schedule), atol=1e-5)


@every_schedule
def test_beyond_its_end_it_stays_there(schedule, start, peak, end):
    np.testing.assert_allclose(schedule.factor(np.float32(1000), np.float32(10)), end, rtol=1e-3, atol=1e-7)


@every_schedule
def test_other_numbers_share_one_program(schedule, start, peak, end):
    skeleton, numbers = lift(schedule)
    first = factors(schedule)
    before = len(traced)
    for number, value in numbers.items():
        other = factors(lower(skeleton, {**numbers, number: 0.9 * value + 0.05}))
        assert np.abs(other - first).max() > 1e-3, number
    factors(schedule, steps=77)
    assert len(traced) == before


def test_cosine_is_half_way_at_half_time():
    np.testing.assert_allclose(Cosine(final=0.2).factor(np.float32(50), np.float32(100)), 0.6, rtol=1e-6)


def test_one_cycle_follows_half_cosines_on_both_sides():
    schedule = OneCycle(rise=0.4, start=0.1, final=0.02)
    for step, wanted in ((20, (0.1 + 1) / 2), (70, (1 + 0.02) / 2), (55, 0.02 + 0.98 * (1 + np.cos(np.pi / 4)) / 2)):
        np.testing.assert_allclose(schedule.factor(np.float32(step), np.float32(100)), wanted, rtol=1e-5)
