"""One training step, and a compiled run of many."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gammabeta.data.dataset import Dataset
from gammabeta.errors import PlanError
from gammabeta.nn import (
    Call,
    LabelLoss,
    Layer,
    Loss,
    Probe,
    Whitening,
    calibrate,
    places,
    waits_for_data,
    with_prior,
)
from gammabeta.nn.calibrate import Kind
from gammabeta.nn.noise import normal
from gammabeta.optim import Clipping, Optimizer, Schedule
from gammabeta.optim.decay import l2_gradient, l2_penalty
from gammabeta.plan import Plan
from gammabeta.serial import DYNAMIC, Description, fields, lower
from gammabeta.train.accumulate import accumulated
from gammabeta.train.batches import Chunk
from gammabeta.train.probes import Signals, signals_of
from gammabeta.types import Array, Shape, Tree

INITIALIZATION, NOISE, GRADIENTS, TREES = 0, 2, 1_000_001, 1_000_002


class State(NamedTuple):
    """Where a run is: what it learned, what it remembers, the optimizer's slots, and how many steps were made."""

    params: Tree
    stats: Tree
    slots: Tree
    step: Array


class Start(NamedTuple):
    """What a run starts from instead of fresh numbers: trees as the plan's network has them, on host or device."""

    params: Tree
    stats: Tree


@dataclass(frozen=True, kw_only=True)
class Program(Description):
    """The part of a plan that decides compilation; its dynamic numbers travel beside it."""

    network: Layer
    loss: Loss
    optimizer: Optimizer
    schedule: Schedule
    clipping: Clipping | None = None
    l2: Annotated[float, DYNAMIC] | None = None
    l2_all: bool = False
    gradient_noise: Annotated[float, DYNAMIC] | None = None
    weight_noise: Annotated[float, DYNAMIC] | None = None
    micro_batch_size: int | None = None


class Scale(NamedTuple):
    """Inputs reach the network as (x - offset) * factor: both (channels,)."""

    offset: Array
    factor: Array


def scale_of(data: Dataset) -> Scale | None:
    """How the inputs of ``data`` are scaled inside the step; None where they already are."""
    return None if data.offset is None else Scale(data.offset, data.factor)


def program_of(plan: Plan) -> Program:
    return Program(network=plan.layers, **{name: getattr(plan, name) for name in fields(Program) if name != "network"})


def fresh_state(plan: Plan, shape: Shape) -> State:
    """The state before the first step, from the plan's seed."""
    key = jax.random.fold_in(jax.random.key(plan.seed), INITIALIZATION)
    params, stats, _ = initialized(plan.layers, key, shape)
    return State(params, stats, plan.optimizer.direction().init(params), jnp.zeros((), jnp.int32))


def started(plan: Plan, shape: Shape, start: Start) -> State:
    """The state before the first step, from given params and stats: slots fresh, step 0.

    Raises PlanError where structure or shapes are not those of the plan's network.
    """
    fresh = network_shapes(plan.layers, shape)
    trees = []
    for given, wanted, root in zip(start, fresh, Start._fields, strict=True):
        found, expected = shapes_by_name(given), shapes_by_name(wanted)
        odd = next((name for name in {**expected, **found} if found.get(name) != expected.get(name)), None)
        if odd is not None:
            raise PlanError(
                f"fit: start.{root} has {found.get(odd, 'nothing')} at {odd}, expected {expected.get(odd, 'nothing')} "
                f"by the plan's network; graft gives what fits."
            )
        leaves = zip(jax.tree.leaves(given), jax.tree.leaves(wanted), strict=True)
        arrays = [jnp.asarray(leaf, like.dtype) for leaf, like in leaves]
        trees.append(jax.tree.unflatten(jax.tree.structure(wanted), arrays))
    params, stats = trees
    return State(params, stats, plan.optimizer.direction().init(params), jnp.zeros((), jnp.int32))


def network_shapes(network: Layer, shape: Shape) -> tuple[Tree, Tree]:
    """(params, stats) as shapes only."""

    def init(key: Array) -> tuple[Tree, Tree]:
        fresh = network.init(key, shape)
        return fresh.params, fresh.stats

    shapes: tuple[Tree, Tree] = jax.eval_shape(init, jax.eval_shape(lambda: jax.random.key(0)))
    return shapes


