"""Batch norm as the first layer replaces the scaling of inputs."""

from gammabeta.data import Number, Schema
from gammabeta.nn import BatchNorm, Flatten, Layer, Sequential, Wrapper
from gammabeta.plan import Plan

DROWNED = 10
"""A variance of less than this many epsilons is told of: it comes out of batch norm 5 % smaller, or more."""


def raw_where_normalized(schema: Schema, plan: Plan) -> Schema:
    """The schema without scaling where the network begins with batch norm, which scales by itself; else as it is.

    plan: with its layers written out, as by :func:`suited`

    Begins means: first of all, or after a flatten. Then numbers keep their unit, x - center without division and
    without clip; pixels are 0 to 255 less their mean. The center stays, for batch norm is blind to it and float32 is
    not: a timestamp of 1.7e9 has steps of 128 there. What has no unit of its own stays too: 0 and 1 of categories and
    missing values, -1 and 1 of truth values, and dates, counted in standard deviations.

    Other first layers keep the scaling: layer norm compares the columns of a row, which then must have one unit;
    whitening measures its epsilon by their mean variance; input noise is as strong as its standard deviation says.

    A number that varies little beside the root of batch norm's epsilon is told of in the notes: it would be drowned.
    """
    norm = first_norm(plan.layers)
    if norm is None:
        return schema
    columns = tuple(
        column.replace(scale=1.0, clip=None) if isinstance(column, Number) else column for column in schema.columns
    )
    image = schema.image and schema.image.replace(std=(1.0,) * schema.image.channels)
    return schema.replace(columns=columns, image=image, notes=(*schema.notes, *drowned(schema, norm)))


def first_norm(network: Layer) -> BatchNorm | None:
    """The batch norm that the inputs meet first, None where they meet another layer."""
    if isinstance(network, BatchNorm):
        return network
    if isinstance(network, Wrapper):
        return first_norm(network.layer)
    if isinstance(network, Sequential):
        first = next((layer for layer in network.layers if not isinstance(layer, Flatten)), None)
        return None if first is None else first_norm(first)
    return None


def drowned(schema: Schema, norm: BatchNorm) -> tuple[str, ...]:
    """What to say of numbers whose variance is little beside epsilon."""
    least = (DROWNED * norm.epsilon) ** 0.5 if norm.epsilon_placement == "inside" else DROWNED * norm.epsilon
    return tuple(
        f'column "{column.name}": it varies by {column.scale:.2g}, little beside the epsilon of {norm.epsilon:g} of '
        f"the batch norm that scales it; give it a larger unit, or that layer a smaller epsilon."
        for column in schema.columns
        if isinstance(column, Number) and column.scale < least
    )
