"""What may close the gap between training and validation rows, in the order in which it is tried."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from gammabeta.diagnosis.networks import every
from gammabeta.diagnosis.treatments import dropout_share
from gammabeta.model.raw_inputs import first_norm
from gammabeta.nn import (
    Architecture,
    Augmentation,
    Convnet,
    Dropout,
    GaussianNoise,
    Mlp,
    RandomCrop,
    RandomFlip,
    Sequential,
)
from gammabeta.plan import Plan
from gammabeta.types import Shape

MOST_DROPOUT, MOST_DECAY = 0.7, 0.5

SHIFT = 1 / 8
"""Share of the shorter side by which images are moved: 4 pixels of 32, as He et al. 2016 do."""

LATER = 1.2
"""How much longer than to its best epoch a run that ends early goes on: other seeds are best elsewhere."""


@dataclass(frozen=True)
class Change:
    """A change of the plan.

    name: of what regularizes; says: from what to what, or why it is left out; plan: None where it is left out
    """

    name: str
    says: str
    plan: Plan | None = None


def augmentation(name: str, more: Augmentation, says: str, plan: Plan) -> Change:
    """More images, from those that are there; on top of those that are made already."""
    before = plan.augmentation or ()
    if any(isinstance(each, type(more)) for each in before):
        return Change(name, "they are already")
    return Change(name, says, plan.replace(augmentation=(*before, more)))


def no_augmentation(plan: Plan) -> Change:
    """What is said of a table."""
    return Change("augmentation", "a table is not augmented")


def weight_decay(plan: Plan) -> Change:
    """Five times as much of it, at least 0.1; of L2 where the optimizer has no decay of its own."""
    decay = getattr(plan.optimizer, "weight_decay", None)
    if decay is None:
        more = max(10 * (plan.l2 or 0.0), 1e-3)
        return Change("weight decay", f"L2 from {plan.l2 or 0:g} to {more:g}", plan.replace(l2=more))
    if decay >= MOST_DECAY:
        return Change("weight decay", f"it is {decay:g} already")
    more = min(max(5 * decay, 0.1), MOST_DECAY)
    changed = plan.replace(optimizer=plan.optimizer.replace(weight_decay=more))
    return Change("weight decay", f"from {decay:g} to {more:g}", changed)


def dropout(plan: Plan) -> Change:
    """0.2 more of it after every hidden layer."""
    network = plan.network
    if isinstance(network, Mlp | Convnet):
        before = network.dropout
    else:
        before = max((each.rate for each in every(plan.layers) if isinstance(each, Dropout)), default=0.0)
    if before >= MOST_DROPOUT:
        return Change("dropout", f"it is {before:g} already")
    share = round(min(before + 0.2, MOST_DROPOUT), 3)
    if isinstance(network, Mlp | Convnet):
        changed = plan.replace(network=network.replace(dropout=share))
    else:
        changed = dropout_share(share).plan(plan)
    return Change("dropout", f"from {before:g} to {share:g}", changed)


def label_smoothing(plan: Plan) -> Change:
    """0.05, where the loss knows of it and has none."""
    before = getattr(plan.loss, "label_smoothing", None)
    if before is None:
        return Change("label smoothing", "this loss has none")
    if before:
        return Change("label smoothing", f"it is {before:g} already")
    return Change("label smoothing", "from 0 to 0.05", plan.replace(loss=plan.loss.replace(label_smoothing=0.05)))


def input_noise(plan: Plan) -> Change:
    """A tenth of a standard deviation on standardized inputs."""
    network = plan.network
    if isinstance(network, Mlp) and network.position == "first":
        return Change("input noise", "batch norm is the first layer, and inputs have units of their own")
    if isinstance(network, Mlp):
        if network.input_noise:
            return Change("input noise", f"it is {network.input_noise:g} already")
        return Change("input noise", "from 0 to 0.1", plan.replace(network=network.replace(input_noise=0.1)))
    if isinstance(network, Architecture):
        return Change("input noise", "this architecture has none")
    if first_norm(network):
        return Change("input noise", "batch norm is the first layer, and inputs have units of their own")
    layers = network.layers if isinstance(network, Sequential) else (network,)
    if isinstance(layers[0], GaussianNoise):
        return Change("input noise", f"it is {layers[0].stddev:g} already")
    return Change("input noise", "from 0 to 0.1", plan.replace(network=Sequential((GaussianNoise(0.1), *layers))))


def early_stopping(best_epoch: int, plan: Plan) -> Change:
    """An end, of the schedule too, soon after the epoch that was the best of the first plan's run.

    Patience alone would be nothing to try: the best epoch's weights are what is kept either way, so that a run which
    stops early is at most as good as the same run that goes on. An end that the schedule knows of makes another run.
    """
    end = math.ceil(LATER * best_epoch)
    if end >= plan.epochs:
        return Change("early stopping", f"the best epoch, {best_epoch}, is not far from the last of {plan.epochs}")
    says = f"from {plan.epochs} epochs, of which {best_epoch} was the best, to {end}"
    return Change("early stopping", says, plan.replace(epochs=end))


def smaller_network(plan: Plan) -> Change:
    """Half the units, or channels."""
    network = plan.network
    if isinstance(network, Mlp) and min(network.hidden, default=0) >= 8:
        fewer = tuple(units // 2 for units in network.hidden)
        return Change(
            "smaller network", f"hidden units {list(fewer)}", plan.replace(network=network.replace(hidden=fewer))
        )
    if isinstance(network, Convnet) and min(network.channels) >= 8:
        fewer = tuple(channels // 2 for channels in network.channels)
        return Change(
            "smaller network", f"channels {list(fewer)}", plan.replace(network=network.replace(channels=fewer))
        )
    return Change("smaller network", "only named architectures that are large enough are made smaller")


def changes(shape: Shape, best_epoch: int) -> tuple[Callable[[Plan], Change], ...]:
    """All that is tried, in its order.

    shape: of one example; best_epoch: of the first plan's run
    """
    more: tuple[Callable[[Plan], Change], ...] = (no_augmentation,)
    if len(shape) == 3:
        pixels = max(1, round(SHIFT * min(shape[:2])))
        moved = f"moved by up to {pixels} {'pixel' if pixels == 1 else 'pixels'}"
        more = (
            partial(augmentation, "shifted images", RandomCrop(pixels), moved),
            partial(augmentation, "mirrored images", RandomFlip(), "half of them"),
        )
    stopping = partial(early_stopping, best_epoch)
    return (*more, weight_decay, dropout, label_smoothing, input_noise, stopping, smaller_network)
