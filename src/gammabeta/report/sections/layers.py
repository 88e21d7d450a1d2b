"""The health of the layers over time: what the probes measured inside the network, whatever that is."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gammabeta.errors import GammabetaError
from gammabeta.nn.places import places
from gammabeta.plan import Plan
from gammabeta.report.charts import Line, heat_map, line_chart
from gammabeta.report.html import Html, grid, joined, paragraph, tag
from gammabeta.report.numbers import short
from gammabeta.report.run_folder import Known
from gammabeta.report.section import Section
from gammabeta.report.sections.history import axis, thinned
from gammabeta.serial import from_json

MOST_COLUMNS = 28
MOST_ROWS = 40
MOST_SMALL = 12
MOST_MAPS = 24
USUAL_RATIO = 1e-3

SAYS = {
    "mean": ("Activation mean", "Mean of a layer's outputs over a probed batch."),
    "spread": (
        "Activation spread",
        "Standard deviation of a layer's outputs; where it shrinks or grows from layer to layer, the signal is lost.",
    ),
    "zero": ("Share of zeros", "Share of outputs at exactly 0; near 1 the layer is dead."),
    "dead": ("Dead units", "Units that give nothing on any probed row."),
    "saturated": ("Saturation", "Share of outputs at the ends of their range, where hardly any gradient passes."),
    "weight": ("Weight norm", "Norm of a parameter."),
    "gradient": ("Gradient norm", "Norm of a parameter's gradient; where it is far smaller, a layer hardly learns."),
    "update": ("Update norm", "Norm of a parameter's last step."),
    "forward_gain": ("Forward gain", "Spread of a layer's output over that of its input; about 1 keeps the signal."),
    "backward_gain": ("Backward gain", "Gradient reaching a layer over that reaching the next; about 1 keeps it."),
    "layers.gradient": ("Gradient reaching a layer", "Root mean square of the loss's gradient by a layer's outputs."),
    "mean_gap": ("Batch mean against memory", "Distance of a batch's mean from the remembered one, in its spreads."),
    "variance_ratio": ("Batch variance against memory", "A batch's variance over the remembered one; 1 is agreement."),
    "finite": ("Finite outputs", "1 where all outputs of a layer were finite numbers."),
    "finite_gradient": ("Finite gradients", "1 where the gradient reaching a layer was finite."),
    "ratio": ("Update-to-weight ratio", "Norm of a step by norm of its parameter; about 0.001 is usual."),
}
"""Title and meaning of a signal by its last name, or by its room and that; others are drawn under their own names."""

ABOUT = {"mean": 0.0, "forward_gain": 1.0, "backward_gain": 1.0, "variance_ratio": 1.0}
"""What a signal is about: colors tell on which side of it a value lies, and how far."""

FROM_ZERO = ("zero", "dead", "saturated")
"""Shares and counts, whose colors begin at 0."""

COUNTERS = ("step",)
"""What says of a probe when it was, not what it saw."""


class Signal(NamedTuple):
    """A measured quantity: of layers or of parameters, its name, and per place a number or None per line."""

    room: str
    name: str
    places: dict[str, list[float | None]]


def layers(known: Known) -> Section:
    """A heat map per signal, and the steps relative to their weights as small charts."""
    lines = [line for line in known.history if line.get("signals")]
    if not lines:
        return Section("layers", "", Html(""))
    lines = [lines[index] for index in thinned(lines, MOST_COLUMNS)]
    xs, what = axis(lines)
    found = [one for one in with_ratio(signals(lines, names_of(known.plan))) if worth_drawing(one)]
    maps = [heat(one, [short(x) for x in xs], what) for one in found[:MOST_MAPS]]
    ratios = next((one for one in found if one.name == "ratio"), None)
    small = [] if ratios is None else [ratio_chart(name, xs, ys, what) for name, ys in chosen(ratios.places)]
    words = (
        "Measured by probes on a step now and then, in training. Rows are layers from the inputs down to the outputs."
    )
    body = joined(paragraph(words, class_="note"), grid(*maps))
    if small:
        body = joined(body, tag("h3", "Step relative to weight, per parameter"), grid(*small))
    return Section("layers", "Layers over time", body)


def signals(lines: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> list[Signal]:
    """What was measured, grouped by its last name; places named as in a summary, in the order of the network."""
    keys = list(dict.fromkeys(key for line in lines for key in line["signals"] if key not in COUNTERS))
    groups: dict[tuple[str, str], dict[str, list[float | None]]] = {}
    for key in keys:
        room, _, rest = key.partition(".")
        place, _, name = rest.rpartition(".")
        if not name:
            room, place, name = "run", key, key
        values = [line["signals"].get(key) for line in lines]
        groups.setdefault((room, name), {})[named(place, names)] = values
    return [Signal(room, name, found) for (room, name), found in groups.items()]


def worth_drawing(one: Signal) -> bool:
    """Not what was never measured; that all is finite is worth a picture only where it is not so."""
    known = [value for values in one.places.values() for value in values if value is not None]
    return bool(known) and (not one.name.startswith("finite") or min(known) < 1)


def named(place: str, names: Mapping[str, str]) -> str:
    """``2.weight`` as ``2.dense weight``; a place that the plan does not know as it is."""
    parts = place.split(".")
    for size in range(len(parts), 0, -1):
        found = names.get(".".join(parts[:size]))
        if found is not None:
            return " ".join([found, *parts[size:]])
    return place


def names_of(plan: Mapping[str, Any]) -> dict[str, str]:
    """``{"3.0.1": "3.body.1.dense"}``: paths of the network's trees as they stand in signals, with their names."""
    try:
        network = from_json(plan, expected=Plan).layers
    except (GammabetaError, TypeError, AttributeError, ValueError):
        # a plan of another version: its signals keep their numbers for names
        return {}
    return {".".join(map(str, place.path)): place.name for place in places(network)}


