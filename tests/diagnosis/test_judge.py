"""What forks prove: the first cause, what is left over after it, and what is only noise."""

from dataclasses import replace

import numpy as np
import pytest

from gammabeta.data import Dataset
from gammabeta.diagnosis import Case, Finding, Proof, Suspicion, Treatment, registry
from gammabeta.diagnosis.forks import Branch, Outcome, forked
from gammabeta.diagnosis.gain import gain_of, other_units
from gammabeta.diagnosis.judge import Scored, judge, severity_of, silenced, top_of
from gammabeta.diagnosis.rank import Proved, rank, standing
from gammabeta.diagnosis.trials import Tried, proof
from gammabeta.nn import AbsoluteError, Dense, Sequential, SquaredError
from gammabeta.optim import Sgd
from gammabeta.plan import Plan
from gammabeta.train import together
from gammabeta.train.paired import paired
from gammabeta.train.step import Start
from gammabeta.train.together import Meeting, advance_all

PAGES = {code: one.page for code, one in registry().items()}


def rows(count, seed):
    random = np.random.default_rng(seed)
    x = random.normal(size=(count, 3)).astype(np.float32)
    y = x @ np.float32([1.0, -0.7, 0.4]) + 0.05 * random.normal(size=count)
    return Dataset(x, y.astype(np.float32)[:, None])


def times(name, factor):
    """A treatment of the inputs or of the rate."""
    if name == "rate":
        return Treatment(
            f"rate x {factor}",
            lambda plan: plan.replace(
                optimizer=plan.optimizer.replace(learning_rate=factor * plan.optimizer.learning_rate)
            ),
        )
    return Treatment("no L2", lambda plan: plan.replace(l2=None))


def suspicion(code, treatment, certainty, **more):
    return Suspicion(code=code, place="", evidence="seen", certainty=certainty, treatments=(treatment,), **more)


@pytest.fixture(scope="module")
def twice_ill():
    """A rate far too low, and L2 far too strong: neither alone is enough."""
    plan = Plan(
        network=Sequential((Dense(1),)), loss=SquaredError(), optimizer=Sgd(learning_rate=2e-3), l2=3.0, epochs=6
    )
    train, valid = rows(120, 0), rows(83, 1)
    plan = plan.replace(batch_size=16)
    params = ({"weight": np.zeros((3, 1), np.float32), "bias": np.zeros(1, np.float32)},)
    return Case.of(plan, train, valid, params=params, stats=((),))


def finding(code, place, severity="error"):
    return Finding(code=code, name="", severity=severity, place=place, evidence="seen")


def findings(case, *suspicions):
    return [(one.code, one.severity) for one in judge(case, suspicions, PAGES)]


def test_two_causes_are_both_named_and_the_second_is_tried_on_top_of_the_first(twice_ill):
    rate, decay = suspicion("GB302", times("rate", 50), 0.8), suspicion("GB307", times("l2", 0), 0.85)
    found = judge(twice_ill, [rate, decay], PAGES)
    assert {one.code for one in found if one.severity != "note"} == {"GB302", "GB307"}
    second = found[1]
    assert "on top of" in second.costs
    assert second.proof.before == pytest.approx(found[0].proof.after)
    assert second.fix == ({"l2": None} if second.code == "GB307" else {"optimizer.learning_rate": pytest.approx(0.1)})


def test_two_causes_that_hide_each_other_are_found_together(twice_ill):
    optimizer = twice_ill.plan.optimizer.replace(learning_rate=1e-6)
    stuck = replace(twice_ill, plan=twice_ill.plan.replace(optimizer=optimizer, l2=3_000.0), measured={})
    rate, decay = suspicion("GB302", times("rate", 1e5), 0.7), suspicion("GB307", times("l2", 0), 0.8)
    assert findings(stuck, decay) == findings(stuck, rate) == []
    found = judge(stuck, [rate, decay], PAGES)
    assert {(one.code, one.severity) for one in found} == {("GB302", "error"), ("GB307", "error")}
    changes = {one.code: one.proof.change for one in found}
    for one, other in (("GB302", "GB307"), ("GB307", "GB302")):
        (costs,) = [each.costs for each in found if each.code == one]
        assert f"with {changes[one]} on top of {changes[other]}, r2 goes from" in costs
    # --fix applies the first one's: it mends nothing without the other
    assert [one.fix for one in found] == 2 * [{"l2": None, "optimizer.learning_rate": pytest.approx(0.1)}]
    # neither is tried with a third that is unlikely, nor where another cause is sure
    assert findings(stuck, decay, replace(rate, certainty=0.5)) == []
    sure = Suspicion(code="GB105", place="", evidence="seen", certainty=0.95, severity="error")
    assert findings(stuck, rate, decay, sure) == [("GB105", "error")]


