"""The objects in the cells of a table as JSON texts, in the form of all values of the store."""

from __future__ import annotations

from typing import Any

import msgspec

from attune_nb.store.json_values import from_plain, to_plain
from attune_nb.values.tables.cells import CellCodec, TableError

__all__ = ["CELLS"]

# in the JSON of a value that the store does not hold
_MARKER = '"$object"'


def _encode(values: list[Any]) -> list[str]:
    texts = []
    for value in values:
        text = msgspec.json.encode(to_plain(value, check_strings=True)).decode()
        if _MARKER in text:
            raise TableError("a cell holds an object that is not plain data")
        texts.append(text)
    return texts


def _decode(texts: list[str]) -> list[Any]:
    return [from_plain(msgspec.json.decode(text)) for text in texts]


CELLS = CellCodec(_encode, _decode)
"""Cells as the store holds values."""
