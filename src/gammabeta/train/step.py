"""One training step, and a compiled run of many."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gammabeta.compiling import ONCE
from gammabeta.data.dataset import Dataset
from gammabeta.errors import PlanError
from gammabeta.nn import (
    Augmentation,
    Call,
    LabelLoss,
    Layer,
    Loss,
    Probe,
    Whitening,
    augmented,
    calibrate,
    places,
    waits_for_data,
    with_prior,
    without_initializers,
)
from gammabeta.nn.calibrate import Kind
from gammabeta.nn.noise import normal
from gammabeta.optim import Clipping, Optimizer, Schedule
from gammabeta.optim.decay import l2_gradient, l2_penalty
from gammabeta.plan import Plan
from gammabeta.serial import DYNAMIC, Description, fields, lower
from gammabeta.train.accumulate import accumulated
from gammabeta.train.batches import Chunk
from gammabeta.train.probes import Signals, signals_of, taps
from gammabeta.types import Array, Shape, Tree

INITIALIZATION, NOISE, GRADIENTS, TREES, IMAGES = 0, 2, 1_000_001, 1_000_002, 1_000_003

PROBE_COMPILER = {"xla_backend_optimization_level": 0}
"""A probed step is rare: half the time to compile it is worth twice its own."""


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
    augmentation: tuple[Augmentation, ...] | None = None
    micro_batch_size: int | None = None


class Scale(NamedTuple):
    """Inputs reach the network as (x - offset) * factor: both (channels,)."""

    offset: Array
    factor: Array


def scale_of(data: Dataset) -> Scale | None:
    """How the inputs of ``data`` are scaled inside the step; None where they already are."""
    return None if data.offset is None else Scale(data.offset, data.factor)


def program_of(plan: Plan) -> Program:
    """What is compiled for a plan, whatever its initializers: initial weights come from the plan itself."""
    rest = {name: getattr(plan, name) for name in fields(Program) if name != "network"}
    return Program(network=without_initializers(plan.layers), **rest)


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


@lru_cache(maxsize=64)
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


@partial(jax.jit, static_argnames=("network", "shape"), compiler_options=ONCE)
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
) -> tuple[Array, Any, Tree, Any]:
    """(loss, what was seen, gradient of the loss, what flowed to the taps) of a batch, whole or by micro-batches.

    The taps are those of all layers where there is a probe.
    """
    images = batch.x
    if program.augmentation:
        images = augmented(program.augmentation, jax.random.fold_in(key, IMAGES), images)
    x = ingested(images, scale)
    tapping = None if probe is None else taps(program.network)
    if program.micro_batch_size is not None:
        of = (params, stats, x, batch.y, batch.weights, key)
        return accumulated(program.network, program.loss, *of, program.micro_batch_size, probe, tapping)

    def objective(params: Tree, tapping: Any) -> tuple[Array, Any]:
        call = Call(key=key, weights=batch.weights, by_batch=True, probe=probe, taps=tapping)
        outputs, seen = program.network.apply(params, stats, x, call)
        return mean_loss(program.loss, outputs, batch.y, batch.weights), seen

    (loss, seen), (grads, flowed) = jax.value_and_grad(objective, argnums=(0, 1), has_aux=True)(params, tapping)
    return loss, seen, grads, flowed


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


class Course(NamedTuple):
    """What stays the same from step to step, beside the program.

    numbers: the dynamic ones; root: of all noise; steps: of the whole run; reduction: a further factor on the rate
    """

    numbers: Mapping[str, Array | float]
    scale: Scale | None
    root: Array
    steps: Array | int
    reduction: Array | float


class Direction(NamedTuple):
    """Where a step goes, and what was found on the way.

    seen: what the layers saw; flowed: what flowed back to the taps; direction: the optimizer's; slots: its memory after
    """

    loss: Array
    seen: Any
    gradient: Tree
    flowed: Any
    direction: Tree
    slots: Tree
    rate: Array


def direction_of(skeleton: Program, course: Course, state: State, batch: Chunk, probe: Probe | None) -> Direction:
    program: Program = lower(skeleton, course.numbers)
    key = jax.random.fold_in(course.root, state.step)
    weights = noisy(state.params, program.weight_noise, key)
    loss, seen, grads, flowed = gradients(program, weights, state.stats, batch, course.scale, key, probe)
    if program.l2 is not None:
        loss += l2_penalty(state.params, program.l2, program.l2_all)
        grads = l2_gradient(state.params, grads, program.l2, program.l2_all)
    grads = noisy(grads, program.gradient_noise, jax.random.fold_in(key, GRADIENTS))
    if program.clipping is not None:
        grads = program.clipping.apply(grads)
    direction, slots = program.optimizer.direction().update(grads, state.slots, state.params)
    of = (skeleton.optimizer, skeleton.schedule, course.numbers)
    rate = course.reduction * learning_rate(*of, state.step, course.steps)
    return Direction(loss, seen, grads, flowed, direction, slots, rate)


@partial(jax.jit, static_argnames="skeleton")
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
) -> tuple[State, Array]:
    """Train on the batches span[0] to span[1] of a chunk, without leaving compiled code.

    steps: of the whole run, for the schedule; reduction: a further factor on the learning rate

    Returns the new state and the loss of each batch before its step (batches,), NaN outside the span. Everything but
    the skeleton and the shapes may change without recompilation.
    """
    network: Layer = lower(skeleton, numbers).network
    course = Course(numbers, scale, noise_key(seed), steps, reduction)

    def step(index: Array, carry: tuple[State, Array]) -> tuple[State, Array]:
        state, losses = carry
        found = direction_of(skeleton, course, state, batch_at(chunk, index), None)
        pace = network.pace(state.params, state.step / steps)
        params = jax.tree.map(partial(moved, found.rate), state.params, found.direction, pace)
        stats = network.remember(state.stats, found.seen)
        return State(params, stats, found.slots, state.step + 1), losses.at[index].set(found.loss)

    losses = jnp.full(chunk.weights.shape[0], jnp.nan)
    end: tuple[State, Array] = jax.lax.fori_loop(span[0], span[1], step, (state, losses))
    return end


@partial(jax.jit, static_argnames=("skeleton", "probe"), compiler_options=PROBE_COMPILER)
def probed(
    skeleton: Program,
    numbers: Mapping[str, float],
    state: State,
    chunk: Chunk,
    scale: Scale | None,
    index: int,
    steps: int,
    seed: int,
    reduction: float = 1.0,
    *,
    probe: Probe,
) -> Signals:
    """What the step on the batch ``index`` of a chunk would show, without making it; the rest as for :func:`advance`.

    A program of its own beside the training: a condition inside the loop slowed every step, and this way whoever trains
    without probes runs the very program of who trains with them.
    """
    batch = batch_at(chunk, index)
    network: Layer = lower(skeleton, numbers).network
    course = Course(numbers, scale, noise_key(seed), steps, reduction)
    found = direction_of(skeleton, course, state, batch, probe)
    pace = network.pace(state.params, state.step / steps)
    paced = jax.tree.map(lambda towards, factor: factor * towards, found.direction, pace)
    of = (state.params, found.gradient, paced, found.rate, state.step)
    return signals_of(network, found.seen, state.stats, found.flowed, jnp.sum(batch.weights), *of)


def noise_key(seed: Array | int) -> Array:
    """The root of all noise of a run."""
    return jax.random.fold_in(jax.random.key(seed), NOISE)


def batch_at(chunk: Chunk, index: Array | int) -> Chunk:
    """One batch of a chunk."""
    return Chunk(*(jax.lax.dynamic_index_in_dim(part, index, keepdims=False) for part in chunk))