def with_ratio(found: list[Signal]) -> list[Signal]:
    """The signals with update / weight per parameter, where only its two parts were measured."""
    by_name = {(one.room, one.name): one for one in found}
    update, weight = by_name.get(("params", "update")), by_name.get(("params", "weight"))
    if ("params", "ratio") in by_name or update is None or weight is None:
        return found
    ratios = {
        name: [a / b if a is not None and b else None for a, b in zip(ups, weight.places[name], strict=True)]
        for name, ups in update.places.items()
        if name in weight.places
    }
    return [one for one in found if one is not update] + [Signal("params", "ratio", ratios)]


def heat(one: Signal, columns: list[str], what: str) -> Html:
    """One signal as a heat map, place by time; logarithmic where its positive numbers span a factor of 20."""
    known = [v for values in one.places.values() for v in values if v is not None and math.isfinite(v)]
    positive = [v for v in known if v > 0]
    log = bool(positive) and len(positive) > 0.8 * len(known) and max(positive) > 20 * min(positive) and min(known) >= 0
    cut = list(one.places.items())[:MOST_ROWS]
    more = f" The first {len(cut)} of {len(one.places)}." if len(one.places) > len(cut) else ""
    title, says = SAYS.get(f"{one.room}.{one.name}") or SAYS.get(
        one.name, (one.name.replace("_", " ").capitalize(), "")
    )
    about = ABOUT.get(one.name)
    # a ratio of 2 is as far from 1 as one of 1/2
    log = log if about is None else about > 0 and len(positive) == len(known)
    scale = " Colors by powers of ten." if log else ""
    sides = "" if about is None else f" Blue above {about:g}, orange below."
    return heat_map(
        title,
        [name for name, _ in cut],
        columns,
        [values for _, values in cut],
        label_rows="layer",
        label_columns=what,
        log=log,
        low=0.0 if one.name in FROM_ZERO and not log else None,
        middle=about,
        note=f"{says}{scale}{sides}{more}".strip() or None,
    )


def chosen(measured: Mapping[str, list[float | None]]) -> list[tuple[str, list[float | None]]]:
    """The weights, which are where layers learn; all parameters where none is called so."""
    weights = [(name, values) for name, values in measured.items() if name.endswith(("weight", "kernel"))]
    return (weights or list(measured.items()))[:MOST_SMALL]


def ratio_chart(name: str, xs: list[float], ys: list[float | None], what: str) -> Html:
    """The steps of one parameter relative to it."""
    usual = Line("usual", xs, [USUAL_RATIO] * len(xs), 3)
    return line_chart(name, [Line("here", xs, ys, 0), usual], x=what, y="step / weight", log_y=True, points=False)
