"""The threshold rules of four earlier tools, from their published numbers, on the traces of the same runs.

Each gives its alarms by name, with the codes that such an alarm would be right for. Where a tool looks at something
that a trace holds only as a summary, the comment says what stands for it. They get one look inside the network each
tenth of the epochs, which is about as often as AutoTrainer looks (every third of at most 100 epochs).
"""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist

import numpy as np

from gammabeta.diagnosis import Case
from gammabeta.diagnosis.examine import Examination
from gammabeta.diagnosis.networks import every
from gammabeta.nn import Activation, ClassLoss, Dense, Dropout, LabelLoss, Sequential

Alarms = Mapping[str, frozenset[str]]


@dataclass(frozen=True, eq=False)
class Traces:
    """A finished run as the rules see it; looks: examinations of the network in the course of the run."""

    case: Case
    looks: tuple[Examination, ...]

    def curve(self, part: str, name: str) -> np.ndarray:
        found = [line[part].get(name) for line in self.case.history if line.get(part)]
        return np.array([np.nan if value is None else value for value in found])

    @cached_property
    def losses(self) -> np.ndarray:
        return self.curve("train", "loss")

    @cached_property
    def valid_losses(self) -> np.ndarray:
        return self.curve("valid", "loss")

    @property
    def classifies(self) -> bool:
        return isinstance(self.case.plan.loss, ClassLoss | LabelLoss)

    @cached_property
    def broken(self) -> bool:
        """Whether anything was not finite."""
        ended = any(line.get("ended") == "non-finite loss" for line in self.case.history)
        return ended or not np.isfinite(self.losses).all() or not self.case.trained

    @cached_property
    def gradients(self) -> list[list[float]]:
        """Mean absolute gradient of every weight, first to last, at each look: 0.8 norm / sqrt(size), as of normals."""
        sizes = weight_sizes(self.case)
        return [
            [0.8 * look.params[path]["gradient"] / np.sqrt(sizes[path]) for path in sizes if path in look.params]
            for look in self.looks
        ]

    @cached_property
    def update_ratios(self) -> np.ndarray:
        """Update norm by weight norm of every matrix at every epoch's last probed step."""
        found = []
        for line in self.case.history:
            signals = line["signals"]
            for name, update in signals.items():
                weight = signals.get(name.removesuffix("update") + "weight")
                if name.endswith(".weight.update") and update is not None and weight:
                    found.append(update / weight)
        return np.array(found)

    @cached_property
    def inputs(self) -> np.ndarray:
        data = self.case.probe
        x = np.asarray(data.x, np.float64)
        return x if data.offset is None else (x - data.offset) * data.factor


def weight_sizes(case: Case) -> dict[str, int]:
    """Number of entries of every weight of the network's first level, by path."""
    params = case.start.params
    return {f"{i}.weight": part["weight"].size for i, part in enumerate(params) if "weight" in part}


def codes(text: str) -> frozenset[str]:
    return frozenset(f"GB{code}" for code in text.split())


def dead_shares(look: Examination, active: float) -> list[float]:
    """Share of units of each ReLU layer that are active on less than that share of the rows."""
    relus = [view for view in look.layers if getattr(view.layer, "function", "") == "relu"]
    return [float(np.mean(1 - view.zero < active)) for view in relus]


def saturated_share(look: Examination, low: Mapping[str, float], high: Mapping[str, float]) -> float:
    """Share of the inputs of sigmoid and tanh beyond the bounds, units taken as normal; the worst layer's."""
    worst = 0.0
    for before, view in zip(look.layers, look.layers[1:], strict=False):
        name = getattr(view.layer, "function", "")
        if name in low:
            shares = [
                NormalDist(m, max(s, 1e-6)).cdf(low[name]) + 1 - NormalDist(m, max(s, 1e-6)).cdf(high[name])
                for m, s in zip(before.mean.tolist(), before.std.tolist(), strict=True)
                if np.isfinite(m) and np.isfinite(s)
            ]
            worst = max(worst, float(np.mean(shares)) if shares else 0.0)
    return worst


