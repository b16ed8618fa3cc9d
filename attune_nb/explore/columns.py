"""Columns of whole numbers, packed for a page: differences, byte planes, deflate, base64."""

from __future__ import annotations

import base64
import zlib
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ColumnType", "pack_column", "pack_planes", "unpack_column"]

ColumnType = Literal["u1", "u2", "u4"]
"""The type of a packed number: unsigned, of 1, 2 or 4 bytes."""

# of deflate; a higher level is slower, and saves two per cent
_LEVEL = 6

_LARGEST = {"u1": 2**8 - 1, "u2": 2**16 - 1, "u4": 2**32 - 1}


def pack_column(values: NDArray[Any], *, differences: bool = False) -> dict[str, Any]:
    """Return whole numbers as JSON: in the smallest type that holds them, and compressed.

    The bytes are in planes, the lowest byte of all numbers first: numbers of a similar size have
    the same high bytes, which compress to almost nothing.

    Args:
        values: Numbers from 0 to 2**32 - 1. Larger ones are cut to that.
        differences: Whether each number is stored as its difference from the one before it,
            modulo 2**32. Ascending numbers are shorter so.

    Returns:
        `type` (u1, u2 or u4: unsigned numbers of 1, 2 or 4 bytes), `differences`, and `data`.
    """
    kind, planes = pack_planes(values, differences=differences)
    return {
        "type": kind,
        "differences": differences,
        "data": base64.b64encode(zlib.compress(planes, _LEVEL)).decode("ascii"),
    }


def pack_planes(values: NDArray[Any], *, differences: bool = False) -> tuple[ColumnType, bytes]:
    """Return the smallest type that holds some numbers, and their bytes in planes.

    Args:
        values: As in `pack_column`.
        differences: As in `pack_column`.
    """
    numbers = np.clip(np.asarray(values), 0, _LARGEST["u4"]).astype("<u4")
    if differences:
        # modulo 2**32, so that a smaller number after a larger one is no special case
        numbers = np.diff(numbers, prepend=np.uint32(0)).astype("<u4")

    kind = _smallest_type(numbers)
    packed = numbers.astype(f"<{kind}")
    planes = packed.view(np.uint8).reshape(len(packed), packed.itemsize).T
    return kind, planes.tobytes()


def unpack_column(column: dict[str, Any]) -> NDArray[np.uint32]:
    """Return the numbers of a packed column."""
    raw = zlib.decompress(base64.b64decode(column["data"]))
    size = int(column["type"][1])
    planes = np.frombuffer(raw, np.uint8).reshape(size, len(raw) // size)

    numbers = np.ascontiguousarray(planes.T).view(f"<{column['type']}").reshape(-1)
    numbers = numbers.astype(np.uint32)
    if column["differences"]:
        numbers = np.cumsum(numbers, dtype=np.uint32)
    return numbers


def _smallest_type(numbers: NDArray[np.uint32]) -> ColumnType:
    largest = int(numbers.max(initial=0))
    if largest <= _LARGEST["u1"]:
        return "u1"
    if largest <= _LARGEST["u2"]:
        return "u2"
    return "u4"
