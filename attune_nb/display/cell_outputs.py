"""Outputs of a cell that are reserved while it runs, to be filled when it has ended."""

from __future__ import annotations

import contextvars
from typing import TYPE_CHECKING, Any, Protocol

from attune_nb import html
from attune_nb.display.panel import View

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CellOutput", "OpenOutput", "ReservedOutputs", "open_output"]

# outputs of a run, and some to spare
_RESERVED = 4


class CellOutput(Protocol):
    """An output of a cell."""

    def update(self, output: object) -> Any:
        """Show another object in its place."""


if TYPE_CHECKING:
    OpenOutput = Callable[[object], CellOutput]


def open_output(output: object) -> CellOutput:
    """Show an object below the outputs of the cell that runs, or that ran last."""
    from IPython.display import display  # noqa: PLC0415 - not needed outside a notebook

    return _OpenOutput(display(output, display_id=True))  # type: ignore[no-untyped-call, unused-ignore]


class _OpenOutput:
    """An output that any thread may update.

    The engine's thread has the context of the cell that began the run. ipykernel would send its
    updates as messages of that cell, and nbclient drops messages of a cell that has ended.
    """

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    def update(self, output: object) -> None:
        """Show another object, by a message of the cell that runs now, or that ran last."""
        contextvars.Context().run(self._handle.update, output)


class ReservedOutputs:
    """Empty outputs of a cell, for runs that begin when its widgets are clicked.

    By then another cell may run, and an output that is opened would stand below that. Only the
    latest user of the outputs can change them.
    """

    def __init__(self) -> None:
        self._handles = [open_output(_empty()) for _ in range(_RESERVED)]
        self._latest: object = None

    def take(self) -> OpenOutput:
        """Empty the outputs, and return a function that opens them for their new user."""
        user = object()
        self._latest = user
        for handle in self._handles:
            handle.update(_empty())
        free = list(self._handles)

        def open_reserved(output: object) -> CellOutput:
            if not free:
                return open_output(output)
            reserved = _ReservedOutput(free.pop(0), lambda: self._latest is user)
            reserved.update(output)
            return reserved

        return open_reserved


class _ReservedOutput:
    """One output, as long as its user is the latest."""

    def __init__(self, handle: CellOutput, is_usable: Callable[[], bool]) -> None:
        self._handle = handle
        self._is_usable = is_usable

    def update(self, output: object) -> None:
        """Show another object, unless the output has another user by now."""
        if self._is_usable():
            self._handle.update(output)


def _empty() -> View:
    return View(html.Markup(), "")
