"""GB308: training images that were changed so far that their label is no longer theirs."""

from collections.abc import Iterator
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np

from gammabeta.data import Dataset
from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.rows import difference, goodness, goodness_name, some
from gammabeta.diagnosis.suspicion import Suspicion, Treatment
from gammabeta.diagnosis.treatments import setting
from gammabeta.nn.augmentation import Augmentation, augmented

PAGE = Page(
    code="GB308",
    name="augmentation changes the answer",
    what="Training images are turned, moved or darkened so far that they no longer show what their label says.",
    why="An augmentation is a claim: this change leaves the answer as it is. A 6 turned upside down is a 9, and "
    "an object that was moved out of the picture is none. Where the claim is false the network learns wrong "
    "labels, and spends its units on images that never come.",
    evidence="The finished network on training images as they are and on the same ones augmented: worse on these by "
    "more than 0.1 of the metric and 3 standard errors, although it was trained on such; or a network that is"
    " behind the references. Proved by runs without any augmentation, and without each of several, that end "
    "better.",
    do="Leave out what the fork names, or make it weaker. Look at a page of augmented images: whoever cannot tell them "
    "apart cannot expect it of a network.",
    ignore="When only a note: a strong augmentation needs more steps than the fork had.",
    sources="Simard 2003; Cubuk 2019 (AutoAugment: what helps depends on the data).",
)

MOST = 1_000
LEAST_WORSE, ERRORS = 0.1, 3.0


def rule(case: Case) -> Iterator[Suspicion]:
    chosen = case.plan.augmentation
    if not chosen or not case.trained or len(case.train.input_shape) != 3:
        return
    rows = some(case.train, MOST)
    plain, changed = goodness(case, rows), goodness(case, changed_by_chance(chosen, rows))
    if plain is None or changed is None:
        return
    worse, error = difference(plain, changed)
    far = worse > max(LEAST_WORSE, ERRORS * error)
    if not far and case.shortfall < 2 * case.chance:
        return
    names = ", ".join(type(each).__name__ for each in chosen)
    yield Suspicion(
        code=PAGE.code,
        place="augmentation",
        evidence=f"after training with {names}, the {goodness_name(case)} is {np.mean(plain):.3f} on training images "
        f"as they are and {np.mean(changed):.3f} on augmented ones",
        numbers={"plain": float(np.mean(plain)), "augmented": float(np.mean(changed))},
        certainty=0.75 if far else 0.3,
        treatments=without(chosen),
        advice="leave out, or weaken, what changes the answer",
    )


def changed_by_chance(chosen: tuple[Augmentation, ...], rows: Dataset) -> Dataset:
    """The same rows with images as a training step might see them."""
    return replace(rows, x=np.asarray(augmented(chosen, jax.random.key(7), jnp.asarray(rows.x))))


def without(chosen: tuple[Augmentation, ...]) -> tuple[Treatment, ...]:
    """No augmentation, and each of several left out."""
    made = [setting("no augmentation", augmentation=None)]
    for index, each in enumerate(chosen if len(chosen) > 1 else ()):
        rest = (*chosen[:index], *chosen[index + 1 :])
        made.append(setting(f"no {type(each).__name__}", augmentation=rest))
    return tuple(made)
