"""How good a model is on rows, in two numbers that compare any two models of one task."""

from typing import NamedTuple

from gammabeta.data import Dataset
from gammabeta.model import Model
from gammabeta.train.metrics import better, headline
from gammabeta.tune.trial import common_loss


class Score(NamedTuple):
    """loss: log loss or squared error, whatever the model was trained with; metric, value: the headline metric."""

    loss: float
    metric: str
    value: float

    def worse_than(self, other: "Score") -> bool:
        """Whether it is worse by either of its numbers."""
        return self.loss > other.loss or better(self.metric, other.value, self.value)

    def told(self) -> str:
        """``accuracy 0.9333, loss 0.2101``"""
        return f"{self.metric} {self.value:.4f}, loss {self.loss:.4g}"


def score(model: Model, data: Dataset) -> Score:
    """The score on all rows by their weights, with what the model was trained with as it is.

    data: as the rows count in a run, where its class weights are to count
    """
    predicted = model.outputs(data)
    metric, value = headline(model.plan.loss, predicted, data)
    return Score(common_loss(model.plan, predicted, data), metric, value)
