"""From a file or an object to numbers a network can be trained on, and from its numbers back to answers.

    read -> Table | Images -> split -> Schema.fit -> Schema.encode -> Dataset

Nothing here imports JAX.
"""

from gammabeta.data.columns import KINDS, Boolean, Category, Column, Date, Number, SetAside
from gammabeta.data.convert import as_data
from gammabeta.data.dataset import Dataset
from gammabeta.data.image_input import ImageInput
from gammabeta.data.images import Images
from gammabeta.data.inspection import ColumnFacts, Inspection, TargetFacts, describe
from gammabeta.data.readers import read
from gammabeta.data.schema import Schema
from gammabeta.data.splits import split
from gammabeta.data.table import Table
from gammabeta.data.target import TASKS, ClassTarget, NumberTarget, Target, Task

__all__ = [
    "KINDS",
    "TASKS",
    "Boolean",
    "Category",
    "ClassTarget",
    "Column",
    "ColumnFacts",
    "Dataset",
    "Date",
    "ImageInput",
    "Images",
    "Inspection",
    "Number",
    "NumberTarget",
    "Schema",
    "SetAside",
    "Table",
    "Target",
    "TargetFacts",
    "Task",
    "as_data",
    "describe",
    "read",
    "split",
]
