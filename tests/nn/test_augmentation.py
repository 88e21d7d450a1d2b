"""Augmentations: laws over one list of them, and each by hand or against SciPy on small asymmetric images."""

import json
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage, stats

from gammabeta.errors import PlanError
from gammabeta.nn import (
    Augmentation,
    RandomBrightness,
    RandomContrast,
    RandomCrop,
    RandomFlip,
    RandomRotation,
    augmented,
)
from gammabeta.serial import Description, dumps, from_json, lift, lower

STRONG = {
    "flip": RandomFlip(0.5),
    "crop": RandomCrop(2),
    "rotation": RandomRotation(30.0),
    "brightness": RandomBrightness(0.8),
    "contrast": RandomContrast(0.9),
}
NONE = {
    "flip": RandomFlip(0.0),
    "crop": RandomCrop(0),
    "rotation": RandomRotation(0.0),
    "brightness": RandomBrightness(0.0),
    "contrast": RandomContrast(0.0),
}
KEY = jax.random.key(7)
IMAGES = np.random.default_rng(3).integers(0, 256, (7, 6, 5, 3)).astype(np.uint8)
"""Odd numbers of everything, dark and bright pixels side by side."""

SMALL = np.array([[[10, 20, 30], [40, 50, 61]]], np.uint8)[..., None]
every = pytest.mark.parametrize("name", STRONG)


@cache
def compiled(skeleton):
    """apply, compiled once for all strengths."""
    return jax.jit(lambda numbers, key, x: lower(skeleton, numbers).apply(key, x))


def applied(augmentation, x=IMAGES, key=KEY):
    skeleton, numbers = lift(augmentation)
    return np.asarray(compiled(skeleton)(numbers, key, x))


def changed(augmentation, x, *draws):
    """What becomes of one image with these draws."""
    u = jnp.asarray([draws], jnp.float32)
    return np.asarray(augmentation.changed(jnp.asarray(x), u))[0, ..., 0].tolist()


# ---- laws


def test_every_augmentation_goes_through_the_laws():
    known = {kind for kind in Description.kinds.values() if issubclass(kind, Augmentation) and kind is not Augmentation}
    assert {type(each) for each in STRONG.values()} == known
    assert [type(each) for each in NONE.values()] == [type(each) for each in STRONG.values()]


@every
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_shape_and_dtype_stay_and_most_images_change(name, dtype):
    x = IMAGES.astype(dtype)
    y = applied(STRONG[name], x)
    assert (y.shape, y.dtype) == (x.shape, x.dtype)
    assert (y != x).any(axis=(1, 2, 3)).sum() >= 2


@every
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_without_strength_images_stay_as_they_are(name, dtype):
    x = IMAGES.astype(dtype)
    np.testing.assert_allclose(applied(NONE[name], x), x, rtol=1e-6 if dtype is np.float32 else 0)


@every
def test_one_key_gives_one_answer_and_another_key_another(name):
    np.testing.assert_array_equal(applied(STRONG[name]), applied(STRONG[name]))
    assert (applied(STRONG[name]) != applied(STRONG[name], key=jax.random.key(8))).any()


@every
def test_permuted_images_with_their_draws_give_permuted_images(name):
    each = STRONG[name]
    order = np.array([3, 0, 6, 5, 1, 4, 2])
    u = jnp.asarray(np.random.default_rng(5).random((7, each.draws)), jnp.float32)
    x = jnp.asarray(IMAGES)
    np.testing.assert_array_equal(each.changed(x[order], u[order]), np.asarray(each.changed(x, u))[order])


@every
def test_an_image_is_changed_without_a_look_at_the_others(name):
    others = IMAGES.copy()
    others[1:] = 255 - others[1:]
    np.testing.assert_array_equal(applied(STRONG[name], others)[0], applied(STRONG[name])[0])


@pytest.mark.parametrize("name", ["flip", "crop", "rotation"])
def test_what_moves_pixels_makes_no_value_darker_or_brighter_than_all(name):
    y = applied(STRONG[name])
    for channel in range(3):
        low, high = (f(IMAGES[..., channel], axis=(1, 2)) for f in (np.min, np.max))
        assert (y[..., channel].min(axis=(1, 2)) >= low).all()
        assert (y[..., channel].max(axis=(1, 2)) <= high).all()


@every
def test_it_comes_back_from_json_and_other_strengths_are_the_same_program(name):
    assert from_json(json.loads(dumps(STRONG[name])), expected=Augmentation) == STRONG[name]
    assert lift(STRONG[name])[0] == lift(NONE[name])[0]
    assert len(lift(STRONG[name])[1]) == 1


