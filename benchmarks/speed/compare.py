"""The training loop beside PyTorch eager, alternating in one run; writes docs/benchmarks/speed.md.

    python benchmarks/speed/compare.py [--repeats 7]    (needs the extra "benchmark"; about 5 minutes)

Each engine lives in a process of its own and sleeps while another one trains. A repeat is one turn of every
engine; the ratio is taken within a repeat, and the median over repeats is reported, so that other load on the
machine falls on both sides.
"""

import argparse
import platform
import statistics
import subprocess
import sys
from datetime import date
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGE = HERE.parents[1] / "docs" / "benchmarks" / "speed.md"
CASES = [
    ("784-100x3-10", 100, 60, 800, 2.2),
    ("784-256x3-10", 256, 128, 375, 1.2),
    ("784-512x3-10", 512, 128, 375, 0.95),
]
ENGINES = ["torch", "torch-without-reading", "gammabeta"]


def started(engine: str, width: int, batch: int) -> subprocess.Popen[str]:
    command = [sys.executable, str(HERE / "worker.py"), engine, str(width), str(batch)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def turn(worker: subprocess.Popen[str], steps: int) -> float:
    """Steps per second of one turn."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(f"{steps}\n")
    worker.stdin.flush()
    return float(worker.stdout.readline())


def measured(width: int, batch: int, steps: int, repeats: int) -> dict[str, list[float]]:
    """Steps per second of every engine in every repeat; the first, which compiles and warms up, is not counted."""
    workers = {engine: started(engine, width, batch) for engine in ENGINES}
    found: dict[str, list[float]] = {engine: [] for engine in ENGINES}
    for repeat in range(repeats + 1):
        order = ENGINES if repeat % 2 else ENGINES[::-1]
        for engine in order:
            speed = turn(workers[engine], steps)
            if repeat:
                found[engine].append(speed)
    for worker in workers.values():
        assert worker.stdin
        worker.stdin.close()
        worker.wait()
    return found


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0]}, {len(names)} cores" if names else platform.processor()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    rows = []
    for name, width, batch, steps, target in CASES:
        found = measured(width, batch, steps, repeats)
        ours = found["gammabeta"]
        cells = []
        for rival in ENGINES[:2]:
            ratios = sorted(mine / theirs for mine, theirs in zip(ours, found[rival], strict=True))
            cells.append(f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")
        speeds = [f"{statistics.median(found[engine]):,.0f}" for engine in ENGINES]
        rows.append(f"| {name} | {batch} | {' | '.join(speeds)} | {' | '.join(cells)} | {target} |")
        print(rows[-1], flush=True)
    packages = ", ".join(f"{package} {version(package)}" for package in ("jax", "torch", "numpy"))
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(
        f"""# Speed of the training loop

Steps per second on MNIST, batch norm, Adam, float32: gammabeta's own epoch, with its default probes, row weights,
padding masks and progress, against PyTorch eager with fused Adam, reading every step's loss and not reading it.
{repeats} alternating repeats in one run; ratios are medians within a repeat, with the lowest and the highest.

{date.today()}, {processor()}, {packages}. Again: `python benchmarks/speed/compare.py`

| network | batch | torch | torch, loss not read | gammabeta | ratio | ratio, loss not read | target |
|---|---|---|---|---|---|---|---|
"""
        + "\n".join(rows)
        + "\n"
    )
    print(f"written to {PAGE}")


if __name__ == "__main__":
    main()
