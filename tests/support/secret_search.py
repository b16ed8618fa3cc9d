"""Collect all that can be seen of a run, to search it for the bytes of a secret."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_files", "visible_data"]


def visible_data(run: Any, *tasks: str) -> bytes:
    """Return all that can be seen of a run: texts, HTML, frames, contexts, charts, traces.

    Args:
        run: The run.
        tasks: The tasks whose results and items are read.
    """
    parts = [
        run, run._repr_html_(), run.events, run.output, run.error, run.failure_text(), run.alerts,
        run.metrics, run.workflow, run.workflow._repr_html_(), run.summary(), run.questions,
        *(run.result(task) for task in tasks),
    ]  # fmt: skip

    frames = [run.tasks, run.failures(), run.diff(run), *(run.items(task) for task in tasks)]
    for frame in frames:
        if hasattr(frame, "to_csv"):
            parts += [frame.to_csv(), frame.to_html()]

    contexts = [run.context, *(run.context_at(task) for task in tasks)]
    for context in contexts:
        parts += [context, context._repr_html_(), dict(context.variables), context.parameters]
        parts += [context.keystore, dict(context.tasks)]

    for figure in (run.timeline(), run.graph()):
        picture = io.StringIO()
        figure.savefig(picture, format="svg")
        parts.append(picture.getvalue())
    return "\n".join(_all_texts(part) for part in parts).encode("utf-8", "surrogatepass")


def read_files(folder: Path) -> bytes:
    """Return the bytes of all files of a folder: a store, its WAL, a trace."""
    return b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())


def _all_texts(value: Any) -> str:
    # the bytes of a value, too, and not only their `repr`
    binary = ""
    if isinstance(value, bytes | bytearray):
        binary = bytes(value).decode("latin-1")
    return f"{value}\n{value!r}\n{binary}"