def shapes_by_name(tree: Tree) -> dict[str, Shape]:
    """``{"0.weight": (4, 3), ...}``"""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {".".join(map(part_name, path)): np.shape(leaf) for path, leaf in leaves}


def part_name(part: Any) -> str:
    """A step of a tree's path: a dict's key, a named tuple's field, a tuple's index."""
    return str(next(getattr(part, kind) for kind in ("key", "name", "idx") if hasattr(part, kind)))


def calibrated(plan: Plan, state: State, data: Dataset) -> State:
    """The state with what waits for data brought to it: data-dependent initializers, whitening.

    Learned from the first 512 rows of ``data``, where the network whitens from all.
    """
    state = with_output_bias(plan, state, data)
    if not waits_for_data(plan.layers):
        return state
    rows = slice(None) if any(isinstance(place.layer, Whitening) for place in places(plan.layers)) else slice(512)
    x = ingested(jnp.asarray(data.x[rows]), scale_of(data))
    params, stats = calibrate(plan.layers, state.params, state.stats, x, jnp.asarray(data.weights[rows]))
    return state._replace(params=params, stats=stats, slots=plan.optimizer.direction().init(params))


def with_output_bias(plan: Plan, state: State, data: Dataset) -> State:
    """The state with the last bias where the plan wants it to start."""
    if plan.output_bias == "zero" or data.y is None:
        return state
    kind: Kind = "softmax" if data.y.ndim == 1 else "sigmoid" if isinstance(plan.loss, LabelLoss) else "mean"
    return state._replace(params=with_prior(plan.layers, state.params, data.y, data.weights, kind))


# level 0: this runs once, and the optimizer's passes took 3 s where 0.7 s do
@partial(jax.jit, static_argnames=("network", "shape"), compiler_options={"xla_backend_optimization_level": 0})
def initialized(network: Layer, key: Array, shape: Shape) -> tuple[Tree, Tree, Shape]:
    params, stats, _ = network.init(key, shape)
    return params, stats, ()


def ingested(x: Array, scale: Scale | None) -> Array:
    """Inputs as the network wants them; images stay uint8 until here."""
    if x.dtype == jnp.uint8:
        x = x.astype(jnp.float32)
    return x if scale is None else (x - scale.offset) * scale.factor


@partial(jax.jit, static_argnames=("optimizer", "schedule"))
def learning_rate(
    optimizer: Optimizer, schedule: Schedule, numbers: Mapping[str, float], step: int, steps: int
) -> Array:
    """The learning rate of a step, from a lifted optimizer and schedule."""
    of_optimizer: Optimizer = lower(optimizer, numbers, "optimizer")
    of_schedule: Schedule = lower(schedule, numbers, "schedule")
    return of_optimizer.learning_rate * of_schedule.factor(jnp.asarray(step), jnp.asarray(steps))


def mean_loss(loss: Loss, outputs: Array, targets: Array, weights: Array) -> Array:
    """sum(w loss) / sum(w); 0 for a batch without weight."""
    total = jnp.sum(weights)
    return jnp.sum(loss.rows(outputs, targets) * weights) / jnp.where(total == 0, 1.0, total)


def gradients(
    program: Program, params: Tree, stats: Tree, batch: Chunk, scale: Scale | None, key: Array, probe: Probe | None
) -> tuple[Array, Any, Tree]:
    """(loss, what was seen, gradient of the loss) of a batch, as a whole or by micro-batches."""
    x = ingested(batch.x, scale)
    if program.micro_batch_size is not None:
        of = (params, stats, x, batch.y, batch.weights, key)
        return accumulated(program.network, program.loss, *of, program.micro_batch_size)

    def objective(params: Tree) -> tuple[Array, Any]:
        call = Call(key=key, weights=batch.weights, by_batch=True, probe=probe)
        outputs, seen = program.network.apply(params, stats, x, call)
        return mean_loss(program.loss, outputs, batch.y, batch.weights), seen

    (loss, seen), grads = jax.value_and_grad(objective, has_aux=True)(params)
    return loss, seen, grads


def noisy(tree: Tree, stddev: Array | float | None, key: Array) -> Tree:
    """Every leaf with stddev * N(0, 1) added; as it is without a stddev."""
    if stddev is None:
        return tree
    leaves, structure = jax.tree.flatten(tree)
    keys = jax.random.split(jax.random.fold_in(key, TREES), len(leaves))
    noise = [(stddev * normal(each, leaf.shape)).astype(leaf.dtype) for each, leaf in zip(keys, leaves, strict=True)]
    return jax.tree.unflatten(structure, [leaf + part for leaf, part in zip(leaves, noise, strict=True)])


