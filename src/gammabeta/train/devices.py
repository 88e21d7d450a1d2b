"""Where computing happens, and what is kept of compiling."""

import os
from pathlib import Path

import jax


def cache_compilations(folder: Path | None = None) -> Path:
    """Keep compiled programs on disk, so that the next process need not compile them again.

    folder: where; by default what JAX_COMPILATION_CACHE_DIR says, or gammabeta/jax in the user's cache folder.
    What takes a second to compile loads in a few hundredths; JAX's own default keeps only what took longer.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    named = os.environ.get("JAX_COMPILATION_CACHE_DIR")
    folder = folder or (Path(named) if named else base / "gammabeta" / "jax")
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    return folder
