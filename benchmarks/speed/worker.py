"""One side of the comparison, in a process of its own: trains when asked, and answers with its steps per second.

    worker.py ENGINE WIDTH BATCH    reads numbers of steps on standard input, writes steps per second

Both sides: MNIST as uint8, 784 - WIDTH x 3 - 10 with batch norm and ReLU, Adam at 1e-3, every epoch reshuffled.
"""

import sys
import time
from collections.abc import Callable

import numpy as np

DEPTH = 3


def rows() -> tuple[np.ndarray, np.ndarray]:
    """48,000 digits; random bytes of the same shape where MNIST is not there: speed does not depend on them."""
    import gzip
    from pathlib import Path

    folder = Path(__file__).resolve().parents[3] / "shared" / "data" / "images" / "mnist"
    if not folder.is_dir():
        rng = np.random.default_rng(0)
        return rng.integers(0, 255, (48_000, 784), dtype=np.uint8), rng.integers(0, 10, 48_000)
    images = gzip.decompress((folder / "train-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((folder / "train-labels-idx1-ubyte.gz").read_bytes())
    x = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 784)[:48_000]
    return x, np.frombuffer(labels, np.uint8, offset=8)[:48_000].astype(np.int64)


def torch_side(width: int, batch: int, reads_loss: bool) -> Callable[[int], None]:
    """A plain eager loop with fused Adam; reads_loss: whether every step's loss is read, as most loops do."""
    import torch

    x, y = rows()
    pixels, labels = torch.from_numpy(x.copy()), torch.from_numpy(y)
    torch.manual_seed(0)
    layers: list[torch.nn.Module] = []
    fan_in = 784
    for _ in range(DEPTH):
        layers += [torch.nn.Linear(fan_in, width, bias=False), torch.nn.BatchNorm1d(width), torch.nn.ReLU()]
        fan_in = width
    network = torch.nn.Sequential(*layers, torch.nn.Linear(fan_in, 10))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
    loss_of = torch.nn.CrossEntropyLoss()

    def train(steps: int) -> None:
        total, done = 0.0, 0
        while done < steps:
            order = torch.randperm(len(labels))
            for first in range(0, len(labels), batch):
                if done == steps:
                    break
                chosen = order[first : first + batch]
                inputs = (pixels[chosen].float() - 33.3) * (1 / 78.6)
                optimizer.zero_grad()
                loss = loss_of(network(inputs), labels[chosen])
                loss.backward()
                optimizer.step()
                total += loss.item() if reads_loss else 0.0
                done += 1

    return train


def gammabeta_side(width: int, batch: int) -> Callable[[int], None]:
    """The product's own epoch, as fit runs it: default probes, row weights, padding masks, progress."""
    from gammabeta.data import Dataset
    from gammabeta.nn import Mlp, SoftmaxCrossEntropy
    from gammabeta.optim import Adam, Constant
    from gammabeta.plan import Plan
    from gammabeta.train.fit import train_epoch
    from gammabeta.train.probes import default_probe
    from gammabeta.train.step import fresh_state, program_of

    x, y = rows()
    scale = {"offset": np.full(1, 33.3, np.float32), "factor": np.full(1, 1 / 78.6, np.float32)}
    data = Dataset(x=x, y=y.astype(np.int32), **scale)
    plan = Plan(
        network=Mlp(hidden=(width,) * DEPTH),
        loss=SoftmaxCrossEntropy(),
        optimizer=Adam(),
        schedule=Constant(),
        batch_size=batch,
    ).expanded((784,), 10)
    program = program_of(plan)
    state = fresh_state(plan, (784,))
    epoch = 0

    def train(steps: int) -> None:
        nonlocal state, epoch
        done = 0
        while done < steps:
            epoch += 1
            part = data if steps - done >= 48_000 // batch else data.take(np.arange((steps - done) * batch))
            for made in train_epoch(plan, program, state, part, epoch, default_probe, lambda _: None, lambda: ""):
                state, done = made.state, done + len(made.losses)

    return train


SIDES: dict[str, Callable[[int, int], Callable[[int], None]]] = {
    "torch": lambda width, batch: torch_side(width, batch, reads_loss=True),
    "torch-without-reading": lambda width, batch: torch_side(width, batch, reads_loss=False),
    "gammabeta": gammabeta_side,
}


if __name__ == "__main__":
    train = SIDES[sys.argv[1]](int(sys.argv[2]), int(sys.argv[3]))
    for line in sys.stdin:
        began = time.perf_counter()
        train(int(line))
        print(int(line) / (time.perf_counter() - began), flush=True)
