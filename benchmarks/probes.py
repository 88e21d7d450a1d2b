"""What the default probes cost; writes docs/benchmarks/probes.md.

    python benchmarks/probes.py [--repeats 15]    (about 3 minutes)

Training with probes and without take turns in one process; the ratio is taken within a turn and the median
over turns reported, so that other load on the machine falls on both sides. The first call, which compiles, is measured
in processor time, with the disk cache off.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import numpy as np
from speed.compare import processor

from gammabeta.data import Dataset
from gammabeta.nn import Architecture, Convnet, Mlp, SoftmaxCrossEntropy
from gammabeta.optim import Adam, Constant
from gammabeta.plan import Plan
from gammabeta.serial import lift
from gammabeta.train import fit
from gammabeta.train.batches import Chunk
from gammabeta.train.probes import LEAST_PROBES, PROBE_EVERY, default_probe
from gammabeta.train.step import advance, fresh_state, probed, program_of

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks" / "probes.md"
CASES: list[tuple[str, tuple[int, ...], Architecture, int, int]] = [
    ("64-64x2-10", (64,), Mlp(hidden=(64, 64)), 64, 1_000),
    ("784-256x3-10", (784,), Mlp(hidden=(256,) * 3), 128, 500),
    ("convnet 12x12, 8 channels, 1 block", (12, 12, 1), Convnet(channels=(8,)), 32, 500),
]
WITH, WITHOUT = default_probe, None


def plan_of(network: Architecture, shape: tuple[int, ...], batch: int) -> Plan:
    plan = Plan(
        network=network, loss=SoftmaxCrossEntropy(), optimizer=Adam(), schedule=Constant(), batch_size=batch, epochs=30
    )
    return plan.expanded(shape, 10)


def stepping(shape: tuple[int, ...], network: Architecture, batch: int, steps: int) -> Callable[[Any, int], float]:
    """A function that trains ``steps`` batches in compiled code and says how many seconds it took."""
    random = np.random.default_rng(0)
    plan = plan_of(network, shape, batch)
    x = random.standard_normal((steps, batch, *shape)).astype(np.float32)
    chunk = jax.device_put(Chunk(x, random.integers(0, 10, (steps, batch)), np.ones((steps, batch), np.float32)))
    program, state = lift(program_of(plan)), fresh_state(plan, shape)

    def train(probe: Any, every: int = PROBE_EVERY) -> float:
        began = time.perf_counter()
        now = state
        for first in range(0, steps, every):
            if probe:
                # as in fit: nobody waits for it
                shown = probed(*program, now, chunk, None, first, steps, np.uint32(0), probe=probe)
            now, _ = advance(*program, now, chunk, None, (first, min(steps, first + every)), steps, np.uint32(0))
        jax.block_until_ready((now, shown) if probe else now)
        return time.perf_counter() - began

    return train


def short_run(repeats: int) -> str:
    """A whole fit of 30 epochs of 17 steps, probed 3 times, with its measuring, without compiling."""
    random = np.random.default_rng(0)
    x, y = random.standard_normal((1078, 64)).astype(np.float32), random.integers(0, 10, 1078).astype(np.int32)
    plan = plan_of(Mlp(hidden=(64, 64)), (64,), 64)

    def seconds(probe: Any) -> float:
        began = time.perf_counter()
        epochs = list(fit(plan, Dataset(x=x, y=y), probe=probe))
        return time.perf_counter() - began - sum(epoch.compile_seconds for epoch in epochs)

    return ratios(seconds, repeats)


def ratios(seconds: Callable[[Any], float], repeats: int) -> str:
    """Median of with over without, and the quartiles."""
    seconds(WITH), seconds(WITHOUT)
    found = sorted(
        seconds(WITH) / seconds(WITHOUT) if turn % 2 else 1 / (seconds(WITHOUT) / seconds(WITH))
        for turn in range(repeats)
    )
    low, middle, high = statistics.quantiles(found, n=4)
    return f"{middle:.3f} ({low:.3f} to {high:.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    jax.config.update("jax_enable_compilation_cache", False)
    rows = []
    for name, shape, network, batch, steps in CASES:
        train = stepping(shape, network, batch, steps)
        compiling = []
        for probe in (WITHOUT, WITH):
            began = time.process_time()
            train(probe)
            compiling.append(time.process_time() - began)
        ratio = ratios(train, repeats)
        # a step that is probed beside one that is not, by the same program
        extra = statistics.median(train(WITH, 1) / train(WITH, 10**9) for _ in range(max(3, repeats // 3))) - 1
        first = f"{compiling[0]:.1f} | {compiling[1]:.1f}"
        rows.append(f"| {name} | {batch} | {ratio} | {extra:.1f} | {100 * extra / PROBE_EVERY:.1f} % | {first} |")
        print(rows[-1], flush=True)
    whole = short_run(repeats)
    print(whole)
    PAGE.write_text(
        f"""# What the default probes cost

Time of training with the default probes, each {PROBE_EVERY}th step, over that without: {repeats} turns each,
median of the ratios within a turn and their quartiles. Beside it what a probed step costs more than another one, in
steps, timed by probing every step; a {PROBE_EVERY}th of it is what probing costs, with less noise. First call:
processor seconds, most of them compiling, without the disk cache.

{date.today()}, {processor()}, jax {version("jax")}. Again: `python benchmarks/probes.py`

| network | batch | with / without | a probed step, in steps | of all time | first call: training, s | probed step, s |
|---|---|---|---|---|---|---|
"""
        + "\n".join(rows)
        + f"""

A short run, 64-64x2-10 on 1,078 rows, 30 epochs of 17 steps, is probed {LEAST_PROBES} times. Its whole `fit`, measuring
included and compiling not, took {whole} times as long with probes as without.
"""
    )
    print(f"written to {PAGE}")


if __name__ == "__main__":
    main()
