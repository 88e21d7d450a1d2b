"""Training rows that are shown one by one: what they hold, and where they stand in their file."""

from typing import Any, NamedTuple

import numpy as np

from gammabeta.data import Images, Schema, Table
from gammabeta.report.facts.pictures import png
from gammabeta.report.facts.worst import MOST_COLUMNS, text

MOST_IMAGES = 16


class Named(NamedTuple):
    """Training rows by their positions, and the columns for which they are worth a look."""

    positions: tuple[int, ...] = ()
    columns: tuple[str, ...] = ()


def named_rows(part: Table | Images, schema: Schema, named: Named) -> dict[str, Any]:
    """What these training rows hold; {} for none of a table.

    columns: up to 8 that rows of a table are shown by, those that were named first
    rows: by position, as text for JSON: {"row": as counted in the source, the first being 1, "label": its target,
    "values": of columns, or "png" of an image}
    sample: positions of images by chance; images only
    """
    wanted = [int(position) for position in named.positions if position < part.rows]
    sample: list[int] = []
    if isinstance(part, Images):
        sample = sorted(np.random.default_rng(0).permutation(part.rows)[:MOST_IMAGES].tolist())
    order = list(dict.fromkeys([*wanted, *sample]))
    if not order:
        return {}
    rows = part.take(np.asarray(order))
    names = [column.name for column in schema.columns]
    first = [name for name in dict.fromkeys(named.columns) if name in names]
    columns = [] if isinstance(rows, Images) else list(dict.fromkeys([*first, *names]))[:MOST_COLUMNS]
    shown = {name: rows.values(name).array.to_pylist() for name in (*columns, *schema.target_names)}
    found = {}
    for index, position in enumerate(order):
        place = position if part.order is None else int(part.order[position])
        label = ", ".join(text(shown[name][index]) for name in schema.target_names)
        body: dict[str, Any] = {"row": place + 1, "label": label}
        if isinstance(rows, Images):
            body["png"] = png(rows.pixels[index])
        else:
            body["values"] = [text(shown[name][index]) for name in columns]
        found[str(position)] = body
    return {"columns": columns, "rows": found, "sample": sample}
