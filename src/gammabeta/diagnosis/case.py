"""All that is known of a run, measured when a rule asks for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gammabeta.compiling import ONCE
from gammabeta.data import Dataset, Schema
from gammabeta.diagnosis.examine import Examination, examine
from gammabeta.diagnosis.references import References, constant_answer, outputs_of, references
from gammabeta.nn import BatchNorm, ClassLoss, LabelLoss, Loss, MulticlassHinge, PositiveLogLoss, Sequential
from gammabeta.nn.memories import batch_norms
from gammabeta.plan import Plan
from gammabeta.serial import lift, lower
from gammabeta.train.counted import counted
from gammabeta.train.evaluate import Evaluation, evaluate, shared_length
from gammabeta.train.fit import met, steps_in, subset
from gammabeta.train.metrics import LOWER_IS_BETTER, headline, headline_name
from gammabeta.train.step import Start, State, calibrated, fresh_state, program_of, started
from gammabeta.types import Tree

PROBE_ROWS = 512


@dataclass(frozen=True, eq=False)
class Case:
    """A run to be diagnosed.

    plan: with its network as layers, as train.fit.met gives it; train, valid, test: encoded rows at their own weights,
        or None
    history: a line per epoch, as Epoch.to_json gives it; () where there is none
    params, stats: of the finished model; None where no epoch was good
    schema: what encoded the rows; None where they came as arrays
    began: what the run started from, where not from fresh numbers by its seed; its forks start there, too
    """

    plan: Plan
    train: Dataset
    valid: Dataset | None = None
    history: tuple[Mapping[str, Any], ...] = ()
    params: Tree = None
    stats: Tree = None
    test: Dataset | None = None
    schema: Schema | None = None
    began: Start | None = None
    measured: dict[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, plan: Plan, train: Dataset, *rest: Any, **more: Any) -> "Case":
        """A case from a plan as it was written: its network is written out for the rows."""
        return cls(met(plan, train), train, *rest, **more)

    def ended(self, history: tuple[Mapping[str, Any], ...], params: Tree, stats: Tree) -> "Case":
        """The case after training, with what was measured of its rows and its start."""
        made = replace(self, history=history, params=params, stats=stats)
        names = ("probe", "start", "at_start", "references", "constant_loss", "norms", "metric", "steps")
        vars(made).update({name: vars(self)[name] for name in names if name in vars(self)})
        return made

    @property
    def network(self) -> Sequential:
        layers = self.plan.layers
        assert isinstance(layers, Sequential)
        return layers

    @property
    def trained(self) -> bool:
        """Whether there is a finished model."""
        return self.params is not None

    @property
    def has_run(self) -> bool:
        """Whether a step was made."""
        return self.trained or bool(self.history)

    @cached_property
    def counted(self) -> Dataset:
        """The training rows as they count in the run."""
        return counted(self.plan, self.train)

    @property
    def judging(self) -> Dataset:
        """The validation rows at their own weights, or the training rows where there are none."""
        return self.train if self.valid is None or self.valid.rows == 0 else self.valid

    @cached_property
    def judged_on(self) -> Dataset:
        """The rows that judge, as they count in the run."""
        return self.counted if self.judging is self.train else counted(self.plan, self.judging, self.train)

    @cached_property
    def metric(self) -> str:
        assert self.train.y is not None
        return headline_name(self.plan.loss, outputs_of(self.train.y))

    @cached_property
    def steps(self) -> int:
        """Of the whole run, as planned."""
        return steps_in(self.plan, self.train.rows) * self.plan.epochs

    @cached_property
    def steps_made(self) -> int:
        return int(self.history[-1]["steps"]) if self.history else 0

    @cached_property
    def norms(self) -> list[BatchNorm]:
        """Every batch norm of the network, in order."""
        return batch_norms(self.network)

    @cached_property
    def probe(self) -> Dataset:
        """At most 512 training rows, always the same."""
        chosen = np.random.default_rng(0).permutation(self.train.rows)[:PROBE_ROWS]
        return self.counted.take(np.sort(chosen))

    @cached_property
    def start(self) -> State:
        """The state before the first step, as the run had it."""
        if self.began is not None:
            made = started(self.plan, self.train.input_shape, self.began)
        else:
            made = calibrated(
                self.plan, fresh_state(self.plan, self.train.input_shape), subset(self.counted, self.plan.seed)
            )
        state: State = jax.device_get(made)
        return state

    @cached_property
    def at_start(self) -> Examination:
        """The network before the first step; batch norm by the probe's own moments."""
        return examine(self.network, self.plan.loss, self.start.params, self.start.stats, self.probe, True)

    @cached_property
    def at_end(self) -> Examination | None:
        """The finished network on the probe rows, normalized as it predicts."""
        if not self.trained:
            return None
        return examine(self.network, self.plan.loss, self.params, self.stats, self.probe, False)

    @cached_property
    def on_train(self) -> Evaluation | None:
        """The finished network on the training rows."""
        return self.evaluated(self.counted)

    @cached_property
    def on_valid(self) -> Evaluation | None:
        return self.evaluated(self.judged_on)

    def evaluated(self, data: Dataset) -> Evaluation | None:
        if not self.trained:
            return None
        # as fit measured, with the program that is compiled already
        length = shared_length(self.train, self.valid)
        return evaluate(program_of(self.plan), self.params, self.stats, data, length)

    def score(self, found: Evaluation | None, data: Dataset) -> float:
        """The headline metric; NaN where nothing was trained."""
        return float("nan") if found is None else headline(self.plan.loss, found.predicted, data)[1]

    @cached_property
    def train_score(self) -> float:
        return self.score(self.on_train, self.counted)

    @cached_property
    def valid_score(self) -> float:
        return self.score(self.on_valid, self.judged_on)

    @cached_property
    def references(self) -> References:
        """What others reach on the same rows."""
        return references(self.plan.loss, self.counted, self.judged_on)

    @cached_property
    def constant_loss(self) -> float:
        """The loss of the best constant outputs, on the rows that judge: where nothing is learned from the inputs.

        Of the weighted shares of the classes where a loss is one of probabilities, else by descent over k numbers.
        """
        return constant_loss(self)

    def skill(self, score: float) -> float:
        """Share of the way from the best constant answer (0) to a perfect one (1); below 0: worse than constant."""
        constant = self.references.constant
        perfect = 0.0 if self.metric in LOWER_IS_BETTER else 1.0
        if not np.isfinite(score):
            return -1.0
        return float(np.clip((score - constant) / (perfect - constant) if perfect != constant else 0.0, -1, 1))

    @cached_property
    def chance(self) -> float:
        """Standard error of the skill that the number of judging rows alone gives: about sqrt(e (1 - e) / n)."""
        skill = self.skill(self.valid_score) if self.trained else 0.5
        missing = min(max(1 - skill, 0.02), 0.98)
        # rows of unequal weight count as fewer equal ones (Kish 1965)
        w = np.asarray(self.judged_on.weights, np.float64)
        rows = float(w.sum() ** 2 / max(float(w @ w), 1e-30))
        return float(np.sqrt(missing * (1 - missing) / max(rows, 2)))

    @property
    def shortfall(self) -> float:
        """How far the network's skill stays behind the best reference's; below 0 where it is ahead, 0 before step 1."""
        if not self.has_run:
            return 0.0
        return self.skill(self.references.best) - self.skill(self.valid_score)


