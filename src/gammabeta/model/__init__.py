"""The finished network: save, load, predict, evaluate, fold, count."""

from gammabeta.model.file import load, save
from gammabeta.model.fold import fold
from gammabeta.model.learn import Learned, finish, learn, suited
from gammabeta.model.model import Model
from gammabeta.model.raw_inputs import raw_where_normalized
from gammabeta.model.summary import Line, summary

__all__ = [
    "Learned",
    "Line",
    "Model",
    "finish",
    "fold",
    "learn",
    "load",
    "raw_where_normalized",
    "save",
    "suited",
    "summary",
]
