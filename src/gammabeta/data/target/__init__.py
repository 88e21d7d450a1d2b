"""Targets: which task they pose, and how they are encoded and decoded."""

from gammabeta.data.target.class_target import ClassTarget
from gammabeta.data.target.number_target import NumberTarget
from gammabeta.data.target.target import Target
from gammabeta.data.target.task import TASKS, Task, choose_task

__all__ = ["TASKS", "ClassTarget", "NumberTarget", "Target", "Task", "choose_task"]
