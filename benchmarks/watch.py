"""What `gammabeta watch` costs the run that it watches; writes docs/benchmarks/watch.md.

    python benchmarks/watch.py [--repeats 8] [--seconds 5] [--steady 120]    (needs the extra "watch"; about 9 minutes)

One process trains without end and writes its history as fit does. It goes on in turns of about `seconds`: one with a
client that reads the page's events as a browser does, one with the server idle and nobody connected, in turn first and
second. The ratio is taken within a repeat, and its median reported; beside it the same ratio between two turns that
were both unwatched, which is the noise of the machine. At the end somebody goes on reading for ``steady`` seconds, in
which the processor time of the server is read from the system: it is what a run can lose at most on a machine whose
every core is busy. Short turns cannot tell it: a page that is due is drawn when somebody comes, at once, and then not
again for long.
"""

import argparse
import http.client
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks" / "watch.md"
CASES = {
    "small: 20-64x2-1, 800 rows, batch 32": (20, 64, 800, 32),
    "middle: 100-256x2-1, 8,000 rows, batch 64": (100, 256, 8000, 64),
}


def worker(folder: Path, inputs: int, width: int, rows: int, batch: int) -> None:
    """Train a turn of so many seconds for every line of standard input; answer with its steps per second."""
    from gammabeta.cli.run_folder import history
    from gammabeta.data import Dataset
    from gammabeta.nn import Mlp
    from gammabeta.plan import advise
    from gammabeta.serial import dumps
    from gammabeta.train import fit

    random = np.random.default_rng(3)
    x = (3 + 4 * random.standard_normal((rows + rows // 4, inputs))).astype(np.float32)
    y = (x[:, 0] * x[:, 1] > 9).astype(np.float32)
    train, valid = Dataset(x[:rows], y[:rows, None]), Dataset(x[rows:], y[rows:, None])
    plan = advise("binary", rows).replace(
        network=Mlp(hidden=(width, width)), epochs=1_000_000, batch_size=batch, early_stopping=None
    )
    plan = plan.expanded((inputs,), 1)
    (folder / "plan.json").write_text(dumps(plan))
    epochs = fit(plan, train, valid)
    with history(folder) as write:
        for _ in range(5):
            write(next(epochs).to_json())
        print("ready", flush=True)
        for line in sys.stdin:
            began, epoch = time.perf_counter(), next(epochs)
            first = epoch.steps
            write(epoch.to_json())
            begun = time.perf_counter()
            while time.perf_counter() - began < float(line):
                epoch = next(epochs)
                write(epoch.to_json())
            print((epoch.steps - first) / (time.perf_counter() - begun), flush=True)


class Reader:
    """A client of the page's events, on a thread, until it is closed."""

    def __init__(self, port: int) -> None:
        self.bytes = 0
        self.connection = http.client.HTTPConnection("127.0.0.1", port)
        self.connection.request("GET", "/events")
        self.answer = self.connection.getresponse()
        self.open = True
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self) -> None:
        while self.open:
            line = self.answer.readline()
            self.bytes += len(line)
            if line.startswith(b"data: "):
                json.loads(line[6:])

    def close(self) -> None:
        self.open = False
        # the server tells something within a second or two, for the run goes on
        self.thread.join(20)
        self.answer.close()
        self.connection.close()


def processor_seconds(pid: int) -> float:
    """What a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measured(case: tuple[int, int, int, int], repeats: int, seconds: float, steady: float) -> dict[str, float]:
    """Ratios of speed, watched to unwatched, and what the server used."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [sys.executable, __file__, "--worker", name, *map(str, case)]
        training = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert training.stdout
        training.stdout.readline()
        typed = [sys.executable, "-m", "gammabeta", "watch", name, "--port", "0"]
        server = subprocess.Popen(typed, stdout=subprocess.PIPE, text=True)
        assert server.stdout
        port = int(re.search(r":(\d+)/", server.stdout.readline()).group(1))  # type: ignore[union-attr]
        first = Reader(port)  # its imports and first drawing are not part of a turn
        turn(training, seconds)
        first.close()
        ratios, noise, idle = [], [], 0.0
        for repeat in range(repeats):
            found: dict[str, float] = {}
            order = ("watched", "alone", "again") if repeat % 2 else ("alone", "watched", "again")
            for kind in order:
                before = processor_seconds(server.pid)
                reader = Reader(port) if kind == "watched" else None
                found[kind] = turn(training, seconds)
                if reader:
                    closing = threading.Thread(target=reader.close)
                    closing.start()
                    turn(training, 2)
                    closing.join()
                else:
                    idle += processor_seconds(server.pid) - before
            ratios.append(found["watched"] / found["alone"])
            noise.append(found["again"] / found["alone"])
            print(f"{ratios[-1]:.3f} {noise[-1]:.3f}", file=sys.stderr)
        reader = Reader(port)
        turn(training, seconds)
        before, told = processor_seconds(server.pid), reader.bytes
        turn(training, steady)
        used, told = processor_seconds(server.pid) - before, reader.bytes - told
        print(f"{used / steady:.4f} of a core in {steady:g} s", file=sys.stderr)
        lines = len((folder / "history.jsonl").read_text().splitlines())
        for process in (training, server):
            process.kill()
            process.communicate()
    return {
        "ratio": statistics.median(ratios),
        **dict(zip(("low", "high"), quarters(ratios), strict=True)),
        "noise": statistics.median(noise),
        **dict(zip(("noise low", "noise high"), quarters(noise), strict=True)),
        "share": used / steady,
        "idle": idle / (2 * repeats * seconds),
        "told": told / steady,
        "epochs": lines,
    }


def quarters(values: list[float]) -> tuple[float, float]:
    """Between these lies the middle half."""
    low, _, high = statistics.quantiles(values, n=4)
    return low, high


def turn(training: subprocess.Popen[str], seconds: float) -> float:
    """Steps per second of one turn."""
    assert training.stdin
    assert training.stdout
    training.stdin.write(f"{seconds}\n")
    training.stdin.flush()
    return float(training.stdout.readline())


def page(found: dict[str, dict[str, float]], repeats: int, seconds: float, steady: float) -> str:
    """The results, as they stand in the documents."""
    cores = os.cpu_count() or 1
    rows = [
        f"| {name} | {one['epochs']:,.0f} | {one['ratio']:.3f} ({one['low']:.3f} to {one['high']:.3f}) "
        f"| {one['noise']:.3f} ({one['noise low']:.3f} to {one['noise high']:.3f}) "
        f"| {one['share']:.2%} | {one['share'] / cores:.2%} | {one['idle']:.2%} | {one['told'] / 1000:.0f} |"
        for name, one in found.items()
    ]
    machine = f"{date.today()}, {platform.machine()}, {cores} cores, load {os.getloadavg()[1]:.1f}"
    versions = ", ".join(f"{name} {version(name)}" for name in ("jax", "starlette", "uvicorn"))
    table = "\n".join(rows)
    return f"""# What watching costs a run

Steps per second of a run that writes its history, with one reader of `gammabeta watch`, against the same run with
nobody connected. {repeats} repeats of turns of {seconds:g} s, interleaved; medians, and between what the middle half
lies. Beside it the ratio of two unwatched turns: what differs without any watcher. Then what the server uses of a
core, and of the machine, while somebody goes on reading for {steady:g} s.

{machine}, {versions}. Again: `python benchmarks/watch.py`

| network | epochs | watched / alone | alone / alone | server, of a core | of the machine | nobody connected | kB/s |
|---|---|---|---|---|---|---|---|
{table}

Where two unwatched turns differ by more than 1 %, the speeds cannot tell whether a run is slowed by more than 1 %, and
the processor time does: what the server takes of the machine is about what a run can lose where it keeps every core
busy. The server pauses after every look so long that looking takes 0.5 % of the cores at most, takes what the run
leaves (nice 10), and reads only what is new of the history. The browser's own drawing is not counted.
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--steady", type=float, default=120.0)
    parser.add_argument("--worker", nargs=5)
    given = parser.parse_args()
    if given.worker:
        folder, *numbers = given.worker
        worker(Path(folder), *map(int, numbers))
        return
    found = {name: measured(case, given.repeats, given.seconds, given.steady) for name, case in CASES.items()}
    PAGE.write_text(page(found, given.repeats, given.seconds, given.steady))
    print(PAGE.read_text())


if __name__ == "__main__":
    main()
