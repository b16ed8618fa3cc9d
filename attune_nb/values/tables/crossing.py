"""Tables as bytes of Arrow, on their way to another process.

Pickle writes the strings of a column one by one, and of a slice of a table of Arrow the whole
table. Arrow writes them as one buffer, and the rows of the slice alone. Other tables are as quick
as a pickle.
"""

from __future__ import annotations

import importlib.util
import io
import json
import sys
from typing import Any

from attune_nb.values.tables.cells import CellCodec, TableError

__all__ = ["reduce_table"]

# strings in a column from which Arrow is faster
_MANY = 100

_PLAIN = frozenset({str, int, bool, type(None)})


def reduce_table(value: Any) -> tuple[Any, ...] | None:
    """Return a function and arguments that make a table in another process.

    Returns:
        None if the value is no table, or pickle is as good for it.
    """
    kind = type(value)
    package = kind.__module__.partition(".")[0]
    if package == "pyarrow":
        if kind is getattr(sys.modules.get("pyarrow"), "Table", None):
            return _read_bytes, (_to_bytes(value),)
        return None

    pandas = sys.modules.get("pandas")
    tables = (getattr(pandas, "DataFrame", None), getattr(pandas, "Series", None))
    if package != "pandas" or kind not in tables or not _has_many_strings(value, pandas):
        return None
    try:
        return _read_bytes, (_to_bytes(value),)
    except Exception:  # noqa: BLE001 - pickle takes all that Arrow does not
        return None


def _has_many_strings(table: Any, pandas: Any) -> bool:
    """Return whether a table has a column of strings of Python, and only columns of known types."""
    if len(table) < _MANY or importlib.util.find_spec("pyarrow") is None:
        return False

    dtypes = [table.dtype] if table.ndim == 1 else table.dtypes.tolist()
    has_strings = False
    for dtype in dtypes:
        is_string = isinstance(dtype, pandas.StringDtype)
        is_object = getattr(dtype, "kind", "") == "O" and hasattr(dtype, "num")
        is_known = hasattr(dtype, "num") or isinstance(
            dtype, pandas.DatetimeTZDtype | pandas.CategoricalDtype
        )
        if not is_string and not is_known:
            return False
        has_strings = has_strings or is_object or (is_string and dtype.storage == "python")
    return has_strings


def _to_bytes(table: Any) -> bytes:
    from attune_nb.values.tables.files import write_arrow  # noqa: PLC0415 - of use for tables only

    file = io.BytesIO()
    write_arrow(table, file, _CELLS)
    return file.getvalue()


def _read_bytes(data: bytes) -> Any:
    from attune_nb.values.tables.files import read_arrow  # noqa: PLC0415 - of use for tables only

    return read_arrow(io.BytesIO(data), _CELLS)


def _encode(values: list[Any]) -> list[str]:
    for value in values:
        if type(value) not in _PLAIN and value != {}:
            raise TableError("it is no plain value")
    return [json.dumps(value) for value in values]


def _decode(texts: list[str]) -> list[Any]:
    return [json.loads(text) for text in texts]


# of names of columns; a table with other objects in its cells is pickled
_CELLS = CellCodec(_encode, _decode)
