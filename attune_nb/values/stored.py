"""References to tables and other results that are on record, beside a store."""

from __future__ import annotations

import abc
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from attune_nb.values.remote import RemoteReference

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["StoredResult", "StoredTable", "StoredValue", "TableSource"]


class TableSource(Protocol):
    """Where the tables of a store are."""

    def has(self, reference: StoredValue) -> bool:
        """Return whether there is a file for a reference."""

    def load(self, reference: StoredTable) -> Any:
        """Return the frozen table of a reference."""

    def load_result(self, reference: StoredResult) -> Any:
        """Return the frozen value of a reference."""


class StoredValue(RemoteReference):
    """A reference to a value in a file beside a store; `get` reads it.

    Args:
        file: The name of the file: its SHA-256, and its format.
        start: The first byte of the value in a file with many; else None.
        source: Where the file is; None until that is known.
    """

    __slots__ = ("file", "source", "start")

    is_readable = True

    def __init__(self, file: str, start: int | None, source: TableSource | None) -> None:
        RemoteReference.in_use = True
        self.file = file
        self.start = start
        self.source = source

    @property
    def is_missing(self) -> bool:
        """Whether its file is missing."""
        return self.source is None or not self.source.has(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StoredValue) or type(other) is not type(self):
            return False
        return (other.file, other.start) == (self.file, self.start)

    def __hash__(self) -> int:
        return hash((self.file, self.start))

    def __reduce__(self) -> tuple[Any, ...]:
        # a worker may not reach the file
        return _as_it_is, (self.get(),)

    def get(self, gathered: Mapping[str, Any] = MappingProxyType({})) -> Any:
        """Return the value, frozen.

        Raises:
            StoreError: Its file is missing or damaged.
        """
        del gathered
        if self.source is None:
            raise LookupError(f"{self!r} belongs to no store")
        return self._load(self.source)

    @classmethod
    def gather(cls, references: Iterable[RemoteReference]) -> dict[str, Any]:
        """Return nothing: a value is read when it is needed, and not kept."""
        del references
        return {}

    @abc.abstractmethod
    def _load(self, source: TableSource) -> Any:
        """Return the value from where its file is."""


class StoredTable(StoredValue):
    """A reference to a table.

    Attributes:
        kind: The type of the table, as `module.Name`.
        rows: The number of its rows; None for an array without any.
        size: The bytes of the table in the file.
        is_lazy: Whether the table stays on the disk (`keep_results: store`).
        file_format: The format of the table.
    """

    description = "table on record"
    is_opaque = True

    def __init__(
        self,
        file: str,
        kind: str,
        rows: int | None,
        size: int,
        source: TableSource | None = None,
        *,
        is_lazy: bool = False,
        start: int | None = None,
        file_format: str = "",
    ) -> None:
        super().__init__(file, start, source)
        self.is_lazy = is_lazy
        self.file_format = file_format
        if start is None:
            _, _, self.file_format = file.partition(".")
        self.kind = kind
        self.rows = rows
        self.size = size

    @property
    def type_name(self) -> str:
        """The name of the table's type."""
        return self.kind.rpartition(".")[2]

    @property
    def has_rows(self) -> bool:
        """Whether it is a DataFrame, whose rows can be items."""
        return self.kind.startswith("pandas.") and self.type_name == "DataFrame"

    def __repr__(self) -> str:
        rows = ""
        if self.rows is not None:
            rows = f" of {self.rows:,} rows"
        return f"<{self.kind}{rows}, on record>"

    def _load(self, source: TableSource) -> Any:
        return source.load(self)


class StoredResult(StoredValue):
    """A reference to plain data in a file with many results (`keep_results: store`).

    Attributes:
        size: The bytes of the value.
    """

    __slots__ = ("size",)

    description = "result on record"
    is_lazy = True
    start: int

    def __init__(self, file: str, start: int, size: int, source: TableSource | None = None) -> None:
        super().__init__(file, start, source)
        self.size = size

    def __repr__(self) -> str:
        return f"<result of {self.size:,} bytes, on record>"

    def _load(self, source: TableSource) -> Any:
        return source.load_result(self)


def _as_it_is(value: Any) -> Any:
    return value
