"""One training step, and a compiled run of many."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gammabeta.data.dataset import Dataset
from gammabeta.nn import Call, Layer, Loss, Probe
from gammabeta.optim import Optimizer, Schedule
from gammabeta.plan import Plan
from gammabeta.serial import Description, lower
from gammabeta.train.batches import Chunk
from gammabeta.train.probes import Signals, signals_of
from gammabeta.types import Array, Shape, Tree

INITIALIZATION, NOISE = 0, 2


class State(NamedTuple):
    """Where a run is: what it learned, what it remembers, the optimizer's slots, and how many steps were made."""

    params: Tree
    stats: Tree
    slots: Tree
    step: Array


@dataclass(frozen=True, kw_only=True)
class Program(Description):
    """The part of a plan that decides compilation; its dynamic numbers travel beside it."""

    network: Layer
    loss: Loss
    optimizer: Optimizer
    schedule: Schedule


class Scale(NamedTuple):
    """Inputs reach the network as (x - offset) * factor: both (channels,)."""

    offset: Array
    factor: Array


def scale_of(data: Dataset) -> Scale | None:
    """How the inputs of ``data`` are scaled inside the step; None where they already are."""
    return None if data.offset is None else Scale(data.offset, data.factor)


def program_of(plan: Plan) -> Program:
    return Program(network=plan.layers, loss=plan.loss, optimizer=plan.optimizer, schedule=plan.schedule)


def fresh_state(plan: Plan, shape: Shape) -> State:
    """The state before the first step, from the plan's seed."""
    key = jax.random.fold_in(jax.random.key(plan.seed), INITIALIZATION)
    params, stats, _ = initialized(plan.layers, key, shape)
    return State(params, stats, plan.optimizer.direction().init(params), jnp.zeros((), jnp.int32))


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
    *,
    probe: Probe | None,
    every: int,
) -> tuple[State, Array, Signals]:
    """Train on the batches span[0] to span[1] of a chunk, without leaving compiled code.

    steps: of the whole run, for the schedule; probe, every: what is measured on every layer, each how many steps.
    Returns the new state, the loss of each batch before its step (batches,), NaN outside the span, and the
    signals of the last probed step. Everything but the two static arguments and the shapes may change without
    recompilation.
    """
    program: Program = lower(skeleton, numbers)
    root = jax.random.fold_in(jax.random.key(seed), NOISE)

    def measured(state: State, batch: Chunk, grads: Tree, direction: Tree, rate: Array) -> Signals:
        call = Call(key=jax.random.fold_in(root, state.step), weights=batch.weights, by_batch=True, probe=probe)
        _, seen = program.network.apply(state.params, state.stats, ingested(batch.x, scale), call)
        return signals_of(seen, state.params, grads, direction, rate)

    def step(state: State, batch: Chunk) -> tuple[State, Array, Tree, Tree, Array]:
        def objective(params: Tree) -> tuple[Array, Any]:
            call = Call(key=jax.random.fold_in(root, state.step), weights=batch.weights, by_batch=True)
            outputs, seen = program.network.apply(params, state.stats, ingested(batch.x, scale), call)
            return mean_loss(program.loss, outputs, batch.y, batch.weights), seen

        (loss, seen), grads = jax.value_and_grad(objective, has_aux=True)(state.params)
        direction, slots = program.optimizer.direction().update(grads, state.slots, state.params)
        rate = learning_rate(skeleton.optimizer, skeleton.schedule, numbers, state.step, steps)
        trains = program.network.trains(state.params)
        params = jax.tree.map(
            lambda w, d, moves: w - (rate * d).astype(w.dtype) if moves else w, state.params, direction, trains
        )
        stats = program.network.remember(state.stats, seen)
        return State(params, stats, slots, state.step + 1), loss, grads, direction, rate

    def body(index: Array, carry: tuple[State, Array, Signals]) -> tuple[State, Array, Signals]:
        state, losses, signals = carry
        batch = Chunk(*(jax.lax.dynamic_index_in_dim(part, index, keepdims=False) for part in chunk))
        after, loss, grads, direction, rate = step(state, batch)
        if probe is not None:
            signals = jax.lax.cond(
                state.step % every == 0,
                lambda: measured(state, batch, grads, direction, rate),
                lambda: signals,
            )
        return after, losses.at[index].set(loss), signals

    losses = jnp.full(chunk.weights.shape[0], jnp.nan)
    signals: Signals = ()
    if probe is not None:
        first = Chunk(*(part[0] for part in chunk))
        blank = jax.eval_shape(lambda: measured(state, first, state.params, state.params, jnp.zeros(())))
        signals = jax.tree.map(lambda leaf: jnp.full(leaf.shape, jnp.nan, leaf.dtype), blank)
    end: tuple[State, Array, Signals] = jax.lax.fori_loop(span[0], span[1], body, (state, losses, signals))
    return end
