"""Tables taken apart into a header and parts, put together again, and compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from attune_nb.values.tables.cells import TableError
from attune_nb.values.tables.columns import (
    ColumnReader,
    ColumnWriter,
    embed_index,
    extract_index,
    is_of_numpy,
)

if TYPE_CHECKING:
    from attune_nb.values.tables.cells import CellCodec

__all__ = ["Layout", "is_same_table", "join_table", "split_table"]


class Layout(NamedTuple):
    """A table as a header and parts.

    Attributes:
        header: The description of the table, as plain data.
        names: A name for each part; no two are equal.
        parts: Arrays of NumPy or of Arrow, and lists of texts. All have one length.
    """

    header: dict[str, Any]
    names: list[str]
    parts: list[Any]


def split_table(value: Any, cells: CellCodec, arrow: Any = None) -> Layout:
    """Return the layout of a DataFrame, a Series, or an array of objects.

    Args:
        value: The table.
        cells: Turns objects into texts.
        arrow: The module `pyarrow`, if parts may be arrays of Arrow; else None.

    Raises:
        TableError: It cannot be taken apart.
        ValueError: There is no text for an object in it.
    """
    writer = ColumnWriter(cells, arrow)
    if isinstance(value, np.ndarray):
        about = writer.write_objects(value.ravel().tolist())
        shape = list(value.shape)
        array_header = {"kind": "array", "shape": shape, "type": str(value.dtype), "values": about}
        return Layout(array_header, ["values"], writer.parts)

    header: dict[str, Any] = {
        "kind": "frame",
        "attributes": cells.encode([value.attrs]),
        "unique": not value.flags.allows_duplicate_labels,
    }
    if isinstance(value, pd.Series):
        header["kind"] = "series"
        header["name"] = cells.encode([value.name])
        header["columns"] = [writer.write_column(value.array)]
        labels = [_column_name(value.name)]
    else:
        header["columns"] = [writer.write_column(column.array) for _, column in value.items()]
        header["labels"] = embed_index(value.columns, cells)
        labels = list(map(_column_name, value.columns))

    count = len(writer.parts)
    header["index"] = writer.write_index(value.index)
    names = _unique_names(labels, count)
    names += [f"__index_level_{number}__" for number in range(len(writer.parts) - count)]
    return Layout(header, names, writer.parts)


def _column_name(label: Any) -> str:
    return label if type(label) is str else ""


def _unique_names(labels: list[str], count: int) -> list[str]:
    """Return the labels as names of parts, or numbers if the labels do not serve as such."""
    is_usable = len(labels) == count and all(labels) and len(set(labels)) == count
    if is_usable and not any(label.startswith("__index_level_") for label in labels):
        return labels
    return [str(number) for number in range(count)]


def join_table(header: dict[str, Any], parts: list[Any], cells: CellCodec) -> Any:
    """Return the table of a layout.

    Raises:
        Exception: The header or a part is damaged.
    """
    reader = ColumnReader(cells, iter(parts))
    if header["kind"] == "array":
        values = np.asarray(reader.read_column(header["values"]))
        return values.astype(header["type"]).reshape(header["shape"])

    columns = [reader.read_column(about) for about in header["columns"]]
    index = reader.read_index(header["index"])
    table: Any
    if header["kind"] == "series":
        (name,) = cells.decode(header["name"])
        table = pd.Series(columns[0], index=index, dtype=columns[0].dtype, name=name, copy=False)
    elif header["kind"] == "frame":
        # each with its type: pandas would make strings of objects that are texts
        series = [pd.Series(column, index=index, dtype=column.dtype) for column in columns]
        table = pd.DataFrame(dict(enumerate(series)), index=index, copy=False)
        table.columns = extract_index(header["labels"], cells)
    else:
        raise TableError(f"a table of an unknown kind `{header['kind']}`")

    (attributes,) = cells.decode(header["attributes"])
    table.attrs = dict(attributes)
    if header["unique"]:
        table.flags.allows_duplicate_labels = False
    return table


def is_same_table(left: Any, right: Any) -> bool:
    """Return whether two tables are equal in values, types, labels and order.

    Objects in cells are taken to be equal: the codec of the cells answers for them.
    """
    if type(left) is not type(right):
        return False
    if isinstance(left, np.ndarray):
        return left.shape == right.shape and _is_same_array(left, right)
    if not isinstance(left, pd.DataFrame | pd.Series):
        # Arrow writes its own tables as they are
        return (
            bool(left.schema.equals(right.schema, check_metadata=True))
            and left.shape == right.shape
        )

    has_same_flags = left.flags == right.flags and left.attrs == right.attrs
    if not has_same_flags or not _is_same_index(left.index, right.index):
        return False
    if isinstance(left, pd.Series):
        return _is_same_name(left, right) and _is_same_array(left.array, right.array)
    if not _is_same_index(left.columns, right.columns):
        return False

    columns = zip(left.items(), right.items(), strict=True)
    return all(_is_same_array(old.array, new.array) for (_, old), (_, new) in columns)


def _is_same_name(left: pd.Series, right: pd.Series) -> bool:
    # two names that are NaN are not equal
    return repr(left.name) == repr(right.name)


def _is_same_index(left: Any, right: Any) -> bool:
    """Return whether two indexes are identical; objects in them are taken to be equal."""
    if type(left) is not type(right) or left.nlevels != right.nlevels or len(left) != len(right):
        return False
    if getattr(left, "freq", None) != getattr(right, "freq", None):
        return False
    if list(map(repr, left.names)) != list(map(repr, right.names)):
        return False
    if isinstance(left, pd.MultiIndex):
        has_same_levels = all(map(_is_same_index, left.levels, right.levels))
        return has_same_levels and all(map(np.array_equal, left.codes, right.codes))
    return _is_same_array(left.array, right.array)


def _is_same_array(left: Any, right: Any) -> bool:
    if left.dtype != right.dtype or left.shape != right.shape:
        return False
    if not is_of_numpy(left):
        return bool(left.equals(right))

    old = np.asarray(left)
    new = np.asarray(right)
    if not old.dtype.hasobject:
        # bit by bit: a NaN has no equal
        return np.ascontiguousarray(old).tobytes() == np.ascontiguousarray(new).tobytes()
    return list(map(_text_of, old.ravel().tolist())) == list(map(_text_of, new.ravel().tolist()))


def _text_of(value: Any) -> Any:
    """Return a string as it is, and None for any other object."""
    return value if type(value) is str else None
