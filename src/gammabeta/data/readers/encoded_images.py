"""Tables in which one column holds encoded images, as image data sets are often published."""

from typing import Any

import pyarrow as pa

from gammabeta.data.images import Images
from gammabeta.data.readers.pixels import decode
from gammabeta.data.table import Table
from gammabeta.data.values import is_single
from gammabeta.errors import FileError

MAGIC = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\x00", b"MM\x00*", b"RIFF")
"""How PNG, JPEG, GIF, BMP, TIFF and WebP files start."""


def with_images_decoded(table: Table) -> Table | Images:
    """The table itself, or Images where a binary column, or a struct with a binary field ``bytes``, holds
    images.

    The other columns of single values become label columns. Raises FileError naming the row of a broken
    image.
    """
    for name in table.names:
        encoded = image_bytes(table.columns.column(name))
        if encoded is not None:
            return decoded(table, name, encoded)
    return table


def decoded(table: Table, name: str, encoded: Any) -> Images:
    """Decode one column, keep those of single values beside it."""
    images = encoded.to_pylist()
    for row, image in enumerate(images):
        if not image:
            raise FileError(f'{table.source}, row {row + 1}: column "{name}" holds no image; remove the row.')
    pixels, notes = decode(images, lambda i: f'{table.source}, row {i + 1}, column "{name}"')
    labels = [field.name for field in table.columns.schema if field.name != name and is_single(field.type)]
    return Images(pixels, table.columns.select(labels), table.source, table.notes + notes)


def image_bytes(column: Any) -> Any:
    """The binary values of a column that holds encoded images, or None."""
    if pa.types.is_struct(column.type):
        if column.type.get_field_index("bytes") < 0:
            return None
        column = pa.chunked_array([chunk.field("bytes") for chunk in column.chunks], column.type.field("bytes").type)
    if is_single(column.type) or pa.types.is_nested(column.type):
        return None
    first = next((chunk[0].as_py() for chunk in column.chunks if len(chunk)), None)
    return column if first is not None and first.startswith(MAGIC) else None
