"""Column kinds: one file each, and the rules that tell them apart."""

from gammabeta.data.columns.boolean import Boolean
from gammabeta.data.columns.category import Category
from gammabeta.data.columns.column import Column
from gammabeta.data.columns.date import Date
from gammabeta.data.columns.infer import KINDS, fit_column
from gammabeta.data.columns.number import Number
from gammabeta.data.columns.set_aside import SetAside

__all__ = ["KINDS", "Boolean", "Category", "Column", "Date", "Number", "SetAside", "fit_column"]
