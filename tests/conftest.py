"""What every test needs: JAX on the CPU, compiled programs kept between runs, the shared data files."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

REPOSITORY = Path(__file__).parent.parent
SHARED_DATA = REPOSITORY.parent / "shared" / "data"

# Before the first import of JAX, and in the environment so that commands started by tests inherit it.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
# The suite compiles more than it computes: at level 0 and with XLA's older emitters a training program takes a fifth
# of the time to compile, and several times its own to run. `make slow` runs as users do.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(REPOSITORY / ".cache" / "jax-tests"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

# The first example of a generated case compiles, so no example has a deadline; the same cases on every run,
# so that a failure belongs to the change that caused it.
settings.register_profile("gammabeta", deadline=None, derandomize=True)
settings.load_profile("gammabeta")


MOST_MEMORY = 5 * 2**30
"""Bytes of a process that runs tests from which its compiled programs are given back: thousands of them filled 9 GB."""


@pytest.fixture(autouse=True, scope="module")
def bounded_memory() -> Iterator[None]:
    """Programs that a later module wants again are read from the disk."""
    yield
    held = Path("/proc/self/statm")
    if held.exists() and int(held.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") > MOST_MEMORY:
        import jax

        jax.clear_caches()


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """A function from a name such as ``"tabular/adult"`` to its path; skips where it is not there."""

    def path(name: str) -> Path:
        found = SHARED_DATA / name
        if not found.exists():
            pytest.skip(f"needs the data set {name} in ../shared/data beside the repository")
        return found

    return path
