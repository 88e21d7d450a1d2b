"""The search: reproducible, shared, never worse than what it started from, refused where it makes no sense."""

import dataclasses
import json
import math
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import optuna
import pytest
from tests.tune.problems import PLAN, numbers_only, rows_of

import gammabeta as gb
from gammabeta.errors import TrainingError, UsageError
from gammabeta.nn import SigmoidCrossEntropy, SoftmaxCrossEntropy, SquaredError
from gammabeta.plan import change
from gammabeta.serial import without_nan
from gammabeta.train.together import Meeting, advance_all
from gammabeta.tune import Found, facts, narrowed, ready, search, trials_csv
from gammabeta.tune.asking import Asking
from gammabeta.tune.ranking import candidates, interval, ranked
from gammabeta.tune.storage import opened
from gammabeta.tune.trial import Outcome, Problem, common_loss, folds_for, trained

TRIALS = 6


@pytest.fixture(scope="module")
def rows():
    return rows_of()


@pytest.fixture(scope="module")
def found(rows):
    """A search over numbers, with one worker."""
    return search(PLAN, *rows, space=numbers_only(), trials=TRIALS, workers=1)


def test_the_same_search_again_gives_the_same_trials(found, rows, tmp_path) -> None:
    url = f"sqlite:///{tmp_path / 'search.db'}"
    with pytest.raises(TrainingError, match="stopped before its first trial"):
        search(PLAN, *rows, space=numbers_only(), trials=TRIALS, workers=1, storage=url, should_stop=lambda: True)
    part = search(PLAN, *rows, space=numbers_only(), trials=2, workers=1, storage=url)
    assert len(part.outcomes) == 2
    again = search(PLAN, *rows, space=numbers_only(), trials=TRIALS, workers=1, storage=url)
    assert again.params == found.params
    assert [o.value for o in again.outcomes.values()] == [o.value for o in found.outcomes.values()]
    assert again.ranking == found.ranking


def test_trial_0_is_the_plan_itself_and_nothing_worse_wins(found, rows) -> None:
    schema, train, valid = rows
    alone = gb.learn(PLAN, schema, train, valid).run.best.valid["loss"]
    assert found.outcomes[0].value == pytest.approx(alone, abs=1e-6)
    tuned = gb.learn(found.plan, schema, train, valid).run.best.valid["loss"]
    assert tuned <= alone + 1e-6
    # from a rate that is far too low for four epochs there is a way up
    assert tuned < alone - 0.01
    assert found.trial != 0


def test_numbers_share_one_program(found) -> None:
    assert found.programs == 1
    assert len({tuple(params.items()) for params in found.params.values()}) == TRIALS


def test_the_ranking_is_on_seeds_that_chose_nothing(found) -> None:
    assert all(len(place.values) == 3 for place in found.ranking)
    assert [place.mean for place in found.ranking] == sorted(place.mean for place in found.ranking)
    winner = next(place for place in found.ranking if place.trial == found.trial)
    first = next(place for place in found.ranking if place.trial == 0)
    assert winner.gain == pytest.approx(first.mean - winner.mean)
    assert winner.first not in winner.values


def test_the_facts_are_json_and_tell_everything(found) -> None:
    body = json.loads(json.dumps(facts(found), allow_nan=False))
    assert [trial["trial"] for trial in body["trials"]] == list(range(TRIALS))
    assert body["programs"] == 1
    assert [trial["shared"] for trial in body["trials"]] == [False] + [True] * (TRIALS - 1)
    for axis in body["axes"]:
        assert axis["of_trials"] == [trial["params"].get(axis["key"]) for trial in body["trials"]]
    header, *lines = trials_csv(found).splitlines()
    assert header.startswith("trial,ended,value,")
    assert len(lines) == TRIALS


def test_two_at_once_share_the_trials(rows, tmp_path) -> None:
    url = f"sqlite:///{tmp_path / 'search.db'}"

    def one() -> Found:
        return search(PLAN, *rows, space=numbers_only(), trials=TRIALS, workers=2, storage=url)

    with ThreadPoolExecutor(2) as pool:
        results = [each.result() for each in [pool.submit(one), pool.submit(one)]]
    assert results[0].params == results[1].params
    assert results[0].ranking == results[1].ranking
    study = optuna.load_study(study_name="gammabeta", storage=url)
    states = [trial.state.name for trial in study.trials]
    assert len(states) == TRIALS
    assert set(states) <= {"COMPLETE", "PRUNED"}


def test_who_asks_at_once_gets_a_trial_of_its_own_with_what_it_gave(tmp_path) -> None:
    url, askers, each = f"sqlite:///{tmp_path / 'search.db'}", 4, 8
    space = numbers_only()
    key = next(d.key for d in space.dimensions if d.name == "optimizer.learning_rate")
    together = Barrier(askers)

    def ask(who: int) -> list[tuple[int, float, float]]:
        study, jobs = mine = opened(url, "gammabeta", {})
        asking = Asking(study, jobs, space, PLAN)
        taken = []
        for turn in range(each):
            rate = 0.002 + 0.009 * (each * who + turn)
            asking.given = lambda number, rate=rate: {key: rate}
            together.wait(60)
            trial, params = asking.ask(1 + turn, None)
            taken.append((trial.number, rate, params[key]))
        mine.close()
        return taken

    with ThreadPoolExecutor(askers) as pool:
        taken = [one for taken in pool.map(ask, range(askers)) for one in taken]
    assert sorted(number for number, _, _ in taken) == list(range(askers * each))
    assert all(given == got for _, given, got in taken)


