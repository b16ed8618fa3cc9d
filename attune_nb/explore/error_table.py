"""The different errors of a run's attempts, within a number of characters."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from attune_nb.html import printable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attune_nb.events import ErrorInfo
    from attune_nb.explore.attempts import Attempts

__all__ = ["ErrorTable"]

# characters of an error
_MAX_TYPE = 200
_MAX_MESSAGE = 2_000
_MAX_TRACEBACK = 6_000

# characters of all errors; beyond them, errors have no traceback and a short message
_BUDGET = 1_000_000
_SHORT_MESSAGE = 160

# errors in the table; further ones of a type are one entry
_MOST_ERRORS = 5_000


class ErrorTable:
    """The errors of attempts, each different one once.

    Args:
        attempts: The attempts.
        first: Whether an attempt's error comes first in the table, so that it is complete.

    Attributes:
        rows: The errors as plain data: `type`, `message`, `traceback`.
        numbers: For each attempt the number of its error in `rows`, from 1; 0 without an error.
        shortened: How many different errors have no traceback, or not even a message of their own.
    """

    def __init__(self, attempts: Attempts, first: NDArray[np.bool_]) -> None:
        self.rows: list[dict[str, str]] = []
        self.numbers = np.zeros(len(attempts), np.int64)
        self.shortened = 0
        self._numbers: dict[tuple[str, str, str], int] = {}
        self._further: Counter[int] = Counter()
        self._free = _BUDGET

        in_order = sorted(attempts.errors, key=lambda row: (not first[row], row))
        for row in in_order:
            self.numbers[row] = self._number(attempts.errors[row])
        for number, count in self._further.items():
            self.rows[number - 1]["message"] = f"one of {count:,} further errors of this type"

    def _number(self, error: ErrorInfo) -> int:
        """Return the number of an error, which is added if it is new."""
        kind = (error.type, error.message, error.traceback)
        if kind not in self._numbers:
            self._numbers[kind] = self._add(error)
        return self._numbers[kind]

    def _add(self, error: ErrorInfo) -> int:
        """Add an error as completely as there is space for it; return its number."""
        name = printable(error.type)[:_MAX_TYPE]
        if len(self.rows) >= _MOST_ERRORS:
            return self._add_further(name)

        row = {
            "type": name,
            "message": _cut(error.message, _MAX_MESSAGE),
            "traceback": _cut_start(error.traceback, _MAX_TRACEBACK),
        }
        if sum(map(len, row.values())) > self._free:
            self.shortened += 1
            row["message"] = _cut(error.message, _SHORT_MESSAGE)
            row["traceback"] = ""
        self._free -= sum(map(len, row.values()))
        self.rows.append(row)
        return len(self.rows)

    def _add_further(self, name: str) -> int:
        """Count an error with the others of its type for which there is no space."""
        self.shortened += 1
        kind = (name, "", "")
        if kind not in self._numbers:
            self.rows.append({"type": name, "message": "", "traceback": ""})
            self._numbers[kind] = len(self.rows)

        number = self._numbers[kind]
        self._further[number] += 1
        return number


def _cut(text: str, longest: int) -> str:
    text = printable(text[: longest + 1])
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _cut_start(text: str, longest: int) -> str:
    """Return the end of a text: the last lines of a traceback are those of the user's own code."""
    if len(text) <= longest:
        return printable(text)
    return f"…{printable(text[1 - longest :])}"
