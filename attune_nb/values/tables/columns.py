"""Columns and indexes of pandas as plain arrays, and back.

A column becomes a description, which is plain data, and its *parts*: NumPy arrays of numbers,
dates or durations, arrays of Arrow, and lists of texts. All parts have the length of the column.
"""

from __future__ import annotations

import base64
import importlib.util
import io
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from attune_nb.values.tables.cells import TableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attune_nb.values.tables.cells import CellCodec

__all__ = ["ColumnReader", "ColumnWriter", "embed_index", "extract_index", "is_of_numpy"]

# the kinds of NumPy's types that are stored as they are
_PLAIN_KINDS = "biufcmM"

_NONE_TYPE = type(None)


class ColumnWriter:
    """Takes columns and indexes apart.

    Args:
        cells: Turns objects into texts.
        arrow: The module `pyarrow`, if parts may be arrays of Arrow; else None.

    Attributes:
        parts: The parts of all columns so far.
    """

    def __init__(self, cells: CellCodec, arrow: Any = None) -> None:
        self._cells = cells
        self._arrow = arrow
        self.parts: list[Any] = []

    def write_column(self, array: Any) -> dict[str, Any]:
        """Add the parts of a column; return its description.

        Args:
            array: The values: an array of NumPy or of pandas.

        Raises:
            TableError: The type of the column cannot be written.
        """
        dtype = array.dtype
        if is_of_numpy(array):
            return self._write_numpy(np.asarray(array))
        if isinstance(dtype, pd.DatetimeTZDtype):
            self.parts.append(np.asarray(array.tz_convert(None)))
            return {"kind": "zoned", "type": str(dtype)}
        if isinstance(dtype, pd.CategoricalDtype):
            self.parts.append(np.asarray(array.codes))
            return {
                "kind": "categorical",
                "ordered": bool(dtype.ordered),
                "categories": embed_index(dtype.categories, self._cells),
            }
        if isinstance(dtype, pd.IntervalDtype):
            sides = [self.write_column(array.left.array), self.write_column(array.right.array)]
            return {"kind": "interval", "closed": dtype.closed, "sides": sides}
        if isinstance(dtype, pd.SparseDtype):
            return {
                "kind": "sparse",
                "type": str(dtype),
                "values": self.write_column(np.asarray(array)),
            }
        if self._arrow is not None and hasattr(array, "__arrow_array__"):
            return self._write_arrow(array)
        return self._write_extension(array)

    def write_index(self, index: Any) -> dict[str, Any]:
        """Add the parts of an index; return its description.

        Raises:
            TableError: The type of the index cannot be written.
        """
        about: dict[str, Any] = {"names": self._cells.encode(list(index.names))}
        if isinstance(index, pd.RangeIndex):
            about["kind"] = "range"
            about["range"] = [index.start, index.stop, index.step]
        elif isinstance(index, pd.MultiIndex):
            about["kind"] = "multi"
            about["levels"] = [embed_index(level, self._cells) for level in index.levels]
            self.parts += [np.asarray(codes, dtype=np.int64) for codes in index.codes]
        else:
            about["kind"] = "flat"
            about["values"] = self.write_column(index.array)
            frequency = getattr(index, "freq", None)
            if frequency is not None and not isinstance(index, pd.PeriodIndex):
                about["frequency"] = frequency.freqstr
        return about

    def _write_numpy(self, values: Any) -> dict[str, Any]:
        if values.dtype.kind in _PLAIN_KINDS:
            self.parts.append(values)
            return {"kind": "numpy"}
        return self.write_objects(values.tolist())

    def write_objects(self, values: list[Any]) -> dict[str, Any]:
        """Add a part for objects: their texts, if all are strings or missing in the same way."""
        kinds = set(map(type, values))
        if kinds <= {str, _NONE_TYPE} and _is_unicode(values):
            self.parts.append(values)
            return {"kind": "objects", "missing": "none"}
        if kinds <= {str, float} and _is_unicode(values) and _floats_are_nan(values):
            self.parts.append([value if type(value) is str else None for value in values])
            return {"kind": "objects", "missing": "nan"}

        self.parts.append(self._cells.encode(values))
        return {"kind": "cells"}

    def _write_arrow(self, array: Any) -> dict[str, Any]:
        if isinstance(array.dtype, pd.ArrowDtype):
            self.parts.append(array.__arrow_array__())
            return {"kind": "arrow"}

        part = self._arrow.array(array)
        # other programs read the plain storage; pandas makes its own type of it
        self.parts.append(getattr(part, "storage", part))
        return {"kind": "extension", "type": _describe_type(array.dtype)}

    def _write_extension(self, array: Any) -> dict[str, Any]:
        """Add the parts of a column of one of pandas' own types, without Arrow."""
        dtype = array.dtype
        if isinstance(dtype, pd.StringDtype):
            texts = array.to_numpy(dtype=object, na_value=None).tolist()
            self.parts.append(texts)
            return {"kind": "string", "type": _describe_type(dtype)}
        if isinstance(dtype, pd.PeriodDtype):
            self.parts.append(np.asarray(array.asi8))
            return {"kind": "period", "type": str(dtype)}
        if hasattr(dtype, "numpy_dtype") and not isinstance(dtype, pd.ArrowDtype):
            self.parts.append(array.to_numpy(dtype=dtype.numpy_dtype, na_value=0))
            self.parts.append(np.asarray(array.isna()))
            return {"kind": "masked", "type": str(dtype)}
        raise TableError(f"a column of type `{dtype}` needs pyarrow")


