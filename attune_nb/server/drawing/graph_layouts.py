"""The layouts of workflows' graphs, as JSON that a page draws and into which it draws the states.

A layout depends only on the texts of the workflow, so those of many runs are one.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from attune_nb.errors import StoreError, WorkflowError
from attune_nb.server.drawing.run_row import read_run_row
from attune_nb.store.blobs import load_texts
from attune_nb.store.database import connected

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["GraphLayouts", "GraphTexts", "read_graph_texts"]

# layouts that are used again
_MOST_LAYOUTS = 50

# tasks whose child runs have a workflow of their own in the graph
_MOST_NESTED = 50


# the workflow of one child run of each task: all of them have the same
_SELECT_NESTED = """SELECT parent_task, min(text), min(source_text) FROM runs
WHERE parent = ? AND parent != '' GROUP BY parent_task ORDER BY parent_task LIMIT ?"""


class GraphTexts(NamedTuple):
    """The texts that a graph is drawn from.

    Attributes:
        text: The text of the workflow.
        nested: The texts of the workflows that its tasks run, by the task.
        digest: A hash of all of them, which stands for the layout.
    """

    text: str
    nested: Mapping[str, str]
    digest: str


def read_graph_texts(path: Path, run_id: str) -> GraphTexts:
    """Return the texts from which the graph of a run is drawn.

    Args:
        path: The store.
        run_id: The whole id of the run.

    Raises:
        StoreError: There is no such run, or the store cannot be read.
    """
    with connected(path) as connection:
        row = read_run_row(connection, run_id, "text, source_text")
        text = _load_text(connection, *row)
        nested = {}
        for task, *texts in connection.execute(_SELECT_NESTED, (run_id, _MOST_NESTED)).fetchall():
            nested[task] = _load_text(connection, *texts)

    encoded = msgspec.json.encode([text, nested])
    return GraphTexts(text, nested, hashlib.sha256(encoded).hexdigest()[:32])


def _load_text(connection: sqlite3.Connection, text: str, source_text: str) -> str:
    return load_texts(connection, text, source_text)[0]


class GraphLayouts:
    """The layouts that were drawn lately. Threads may share it."""

    def __init__(self) -> None:
        self._layouts: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, texts: GraphTexts) -> bytes:
        """Return the layout of a graph as JSON, see `explore.graph.build_layout`.

        It takes up to a second for a large graph: it must not run in the thread of a server.

        Raises:
            StoreError: The text of the workflow cannot be read.
        """
        # one at a time: two requests for one graph do the work once
        with self._lock:
            layout = self._layouts.pop(texts.digest, None)
            if layout is None:
                layout = _build(texts)

            self._layouts[texts.digest] = layout
            while len(self._layouts) > _MOST_LAYOUTS:
                self._layouts.popitem(last=False)

            return layout


def _build(texts: GraphTexts) -> bytes:
    # only a server whose page shows a graph needs the language
    from attune_nb.explore.graph import build_layout  # noqa: PLC0415
    from attune_nb.language.load import load_workflow  # noqa: PLC0415

    try:
        workflow = load_workflow(texts.text, is_recorded=True)
        nested = {
            task: load_workflow(text, is_recorded=True) for task, text in texts.nested.items()
        }
    except WorkflowError as error:
        raise StoreError(f"the workflow of the run cannot be read: {error}") from None
    return msgspec.json.encode(build_layout(workflow, nested))
