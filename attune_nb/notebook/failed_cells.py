"""The cells of an executed notebook that failed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["DEAD_KERNEL", "FailedCell", "find_failed_cells", "mark_failed"]

DEAD_KERNEL = "DeadKernelError"
"""The name of the error of a cell during which the kernel died."""

# papermill's tag for the cell that it adds, and Jupyter's for one that may fail
_INJECTED = "injected-parameters"
_MAY_FAIL = "raises-exception"

# the key of an error in the metadata of its cell
_FAILURE = "attune_failure"

_COLOUR_CODES = re.compile(r"\x1b\[[0-9;]*m")


class FailedCell(NamedTuple):
    """A cell that failed, although it is not tagged `raises-exception`.

    Attributes:
        cell_id: Its id in the notebook; empty in a notebook without ids.
        label: `code cell 3`, as it is numbered in Jupyter.
        reason: The name of its error, and the message.
        source: Its source.
    """

    cell_id: str
    label: str
    reason: str
    source: str


def find_failed_cells(notebook: NotebookNode) -> list[FailedCell]:
    """Return the cells that failed, in the order of the notebook."""
    failed_cells = []
    number = 0
    for cell in notebook.cells:
        if cell.cell_type != "code" or not cell.source.strip():
            continue

        # numbered as in a run in Jupyter, which lacks the injected cell
        tags = cell.metadata.get("tags", [])
        label = "the cell of the parameters"
        if _INJECTED not in tags:
            number += 1
            label = f"code cell {number}"

        reason = _reason_of(cell)
        if reason and _MAY_FAIL not in tags:
            failed_cells.append(FailedCell(cell.get("id", ""), label, reason, cell.source))
    return failed_cells


def mark_failed(cell: NotebookNode, name: str, message: str) -> None:
    """Record in the metadata of a cell that it failed: no output has the error of a magic's line.

    Args:
        cell: The cell.
        name: The name of its error.
        message: The error's message.
    """
    cell.metadata[_FAILURE] = _describe(name, message)


def _reason_of(cell: NotebookNode) -> str:
    """Return the last error of a cell; an empty string if it has none."""
    reason = str(cell.metadata.get(_FAILURE, ""))
    for output in cell.get("outputs", []):
        if output.output_type == "error":
            reason = _describe(output.ename, output.evalue)
    return _COLOUR_CODES.sub("", reason)


def _describe(name: str, message: str) -> str:
    if not message:
        return name
    if name == DEAD_KERNEL:
        return message
    return f"{name}: {message}"
