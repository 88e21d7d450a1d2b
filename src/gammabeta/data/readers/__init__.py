"""Reading files: one file per format, and :func:`read` that chooses among them by name."""

from gammabeta.data.readers.by_name import read

__all__ = ["read"]