class ColumnReader:
    """Puts columns and indexes together again.

    Args:
        cells: Makes objects of texts.
        parts: The parts, in the order in which they were written.
    """

    def __init__(self, cells: CellCodec, parts: Iterator[Any]) -> None:
        self._cells = cells
        self._parts = parts

    def read_column(self, about: dict[str, Any]) -> Any:
        """Return the values of the next column: an array of NumPy or of pandas."""
        match about["kind"]:
            case "interval":
                left, right = map(self.read_column, about["sides"])
                return pd.arrays.IntervalArray.from_arrays(left, right, closed=about["closed"])
            case "sparse":
                values = self.read_column(about["values"])
                return pd.arrays.SparseArray(values, dtype=_type_of(about["type"]))

        part = next(self._parts)
        match about["kind"]:
            case "numpy":
                return _as_numpy(part)
            case "objects":
                missing = math.nan if about["missing"] == "nan" else None
                return _object_array([missing if text is None else text for text in _texts(part)])
            case "cells":
                return _object_array(self._cells.decode(_texts(part)))
            case "zoned":
                zone = _type_of(about["type"]).tz
                return pd.DatetimeIndex(_as_numpy(part), tz="UTC").tz_convert(zone).array
            case "categorical":
                return self._read_categorical(about, part)
            case "arrow":
                return pd.arrays.ArrowExtensionArray(part)
            case "extension":
                return _type_of(about["type"]).__from_arrow__(part)
            case _:
                return self._read_extension(about, part)

    def _read_categorical(self, about: dict[str, Any], codes: Any) -> Any:
        categories = extract_index(about["categories"], self._cells)
        dtype = pd.CategoricalDtype(categories, ordered=about["ordered"])
        return pd.Categorical.from_codes(_as_numpy(codes), dtype=dtype)

    def _read_extension(self, about: dict[str, Any], part: Any) -> Any:
        dtype = _type_of(about["type"])
        if about["kind"] == "string":
            return pd.array(_texts(part), dtype=dtype)
        if about["kind"] == "period":
            make: Any = pd.PeriodIndex
            return make.from_ordinals(_as_numpy(part), freq=dtype.freq).array
        if about["kind"] == "masked":
            return dtype.construct_array_type()(_as_numpy(part), _as_numpy(next(self._parts)))
        raise TableError(f"a column of an unknown kind `{about['kind']}`")

    def read_index(self, about: dict[str, Any]) -> Any:
        """Return the next index."""
        names = self._cells.decode(about["names"])
        if about["kind"] == "range":
            start, stop, step = about["range"]
            return pd.RangeIndex(start, stop, step, name=names[0])
        if about["kind"] == "multi":
            levels = [extract_index(embedded, self._cells) for embedded in about["levels"]]
            codes = [_as_numpy(next(self._parts)) for _ in levels]
            return pd.MultiIndex(levels=levels, codes=codes, names=names)

        values = self.read_column(about["values"])
        index = pd.Index(values, dtype=values.dtype, name=names[0], copy=False)
        if "frequency" in about:
            index.freq = about["frequency"]
        return index


