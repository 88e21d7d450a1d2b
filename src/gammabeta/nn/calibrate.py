"""What a network needs from data before its first step.

Three kinds of it: initializers that look at what their layer puts out (LSUV, data-dependent), layers that set
themselves by their input (:class:`Calibrates`), and output biases that start at the prior.
"""

from collections.abc import Iterator
from functools import partial
from typing import Literal, Protocol, runtime_checkable

import jax
import jax.numpy as jnp

from gammabeta.compiling import ONCE
from gammabeta.errors import PlanError
from gammabeta.nn.activation import Activation
from gammabeta.nn.dropout import Dropout
from gammabeta.nn.ensemble import Ensemble
from gammabeta.nn.flatten import Flatten
from gammabeta.nn.initializers import DataDependent, Initializer
from gammabeta.nn.layer import PREDICTING, Call, Layer
from gammabeta.nn.paced import Paced
from gammabeta.nn.pooling import AveragePool, GlobalAveragePool, MaxPool
from gammabeta.nn.residual import Residual
from gammabeta.nn.sequential import Sequential
from gammabeta.types import Array, Tree

HOMOGENEOUS: tuple[type[Layer], ...] = (Dropout, Flatten, MaxPool, AveragePool, GlobalAveragePool)
"""Layers without parameters whose output doubles with their input, besides some activations."""

HOMOGENEOUS_ACTIVATIONS = ("identity", "relu", "leaky_relu")

Kind = Literal["softmax", "sigmoid", "mean"]


@runtime_checkable
class Calibrates(Protocol):
    """A layer that sets itself by a batch of its inputs: whoever has this method is asked, in the network's order."""

    def calibrated(self, params: Tree, stats: Tree, x: Array, weights: Array | None) -> tuple[Tree, Tree]:
        """New params and stats of unchanged structure, from inputs x (rows, ...) and the rows' weights (rows,).

        It is called inside a compiled program: jax.numpy only, no branch on a value.
        """


def waits_for_data(network: Layer) -> bool:
    """Whether :func:`calibrate` would do anything."""
    if isinstance(network, Paced):
        return waits_for_data(network.layer)
    if isinstance(network, Sequential):
        return any(waits_for_data(layer) for layer in network.layers)
    if isinstance(network, Residual):
        return any(waits_for_data(part) for part in (network.body, network.shortcut) if part is not None)
    if isinstance(network, Ensemble):
        return any(waits_for_data(member) for member in network.members)
    asks = type(initializer_of(network)).calibrated is not Initializer.calibrated
    return asks or isinstance(network, Calibrates)


# level 0: this runs once, as does init
@partial(jax.jit, static_argnames=("network",), compiler_options=ONCE)
def calibrate(network: Layer, params: Tree, stats: Tree, x: Array, weights: Array | None = None) -> tuple[Tree, Tree]:
    """Fresh params and stats after every layer has seen the batch as it arrives there.

    x (rows, ...): as the network takes it, a few hundred rows; weights (rows,): 0 leaves a row out

    Layers are calibrated in order, each on what the calibrated ones before it put out: batch norm normalizes by the
    batch, dropout and noise are off. In a residual connection body and shortcut see the same input. What asks for
    nothing stays as it is, and so does what stands inside a :class:`Frozen`. Pure and compiled as one program.
    """
    return walked(network, params, stats, x, weights)


def walked(layer: Layer, params: Tree, stats: Tree, x: Array, weights: Array | None) -> tuple[Tree, Tree]:
    """One layer of the walk of :func:`calibrate`."""
    if isinstance(layer, Paced):
        return walked(layer.layer, params, stats, x, weights)
    if isinstance(layer, Sequential):
        return walked_through(layer, params, stats, x, weights)
    if isinstance(layer, Residual):
        body = walked(layer.body, params[0], stats[0], x, weights)
        through = (params[1], stats[1])
        if layer.shortcut is not None:
            through = walked(layer.shortcut, params[1], stats[1], x, weights)
        return (body[0], through[0]), (body[1], through[1])
    if isinstance(layer, Ensemble):
        members = [walked(*each, x, weights) for each in zip(layer.members, params, stats, strict=True)]
        return tuple(made for made, _ in members), tuple(made for _, made in members)
    if isinstance(layer, Calibrates):
        params, stats = layer.calibrated(params, stats, x, weights)
    call = Call(weights=weights, by_batch=True)
    params = initializer_of(layer).calibrated(params, lambda tried: layer.apply(tried, stats, x, call)[0], weights)
    return params, stats


