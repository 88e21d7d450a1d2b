"""What `diagnose --deep` measured at one point of the weights: curvature, noise, landscape, shifts."""

from collections.abc import Mapping
from typing import Any

from gammabeta.report.charts import Line, line_chart
from gammabeta.report.html import Html, grid, joined, paragraph, table
from gammabeta.report.numbers import percent, short
from gammabeta.report.run_folder import Known
from gammabeta.report.section import Section


def measures(known: Known) -> Section:
    """A slice of the loss, and a table; empty before a deep diagnosis wrote measures.json."""
    found = known.more.get("measures")
    if not isinstance(found, dict):
        return Section("measures", "", Html(""))
    parts: list[object] = []
    steps, losses = found.get("steps"), found.get("losses")
    if steps and losses and len(steps) == len(losses):
        note = "Along a random direction, 0 where the weights are, 1 as far as they are long: one bowl is easy."
        slice_ = Line("loss", steps, losses, 0)
        parts.append(grid(line_chart("A slice of the loss", [slice_], x="distance", y="loss", points=False, note=note)))
    rows = readings(found)
    if rows:
        parts.append(table(["measured", "value", "how to read it"], rows, (0, 2)))
    if not parts:
        return Section("measures", "", Html(""))
    where = f"Of the {found.get('moment', 'network')}, on {found.get('rows', 'some')} training rows."
    return Section("measures", "Measures", joined(paragraph(where, class_="soft"), parts))


def readings(found: Mapping[str, Any]) -> list[list[object]]:
    """One line per measure that is there."""
    curved = found.get("curvature") or {}
    limit = short(found.get("step_limit"))
    rows: list[list[object]] = []
    if curved.get("largest") is not None:
        how = f"largest eigenvalue of the Hessian; plain descent is stable below 2 / learning rate = {limit}"
        rows.append(["sharpness", short(curved["largest"]), how])
    if curved.get("negative") is not None:
        rows.append(["negative curvature", percent(curved["negative"]), "share of directions that curve down"])
    if found.get("noise_scale") is not None:
        how = f"rows of a batch beyond which more of them gain little; here {found.get('batch_size')}"
        rows.append(["gradient noise scale", short(found["noise_scale"]), how])
    for one in found.get("shifts") or ():
        how = f"how far its gradient turns when the layers below take a step; cosine {short(one.get('cosine'))}"
        rows.append([f"internal covariate shift, {one.get('place')}", short(one.get("relative")), how])
    for one in found.get("variance_shifts") or ():
        how = "variance with dropout over that without; far from 1 batch norm divides by what prediction lacks"
        rows.append([f"variance shift, {one.get('place')}", short(one.get("ratio")), how])
    return rows
