"""The search for a better plan: a space from the declarations, trials through Optuna, a ranking over seeds."""

from gammabeta.tune.facts import facts, trials_csv, write_facts
from gammabeta.tune.narrowed import narrowed, read_space
from gammabeta.tune.ranking import Place
from gammabeta.tune.search import Found, Standing, search
from gammabeta.tune.space import Dimension, Space, ready
from gammabeta.tune.trial import Outcome

__all__ = [
    "Dimension",
    "Found",
    "Outcome",
    "Place",
    "Space",
    "Standing",
    "facts",
    "narrowed",
    "read_space",
    "ready",
    "search",
    "trials_csv",
    "write_facts",
]
