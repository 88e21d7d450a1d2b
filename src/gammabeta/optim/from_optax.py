"""Any optimizer of optax, by its name."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import optax
import optax.contrib

from gammabeta.errors import PlanError, nearest
from gammabeta.optim.decay import decays
from gammabeta.optim.optimizer import Optimizer
from gammabeta.serial import DYNAMIC, Within

ALIASES = (
    *("adabelief", "adadelta", "adafactor", "adagrad", "adam", "adamax", "adamaxw", "adamw", "adan", "amsgrad"),
    *("lamb", "lars", "lion", "nadam", "nadamw", "novograd", "optimistic_adam_v2", "optimistic_gradient_descent"),
    *("radam", "rmsprop", "rprop", "sgd", "sign_sgd", "signum", "sm3", "yogi"),
    *("contrib.acprop", "contrib.ademamix", "contrib.adopt", "contrib.muon", "contrib.prodigy"),
    "contrib.simplified_ademamix",
)
"""Whole optimizers: their step is linear in the learning rate, so that it can be taken out of them.

Left out: fromage, optimistic_adam, contrib.cocob and contrib.madgrad (not linear in it), lbfgs, polyak_sgd,
contrib.momo and contrib.sophia (want the loss as well), noisy_sgd (draws noise of its own), contrib.schedule_free
(predicts with other weights than it trains).
"""

PARTS = (
    *("centralize", "ema", "identity", "normalize_by_update_norm", "scale_by_adadelta", "scale_by_adam"),
    *("scale_by_adamax", "scale_by_adan", "scale_by_amsgrad", "scale_by_belief", "scale_by_factored_rms"),
    *("scale_by_lion", "scale_by_novograd", "scale_by_optimistic_gradient", "scale_by_param_block_norm"),
    *("scale_by_param_block_rms", "scale_by_radam", "scale_by_rms", "scale_by_rss", "scale_by_sign", "scale_by_sm3"),
    *("scale_by_stddev", "scale_by_trust_ratio", "scale_by_yogi", "trace"),
)
"""Transformations that give a direction and know no learning rate."""

MASKS = ("mask", "weight_decay_mask")
DECAYS = ("weight_decay", "weight_decay_rate")


@dataclass(frozen=True, kw_only=True)
class FromOptax(Optimizer):
    """An optimizer or transformation of optax: w <- w - learning_rate * direction, where direction is optax's.

    name: one of ALIASES or PARTS, as it is called in optax: "lion", "contrib.muon", "scale_by_yogi"
    arguments: its numbers, such as {"b1": 0.9}; they can change without recompilation; ranges are optax's
    options: its switches and whole numbers, such as {"nesterov": true}: they decide what is compiled
    learning_rate: > 0; an optimizer is built with the rate 1, and what it gives is scaled by ours
    decay_all: where optax decays weights, let it touch bias, gamma and beta too

    >>> FromOptax(name="lion", arguments={"b1": 0.95}, learning_rate=3e-4)
    >>> {"type": "from_optax", "name": "sgd", "arguments": {"momentum": 0.9}, "options": {"nesterov": true}}

    A file can name what stands in the two lists and nothing else, so that reading a plan runs no code of its own.
    Raises PlanError on a name or an argument that is not there, naming the nearest that is. A decay that optax adds
    behind the learning rate (adafactor) is multiplied by ours as well. Source: DeepMind 2020, the JAX Ecosystem,
    https://github.com/google-deepmind/optax
    """

    name: str  # type: ignore[misc]  # mypy puts the inherited learning_rate before it; all are by keyword
    arguments: Annotated[dict[str, float], DYNAMIC] = field(default_factory=dict)
    options: dict[str, bool | int] = field(default_factory=dict)
    learning_rate: Annotated[float, Within("(0, inf)"), DYNAMIC] = 1e-3
    decay_all: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.name not in (*ALIASES, *PARTS):
            raise PlanError(f'from_optax.name: optax has no "{self.name}" here; {nearest(self.name, ALIASES + PARTS)}')
        takes = parameters(self.name)
        refuse_strange(self.name, "arguments", self.arguments)
        refuse_strange(self.name, "options", self.options)
        for name, parameter in takes.items():
            if parameter.default is parameter.empty and name not in self.arguments:
                raise PlanError(f'from_optax.arguments: the key "{name}" is missing; {self.name} needs it.')
        if not self.decay_all and not masks(self.name):
            for name in DECAYS:
                if self.arguments.get(name):
                    raise PlanError(
                        f"from_optax.arguments.{name}: optax's {self.name} decays bias, gamma and beta too; "
                        f"set decay_all to have that, or leave {name} out."
                    )

    def __hash__(self) -> int:
        """Of the parts that are no numbers: mappings have no hash."""
        return hash((self.name, tuple(sorted(self.options.items())), self.decay_all))

    def direction(self) -> optax.GradientTransformation:
        chosen = dict.fromkeys(masks(self.name), decays) if not self.decay_all else {}
        made = function(self.name)
        if self.name in PARTS:
            return made(**chosen, **self.arguments, **self.options)
        return optax.chain(made(learning_rate=1.0, **chosen, **self.arguments, **self.options), optax.scale(-1.0))


def function(name: str) -> Callable[..., optax.GradientTransformation]:
    """What a listed name stands for."""
    found: Any = optax
    for part in name.split("."):
        found = getattr(found, part)
    made: Callable[..., optax.GradientTransformation] = found
    return made


def parameters(name: str) -> dict[str, inspect.Parameter]:
    """What can be given from a plan: numbers and switches, not the learning rate, types, masks or functions."""
    return {
        key: parameter
        for key, parameter in inspect.signature(function(name)).parameters.items()
        if key not in ("learning_rate", "adam_learning_rate", "trust_ratio_mask", *MASKS)
        and not key.endswith(("dtype", "dimension_numbers"))
        and (parameter.default is parameter.empty or isinstance(parameter.default, bool | int | float | None))
    }


def is_option(parameter: inspect.Parameter) -> bool:
    """Whether an argument decides a branch or a shape: optax gives those a bool or a whole number by default."""
    return isinstance(parameter.default, bool | int)


def masks(name: str) -> list[str]:
    """Under which names optax's function lets decay be kept from some parameters."""
    return [mask for mask in MASKS if mask in inspect.signature(function(name)).parameters]


def refuse_strange(name: str, place: str, given: Mapping[str, Any]) -> None:
    """Raise PlanError on the first key that optax's function does not take, or that belongs in the other place."""
    takes = {key: "options" if is_option(parameter) else "arguments" for key, parameter in parameters(name).items()}
    for key in given:
        if key not in takes:
            raise PlanError(f'from_optax.{place}: optax\'s {name} takes no "{key}"; {nearest(key, sorted(takes))}')
        if takes[key] != place:
            raise PlanError(f"from_optax.{place}.{key}: expected among the {takes[key]} of {name}; move it there.")
