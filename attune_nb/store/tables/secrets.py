"""Whether a table holds a secret; the whole table is searched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attune_nb.values.secrets import Mask

__all__ = ["holds_secret"]


def holds_secret(table: Any, mask: Mask) -> bool:
    """Return whether a table holds a secret, in its values or its labels."""
    if mask.value(table) is not table:
        return True
    return any(mask.value(values) is not values for values in _columns(table))


def _columns(table: Any) -> Iterator[list[Any]]:
    """Yield the values of an array of NumPy or of a table of Arrow, column by column.

    The mask itself searches the tables of pandas as a whole.
    """
    package = type(table).__module__.partition(".")[0]
    if package == "numpy":
        yield table.ravel().tolist()
    elif package == "pyarrow":
        yield list(table.column_names)
        for column in table.columns:
            yield column.to_pylist()
