"""GB102: inputs whose columns differ in scale, or are far from 0."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gammabeta.data import Dataset
from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.networks import every
from gammabeta.diagnosis.references import flat
from gammabeta.diagnosis.rows import feature, listed, some
from gammabeta.diagnosis.suspicion import Suspicion, Treatment
from gammabeta.diagnosis.treatments import batch_norm_first
from gammabeta.nn import BatchNorm, Conv2D, Dense, Layer, Whitening

PAGE = Page(
    code="GB102",
    name="inputs not scaled",
    what="The inputs reach the network with scales that differ from column to column, or far from mean 0 and spread 1.",
    why="The loss is then a ravine: its curvature along a weight grows with the square of its input, so that the rate "
    "that the largest input can bear is too small for the others; large inputs also saturate or kill the first units. "
    "Initial weights are drawn for inputs of size 1.",
    evidence="Of each column (each channel of images) that is neither constant nor 0 and 1: a root mean square above "
    "10, a "
    "median root mean square below 0.1, a mean more than 3 standard deviations from 0, or standard deviations that "
    "differ by more than 10 "
    "times; proved by runs on standardized inputs, and with batch norm in front, that end better from the same start.",
    do="Standardize with the mean and standard deviation of the training rows, and the same two numbers for every new "
    "row; or put batch norm in front of the first layer, which learns them. `gammabeta fit` does it when it reads a "
    "table or images: this arises with arrays.",
    ignore="When batch norm or whitening is the first layer, when the scales carry meaning on purpose, or when no fork "
    "gained anything.",
    sources="LeCun 1998 (Efficient BackProp); Wiesler & Ney 2011.",
)

LEAST, MOST = 0.1, 10.0
FAR = 3.0


def rule(case: Case) -> Iterator[Suspicion]:
    if scaled_inside(case.network):
        return
    mean, std, names = moments(case)
    if not len(mean):
        return
    rms = np.hypot(mean, std)
    # a few small columns are a matter of the spread between columns, not of size
    off = np.maximum(rms / MOST, LEAST / max(float(np.median(rms)), 1e-30))
    offset, spread = np.abs(mean) / std, float(std.max() / std.min())
    if off.max() <= 1 and offset.max() <= FAR and spread <= MOST:
        return
    gross = max(off.max(), float(offset.max()) / 10, spread / 100)
    certainty = 0.8 if gross > 10 else 0.6 if gross > 1 else 0.3
    if certainty < 0.6 and (not case.trained or case.shortfall < 2 * case.chance):
        return
    worst = np.argsort(-np.maximum(off, offset / FAR), kind="stable")
    shown = [f"{names[i]} (mean {mean[i]:.3g}, standard deviation {std[i]:.3g})" for i in worst[:4]]
    yield Suspicion(
        code=PAGE.code,
        place="inputs",
        evidence=f"the columns' standard deviations lie between {std.min():.3g} and {std.max():.3g}, their root mean "
        f"squares between {rms.min():.3g} and {rms.max():.3g}; farthest from mean 0 and spread 1: {listed(shown, 4)}",
        numbers={"least_rms": float(rms.min()), "most_rms": float(rms.max()), "spread_ratio": spread},
        certainty=certainty,
        treatments=(standardized(case.train), batch_norm_first()),
        advice="standardize the inputs by the training rows' mean and standard deviation, or put batch norm first",
    )


def scaled_inside(network: Layer) -> bool:
    """Whether batch norm or whitening stands in front of the first layer that has weights."""
    for layer in every(network):
        if isinstance(layer, BatchNorm | Whitening):
            return True
        if isinstance(layer, Dense | Conv2D):
            return False
    return False


def moments(case: Case) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Mean, standard deviation and name of every column that varies and is not 0 and 1; of images by channel."""
    x = flat(some(case.train))
    image = len(case.train.input_shape) == 3
    if image:
        x = x.reshape(-1, case.train.input_shape[-1])
    x = np.where(np.isfinite(x), x, np.nan)
    kept = [i for i in range(x.shape[1]) if image or telling(x[:, i])]
    kept = [i for i in kept if np.nanstd(x[:, i]) > 0]
    names = [f"channel {i}" if image else feature(case, i) for i in kept]
    return np.nanmean(x[:, kept], axis=0), np.nanstd(x[:, kept], axis=0), names


def telling(values: np.ndarray) -> bool:
    """Whether a column's moments say something of its scale: not 0 and 1, and not one value nearly everywhere."""
    known = values[np.isfinite(values)]
    found, counts = np.unique(known, return_counts=True)
    return len(found) > 1 and not set(found) <= {0.0, 1.0} and counts.max() <= 0.95 * len(known)


def standardized(train: Dataset) -> Treatment:
    """All inputs less the training rows' mean, by their standard deviation."""
    axes = (0, 1, 2) if len(train.input_shape) == 3 else (0,)
    x = np.asarray(some(train).x, np.float64)
    known = np.where(np.isfinite(x), x, np.nan)
    with np.errstate(all="ignore"):
        mean = np.nan_to_num(np.nanmean(known, axis=axes)) if known.size else np.zeros(x.shape[-1])
        std = np.nan_to_num(np.nanstd(known, axis=axes)) if known.size else np.ones(x.shape[-1])
    std = np.where(std > 1e-7 * np.abs(mean), std, 1.0)

    def changed(data: Dataset) -> Dataset:
        values = (np.asarray(data.x, np.float64) - mean) / std
        return replace(data, x=values.astype(np.float32), offset=None, factor=None)

    return Treatment("inputs standardized by the training rows' mean and standard deviation", data=changed)
