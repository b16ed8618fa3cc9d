"""How the objects in a table become texts, and the error of a table that cannot be written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CellCodec", "TableError"]


class TableError(ValueError):
    """A table cannot be written so that it is read as an equal one, or its bytes are damaged."""


class CellCodec(NamedTuple):
    """Turns Python objects in the cells of a table into texts, and back.

    Attributes:
        encode: Returns a text for each object; raises a ValueError if there is none for one.
        decode: Returns the objects of such texts.
    """

    encode: Callable[[list[Any]], list[str]]
    decode: Callable[[list[str]], list[Any]]
