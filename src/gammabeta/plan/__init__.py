"""The plan: everything that decides a run, as a value that can be read, changed and saved."""

from gammabeta.plan.advise import advise
from gammabeta.plan.change import change
from gammabeta.plan.combined import Combined
from gammabeta.plan.plan import EarlyStopping, Plan
from gammabeta.plan.read import read_plan, read_plans

__all__ = ["Combined", "EarlyStopping", "Plan", "advise", "change", "read_plan", "read_plans"]