@partial(jax.jit, static_argnames="skeleton", compiler_options=ONCE)
def loss_of_all(
    skeleton: Loss, numbers: Mapping[str, float], outputs: jax.Array, y: jax.Array, weights: jax.Array
) -> jax.Array:
    """sum(w loss) where every row has the same outputs, (k,)."""
    rows = jnp.repeat(outputs[None], y.shape[0], axis=0)
    return jnp.sum(lower(skeleton, numbers).rows(rows, y) * weights)


def constant_loss(case: Case) -> float:
    """The least mean loss that constant outputs reach on the judging rows."""
    from scipy.optimize import minimize

    data, loss = case.judged_on, case.plan.loss
    assert data.y is not None
    y, weights = np.asarray(data.y), np.asarray(data.weights) / max(float(data.weights.sum()), 1e-30)
    k = case.at_start.outputs.shape[1]

    skeleton, numbers = lift(loss)

    def value(outputs: np.ndarray) -> float:
        return float(loss_of_all(skeleton, numbers, np.asarray(outputs, np.float32), y, weights))

    start = np.zeros(k)
    smoothing = float(getattr(loss, "label_smoothing", 0.0))
    if isinstance(loss, ClassLoss):
        known = constant_answer(loss, y, weights)[0][:k]
        # classes that are not there have outputs, too
        shares = np.pad(known, (0, k - len(known)))
        start = np.log(np.maximum((1 - smoothing) * shares + smoothing / k, 1e-6))
    elif isinstance(loss, LabelLoss):
        shares = (1 - smoothing) * constant_answer(loss, y, weights)[0] + smoothing / 2
        start = np.log(np.clip(shares, 1e-6, 1) / np.clip(1 - shares, 1e-6, 1))
    elif y.shape[1] == k:
        start = constant_answer(loss, y, weights)[0]
    other = isinstance(loss, MulticlassHinge | PositiveLogLoss)
    if (isinstance(loss, ClassLoss | LabelLoss) and not other) or k > 20:
        return value(start)
    return float(min(value(start), minimize(value, start, method="Powell", options={"maxiter": 20}).fun))