def auto_trainer(t: Traces) -> Alarms:
    """AUTOTRAINER (ICSE 2021): gradients count only where accuracy stays under 0.6 or hardly rises."""
    found: dict[str, frozenset[str]] = {}
    if t.broken or np.nanmax(t.losses, initial=0) >= 1e3:
        found["explosion"] = codes("404 701 301 101")
    late = int(0.3 * len(t.losses))
    slow = low = False
    if t.classifies and len(t.losses) > 1:
        name = "accuracy" if "accuracy" in t.case.history[0]["train"] else "hamming_loss"
        accuracy = t.curve("train", name) if name == "accuracy" else 1 - t.curve("train", name)
        low = bool(np.nanmax(accuracy, initial=0) < 0.6)
        slow = bool(np.nanmax(np.diff(accuracy), initial=0) < 0.01) and low
        drops = np.diff(accuracy[late:]) <= -0.03
        if drops.size and np.mean(drops) >= 0.2:
            found["oscillating loss"] = codes("301 306 303")
        if slow:
            found["slow convergence"] = codes("302 603 303")
    if low or slow:
        for gradients in t.gradients[int(0.3 * len(t.gradients)) :]:
            first, last = (gradients[0], gradients[-1]) if gradients else (1.0, 1.0)
            if first / max(last, 1e-30) < 1e-3 and first < 1e-4:
                found["vanishing gradient"] = codes("403 202 402")
            if first / max(last, 1e-30) > 70:
                found["exploding gradient"] = codes("404 202")
        # share of exactly zero gradient entries: of units that are never active
        if t.looks and max(dead_shares(t.looks[-1], 1e-9), default=0) >= 0.7:
            found["dying ReLU"] = codes("401")
        if t.looks and any(view.rms > 10 for view in t.looks[-1].layers[:-1]):
            found["abnormal data"] = codes("102 113 114 101 202")
    return found


def deep_diagnosis(t: Traces) -> Alarms:
    """DeepDiagnosis (ICSE 2022): eight symptoms, then a tree that names what to change."""
    found: dict[str, frozenset[str]] = {}
    if t.broken:
        found["numerical error"] = codes("701 101 301 404")
    if t.looks:
        last = t.looks[-1]
        relus = [view for view in last.layers if getattr(view.layer, "function", "") == "relu"]
        if any(float(np.mean(view.zero)) >= 0.7 for view in relus):
            found["dead node"] = codes("401")
        if saturated_share(last, {"tanh": -5, "sigmoid": -5}, {"tanh": 5, "sigmoid": 5}) > 0.5:
            found["saturated activation"] = codes("402 202")
        if any(value < 1e-7 for gradients in t.gradients for value in gradients):
            found["vanishing gradient"] = codes("403 202 206")
        for path in weight_sizes(t.case):
            norms = [look.params[path]["weight"] for look in t.looks if path in look.params]
            if len(norms) >= 5 and any(np.ptp(norms[i : i + 5]) == 0 for i in range(len(norms) - 4)):
                found["unchanged weight"] = codes("206 302")
    if equal_run(t.losses) >= 5:
        found["loss not decreasing"] = codes("302 204 205 201")
    accuracy = t.curve("train", t.case.metric) if t.classifies else np.array([])
    if equal_run(accuracy) >= 20:
        found["accuracy not increasing"] = codes("302 204 602 201")
    if found:
        if t.inputs.min() < -1 or t.inputs.max() > 1:
            found["normalize data"] = codes("102 114")
        ratios = t.update_ratios
        if ratios.size and np.median(ratios) > 1e-1:
            found["learning rate high"] = codes("301")
        if ratios.size and np.median(ratios) < 1e-5:
            found["learning rate low"] = codes("302")
    return found


def equal_run(values: np.ndarray) -> int:
    """Length of the longest run of equal values."""
    longest = length = 1
    for one, other in itertools.pairwise(values):
        length = length + 1 if one == other else 1
        longest = max(longest, length)
    return longest