def moved(rate: Array, weight: Array, direction: Array, factor: Array | float) -> Array:
    """A parameter after a step of its own pace; the very same one where it does not train."""
    if isinstance(factor, float) and factor == 0:
        return weight
    if isinstance(factor, float) and factor == 1:
        return weight - (rate * direction).astype(weight.dtype)
    # a product with 0 would let an infinite direction through
    return jnp.where(factor > 0, weight - (rate * factor * direction).astype(weight.dtype), weight)


@partial(jax.jit, static_argnames=("skeleton", "probe"))
def advance(
    skeleton: Program,
    numbers: Mapping[str, float],
    state: State,
    chunk: Chunk,
    scale: Scale | None,
    span: tuple[int, int],
    steps: int,
    seed: int,
    reduction: float = 1.0,
    *,
    probe: Probe | None,
    every: int,
) -> tuple[State, Array, Signals]:
    """Train on the batches span[0] to span[1] of a chunk, without leaving compiled code.

    steps: of the whole run, for the schedule; reduction: a further factor on the learning rate
    probe, every: what is measured on every layer, each how many steps

    Returns the new state, the loss of each batch before its step (batches,), NaN outside the span, and the
    signals of the last probed step. Everything but the two static arguments and the shapes may change without
    recompilation.
    """
    program: Program = lower(skeleton, numbers)
    root = jax.random.fold_in(jax.random.key(seed), NOISE)

    def direction_of(state: State, batch: Chunk, probe: Probe | None) -> tuple[Array, Any, Tree, Tree, Tree, Array]:
        """(loss, what was seen, gradient, direction, slots, rate) of a step."""
        key = jax.random.fold_in(root, state.step)
        weights = noisy(state.params, program.weight_noise, key)
        loss, seen, grads = gradients(program, weights, state.stats, batch, scale, key, probe)
        if program.l2 is not None:
            loss += l2_penalty(state.params, program.l2, program.l2_all)
            grads = l2_gradient(state.params, grads, program.l2, program.l2_all)
        grads = noisy(grads, program.gradient_noise, jax.random.fold_in(key, GRADIENTS))
        if program.clipping is not None:
            grads = program.clipping.apply(grads)
        direction, slots = program.optimizer.direction().update(grads, state.slots, state.params)
        rate = reduction * learning_rate(skeleton.optimizer, skeleton.schedule, numbers, state.step, steps)
        return loss, seen, grads, direction, slots, rate

    def pace_of(state: State) -> Tree:
        return program.network.pace(state.params, state.step / steps)

    def measured(state: State, batch: Chunk) -> Signals:
        _, seen, grads, direction, _, rate = direction_of(state, batch, probe)
        direction = jax.tree.map(lambda d, factor: factor * d, direction, pace_of(state))
        return signals_of(seen, state.params, grads, direction, rate)

    def body(index: Array, carry: tuple[State, Array, Signals]) -> tuple[State, Array, Signals]:
        state, losses, signals = carry
        batch = Chunk(*(jax.lax.dynamic_index_in_dim(part, index, keepdims=False) for part in chunk))
        if probe is not None:
            # before the step and apart from it: a branch that shared its gradient would keep XLA from fusing the update
            signals = jax.lax.cond(state.step % every == 0, lambda: measured(state, batch), lambda: signals)
        loss, seen, _, direction, slots, rate = direction_of(state, batch, None)
        params = jax.tree.map(partial(moved, rate), state.params, direction, pace_of(state))
        stats = program.network.remember(state.stats, seen)
        return State(params, stats, slots, state.step + 1), losses.at[index].set(loss), signals

    losses = jnp.full(chunk.weights.shape[0], jnp.nan)
    signals: Signals = ()
    if probe is not None:
        first = Chunk(*(part[0] for part in chunk))
        blank = jax.eval_shape(lambda: measured(state, first))
        signals = jax.tree.map(lambda leaf: jnp.full(leaf.shape, jnp.nan, leaf.dtype), blank)
    end: tuple[State, Array, Signals] = jax.lax.fori_loop(span[0], span[1], body, (state, losses, signals))
    return end
