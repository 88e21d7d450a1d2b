"""How programs are compiled that run a few times only, and how compiled ones are given back."""

import gc
import itertools
import os
from pathlib import Path

ONCE: dict[str, bool | int | str | float] = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}
"""Options of :func:`jax.jit` for it: a step of a small network compiles in 0.5 s where 2.4 s are usual, and then takes
three to seven times its time (docs/log.md, 2026-11-27)."""


def all_once() -> None:
    """Compile all programs of this process so, where nothing else was asked for; before the first one."""
    flags = (f"--{name}={str(value).lower()}" for name, value in ONCE.items())
    os.environ.setdefault("XLA_FLAGS", " ".join(flags))


MAPPINGS, LIMIT = Path("/proc/self/maps"), Path("/proc/sys/vm/max_map_count")
SHARE, EVERY = 0.6, 8
"""Of Linux's limit of a process's memory mappings, from which compiled programs are given back; how often it is looked
at, for counting 40,000 of them takes some ms."""

asked = itertools.count()


def give_back() -> bool:
    """Forget the compiled programs where the next ones could not be had, at every eighth call; True where it was done.

    Those of one plan take about 570 mappings of usually 65,530: after a hundred plans of different structure in one
    process LLVM finds no memory. What is wanted again is compiled anew, or read from the cache on the disk.
    """
    if next(asked) % EVERY or not (MAPPINGS.exists() and LIMIT.exists()):
        return False
    with MAPPINGS.open("rb") as lines:
        held = sum(1 for _ in lines)
    if held <= SHARE * int(LIMIT.read_text()):
        return False
    import jax

    jax.clear_caches()
    gc.collect()
    return True
