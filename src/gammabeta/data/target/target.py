"""What every target has."""

from dataclasses import dataclass

from gammabeta.serial import Description


@dataclass(frozen=True)
class Target(Description):
    """One target column, learned from training rows; name is the column's."""

    name: str
