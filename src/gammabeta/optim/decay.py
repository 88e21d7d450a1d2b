"""Weight decay, in its two forms: apart from the gradient (decoupled), and as an L2 term of the loss."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from gammabeta.types import Array, Tree


def decays(params: Tree) -> Tree:
    """Which parameters decay touches: a tree of bools, true for weights, never for bias, gamma, beta."""

    def visit(tree: Any, name: str) -> Any:
        if isinstance(tree, dict):
            return {key: visit(value, key) for key, value in tree.items()}
        if isinstance(tree, optax.MaskedNode):
            return tree  # where optax.contrib.muon has given a parameter to its other half
        if isinstance(tree, tuple):
            return tuple(visit(value, name) for value in tree)
        return name == "weight"

    return visit(params, "")


def touched(params: Tree, decay_all: bool) -> Tree:
    """The weights, or every parameter: a tree of bools."""
    return jax.tree.map(lambda _: True, params) if decay_all else decays(params)


def decayed(rule: optax.GradientTransformation, weight_decay: Array, decay_all: bool) -> optax.GradientTransformation:
    """``rule`` with decoupled decay behind it: direction = rule(g) + weight_decay * w.

    With the step w <- w - learning_rate * direction this is w <- (1 - learning_rate * weight_decay) w -
    learning_rate * rule(g): the decay follows the schedule and passes neither momentum nor a division by the size of
    the gradient. So do torch's and optax's AdamW. The ``weight_decay`` of torch's other optimizers is L2 in the loss
    (:func:`l2_gradient`), which is the same for plain gradient descent and for nothing else.

    rule: any transformation of optax's that gives a direction; weight_decay: the share of w that is added, >= 0
    decay_all: on bias, gamma and beta too, which is seldom wanted: gamma pulled to 0 switches its unit off

    Source: Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101
    """
    return optax.chain(rule, optax.add_decayed_weights(weight_decay, mask=None if decay_all else decays))


def l2_gradient(params: Tree, grads: Tree, l2: Array, decay_all: bool = False) -> Tree:
    """The gradient of loss + :func:`l2_penalty`: g + l2 * w on weights, g on bias, gamma and beta.

    params, grads: trees of the same structure; l2: the strength, >= 0; decay_all: on every parameter

    It comes before clipping and before the optimizer, as a term of the loss would. It equals the ``weight_decay`` of
    torch.optim.SGD on the same parameters; Keras's ``l2(c)`` adds c * w^2 without the half, so that l2 = 2 c there.
    """
    on = touched(params, decay_all)
    return jax.tree.map(lambda g, w, decay: g + l2 * w if decay else g, grads, params, on)


def l2_penalty(params: Tree, l2: Array, decay_all: bool = False) -> Array:
    """l2 / 2 * sum of w^2 over the weights: a scalar, what L2 adds to the loss. Arguments as :func:`l2_gradient`."""
    on = touched(params, decay_all)
    squares = jax.tree.map(lambda w, decay: jnp.sum(w**2) if decay else jnp.zeros(()), params, on)
    return l2 / 2 * sum(jax.tree.leaves(squares), start=jnp.zeros(()))