def test_trials_that_meet_are_one_program_and_come_to_what_each_does_alone(rows, monkeypatch) -> None:
    # what is done on an accelerator
    monkeypatch.setattr(sys.modules[Found.__module__], "together", lambda size: Meeting(size).joined)
    advance_all.clear_cache()
    space = numbers_only()
    together = search(PLAN, *rows, space=space, trials=TRIALS, workers=3)
    assert sorted(together.outcomes) == list(range(TRIALS))
    assert advance_all._cache_size() == 1
    monkeypatch.undo()
    for number, outcome in together.outcomes.items():
        if outcome.ended == "done":
            plan = PLAN if number == 0 else space.planned(PLAN, together.params[number])
            assert outcome.value == pytest.approx(trained(together.problem, plan).value, rel=1e-3)


def test_a_trial_that_cannot_run_is_told_and_the_search_goes_on(rows) -> None:
    # 8 groups do not divide 4 units
    space = narrowed(ready(PLAN), PLAN, {"only": True, "network.normalization": ["batch_norm", "group_norm"]})
    found = search(PLAN, *rows, space=space, trials=5, workers=1)
    impossible = [o for n, o in found.outcomes.items() if found.params[n]["network.normalization"] == "group_norm"]
    assert impossible
    assert all(o.ended == "impossible" and "does not divide 4 features" in o.why for o in impossible)
    assert found.outcomes[0].ended == "done"


def test_a_search_that_only_diverges_says_so(rows) -> None:
    base = change(PLAN, {"optimizer.learning_rate": 1e38})
    space = narrowed(ready(base), base, {"only": True, "optimizer.learning_rate": {"log": [1e37, 1e38]}})
    with pytest.raises(TrainingError, match="none of 2 trials gave a usable network"):
        search(base, *rows, space=space, trials=2, workers=1)


def test_the_time_that_is_asked_for_is_that_of_epochs_not_of_compiling(rows, monkeypatch) -> None:
    # 20 s, most of them to compile, and three of four epochs
    cut = Outcome("stopped", epochs=3, seconds=20.0, epoch_seconds=0.5)

    def until_stopped(problem, plan, hear, should_stop) -> Outcome:
        while not should_stop():
            time.sleep(0.01)
        return cut

    monkeypatch.setattr(sys.modules[Found.__module__], "trained", until_stopped)
    with pytest.raises(UsageError, match=r"\(3 of at most 4 epochs in 20\.0 s\); give at least 31 s, or set fewer"):
        search(PLAN, *rows, space=numbers_only(), workers=1, time_limit=2.0)


