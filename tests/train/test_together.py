"""Runs that meet for their steps: what each would be alone, in one program, and none waits for one that is gone."""

from concurrent.futures import ThreadPoolExecutor

import jax
import numpy as np
import pytest

from gammabeta.data import Dataset
from gammabeta.errors import PlanError
from gammabeta.nn import Mlp, SoftmaxCrossEntropy
from gammabeta.optim import AdamW, Sgd
from gammabeta.plan import EarlyStopping, Plan
from gammabeta.train import fit
from gammabeta.train import together as module
from gammabeta.train.together import Meeting, advance_all, side_by_side, steps_of_this_thread

PLAN = Plan(
    network=Mlp(hidden=(5,), dropout=0.2),
    loss=SoftmaxCrossEntropy(),
    optimizer=AdamW(learning_rate=0.01),
    epochs=3,
    batch_size=16,
    seed=4,
)


@pytest.fixture(scope="module")
def rows():
    random = np.random.default_rng(0)
    x = (3 + 2 * random.standard_normal((60, 3))).astype(np.float32)
    y = (x[:, 0] + 0.3 * x[:, 1] > 4).astype(np.int32) + (x[:, 2] > 4)
    return Dataset(x[:45], y[:45]), Dataset(x[45:], y[45:])


def trained(plan, rows, **options):
    return list(fit(plan, *rows, probe=None, **options))


def met(meeting, plans, rows):
    """Every plan's epochs, all of them trained in the meeting."""

    def one(plan):
        with meeting.joined():
            return trained(plan, rows)

    with ThreadPoolExecutor(len(plans)) as pool:
        return list(pool.map(one, plans))


def numbered(rate: float, seed: int) -> Plan:
    return PLAN.replace(optimizer=AdamW(learning_rate=rate), seed=seed)


def assert_same(found, alone) -> None:
    assert [epoch.number for epoch in found] == [epoch.number for epoch in alone]
    assert [epoch.ended for epoch in found] == [epoch.ended for epoch in alone]
    for here, there in zip(found, alone, strict=True):
        assert here.valid["loss"] == pytest.approx(there.valid["loss"], rel=1e-4)
        np.testing.assert_allclose(here.losses, there.losses, rtol=1e-4)
    for here, there in zip(jax.tree.leaves(found[-1].state), jax.tree.leaves(alone[-1].state), strict=True):
        np.testing.assert_allclose(here, there, rtol=2e-3, atol=2e-5)


def test_runs_that_differ_in_numbers_are_one_program_and_what_each_is_alone(rows) -> None:
    plans = [numbered(0.003, 1), numbered(0.03, 2), numbered(0.1, 3)]
    advance_all.clear_cache()
    meeting = Meeting(3)
    for found, plan in zip(met(meeting, plans, rows), plans, strict=True):
        assert_same(found, trained(plan, rows))
    assert advance_all._cache_size() == 1
    assert meeting.present == 0
    assert not meeting.waiting


def test_another_program_makes_its_own_steps_and_who_ends_early_holds_nobody_up(rows) -> None:
    plans = [
        numbered(0.01, 1).replace(epochs=6),
        numbered(0.02, 5),
        PLAN.replace(optimizer=Sgd(learning_rate=0.1)),
        # the rate is far too high: it stops one epoch after its best
        numbered(3.0, 2).replace(epochs=6, early_stopping=EarlyStopping(patience=1)),
    ]
    advance_all.clear_cache()
    for found, plan in zip(met(Meeting(4), plans, rows), plans, strict=True):
        assert_same(found, trained(plan, rows))
    # the first, second and fourth share one, with however many are left of them
    assert advance_all._cache_size() == 1


def test_a_run_that_fails_is_alone_with_it(rows) -> None:
    meeting = Meeting(2)

    def one(plan):
        with meeting.joined():
            return trained(plan, rows)

    with ThreadPoolExecutor(2) as pool:
        fails = pool.submit(one, PLAN.replace(devices=64))
        goes_on = pool.submit(one, PLAN)
        with pytest.raises(PlanError, match=r"plan\.devices"):
            fails.result(60)
        assert_same(goes_on.result(60), trained(PLAN, rows))


def test_what_breaks_in_a_batched_step_is_told_to_all_who_wait(rows, monkeypatch) -> None:
    monkeypatch.setattr(module, "advance_all", lambda *args: (_ for _ in ()).throw(MemoryError("too much")))
    meeting = Meeting(2)

    def one(plan):
        with meeting.joined():
            return trained(plan, rows)

    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(one, numbered(0.01, seed)) for seed in (1, 2)]
        # two that come at different times make their first steps alone
        said = [str(each.exception(60)) for each in both if each.exception(60)]
    assert said
    assert set(said) == {"too much"}
    assert meeting.present == 0


def test_outside_of_a_meeting_and_on_a_cpu_nothing_changes(rows, monkeypatch) -> None:
    plain = steps_of_this_thread()
    seen = list(side_by_side(lambda number: (number, steps_of_this_thread()), [3, 1, 2], 2))
    assert [number for number, _ in seen] == [3, 1, 2]
    assert all(step is plain for _, step in seen)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert module.at_once() == module.MEMBERS
    seen = list(side_by_side(lambda number: (number, steps_of_this_thread()), [3, 1], 2))
    assert [number for number, _ in seen] == [3, 1]
    assert all(step is not plain for _, step in seen)
    assert steps_of_this_thread() is plain
