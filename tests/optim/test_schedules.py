"""Every schedule: where it starts, peaks and ends, and that it moves one way in between."""

import json
from functools import cache

import jax
import numpy as np
import pytest

from gammabeta.errors import PlanError
from gammabeta.optim import (
    Constant,
    Cosine,
    Exponential,
    OneCycle,
    ReduceOnPlateau,
    Schedule,
    Step,
    WarmUp,
)
from gammabeta.serial import Description, dumps, from_json, lift, lower

STEPS = 201

# (schedule, start, step of the peak, end)
SCHEDULES = {
    "constant": (Constant(), 1.0, 0, 1.0),
    "cosine": (Cosine(), 1.0, 0, 0.0),
    "cosine to a tenth": (Cosine(final=0.1), 1.0, 0, 0.1),
    "one cycle": (OneCycle(), 0.04, 50.25, 1e-5),
    "one cycle, late": (OneCycle(rise=0.8, start=0.2, final=0.3), 0.2, 160.8, 0.3),
    "step": (Step(), 1.0, 0, 0.01),
    "step, often": (Step(every=0.13, drop=0.7), 1.0, 0, 0.7**7),
    "exponential": (Exponential(), 1.0, 0, 0.01),
    "exponential, up": (Exponential(start=1e-6, final=1.0), 1e-6, 201, 1.0),
    "warm-up": (WarmUp(), 0.01, 20.1, 1.0),
    "warm-up before a cosine": (WarmUp(share=0.3, start=0.2, then=Cosine(final=0.1)), 0.2, 60.3, 0.1),
    "reduce on plateau": (ReduceOnPlateau(), 1.0, 0, 1.0),
    "reduce on plateau under a cosine": (ReduceOnPlateau(then=Cosine(final=0.1)), 1.0, 0, 0.1),
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
    np.testing.assert_allclose(found[round(peak)], 1.0, atol=5e-3)
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
    if end < 1 and not isinstance(schedule, Step):
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
        changed = value + 1 if isinstance(value, int) else 0.9 * value + 0.05
        other = factors(lower(skeleton, {**numbers, number: changed}))
        if isinstance(schedule, ReduceOnPlateau) and not number.startswith("then."):
            np.testing.assert_array_equal(other, first)
        else:
            assert np.abs(other - first).max() > 1e-3, number
    factors(schedule, steps=77)
    assert len(traced) == before


def test_cosine_is_half_way_at_half_time():
    np.testing.assert_allclose(Cosine(final=0.2).factor(np.float32(50), np.float32(100)), 0.6, rtol=1e-6)


def test_one_cycle_follows_half_cosines_on_both_sides():
    schedule = OneCycle(rise=0.4, start=0.1, final=0.02)
    for step, wanted in ((20, (0.1 + 1) / 2), (70, (1 + 0.02) / 2), (55, 0.02 + 0.98 * (1 + np.cos(np.pi / 4)) / 2)):
        np.testing.assert_allclose(schedule.factor(np.float32(step), np.float32(100)), wanted, rtol=1e-5)


GIVEN = [
    # (schedule, step, steps, factor), by hand
    (Constant(), 7, 30, 1.0),
    (Step(every=0.25, drop=0.5), 24, 100, 1.0),
    (Step(every=0.25, drop=0.5), 25, 100, 0.5),
    (Step(every=0.25, drop=0.5), 74, 100, 0.25),
    (Step(every=0.25, drop=0.5), 100, 100, 0.125),
    (Step(), 99, 300, 1.0),
    (Step(), 100, 300, 0.1),
    (Step(), 200, 300, 0.01),
    (Step(every=1.0), 300, 300, 1.0),
    (Exponential(final=0.01), 50, 100, 0.1),
    (Exponential(start=1e-7, final=1.0), 30, 70, 1e-4),
    (Exponential(start=0.5, final=0.02), 25, 100, 0.5 * 0.04**0.25),
    (WarmUp(share=0.2, start=0.1), 0, 50, 0.1),
    (WarmUp(share=0.2, start=0.1), 5, 50, 0.55),
    (WarmUp(share=0.2, start=0.1), 10, 50, 1.0),
    (WarmUp(share=0.2, start=0.0, then=Cosine(final=0.2)), 30, 50, 0.6),
    (WarmUp(share=0.2, start=0.0, then=Exponential(start=0.5)), 5, 50, 0.25),
    (WarmUp(share=0.1, then=Step(every=0.5)), 54, 100, 1.0),
    (WarmUp(share=0.1, then=Step(every=0.5)), 55, 100, 0.1),
]


@pytest.mark.parametrize(("schedule", "step", "steps", "wanted"), GIVEN)
def test_the_factor_at_a_given_step_is_that_of_the_formula(schedule, step, steps, wanted):
    np.testing.assert_allclose(schedule.factor(np.int32(step), np.int32(steps)), wanted, rtol=1e-5)


def test_the_step_drops_at_each_exact_share_whatever_the_length():
    for steps in (3, 30, 33, 300, 999, 3_000, 99_999):
        for third in (1, 2):
            found = Step().factor(np.array([third * steps // 3 - 1, third * steps // 3]), np.int32(steps))
            np.testing.assert_allclose(found, [0.1 ** (third - 1), 0.1**third], rtol=1e-5)


@every_schedule
def test_it_comes_back_from_json(schedule, start, peak, end):
    assert from_json(json.loads(dumps(schedule)), expected=Schedule) == schedule


@every_schedule
def test_only_a_plateau_reads_the_losses(schedule, start, peak, end):
    stuck = [2.0] * 12
    assert schedule.after([]) == 1.0
    assert schedule.after(stuck) == pytest.approx(0.1 if isinstance(schedule, ReduceOnPlateau) else 1.0)


def test_a_plateau_under_a_warm_up_is_heard():
    assert WarmUp(then=ReduceOnPlateau(patience=2, drop=0.5)).after([1.0, 1.0, 1.0]) == 0.5


PLATEAUS = {
    "falling": ([5.0, 4, 3, 2, 1], 1.0),
    "stuck one epoch less than it takes": ([3.0, 2, 2, 2], 1.0),
    "stuck long enough": ([3.0, 2, 2, 2, 2], 0.5),
    "stuck twice": ([3.0, 2, 2, 2, 2, 2, 2, 2], 0.25),
    "to the minimum": ([2.0] * 40, 0.2),
    "a gain below the threshold": ([2.0, 1.99, 1.985, 1.982], 0.5),
    "small gains that add up to more than the threshold": ([2.0, 1.99, 1.985, 1.97], 1.0),
    "NaN is no improvement": ([2.0, float("nan"), float("nan"), float("nan")], 0.5),
    "from NaN on": ([float("nan"), 2.0, 1.0, 0.5], 1.0),
    "worse and then better": ([2.0, 3, 3, 1, 1, 1], 1.0),
}


@pytest.mark.parametrize(("losses", "wanted"), PLATEAUS.values(), ids=PLATEAUS)
def test_the_rate_falls_when_the_loss_has_not_for_patience_epochs(losses, wanted):
    schedule = ReduceOnPlateau(patience=3, drop=0.5, minimum=0.2, threshold=0.01)
    assert schedule.after(losses) == pytest.approx(wanted)


def test_it_reduces_where_torch_does_with_a_patience_of_one_less():
    torch = pytest.importorskip("torch")
    losses = [float(loss) for loss in np.random.default_rng(5).uniform(0.2, 1, 60) * np.geomspace(9, 1, 60)]
    theirs = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    rule = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, factor=0.7, patience=2, threshold=0.02, min_lr=0.01)
    schedule = ReduceOnPlateau(patience=3, drop=0.7, threshold=0.02, minimum=0.01)
    for done in range(1, 61):
        rule.step(losses[done - 1])
        assert schedule.after(losses[:done]) == pytest.approx(theirs.param_groups[0]["lr"])
    assert schedule.after(losses) < 0.2


BAD = [
    (Step, {"every": 0.0}, "(0, 1]"),
    (Step, {"drop": 1.5}, "(0, 1]"),
    (Exponential, {"final": 0.0}, "(0, 1]"),
    (Exponential, {"start": -1.0}, "(0, 1]"),
    (WarmUp, {"share": 1.0}, "(0, 1)"),
    (WarmUp, {"start": 1.1}, "[0, 1]"),
    (WarmUp, {"then": 3}, "a schedule"),
    (ReduceOnPlateau, {"patience": 0}, "[1, inf)"),
    (ReduceOnPlateau, {"patience": 2.5}, "whole number"),
    (ReduceOnPlateau, {"drop": 0.0}, "(0, 1]"),
    (ReduceOnPlateau, {"minimum": 2.0}, "[0, 1]"),
    (ReduceOnPlateau, {"threshold": 1.0}, "[0, 1)"),
    (Cosine, {"final": 1.2}, "[0, 1]"),
    (OneCycle, {"rise": 0.0}, "(0, 1)"),
]


@pytest.mark.parametrize(("kind", "values", "words"), BAD)
def test_a_value_out_of_range_is_refused_with_the_range(kind, values, words):
    with pytest.raises(PlanError, match=next(iter(values))) as caught:
        kind(**values)
    assert words in str(caught.value)
