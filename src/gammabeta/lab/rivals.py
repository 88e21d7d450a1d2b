"""The same network elsewhere: layers of ReLU units trained by Adam in scikit-learn, PyTorch and Keras."""

import importlib.util
import itertools
import warnings
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np

NEEDS = {"scikit-learn": "sklearn", "PyTorch": "torch", "Keras": "keras"}
"""What has to be installed for whom."""


class Job(NamedTuple):
    """A task for whoever can build the network.

    x (rows, inputs), valid_x: scaled alike for all; y: (rows,) classes, (rows, outputs) labels or numbers
    """

    task: Literal["classes", "labels", "number"]
    x: np.ndarray
    y: np.ndarray
    valid_x: np.ndarray
    outputs: int
    hidden: tuple[int, ...]
    epochs: int
    batch: int
    rate: float
    seed: int


def answers(job: Job, outputs: np.ndarray) -> np.ndarray:
    """What a network's outputs say, (rows, answers)."""
    if job.task == "classes":
        return np.asarray(np.argmax(outputs, axis=1))[:, None]
    return np.asarray(outputs > 0) if job.task == "labels" else outputs


def installed(rival: str) -> bool:
    found = importlib.util.find_spec(NEEDS[rival])
    # a folder that happens to have the name has no origin
    return found is not None and found.origin is not None


def by_scikit_learn(job: Job) -> np.ndarray:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    kind = MLPRegressor if job.task == "number" else MLPClassifier
    made = kind(
        hidden_layer_sizes=job.hidden,
        alpha=0,
        batch_size=job.batch,
        learning_rate_init=job.rate,
        max_iter=job.epochs,
        n_iter_no_change=job.epochs,
        random_state=job.seed,
    )
    with warnings.catch_warnings():
        # it stops where all were told to stop
        warnings.simplefilter("ignore", ConvergenceWarning)
        made.fit(job.x, job.y[:, 0] if job.task == "number" else job.y)
    return np.asarray(made.predict(job.valid_x)).reshape(len(job.valid_x), -1)


def by_torch(job: Job) -> np.ndarray:
    import torch
    from torch import nn

    torch.manual_seed(job.seed)
    sizes = (job.x.shape[1], *job.hidden)
    layers: list[Any] = [part for a, b in itertools.pairwise(sizes) for part in (nn.Linear(a, b), nn.ReLU())]
    network = nn.Sequential(*layers, nn.Linear(sizes[-1], job.outputs))
    loss = {"classes": nn.CrossEntropyLoss(), "labels": nn.BCEWithLogitsLoss(), "number": nn.MSELoss()}[job.task]
    optimizer = torch.optim.Adam(network.parameters(), job.rate)
    x, y = torch.from_numpy(job.x), torch.from_numpy(job.y.astype(np.int64) if job.task == "classes" else job.y)
    for _ in range(job.epochs):
        for rows in torch.split(torch.randperm(len(x)), job.batch):
            optimizer.zero_grad()
            loss(network(x[rows]), y[rows]).backward()
            optimizer.step()
    with torch.no_grad():
        return answers(job, network(torch.from_numpy(job.valid_x)).numpy())


def by_keras(job: Job) -> np.ndarray:
    import keras  # type: ignore[import-not-found, unused-ignore]

    keras.utils.set_random_seed(job.seed)
    hidden = [keras.layers.Dense(units, activation="relu") for units in job.hidden]
    network = keras.Sequential([keras.Input(job.x.shape[1:]), *hidden, keras.layers.Dense(job.outputs)])
    loss = {
        "classes": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        "labels": keras.losses.BinaryCrossentropy(from_logits=True),
        "number": keras.losses.MeanSquaredError(),
    }[job.task]
    network.compile(optimizer=keras.optimizers.Adam(job.rate), loss=loss)
    network.fit(job.x, job.y, batch_size=job.batch, epochs=job.epochs, verbose=0)
    return answers(job, np.asarray(network.predict(job.valid_x, verbose=0)))


RIVALS: dict[str, Callable[[Job], np.ndarray]] = {
    "scikit-learn": by_scikit_learn,
    "PyTorch": by_torch,
    "Keras": by_keras,
}
"""By name: trains and answers for the validation rows, (rows, answers)."""