def test_a_sure_second_cause_is_tried_where_hardly_anything_is_missing(twice_ill):
    little = replace(twice_ill, plan=twice_ill.plan.replace(l2=0.4), measured={})
    rate, decay = suspicion("GB302", times("rate", 50), 0.8), suspicion("GB204", times("l2", 0), 0.95)
    assert findings(little, rate, decay) == [("GB302", "error"), ("GB204", "warning")]
    assert findings(little, rate, replace(decay, certainty=0.85)) == [("GB302", "error")]


def test_what_a_proved_cause_explains_without_a_fork_is_a_note(twice_ill):
    rate = suspicion("GB302", times("rate", 50), 0.8)
    broken = Suspicion(code="GB701", place="", evidence="seen", certainty=0.3, severity="error")
    still = Suspicion(code="GB206", place="", evidence="seen", certainty=0.95, severity="error")
    assert findings(twice_ill, rate, broken) == [("GB302", "error"), ("GB701", "note")]
    assert ("GB206", "error") in findings(twice_ill, rate, still)
    equal = Suspicion(code="GB201", place="", evidence="seen", certainty=1.0, severity="error")
    assert findings(twice_ill, equal, still) == [("GB201", "error"), ("GB206", "note")]
    # without a proof nothing says that it would have stayed finite
    assert findings(twice_ill, equal, broken) == [("GB201", "error"), ("GB701", "error")]


def test_what_has_nothing_to_try_is_not_said_to_be_left_untried(twice_ill):
    rate = suspicion("GB302", times("rate", 50), 0.8)
    idle = suspicion("GB201", Treatment("nothing"), 1.0)
    (note,) = [one for one in judge(twice_ill, [rate, idle], PAGES) if one.code == "GB201"]
    assert (note.severity, note.costs) == ("note", "")
    assert "GB201" not in [code for code, _ in findings(twice_ill, rate, replace(idle, certainty=0.8))]


def test_other_places_of_a_second_cause_are_told_as_well(twice_ill):
    first = Scored(1.0, finding("GB302", "rate"), None, None, twice_ill)
    notes = [Scored(0.0, finding("GB307", place, "note"), None, None, twice_ill) for place in ("l2", "dropout")]
    beyond = finding("GB307", "l2")
    told = silenced([first, *notes], first, beyond)
    assert [(one.code, one.place) for one in told] == [("GB302", "rate"), ("GB307", "l2"), ("GB307", "dropout")]
    assert told[1] is beyond
    # the first cause is told even where another place of its code stands beside it
    assert silenced([first], first, finding("GB302", "rate"))[0] is first.finding


def test_what_is_won_behind_a_balanced_metric_is_named_by_it(twice_ill):
    def heavier(data):
        return replace(data, weights=data.weights * np.where(data.y[:, 0] > 0, 2, 1).astype(np.float32))

    rate = suspicion("GB302", times("rate", 50), 0.9, judged=heavier)
    found = judge(twice_ill, [rate, suspicion("GB307", times("l2", 0), 0.85)], PAGES)
    metrics = [(one.code, one.proof.metric) for one in found if one.severity != "note"]
    assert metrics == [("GB302", "balanced r2"), ("GB307", "balanced r2")]