def test_several_are_done_in_their_order_with_draws_of_their_own():
    both = (RandomBrightness(0.5), RandomBrightness(0.5))
    x = np.full((999, 1, 1, 1), 100, np.float32)
    y = np.asarray(augmented(both, KEY, x)).ravel()
    first = np.asarray(both[0].apply(jax.random.fold_in(KEY, 0), x)).ravel()
    assert abs(np.corrcoef(first, y / first)[0, 1]) < 4 / np.sqrt(999)
    dark = (RandomBrightness(0.0), RandomFlip(1.0))
    np.testing.assert_array_equal(augmented(dark, KEY, IMAGES), IMAGES[:, :, ::-1])
    np.testing.assert_array_equal(augmented((), KEY, IMAGES), IMAGES)


# ---- by hand


def test_a_mirror_image_by_hand_and_how_often():
    assert changed(RandomFlip(0.3), SMALL, 0.29) == [[30, 20, 10], [61, 50, 40]]
    assert changed(RandomFlip(0.3), SMALL, 0.31) == [[10, 20, 30], [40, 50, 61]]
    many = np.broadcast_to(SMALL, (4_001, 2, 3, 1))
    share = np.mean(applied(RandomFlip(0.3), many)[:, 0, 0, 0] == 30)
    assert abs(share - 0.3) < 4 * np.sqrt(0.21 / 4_001)


def test_a_moved_window_by_hand_and_every_place_alike():
    # a = floor(3 u) - 1: one row up, one column to the right; past the edge its nearest pixel
    assert changed(RandomCrop(1), SMALL, 0.0, 0.99) == [[20, 30, 30], [20, 30, 30]]
    assert changed(RandomCrop(1), SMALL, 0.5, 0.2) == [[10, 10, 20], [40, 40, 50]]
    # farther than the image is wide
    assert changed(RandomCrop(9), SMALL, 0.5, 0.0) == [[10, 10, 10], [40, 40, 40]]
    place = np.arange(49, dtype=np.uint8).reshape(1, 7, 7, 1)
    found = applied(RandomCrop(2), np.broadcast_to(place, (5_000, 7, 7, 1)))[:, 3, 3, 0]
    places, counts = np.unique(found, return_counts=True)
    assert len(places) == 25
    assert stats.chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize(("draw", "degrees"), [(0.0, -37.0), (0.25, -18.5), (0.875, 27.75)])
def test_a_turned_image_is_that_of_scipy(draw, degrees):
    image = np.random.default_rng(1).integers(0, 256, (8, 5)).astype(np.float64)
    wanted = ndimage.rotate(image, degrees, reshape=False, order=1, mode="nearest")
    x = image[None, :, :, None].astype(np.float32)
    np.testing.assert_allclose(changed(RandomRotation(37.0), x, draw), wanted, atol=2e-3)
    as_bytes = np.array(changed(RandomRotation(37.0), x.astype(np.uint8), draw))
    assert np.abs(as_bytes - wanted).max() <= 0.5 + 2e-3


def test_a_quarter_turn_by_hand():
    square = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], np.uint8)[None, ..., None]
    assert changed(RandomRotation(90.0), square, 0.0) == [[7, 4, 1], [8, 5, 2], [9, 6, 3]]


def test_light_and_contrast_by_hand_and_cut_where_bytes_end():
    assert changed(RandomBrightness(0.5), SMALL, 0.0) == [[5, 10, 15], [20, 25, 30]]
    assert changed(RandomBrightness(1.0), np.uint8(4) * SMALL, 0.999999) == [[80, 160, 240], [255, 255, 255]]
    # m = 35.1666...: 35.17 + 0.5 (10 - 35.17) = 22.58
    assert changed(RandomContrast(0.5), SMALL, 0.0) == [[23, 28, 33], [38, 43, 48]]
    wide = np.array([[[0, 40, 250]]], np.uint8)[..., None]
    assert changed(RandomContrast(1.0), wide, 0.75) == [[0, 12, 255]]


def test_an_impossible_strength_is_refused():
    for made, words in (
        (lambda: RandomFlip(1.5), r"random_flip\.chance: 1\.5 is outside its range \[0, 1\]"),
        (lambda: RandomCrop(-1), r"random_crop\.padding: -1 is outside its range \[0, inf\)"),
        (lambda: RandomRotation(181.0), r"\[0, 180\]"),
    ):
        with pytest.raises(PlanError, match=words):
            made()
