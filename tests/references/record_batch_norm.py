"""Record what torch's batch norm computes in float64, for tests that run without torch.

Run it again with ``python tests/references/record_batch_norm.py``; it writes batch_norm.json beside itself.
"""

import json
from pathlib import Path

import numpy as np
import torch

STEPS = 5
SHAPES = {"table": (5, 3), "image": (2, 3, 2, 3)}  # (rows, features) and (rows, height, width, channels)
MEMORIES = {"ema": 0.1, "cumulative": None}  # torch's momentum
EPSILON = 1e-3


def recorded(x: np.ndarray, slopes: np.ndarray, gamma: np.ndarray, beta: np.ndarray, momentum: float | None) -> dict:
    """Outputs, gradients of sum(slopes y), running statistics after each batch and the output that uses them.

    x, slopes: (steps, rows, ..., features), with the features last as everywhere in gammabeta
    """
    features = x.shape[-1]
    kind = torch.nn.BatchNorm1d if x.ndim == 3 else torch.nn.BatchNorm2d
    layer = kind(features, eps=EPSILON, momentum=momentum, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(gamma))
        layer.bias.copy_(torch.tensor(beta))
    steps = []
    for one, slope in zip(x, slopes, strict=True):
        layer.train()
        layer.zero_grad()
        inputs = torch.tensor(np.moveaxis(one, -1, 1)).requires_grad_()
        y = layer(inputs)
        (y * torch.tensor(np.moveaxis(slope, -1, 1))).sum().backward()
        layer.eval()
        steps.append(
            {
                "y": last(y),
                "by_x": last(inputs.grad),
                "by_gamma": layer.weight.grad.tolist(),
                "by_beta": layer.bias.grad.tolist(),
                "running_mean": layer.running_mean.tolist(),
                "running_var": layer.running_var.tolist(),
                "predicted": last(layer(inputs)),
            }
        )
    return {"steps": steps}


def last(values: torch.Tensor) -> list:
    """Back to features last."""
    return np.moveaxis(values.detach().numpy(), 1, -1).tolist()


def inputs(shape: tuple[int, ...], seed: int, steps: int = STEPS) -> dict[str, np.ndarray]:
    """Batches of N(3, 4^2) and everything else that a comparison needs."""
    random = np.random.default_rng(seed)
    return {
        "x": 3 + 4 * random.standard_normal((steps, *shape)) + np.arange(shape[-1]),
        "slopes": random.standard_normal((steps, *shape)),
        "gamma": random.uniform(0.5, 2, shape[-1]),
        "beta": random.uniform(-1, 1, shape[-1]),
    }


def main() -> None:
    cases = []
    for seed, (name, shape) in enumerate(SHAPES.items()):
        given = inputs(shape, seed)
        # 6 decimals of the inputs keep the file small; what is computed from them keeps all its digits
        given = {key: np.round(value, 6) for key, value in given.items()}
        for memory, momentum in MEMORIES.items():
            found = recorded(**given, momentum=momentum)
            written = {key: value.tolist() for key, value in given.items()}
            cases.append({"shape": name, "memory": memory, "epsilon": EPSILON, "given": written, **found})
    body = {"recorded_with": f"torch {torch.__version__}", "cases": cases}
    Path(__file__).with_name("batch_norm.json").write_text(json.dumps(body) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