def test_another_treatment_of_the_same_trouble_is_explained_by_the_first(twice_ill):
    healthy = Case.of(twice_ill.plan.replace(l2=None), twice_ill.train, twice_ill.valid, params=twice_ill.params)
    healthy = replace(healthy, stats=((),))
    low, lower = suspicion("GB302", times("rate", 50), 0.8), suspicion("GB603", times("rate", 20), 0.7)
    assert findings(healthy, low, lower) == [("GB302", "error"), ("GB603", "note")]


def test_what_the_plan_asks_for_is_a_warning_at_most(twice_ill):
    assert findings(twice_ill, suspicion("GB302", times("rate", 50), 0.8, meant=True)) == [("GB302", "warning")]


def test_what_is_won_on_top_of_a_warning_does_not_come_before_it(twice_ill):
    rate, decay = suspicion("GB206", times("rate", 50), 0.9, meant=True), suspicion("GB307", times("l2", 0), 0.65)
    assert findings(twice_ill, rate, decay) == [("GB206", "warning"), ("GB307", "warning")]


def test_what_is_measured_stays_a_note_where_its_treatment_wins_nothing(twice_ill):
    idle = suspicion("GB503", times("rate", 1), 0.8)
    assert findings(twice_ill, idle) == []
    assert findings(twice_ill, replace(idle, noted=True)) == [("GB503", "note")]


def test_a_cause_without_a_fork_does_not_explain_what_a_fork_proved(twice_ill):
    leak = Suspicion(code="GB105", place="", evidence="seen", certainty=0.95, severity="error")
    sure, vague = suspicion("GB307", times("l2", 0), 0.85), suspicion("GB302", times("rate", 50), 0.8)
    found = findings(twice_ill, leak, replace(sure, treatments=vague.treatments))
    assert found == [("GB105", "error"), ("GB307", "error")]
    assert ("GB307", "note") in findings(twice_ill, leak, replace(sure, treatments=vague.treatments, certainty=0.3))
    # what a weak signature is warned of, a doubtful leak explains
    doubtful = replace(leak, certainty=0.3, severity="warning")
    little = replace(vague, certainty=0.3, meant=True)
    assert findings(twice_ill, little) == [("GB302", "warning")]
    assert findings(twice_ill, doubtful, little) == [("GB105", "warning"), ("GB302", "note")]


def test_a_gain_that_differs_between_seeds_is_no_error(twice_ill):
    treatment, branch = times("rate", 50), None

    def made(gain, spread):
        shown = Proof(
            change="",
            metric="r2",
            steps=9,
            seeds=3,
            before=0,
            after=gain,
            loss_before=1,
            loss_after=1,
            gain=gain,
            spread=spread,
            confirmed=True,
        )
        return Tried(treatment, branch, (), shown)

    any_suspicion = suspicion("GB302", treatment, 0.8)
    assert severity_of(twice_ill, any_suspicion, made(0.5, 0.02)) == "error"
    assert severity_of(twice_ill, any_suspicion, made(0.5, 0.2)) == "warning"
    assert severity_of(twice_ill, any_suspicion, made(0.04, 0.001)) == "warning"
    assert severity_of(twice_ill, any_suspicion, made(1.5 * twice_ill.chance, 0.001)) == "warning"


def test_what_is_left_untried_could_not_have_come_first():
    random = np.random.default_rng(7)
    stopped = 0
    for _ in range(2_000):
        most = random.uniform(0.2, 1)
        ends = {
            index: Proved(certainty, random.choice([0, 1]) * random.uniform(0.03, most))
            for index, certainty in enumerate(sorted(random.uniform(0.1, 1, 6), reverse=True))
        }
        fixed = random.choice([0, 1]) * random.uniform(0, 1)

        def first(proved, fixed=fixed):
            best = max((one.gain for one in proved.values()), default=0)
            scores = [(rank(one.gain, best, one.certainty), index) for index, one in proved.items() if one.gain]
            return max([*scores, (fixed, None)], key=lambda pair: pair[0])[1]

        for count in range(len(ends)):
            proved = {index: one for index, one in ends.items() if index < count and one.gain}
            waiting = {index: one.certainty for index, one in ends.items() if index >= count}
            found = standing(proved, fixed, waiting, most)
            if found.decided:
                stopped += 1
                assert first(proved) == first(ends)
                assert first(ends) in (found.leader, None)
                break
    assert stopped > 500