def embed_index(index: Any, cells: CellCodec) -> list[Any]:
    """Return an index, such as the labels of columns, as plain data for a description."""
    writer = ColumnWriter(cells)
    about = writer.write_index(index)
    return [about, _embed_parts(writer.parts)]


def extract_index(embedded: list[Any], cells: CellCodec) -> Any:
    """Return the index that `embed_index` has made plain data of."""
    about, parts = embedded
    return ColumnReader(cells, iter(_extract_parts(parts))).read_index(about)


def _embed_parts(parts: list[Any]) -> list[Any]:
    embedded: list[Any] = []
    for part in parts:
        if isinstance(part, list):
            embedded.append({"texts": part})
            continue
        file = io.BytesIO()
        np.lib.format.write_array(file, part, allow_pickle=False)
        embedded.append({"npy": base64.b64encode(file.getvalue()).decode()})
    return embedded


def _extract_parts(embedded: list[Any]) -> list[Any]:
    parts: list[Any] = []
    for part in embedded:
        if "texts" in part:
            parts.append(part["texts"])
            continue
        file = io.BytesIO(base64.b64decode(part["npy"]))
        parts.append(np.lib.format.read_array(file, allow_pickle=False))
    return parts


def _describe_type(dtype: Any) -> str | list[str]:
    """Return plain data by which `_type_of` makes a type of pandas."""
    if isinstance(dtype, pd.StringDtype):
        missing = "NA" if dtype.na_value is pd.NA else "nan"
        return [dtype.storage, missing]
    return str(dtype)


def _type_of(about: str | list[str]) -> Any:
    """Return a type of pandas by the result of `_describe_type`."""
    if isinstance(about, str):
        return pd.api.types.pandas_dtype(about)

    storage, missing = about
    if storage == "pyarrow" and importlib.util.find_spec("pyarrow") is None:
        storage = "python"
    if missing == "NA":
        return pd.StringDtype(storage)
    # since pandas 2.3, which alone has such columns
    return pd.StringDtype(storage, na_value=np.nan)


def _is_unicode(values: list[Any]) -> bool:
    """Return whether UTF-8 can encode the strings among some values."""
    try:
        "".join([value for value in values if type(value) is str]).encode()
    except UnicodeEncodeError:
        return False
    return True


def _floats_are_nan(values: list[Any]) -> bool:
    return all(type(value) is str or math.isnan(value) for value in values)


def is_of_numpy(array: Any) -> bool:
    """Return whether the values of a column are those of an array of NumPy."""
    # the arrays of strings are of a subclass
    return isinstance(array.dtype, np.dtype) or type(array) is pd.arrays.NumpyExtensionArray


def _texts(part: Any) -> list[Any]:
    """Return a part of texts as strings, and None for those that are missing."""
    if isinstance(part, list):
        return part
    texts: list[Any] = part.to_pylist()
    return texts


def _object_array(values: list[Any]) -> Any:
    # not `np.array`: it would look into arrays among the values
    return np.fromiter(values, dtype=object, count=len(values))


def _as_numpy(part: Any) -> Any:
    """Return a part as an array of NumPy that can be written to, as pandas expects it."""
    if not isinstance(part, np.ndarray):
        part = part.to_numpy(zero_copy_only=False) if hasattr(part, "type") else np.asarray(part)
    if not part.flags.writeable:
        part = part.copy()
    return part
