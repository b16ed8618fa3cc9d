"""The rows by which two states differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["changed_rows"]

_Row = TypeVar("_Row")


def changed_rows(
    before: Iterable[_Row], after: Iterable[_Row], key_of: Callable[[_Row], str]
) -> tuple[list[_Row], list[str]]:
    """Return the rows that are new or have changed, and the keys of those that are gone.

    Args:
        before: The rows of the earlier state.
        after: The rows of the later state.
        key_of: Returns the key of a row, which no two rows of a state share.
    """
    rows_before = {key_of(row): row for row in before}
    changed = []
    for row in after:
        row_before = rows_before.pop(key_of(row), None)
        # rows that have not changed are mostly the same objects
        if row is not row_before and row != row_before:
            changed.append(row)
    return changed, list(rows_before)