def test_an_outcome_knows_how_long_an_epoch_takes_and_one_of_an_older_version_does_not(found) -> None:
    outcome = found.outcomes[0]
    assert 0 < outcome.epoch_seconds < outcome.seconds
    body = outcome.to_json()
    assert Outcome.from_json(body) == outcome
    del body["epoch_seconds"]
    assert math.isnan(Outcome.from_json(body).epoch_seconds)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"trials": 0}, "trials: found 0, expected at least 1"),
        ({"workers": 0}, "workers: found 0"),
        ({"time_limit": -1.0}, "expected more than 0 seconds"),
        ({"time_limit": 1e-3}, "not even the plan that the search starts from was done in the 0.001 s"),
        ({"time_limit": 1e-3}, "give several times as much, or set fewer epochs"),
        ({"storage": "sqlite:////nowhere/at/all/search.db"}, "there is no folder /nowhere/at/all"),
        ({"storage": "search.db"}, "not a database URL, expected such as sqlite:///search.db"),
        ({"storage": "fancy://host/x"}, "fancy is no known kind of database, expected such as sqlite"),
        ({"storage": "postgresql://u:secret@host/x"}, "u:***@host/x: the driver psycopg"),
        ({"storage": "mysql+pymysql://host/x"}, "; pip install pymysql."),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_sentence(rows, options, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        search(PLAN, *rows, space=numbers_only(), workers=options.pop("workers", 1), **options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_search_is_not_gone_on_with(rows, tmp_path) -> None:
    schema, train, valid = rows
    url = f"sqlite:///{tmp_path / 'search.db'}"
    search(PLAN, *rows, space=numbers_only(), trials=1, workers=1, storage=url)
    fewer = train.take(np.arange(1_010))
    for plan, space, there, words in (
        (PLAN, numbers_only(), fewer, "training rows was"),
        (PLAN, narrowed(numbers_only(), PLAN, {"network.dropout": [0.1, 0.2]}), train, "space.network.dropout.values"),
        (PLAN.replace(batch_size=64), numbers_only(), train, "plan.batch_size was 128, is 64"),
    ):
        with pytest.raises(UsageError) as caught:
            search(plan, schema, there, valid, space=space, trials=1, workers=1, storage=url)
        assert words in str(caught.value)


def test_folds_hold_every_row_once_and_every_class_evenly() -> None:
    schema, train, valid = rows_of(310)
    assert folds_for(train, valid) == 5
    problem = Problem(schema, train, valid, 5, False)
    splits = problem.splits(0)
    held = np.concatenate([fold.x for _, fold in splits])
    assert sorted(map(tuple, held)) == sorted(map(tuple, np.concatenate([train.x, valid.x])))
    shares = [float(np.mean(fold.y)) for _, fold in splits]
    assert max(shares) - min(shares) < 0.03
    assert all(fold.rows + rest.rows == train.rows + valid.rows for rest, fold in splits)
    other = problem.splits(1)
    assert not np.array_equal(splits[0][1].x, other[0][1].x)


def test_the_value_of_folds_is_their_mean() -> None:
    schema, train, valid = rows_of(300)
    problem = Problem(schema, train, valid, 3, False)
    plan = PLAN.replace(epochs=2, batch_size=32)
    whole = trained(problem, plan)
    alone = [gb.learn(plan, schema, *split).run.best.valid["loss"] for split in problem.splits(plan.seed)]
    assert whole.value == pytest.approx(np.mean(alone), abs=1e-6)
    assert whole.epochs == 6


def test_a_pruned_trial_ends_where_it_is_told_to(rows) -> None:
    heard = []

    def hear(epoch: int, value: float) -> bool:
        heard.append((epoch, value))
        return len(heard) == 2

    schema, train, valid = rows
    outcome = trained(Problem(schema, train, valid, 1, False), PLAN, hear)
    assert outcome.ended == "pruned"
    assert outcome.epochs == 2
    assert [epoch for epoch, _ in heard] == [1, 2]
    assert outcome.value == min(value for _, value in heard)


@pytest.mark.parametrize(
    "loss", [SigmoidCrossEntropy(), SoftmaxCrossEntropy(), SquaredError()], ids=lambda x: type(x).__name__
)
def test_the_common_loss_is_the_loss_without_smoothing(loss) -> None:
    random = np.random.default_rng(1)
    outputs = random.standard_normal((7, 3)).astype(np.float32)
    y = {
        "SigmoidCrossEntropy": (random.random((7, 3)) < 0.4).astype(np.float32),
        "SoftmaxCrossEntropy": np.array([0, 2, 1, 1, 0, 2, 2], np.int32),
        "SquaredError": random.standard_normal((7, 3)).astype(np.float32),
    }[type(loss).__name__]
    weights = random.uniform(0.5, 2, 7).astype(np.float32)
    wanted = np.average(np.asarray(loss.rows(outputs, y)), weights=weights)
    data = gb.Dataset(x=outputs, y=y, weights=weights)
    found = common_loss(PLAN.replace(loss=loss), np.asarray(loss.predict(outputs)), data)
    assert found == pytest.approx(float(wanted), rel=1e-5)


def outcome(value: float, ended: str = "done") -> Outcome:
    return Outcome(ended, value, "accuracy", 0.5, 3, 1.0, "p")


def test_luck_on_one_seed_does_not_win() -> None:
    outcomes = {0: outcome(0.5), 1: outcome(0.1), 2: outcome(0.3), 3: outcome(0.6), 4: outcome(0.2, "pruned")}
    assert candidates(outcomes) == [0, 1, 2]
    repeats = {
        0: [outcome(0.50), outcome(0.52), outcome(0.54)],
        1: [outcome(0.60), outcome(0.61), outcome(0.70)],
        2: [outcome(0.31), outcome(0.34), outcome(0.34)],
    }
    places = ranked(outcomes, repeats)
    assert [place.trial for place in places] == [2, 0, 1]
    assert places[0].gain == pytest.approx(0.19)
    # differences 0.19, 0.18, 0.20: mean 0.19, standard deviation 0.01, t(0.975, 2) = 4.3027
    assert places[0].gain_low == pytest.approx(0.19 - 4.3027 * 0.01 / math.sqrt(3), abs=1e-5)


def test_only_seeds_on_which_all_were_trained_count() -> None:
    outcomes = {0: outcome(0.5), 1: outcome(0.1)}
    places = ranked(outcomes, {0: [outcome(0.5), outcome(0.1)], 1: [outcome(0.4)]})
    assert [(place.trial, place.values) for place in places] == [(1, (0.4,)), (0, (0.5,))]
    failed = ranked(outcomes, {0: [outcome(0.5)], 1: [outcome(math.nan, "diverged")]})
    assert failed[0].trial == 0
    json.dumps(without_nan([dataclasses.asdict(place) for place in failed]), allow_nan=False)


def test_an_interval_needs_two_values() -> None:
    assert interval([0.3])[0] == 0.3
    assert math.isnan(interval([0.3])[1])
    mean, low, high = interval([1.0, 2.0, 4.0])
    assert low < mean < high
