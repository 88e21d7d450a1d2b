"""One model from several: the mean of answers; one from several epochs: the mean of weights."""

from collections import deque
from collections.abc import Sequence
from typing import Literal

import jax
import numpy as np

from gammabeta.data import Dataset
from gammabeta.model.model import Model
from gammabeta.nn import BinnedRegression, ClassLoss, Ensemble, LabelLoss, Sequential
from gammabeta.train import Epoch
from gammabeta.train.counted import counted
from gammabeta.train.statistics import settled
from gammabeta.types import Tree


def ensemble(models: Sequence[Model]) -> Model:
    """A model whose network holds those of all, and answers with the mean of their probabilities, or values.

    models: of one schema, with losses that predict from outputs in the same way; loss and all else of the plan are the
    first one's
    """
    first = models[0]
    loss, groups = first.plan.loss, 1
    mean: Literal["outputs", "softmax", "sigmoid"]
    if isinstance(loss, ClassLoss):
        mean = "softmax"
    elif isinstance(loss, LabelLoss):
        mean = "sigmoid"
    elif isinstance(loss, BinnedRegression):
        mean, groups = "softmax", first.schema.outputs
    else:
        mean = "outputs"
    network = Ensemble(tuple(model.plan.layers for model in models), mean, groups)
    params, stats = (tuple(getattr(model, name) for model in models) for name in ("params", "stats"))
    return Model(first.plan.replace(network=Sequential((network,))), first.schema, (params,), (stats,))


class Recent:
    """The parameters after the best epoch of a run and after those before it, while the run goes on."""

    def __init__(self, most: int) -> None:
        self.latest: deque[Tree] = deque(maxlen=most)
        self.at_best: tuple[Tree, ...] = ()

    def then(self, epoch: Epoch) -> None:
        """One more epoch."""
        self.latest.append(epoch.state.params)
        if epoch.best:
            self.at_best = tuple(self.latest)


def with_mean_weights(model: Model, trees: Sequence[Tree], train: Dataset) -> Model:
    """The model with the mean of these parameters, its batch-norm statistics settled on the training rows anew.

    train: the rows that it was trained on, at their own weights

    Source: Izmailov et al. 2018, Averaging weights leads to wider optima, https://arxiv.org/abs/1803.05407
    """
    mean = jax.tree.map(lambda *leaves: np.mean(leaves, axis=0, dtype=np.float64).astype(leaves[0].dtype), *trees)
    stats = settled(model.plan.layers, mean, model.stats, counted(model.plan, train), model.plan.batch_size)
    return Model(model.plan, model.schema, mean, jax.device_get(stats))
