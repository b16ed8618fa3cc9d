"""Names of notebook cells in tracebacks: `cell [3]` instead of a temporary file.

A worker process cannot know the numbers of cells, and a record is read when they are forgotten.
So they are written when an error reaches the engine, which runs in the notebook's kernel.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from attune_nb.events import Batch

__all__ = ["name_cells"]

# the file in which a kernel, or IPython in a terminal, compiles a cell
_CELL_FILE = re.compile(
    r'(?<=File ")([^"\n]*[/\\]ipykernel_\d+[/\\]\d+\.py|<ipython-input-[^"\n]*>)'
)


def name_cells(batch: Batch) -> Batch:
    """Return a batch whose errors name the cells of this notebook by their numbers."""
    numbers = _cell_numbers()
    if not numbers or not batch.errors:
        return batch

    errors = {}
    for row, error in batch.errors.items():
        traceback = _CELL_FILE.sub(lambda match: _name(match[1], numbers), error.traceback)
        errors[row] = msgspec.structs.replace(error, traceback=traceback)
    return msgspec.structs.replace(batch, errors=errors)


def _cell_numbers() -> dict[str, int]:
    """Return the number of the cell by the name of its file; empty outside of IPython."""
    ipython = sys.modules.get("IPython")
    if ipython is None:
        return {}

    shell: Any = ipython.get_ipython()
    # IPython has no public way from a file to the number that it shows
    return getattr(getattr(shell, "compile", None), "_filename_map", {})


def _name(file_name: str, numbers: dict[str, int]) -> str:
    number = numbers.get(file_name)
    if number is None:
        return file_name
    return f"cell [{number}]"
