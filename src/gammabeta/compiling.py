"""How a program is compiled that runs a few times only."""

import os

ONCE: dict[str, bool | int | str | float] = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}
"""Options of :func:`jax.jit` for it: a step of a small network compiles in 0.5 s where 2.4 s are usual, and then takes
three to seven times its time (docs/log.md, 2026-11-27)."""


def all_once() -> None:
    """Compile all programs of this process so, where nothing else was asked for; before the first one."""
    flags = (f"--{name}={str(value).lower()}" for name, value in ONCE.items())
    os.environ.setdefault("XLA_FLAGS", " ".join(flags))
