"""A schema that goes on where another one was learned."""

from gammabeta.data import Column, Date, Number, NumberTarget, Schema, Target
from gammabeta.errors import DataError
from gammabeta.transfer.names import input_names


def continued(schema: Schema, source: Schema) -> Schema:
    """The schema with the source's scaling wherever both know a column, so that what was learned about it stays true.

    Numbers keep center, scale and clip; dates mean and scale; targets that are numbers mean and standard deviation;
    images of as many channels theirs. Categories are matched by value, and levels are the new ones. Whether a missing
    value has a feature of its own is the new rows' matter, too.

    Raises DataError where one is for images and the other for a table, and where no column is known to both.
    """
    refuse_strangers(schema, source)
    known = {column.name: column for column in source.columns}
    goals = {target.name: target for target in source.targets}
    image = schema.image
    if image and source.image and image.channels == source.image.channels:
        image = image.replace(mean=source.image.mean, std=source.image.std)
    return schema.replace(
        columns=tuple(continued_column(column, known.get(column.name)) for column in schema.columns),
        targets=tuple(continued_target(target, goals.get(target.name)) for target in schema.targets),
        image=image,
    )


def refuse_strangers(schema: Schema, source: Schema) -> None:
    """Raise DataError where nothing of the inputs is the same."""
    if (schema.image is None) != (source.image is None):
        found, known = ("images", "a table") if schema.image else ("a table", "images")
        raise DataError(f"transfer: found {found}, expected {known}, for that is what the model was trained on.")
    if schema.image is None and set(input_names(schema)).isdisjoint(input_names(source)):
        here, there = (", ".join(column.name for column in each.columns[:6]) for each in (schema, source))
        raise DataError(
            f"transfer: no column is one that the model knows, found {here}, expected some of {there}; rename them, or "
            f"fit from scratch."
        )


def continued_column(column: Column, source: Column | None) -> Column:
    if isinstance(column, Number) and isinstance(source, Number):
        return column.replace(center=source.center, scale=source.scale, clip=source.clip)
    if isinstance(column, Date) and isinstance(source, Date):
        return column.replace(mean=source.mean, scale=source.scale)
    return column


def continued_target(target: Target, source: Target | None) -> Target:
    if isinstance(target, NumberTarget) and isinstance(source, NumberTarget):
        return target.replace(mean=source.mean, std=source.std)
    return target