def walked_through(
    network: Sequential, params: Tree, stats: Tree, x: Array, weights: Array | None
) -> tuple[Tree, Tree]:
    """Layer by layer, then the scales of each chain balanced, which changes the output of no chain."""
    made_params, made_stats, inputs = list(params), list(stats), []
    for index, layer in enumerate(network.layers):
        inputs.append(x)
        made = walked(layer, params[index], stats[index], x, weights)
        made_params[index], made_stats[index] = made
        x, _ = layer.apply(*made, x, Call(weights=weights, by_batch=True))
    for chain in chains(network.layers):
        part = slice(chain[0], chain[-1] + 1)
        made_params[part] = balanced(
            network.layers[part], made_params[part], made_stats[part], inputs[chain[0]], weights
        )
    return tuple(made_params), tuple(made_stats)


def initializer_of(layer: Layer) -> Initializer:
    """The initializer of a layer's weight; one that asks for nothing where it has none."""
    if isinstance(layer, Paced):
        return initializer_of(layer.layer)
    found = getattr(layer, "initializer", None)
    return found if isinstance(found, Initializer) else Initializer()


# ---- balance


def chains(layers: tuple[Layer, ...]) -> Iterator[list[int]]:
    """Positions of the layers that are balanced with one another: two or more, linked by homogeneous layers."""
    chain: list[int] = []
    for index, layer in enumerate(layers):
        initializer = initializer_of(layer)
        if isinstance(initializer, DataDependent) and initializer.balance:
            chain.append(index)
        elif not is_homogeneous(layer):
            if len(chain) > 1:
                yield chain
            chain = []
    if len(chain) > 1:
        yield chain


def is_homogeneous(layer: Layer) -> bool:
    """Whether f(a x) = a f(x) for every a > 0, so that a scale before the layer can be undone after it."""
    if isinstance(layer, Paced):
        return is_homogeneous(layer.layer)
    if isinstance(layer, Activation):
        return layer.function in HOMOGENEOUS_ACTIVATIONS
    return isinstance(layer, HOMOGENEOUS)


def balanced(
    layers: tuple[Layer, ...], params: list[Tree], stats: list[Tree], x: Array, weights: Array | None
) -> list[Tree]:
    """A chain's params scaled so that one learning rate changes each of its layers equally, at the same output.

    layers: affine, homogeneous, affine, ..., affine; x: the first one's input

        C_k = sqrt(E ||dl/dW_k||^2) / ||W_k||, over rows and random linear losses l of the chain's output
        r_k = sqrt(C_k / C), C the geometric mean of all C_k;  W_k <- r_k W_k,  b_k <- r_1 ... r_k b_k

    The product of all r_k is 1, so each layer undoes what the ones before it did and the output stays. As the
    function stays along that scaling, gradients are divided by r_k: C_k becomes C_k / r_k^2 = C, at once and exactly.
    Krähenbühl 2015, algorithm 2, repeats the correction some ten times because it also scales across layers that are
    not homogeneous, where the output changes. The losses have coefficients +-1, of mean 0 and covariance 1 as the
    paper's normal ones have, and less noise. A chain in which some layer gets no gradient stays as it is.
    """
    affine = [k for k, layer in enumerate(layers) if isinstance(initializer_of(layer), DataDependent)]

    def output(tried: list[Array], row: Array) -> Array:
        y = row[None]
        for k, layer in enumerate(layers):
            given = {**params[k], "weight": tried[affine.index(k)]} if k in affine else params[k]
            y, _ = layer.apply(given, stats[k], y, PREDICTING)
        return y[0]

    def squares(row: Array, signs: Array) -> list[Array]:
        slopes = jax.grad(lambda tried: jnp.sum(output(tried, row) * signs))(weight)
        return [jnp.sum(slope.astype(jnp.float32) ** 2) for slope in slopes]

    weight = [params[k]["weight"] for k in affine]
    out = jax.eval_shape(output, weight, x[0])
    signs = jax.random.rademacher(jax.random.key(0), (x.shape[0], *out.shape), out.dtype)
    by_row = jax.lax.map(lambda given: squares(*given), (x, signs), batch_size=16)
    shares = jnp.ones(x.shape[0]) if weights is None else weights
    changes = [jnp.sum(shares * square) / jnp.sum(w**2) for square, w in zip(by_row, weight, strict=True)]
    log_change = jnp.log(jnp.stack(changes)) / 2
    scale = jnp.exp((log_change - jnp.mean(log_change)) / 2)
    scale = jnp.where(jnp.all(jnp.isfinite(scale)), scale, 1.0)
    made = list(params)
    for k, own, so_far in zip(affine, scale, jnp.cumprod(scale), strict=True):
        made[k] = {**params[k], "weight": (params[k]["weight"] * own).astype(params[k]["weight"].dtype)}
        if "bias" in params[k]:
            made[k]["bias"] = (params[k]["bias"] * so_far).astype(params[k]["bias"].dtype)
    return made


