"""The largest and smallest eigenvalues of the Hessian, and how much of it is negative."""

from typing import NamedTuple

import jax
import numpy as np

from gammabeta.data import Dataset
from gammabeta.diagnosis.measures.batch_loss import BatchLoss, dot
from gammabeta.plan import Plan
from gammabeta.types import Tree


class Curvature(NamedTuple):
    """largest, smallest: eigenvalues of the Hessian; trace: their sum, estimated

    negative: share of the eigenvalues below -1e-3 times the largest in size, estimated: above 0 at a saddle point
    """

    largest: float
    smallest: float
    trace: float
    negative: float


def curvature(
    plan: Plan, params: Tree, stats: Tree, rows: Dataset, *, iterations: int = 30, probes: int = 2, seed: int = 0
) -> Curvature:
    """The curvature of the loss on ``rows`` by the Lanczos method: ``probes`` x ``iterations`` Hessian products.

    Lanczos with full reorthogonalization from random starts gives the ends of the spectrum from inside, and by Gauss
    quadrature its density (Ubaru 2017): weight of a Ritz value = squared first component of its vector. Plain descent
    is stable while learning_rate x largest < 2.

    Source: Yao 2020 (PyHessian), Ghorbani 2019.
    """
    loss = BatchLoss(plan, stats, rows)
    ends, traces, negatives = [], [], []
    size = sum(leaf.size for leaf in jax.tree.leaves(params))
    for probe in range(probes):
        values, weights = lanczos(loss, params, jax.random.key(seed + probe), min(iterations, size))
        ends += [values[0], values[-1]]
        traces.append(size * float(weights @ values))
        threshold = -1e-3 * max(abs(values[0]), abs(values[-1]))
        negatives.append(float(np.sum(weights[values < threshold])))
    return Curvature(max(ends), min(ends), float(np.mean(traces)), float(np.mean(negatives)))


def lanczos(loss: BatchLoss, params: Tree, key: jax.Array, iterations: int) -> tuple[np.ndarray, np.ndarray]:
    """(Ritz values ascending, their weights, which sum to 1)."""
    leaves, structure = jax.tree.flatten(params)
    keys = jax.random.split(key, len(leaves))
    signs = [jax.random.rademacher(k, leaf.shape, leaf.dtype) for k, leaf in zip(keys, leaves, strict=True)]
    vector = scaled(jax.tree.unflatten(structure, signs))
    basis, diagonal, beside = [vector], [], []
    for step in range(iterations):
        product = loss.hessian_times(params, basis[-1])
        diagonal.append(dot(product, basis[-1]))
        for _ in range(2):  # twice is enough against rounding
            for old in basis:
                product = minus(product, old, dot(product, old))
        length = float(np.sqrt(max(dot(product, product), 0.0)))
        if step == iterations - 1 or length < 1e-7 * max(1.0, abs(diagonal[0])):
            break
        beside.append(length)
        basis.append(jax.tree.map(lambda leaf, by=length: leaf / by, product))
    count = len(diagonal)
    matrix = np.diag(diagonal) + np.diag(beside[: count - 1], 1) + np.diag(beside[: count - 1], -1)
    values, vectors = np.linalg.eigh(matrix)
    return values, vectors[0] ** 2


def scaled(tree: Tree) -> Tree:
    length = float(np.sqrt(dot(tree, tree)))
    return jax.tree.map(lambda leaf: leaf / length, tree)


def minus(tree: Tree, other: Tree, times: float) -> Tree:
    return jax.tree.map(lambda a, b: a - times * b, tree, other)
