"""Transfer learning: start from a trained model, with other classes, other columns and other rows."""

from gammabeta.transfer.batch_norm import BatchNormChoice, Shift, re_estimated, shifts, with_batch_norm
from gammabeta.transfer.continued import continued
from gammabeta.transfer.fine_tune import FineTuned, fine_tune
from gammabeta.transfer.freeze import frozen
from gammabeta.transfer.graft import Grafted, Match, graft
from gammabeta.transfer.groups import groups
from gammabeta.transfer.plan import transfer_plan
from gammabeta.transfer.rates import discriminative, unfrozen_gradually

__all__ = [
    "BatchNormChoice",
    "FineTuned",
    "Grafted",
    "Match",
    "Shift",
    "continued",
    "discriminative",
    "fine_tune",
    "frozen",
    "graft",
    "groups",
    "re_estimated",
    "shifts",
    "transfer_plan",
    "unfrozen_gradually",
    "with_batch_norm",
]