# ---- the output's bias


def prior_bias(params: Tree, targets: Array, weights: Array | None, kind: Kind) -> Tree:
    """The output layer's params with the bias that answers best before any input is looked at.

    params: {"weight", "bias": (k,)}; targets: see kind; weights: (rows,), None counts every row once
    kind: the task
        "softmax": bias = log p, p each class's share; targets (rows,), whole numbers in [0, k), or shares (rows, k)
        "sigmoid": bias = log(p / (1 - p)), p each label's share; targets (rows, k) of 0 and 1
        "mean": bias = each target's mean, 0 where targets are standardized; targets (rows, k)

    Every class and label counts as seen in half a row at least and missing in half a row, so that all is finite.
    Otherwise the first steps go into learning the bias. Other frameworks leave it to the user. Raises PlanError where
    there is no bias. Source: Lin et al. 2017, section 4.1, https://arxiv.org/abs/1708.02002
    """
    if not isinstance(params, dict) or "bias" not in params:
        raise PlanError("prior_bias: the output layer has no bias, expected one; build it with bias=True.")
    outputs = params["bias"].shape[0]
    shares = jnp.ones(targets.shape[0]) if weights is None else jnp.asarray(weights, jnp.float32)
    counted = jnp.sum(shares > 0)
    shares = shares / jnp.sum(shares)
    least = 0.5 / counted
    classes = kind == "softmax" and targets.ndim == 1
    columns = targets[:, None] == jnp.arange(outputs) if classes else targets.reshape(-1, outputs)
    mean = shares @ columns.astype(jnp.float32)
    if kind == "mean":
        bias = mean
    elif kind == "softmax":
        bias = jnp.log(jnp.maximum(mean, least))
    else:
        share = jnp.clip(mean, least, 1 - least)
        bias = jnp.log(share) - jnp.log1p(-share)
    return {**params, "bias": bias.astype(params["bias"].dtype)}


def with_prior(network: Layer, params: Tree, targets: Array, weights: Array | None, kind: Kind) -> Tree:
    """A network's params with :func:`prior_bias` in its last layer; PlanError where that is not an affine one."""
    if isinstance(network, Paced):
        return with_prior(network.layer, params, targets, weights, kind)
    if isinstance(network, Sequential) and network.layers:
        last = with_prior(network.layers[-1], params[-1], targets, weights, kind)
        return (*params[:-1], last)
    if isinstance(network, Ensemble):
        members = zip(network.members, params, strict=True)
        return tuple(with_prior(*each, targets, weights, kind) for each in members)
    return prior_bias(params, targets, weights, kind)