def test_forks_end_once_the_first_cause_is_decided(twice_ill, monkeypatch):
    healthy = Case.of(twice_ill.plan.replace(l2=None), twice_ill.train, twice_ill.valid, params=twice_ill.params)
    healthy = replace(healthy, stats=((),))
    monkeypatch.setattr(together, "at_once", lambda: 1)
    told = []
    vague = suspicion("GB603", times("rate", 20), 0.2)
    found = judge(healthy, [vague, suspicion("GB302", times("rate", 50), 0.9)], PAGES, tell=lambda *at: told.append(at))
    assert [(one.code, one.severity) for one in found] == [("GB302", "error")]
    assert told == [(1, 1), (2, 3), (3, 3)]


def test_the_paired_check_keeps_what_wins_in_every_pair_and_nothing_else():
    assert paired([0.11, 0.12, 0.10]).better
    assert not paired([0.3, 0.01, 0.02]).better
    assert not paired([-0.11, -0.12, -0.10]).better
    assert not paired([0.2]).better


def outcome(loss, metric=0.9, steps=30):
    return Outcome(loss, metric, loss, metric, loss, True, steps, (loss,))


def test_a_loss_that_surely_falls_is_a_warning_of_a_likely_suspicion_and_nothing_of_a_vague_one(twice_ill):
    before = [outcome(0.100), outcome(0.103), outcome(0.097)]
    shown = proof(twice_ill, times("rate", 50), before, [outcome(0.8 * one.loss) for one in before], False)
    assert (shown.confirmed, shown.by_loss) == (False, True)
    group = [Tried(times("rate", 50), None, (), shown)]
    likely = suspicion("GB506", times("rate", 50), 0.85)
    assert severity_of(twice_ill, likely, top_of(likely, group)) == "warning"
    assert top_of(replace(likely, certainty=0.5), group) is None
    assert top_of(replace(likely, meant=True), group) is None
    # a little less in two pairs, or of next to nothing, is no proof
    mixed = [outcome(0.08), outcome(0.101), outcome(0.09)]
    assert not proof(twice_ill, times("rate", 50), before, mixed, False).by_loss
    tiny = [outcome(0.01 * one.loss) for one in before]
    assert not proof(twice_ill, times("rate", 50), tiny, [outcome(0.8 * one.loss) for one in tiny], False).by_loss


def test_a_run_that_broke_down_is_worth_less_than_one_that_learned_nothing(twice_ill):
    broken, idle, good = outcome(np.inf, np.nan), outcome(2 * twice_ill.constant_loss, -0.5), outcome(0.01, 0.99)
    assert gain_of(twice_ill, broken, idle, False) == pytest.approx(0.25)
    assert gain_of(twice_ill, idle, good, False) == pytest.approx(gain_of(twice_ill, broken, good, False) - 0.25)


def test_below_a_constant_answer_the_loss_alone_is_a_proof(twice_ill):
    far, near = (factor * twice_ill.constant_loss for factor in (9.0, 2.0))
    pairs = [outcome(far, -3.0)] * 3, [outcome(near, -0.2)] * 3
    shown = proof(twice_ill, times("rate", 50), *pairs, False)
    assert (shown.gain, shown.confirmed, shown.by_loss) == (0, False, True)


def test_what_lowers_the_loss_alone_is_ranked_by_its_signature(twice_ill):
    assert rank(0.0, 0.0, 0.9) > rank(0.0, 0.0, 0.6) > 0 == rank(0.0, 0.2, 0.9)
    # far from the answer: with longer steps r2 is still below that of a constant one
    start = Start(({"weight": np.full((3, 1), 9.0, np.float32), "bias": np.ones(1, np.float32)},), ((),))
    far = replace(twice_ill, began=start)
    assert findings(far, suspicion("GB302", times("rate", 2), 0.8))[0] == ("GB302", "warning")


