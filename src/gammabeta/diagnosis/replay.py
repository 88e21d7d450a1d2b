"""The step that made the first non-finite number, run again layer by layer."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from gammabeta.diagnosis.case import Case
from gammabeta.nn import Call, Sequential
from gammabeta.nn.places import label
from gammabeta.serial import lift
from gammabeta.train.batches import Chunk, chunks, epoch_batches
from gammabeta.train.step import State, advance, gradients, ingested, program_of, scale_of

MEMO = "first non-finite number"
MOST_REPLAYED = 20_000
MOST_ROWS = 8
"""Numbers of rows that a sentence names."""


@dataclass(frozen=True)
class Place:
    """Where it happened: step, counted from 1; layer: "layers.2 (relu)"; says: a sentence.

    rows: of the batch, as numbers of training rows, from 0
    """

    step: int
    layer: str
    says: str
    rows: tuple[int, ...] = ()

    @property
    def batch(self) -> str:
        """``48 training rows (3, 17, 20, ...)``"""
        some = ", ".join(map(str, self.rows[:MOST_ROWS])) + (", ..." if len(self.rows) > MOST_ROWS else "")
        return f"{len(self.rows)} training rows ({some})"


def first_non_finite(case: Case, most_steps: int = MOST_REPLAYED) -> Place | None:
    """Run the plan again from its seed to the first step with a non-finite loss, and look into that step.

    The run is the same, bit for bit, so nothing has to be kept for this; what was found is remembered in the case.
    None where no step of the first ``most_steps`` has it.
    """
    if MEMO not in case.measured:
        case.measured[MEMO] = searched(case, most_steps)
    found: Place | None = case.measured[MEMO]
    return found


def searched(case: Case, most_steps: int) -> Place | None:
    program = program_of(case.plan)
    skeleton, numbers = lift(program)
    data = case.counted
    state = jax.tree.map(jnp.asarray, case.start)
    scale, seed, done, epoch = scale_of(data), np.uint32(case.plan.seed), 0, 0
    heard = watched_losses(case)
    while done < min(case.steps, most_steps):
        reduction = case.plan.schedule.after(heard[:epoch])
        epoch += 1
        began, batches = done, epoch_batches(data.rows, case.plan.batch_size, case.plan.seed, epoch)
        for chunk, real in chunks(data, batches):

            def stepped(
                state: State, first: int, last: int, chunk: Chunk = chunk, reduction: float = reduction
            ) -> tuple[State, np.ndarray]:
                span = (first, last)
                made, losses = advance(skeleton, numbers, state, chunk, scale, span, case.steps, seed, reduction)
                return made, np.asarray(losses)[first:last]

            after, losses = stepped(state, 0, real)
            if not np.isfinite(losses).all():
                bad = int(np.argmin(np.isfinite(losses)))
                before, _ = stepped(state, 0, bad)
                batch = Chunk(*(part[bad] for part in chunk))
                rows = batches[done - began + bad]
                return Place(done + bad + 1, *inside(case, before, batch), tuple(sorted(rows[rows >= 0].tolist())))
            state, done = after, done + real
    return None


def watched_losses(case: Case) -> list[float]:
    """What the schedule heard of after every epoch of the run: the validation loss, or the training loss without."""
    lines = [line.get("valid") or line.get("train", {}) for line in case.history]
    # what is not finite is null in the history
    return [float("nan") if line.get("loss") is None else float(line["loss"]) for line in lines]


def inside(case: Case, state: State, batch: Chunk) -> tuple[str, str]:
    """(layer, sentence): the first layer of the step whose output is not finite."""
    scale = scale_of(case.train)
    x = ingested(jnp.asarray(batch.x), scale)
    if not bool(jnp.isfinite(x).all()):
        return "inputs", f"{int(jnp.sum(~jnp.isfinite(x)))} of its inputs are not finite"
    if not np.isfinite(np.asarray(batch.y, np.float64)).all():
        return "targets", "its targets are not finite"
    if not all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(state.params)):
        loss, *_ = gradients(program_of(case.plan), state.params, state.stats, batch, scale, jax.random.key(0), None)
        return (
            "weights",
            f"the weights were no longer finite before it (loss {float(loss):g}): the step before made them so",
        )
    network = case.network
    assert isinstance(network, Sequential)
    here = x
    for index, layer in enumerate(network.layers):
        call = Call(weights=jnp.asarray(batch.weights), by_batch=True)
        here, _ = layer.apply(state.params[index], state.stats[index], here, call)
        if not bool(jnp.isfinite(here).all()):
            place = f"layers.{index} ({label(layer)})"
            largest = max((float(jnp.max(jnp.abs(leaf))) for leaf in jax.tree.leaves(state.params)), default=0.0)
            return place, f"{place} made the first non-finite number; the largest weight is {largest:.2g}"
    return "loss", f"all layers are finite up to outputs of {float(jnp.max(jnp.abs(here))):.2g}; the loss made it"
