"""The recipe: six steps from data to a squeezed model, each with a gate that says what was found."""

from gammabeta.recipe.gate import STEPS, Gate, Served
from gammabeta.recipe.known import Known, Standing
from gammabeta.recipe.loop import cook
from gammabeta.recipe.record import read_gates, read_served

__all__ = ["STEPS", "Gate", "Known", "Served", "Standing", "cook", "read_gates", "read_served"]