def test_rare_classes_explain_what_lowers_the_loss_alone(twice_ill):
    rare = Suspicion(code="GB106", place="", evidence="seen", certainty=0.7, severity="warning")
    start = Start(({"weight": np.full((3, 1), 9.0, np.float32), "bias": np.ones(1, np.float32)},), ((),))
    far = replace(twice_ill, began=start)
    sure = suspicion("GB601", times("rate", 2), 0.9)
    assert findings(far, sure, rare)[0] == ("GB106", "warning")
    # what wins skill as well comes first
    assert findings(twice_ill, suspicion("GB601", times("rate", 50), 0.9), rare)[0] == ("GB601", "error")


def test_losses_are_compared_where_inputs_alone_are_changed(twice_ill):
    train, plan = twice_ill.train, twice_ill.plan
    scaled = Branch(plan, replace(train, x=train.x / 3), twice_ill.valid, 20)
    assert not other_units(twice_ill, scaled)
    assert other_units(twice_ill, scaled._replace(train=replace(train, y=train.y / 3)))
    assert other_units(twice_ill, scaled._replace(train=replace(train, weights=np.linspace(1, 2, train.rows))))
    assert other_units(twice_ill, scaled._replace(plan=plan.replace(loss=AbsoluteError())))


def test_a_fork_shorter_than_the_run_must_beat_what_the_run_came_to(twice_ill):
    weights = {"weight": np.float32([[0.7], [-0.5], [0.1]]), "bias": np.zeros(1, np.float32)}
    history = ({"epoch": 1, "steps": 5_000, "train": {"loss": 0.1}, "valid": {}, "ended": "epochs"},)
    long = replace(twice_ill, params=(weights,), history=history, measured={})
    short = [[outcome(1.0, 0.2)] * 3, [outcome(0.5, 0.6)] * 3]
    shown = proof(long, times("rate", 50), *short, False)
    assert not shown.confirmed
    assert shown.finished == pytest.approx(long.valid_score)
    assert 0.6 < long.valid_score < 0.95
    assert proof(long, times("rate", 50), short[0], [outcome(1e-4, 0.9999)] * 3, False).confirmed
    assert proof(twice_ill, times("rate", 50), *short, False).confirmed


def test_nothing_is_tried_on_rows_that_hold_values_that_are_not_finite(twice_ill):
    x = twice_ill.train.x.copy()
    x[3, 1] = np.nan
    holed = Case.of(twice_ill.plan, replace(twice_ill.train, x=x), twice_ill.valid)
    missing = Suspicion(code="GB101", place="", evidence="seen", certainty=1.0, severity="error")
    told = []
    found = judge(holed, [missing, suspicion("GB302", times("rate", 50), 0.8)], PAGES, tell=lambda *at: told.append(at))
    assert [one.code for one in found] == ["GB101"]
    assert told == []


def test_what_only_the_cured_run_shows_is_tried_on_top_of_the_cure(twice_ill):
    seen = []

    def look(cured):
        seen.append(cured)
        return [suspicion("GB307", times("l2", 0), 0.85)]

    found = judge(twice_ill, [suspicion("GB302", times("rate", 50), 0.8)], PAGES, look=look)
    assert [(one.code, one.severity) for one in found] == [("GB302", "error"), ("GB307", "error")]
    assert (seen[0].plan.optimizer.learning_rate, len(seen[0].history)) == (pytest.approx(0.1), 6)


def test_forks_that_meet_are_one_program_and_come_to_what_each_does_alone(twice_ill, monkeypatch):
    branches = [
        Branch(times("rate", factor).plan(twice_ill.plan), twice_ill.train, twice_ill.valid, 20) for factor in (1, 9)
    ]
    alone = forked(branches, [3, 4])
    # what is done on an accelerator
    monkeypatch.setattr(together, "together", lambda size: Meeting(size).joined)
    monkeypatch.setattr(together, "at_once", lambda: 4)
    advance_all.clear_cache()
    met = forked(branches, [3, 4])
    assert advance_all._cache_size() == 1
    for left, right in zip(alone, met, strict=True):
        for one, other in zip(left, right, strict=True):
            assert one.steps == other.steps
            assert one.loss == pytest.approx(other.loss, rel=1e-4)
            assert one.curve == pytest.approx(other.curve, rel=1e-4)