def umlaut(t: Traces) -> Alarms:
    """UMLAUT (CHI 2021)."""
    found: dict[str, frozenset[str]] = {}
    finite = t.inputs[np.isfinite(t.inputs)]
    if finite.size and (finite.min() < -1 or finite.max() > 1):
        found["input not normalized"] = codes("102 114")
    if t.broken and not np.isfinite(t.inputs).all():
        found["NaN in input"] = codes("101 701")
    if not 1e-7 <= t.case.plan.optimizer.learning_rate <= 0.01:
        found["learning rate"] = codes("301 302")
    if len(t.valid_losses) == len(t.losses) > 1:
        rising = (np.diff(t.valid_losses) > 0) & (np.diff(t.losses) <= 0)
        if rising.any():
            found["overfitting"] = codes("601")
    if t.classifies and "accuracy" in t.case.history[-1]["valid"]:
        train, valid = t.curve("train", "accuracy"), t.curve("valid", "accuracy")
        if np.nanmax(valid[3:], initial=0) > 0.95 or np.nanmax(valid - train, initial=0) > 0.05:
            found["validation accuracy too high"] = codes("105 104")
    layers = [layer for layer in every(t.case.network) if isinstance(layer, Dense | Activation)]
    hidden = [layer for layer in layers if not (isinstance(layer, Activation) and layer.function == "identity")]
    if any(isinstance(a, Dense) and isinstance(b, Dense) for a, b in itertools.pairwise(hidden)):
        found["linear hidden layers"] = codes("205")
    network = t.case.network
    if isinstance(network, Sequential) and not isinstance(network.layers[-1], Dense):
        found["activation on the last layer"] = codes("204")
    if any(layer.rate > 0.5 for layer in every(network) if isinstance(layer, Dropout)):
        found["dropout"] = codes("307 503")
    return found


def sagemaker(t: Traces) -> Alarms:
    """SageMaker Debugger's built-in rules with their default thresholds."""
    found: dict[str, frozenset[str]] = {}
    if t.broken:
        found["exploding tensor"] = codes("701 101 404 301")
    if any(value < 1e-7 for gradients in t.gradients for value in gradients):
        found["vanishing gradient"] = codes("403 202 206")
    ratios = t.update_ratios
    if ratios.size and ratios.max() > 10:
        found["weight update ratio high"] = codes("301")
    if ratios.size and ratios.min() < 1e-8:
        found["weight update ratio low"] = codes("302 206 304")
    # each epoch stands for the ten steps after which the rule compares
    if len(t.losses) > 1 and np.any(np.diff(t.losses) > -1e-3 * np.abs(t.losses[:-1])):
        found["loss not decreasing"] = codes("301 302 306 303")
    if len(t.valid_losses) == len(t.losses) > 0:
        gap = (t.valid_losses - t.losses) / np.maximum(np.abs(t.losses), 1e-12)
        if np.any(gap > 0.1):
            found["overfit"] = codes("601")
        best = np.minimum.accumulate(t.valid_losses) if len(t.valid_losses) else t.valid_losses
        if len(best) > 5 and np.any(best[5:] >= best[:-5] - 1e-2):
            found["overtraining"] = codes("601")
    if t.looks:
        if max(dead_shares(t.looks[-1], 0.01), default=0) > 0.5:
            found["dead ReLU"] = codes("401")
        bounds = {"tanh": -9.4999, "sigmoid": -23.0}, {"tanh": 9.4999, "sigmoid": 16.99999}
        if saturated_share(t.looks[-1], *bounds) > 0.5:
            found["saturated activation"] = codes("402 202")
        for path in weight_sizes(t.case):
            norms = [look.params[path]["weight"] for look in t.looks if path in look.params]
            if len(norms) >= 3 and any(np.ptp(norms[i : i + 3]) == 0 for i in range(len(norms) - 2)):
                found["unchanged tensor"] = codes("206 302 304")
    sizes = weight_sizes(t.case)
    spreads = [t.case.at_start.params[path]["weight"] ** 2 / size for path, size in sizes.items()]
    if len(spreads) > 1 and max(spreads) / max(min(spreads), 1e-30) > 10:
        found["poor weight initialization"] = codes("202 201")
    y = np.asarray(t.case.train.y)
    if t.classifies and (y.ndim == 1 or y.shape[1] == 1) and len(y) >= 500:
        counts = np.bincount(y.reshape(-1).astype(int))
        if counts.max() / max(counts.min(), 1) > 10:
            found["class imbalance"] = codes("106")
    if t.case.probe.offset is not None and abs(np.mean(t.inputs)) > 0.2:
        found["images not centered"] = codes("102")
    return found


RIVALS: dict[str, Callable[[Traces], Alarms]] = {
    "AutoTrainer": auto_trainer,
    "DeepDiagnosis": deep_diagnosis,
    "UMLAUT": umlaut,
    "SageMaker Debugger": sagemaker,
}
