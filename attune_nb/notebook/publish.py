"""Publishing of notebooks: a copy is executed in a fresh kernel and becomes a page of HTML.

Needs the packages of the extra `publish`.
"""

from __future__ import annotations

import ast
import atexit
import os
import sys
import tempfile
import warnings
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat.reader import NotJSONError
from nbformat.v4 import new_output
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook

from attune_nb.errors import AttuneError, RunFailed, nearest
from attune_nb.html import printable
from attune_nb.notebook.failed_cells import DEAD_KERNEL, find_failed_cells, mark_failed
from attune_nb.notebook.html_export import to_html

# only the kernel's process imports it, which would end without a clear message
if find_spec("ipykernel") is None:
    raise ModuleNotFoundError("No module named 'ipykernel'", name="ipykernel")

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nbformat import NotebookNode

    from attune_nb.notebook.failed_cells import FailedCell

    # the number of the cell, and the number of all cells
    CellCallback = Callable[[int, int], None]

__all__ = ["FORMATS", "LARGE_PAGE", "execute", "publish", "read_notebook", "to_html"]

FORMATS = ("html",)

LARGE_PAGE = 2_000_000
"""Bytes of a page from which on the command line warns of its size."""

# lines of a failed cell, or of the kernel's log, that an error shows, and characters of a line
_MAX_LINES = 40
_MAX_LINE_LENGTH = 160

# bytes of the kernel's log that are searched for its last lines
_MAX_LOG_SIZE = 100 * _MAX_LINES

# characters of an error of nbformat that a message shows
_MAX_REASON_LENGTH = 200


class _KernelManager(AsyncKernelManager):
    """Starts a kernel of the running Python, whatever kernel the notebook names."""

    @property
    def kernel_spec(self) -> KernelSpec:
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        # its log is shown if it dies, and warnings of its start are not the cause
        command.append("--IPKernelApp.log_level=50")
        return KernelSpec(
            argv=command,
            display_name="this Python",
            language="python",
            env={
                # a page has no widgets, also if the command runs within JupyterLab
                "ATTUNE_NB_WIDGETS": "0",
            },
        )


def publish(
    source: str | Path,
    output: str | Path | None = None,
    parameters: Mapping[str, Any] | None = None,
    *,
    to: str = "html",
    keep_going: bool = False,
    on_cell_start: CellCallback | None = None,
) -> Path:
    """Execute a copy of a notebook in the notebook's folder, and write it as a page.

    Args:
        source: The notebook.
        output: The page, or a folder for it; by default beside the notebook.
        parameters: Values for names in the notebook's cell tagged `parameters`.
        to: The page's format.
        keep_going: Execute the cells after one that fails too, and write the page, which says
            at its top what failed, before the error is raised.
        on_cell_start: Called when a code cell starts, with its number and the number of all.

    Returns:
        The page. If an error is raised, no page was written or changed, unless `keep_going`.

    Raises:
        RunFailed: A cell failed.
        AttuneError: There is no such notebook, format or parameter.
        OSError: The page cannot be written.
    """
    source = Path(source)
    if to not in FORMATS:
        hint = nearest(to, FORMATS)
        if not hint:
            hint = f"; there is {', '.join(FORMATS)}"
        raise AttuneError(f"there is no format `{to}`{hint}")

    notebook = read_notebook(source)
    page = _page_path(source, output, to)

    # the kernel that the notebook names may not exist here
    notebook.metadata.kernelspec = {
        "name": "python3",
        "language": "python",
        "display_name": "Python 3",
    }
    if parameters:
        notebook = _insert_parameters(notebook, parameters, source.name)

    folder = source.resolve().parent
    executed_notebook = execute(notebook, folder, source.name, on_cell_start, keep_going=keep_going)
    text = to_html(executed_notebook, source.name, folder)

    temporary_file = page.with_name(f".{page.name}.part")
    try:
        temporary_file.write_text(text, encoding="utf-8")
        temporary_file.replace(page)
    finally:
        temporary_file.unlink(missing_ok=True)

    failed_cells = find_failed_cells(executed_notebook)
    if failed_cells:
        raise RunFailed(f"{_describe_failures(source.name, failed_cells)}\n{page} was written")
    return page


def read_notebook(path: Path) -> NotebookNode:
    """Read a notebook in any version of the format.

    Raises:
        AttuneError: There is no such file, or it is not a notebook in Python.
    """
    if not path.is_file():
        raise AttuneError(f"there is no notebook {path}")

    try:
        with warnings.catch_warnings():
            # older versions are converted
            warnings.simplefilter("ignore")
            notebook: NotebookNode = nbformat.read(path, as_version=4)
            nbformat.validate(notebook)
    except UnicodeDecodeError:
        raise AttuneError(f"{path} is not a notebook: it is not a text file") from None
    except (NotJSONError, nbformat.ValidationError, OSError) as error:
        raise AttuneError(f"{path} is not a notebook: {_first_line(error)}") from None
    except Exception:  # noqa: BLE001 - nbformat raises any error on unexpected JSON
        raise AttuneError(
            f"{path} is not a notebook: its JSON does not have the structure of one"
        ) from None

    language = _language(notebook)
    if language.lower() not in ("python", "ipython"):
        raise AttuneError(f"{path} is in {language}; only notebooks in Python can be published")
    return notebook


def execute(
    notebook: NotebookNode,
    folder: Path,
    name: str = "the notebook",
    on_cell_start: CellCallback | None = None,
    *,
    keep_going: bool = False,
) -> NotebookNode:
    """Execute a notebook in a fresh kernel of the running Python.

    nbclient executes it. papermill would do less: it treats a cell tagged `raises-exception`
    that raises one as failed.

    Args:
        notebook: In version 4 of the format; its outputs are replaced.
        folder: The folder where the kernel starts.
        name: The notebook's name in errors.
        on_cell_start: Called when a code cell starts, with its number and the number of all.
        keep_going: Execute the cells after one that fails too. `find_failed_cells` finds them.

    Returns:
        The notebook with its outputs.

    Raises:
        RunFailed: A cell failed or the kernel died, unless `keep_going`; or it did not start.
        KeyboardInterrupt: The process received a signal to stop; the kernel has been ended.
    """
    cells = [cell for cell in notebook.cells if _is_executed(cell)]
    started_cells: list[NotebookNode] = []

    def record_start(cell: NotebookNode, **_: Any) -> None:
        started_cells.append(cell)
        if on_cell_start is not None:
            on_cell_start(len(started_cells), len(cells))

    client = NotebookClient(
        notebook,
        timeout=None,
        kernel_manager_class=_KernelManager,
        allow_errors=keep_going,
        resources={"metadata": {"path": str(folder)}},
        on_cell_execute=record_start,
        on_cell_error=_record_failure,
    )
    # the kernel's own log, such as tracebacks of its end: shown only if it dies
    with tempfile.TemporaryFile() as kernel_log:
        try:
            executed_notebook: NotebookNode = client.execute(stderr=kernel_log)
        except CellExecutionError:
            failed_cells = find_failed_cells(notebook)
            raise RunFailed(_describe_failures(name, failed_cells)) from None
        except (AssertionError, RuntimeError) as error:
            # nbclient ends the kernel after a signal, and then fails itself
            if getattr(client, "_async_cleanup_kernel_future", None) is not None:
                raise KeyboardInterrupt from None

            if not started_cells:
                # at exit nbclient would end a kernel that does not exist, and fail
                atexit.unregister(client._cleanup_kernel)  # noqa: SLF001 - no public way
                message = f"{name}: the kernel of {sys.executable} did not start: {error}"
                raise RunFailed(message + _last_lines(kernel_log)) from None

            started_cells[-1].outputs.append(_death_of_kernel())
            if not keep_going:
                message = _describe_failures(name, find_failed_cells(notebook))
                raise RunFailed(message + _last_lines(kernel_log)) from None
            executed_notebook = notebook

    for cell in cells:
        cell.outputs = _merge_streams(cell.outputs)
    return executed_notebook


def _record_failure(cell: NotebookNode, execute_reply: Mapping[str, Any], **_: Any) -> None:
    """Keep the error of a cell; IPython prints the error of a magic's line, and no output has it.

    nbclient calls this.
    """
    content = execute_reply["content"]
    mark_failed(cell, content["ename"], content["evalue"])


def _is_executed(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and bool(cell.source.strip())


def _first_line(error: Exception) -> str:
    """Return the first line of an error's message; its type if the message is empty."""
    lines = str(error).strip().splitlines()
    if not lines:
        return type(error).__name__
    return lines[0][:_MAX_REASON_LENGTH]


def _language(notebook: NotebookNode) -> str:
    metadata = notebook.metadata
    kernel_language = metadata.get("kernelspec", {}).get("language", "python")
    return str(metadata.get("language_info", {}).get("name", kernel_language))


def _page_path(source: Path, output: str | Path | None, to: str) -> Path:
    """Return the path of the page; called before anything runs.

    Raises:
        AttuneError: The page cannot be written there.
    """
    page = source.with_suffix(f".{to}") if output is None else Path(output)
    if page.is_dir():
        page /= f"{source.stem}.{to}"

    if not page.parent.is_dir():
        raise AttuneError(f"there is no folder {page.parent} for the page: create it first")
    if page.exists() and page.samefile(source):
        raise AttuneError(f"the page would overwrite the notebook {source}: choose another output")

    written_path = page if page.exists() else page.parent
    if not os.access(written_path, os.W_OK):
        raise AttuneError(f"{page} cannot be written: {written_path} is not writable")
    return page


def _insert_parameters(
    notebook: NotebookNode, parameters: Mapping[str, Any], name: str
) -> NotebookNode:
    """Return the notebook with a cell that sets the parameters.

    Raises:
        AttuneError: The notebook has no cell for parameters, or not one of these parameters.
    """
    tagged_cells = [
        cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])
    ]
    if not tagged_cells:
        first = next(iter(parameters))
        raise AttuneError(
            f"{name} has no cell tagged `parameters`, so it takes no parameter `{first}`"
        )

    defined_names = _assigned_names(tagged_cells[0].source)
    for parameter in parameters:
        if parameter not in defined_names:
            hint = nearest(parameter, defined_names)
            if not hint:
                hint = f"; there are {', '.join(sorted(defined_names)) or 'none'}"
            raise AttuneError(f"{name} has no parameter `{parameter}`{hint}")

    parameterized: NotebookNode = parameterize_notebook(
        load_notebook_node(notebook), dict(parameters)
    )
    return parameterized


def _assigned_names(source: str) -> set[str]:
    """Return the names that a cell assigns.

    papermill's own `inspect_notebook` skips lines with two equals signs.
    """
    tree = ast.parse(TransformerManager().transform_cell(source))

    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def _merge_streams(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Merge adjacent outputs of the same stream, which a kernel sends in arbitrary pieces.

    A page would begin a new line with every piece. Of a progress bar that was drawn over itself
    only the last state is left. nbconvert's own preprocessor for this needs quadratic time in
    the length of a line.
    """
    merged: list[NotebookNode] = []
    groups = groupby(outputs, key=lambda output: (output.output_type, output.get("name")))
    for (kind, name), group in groups:
        if kind != "stream":
            merged += group
            continue

        text = "".join(output.text for output in group)
        lines = [line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")]
        merged.append(new_output("stream", name=name, text="\n".join(lines)))
    return merged


def _last_lines(kernel_log: IO[bytes]) -> str:
    """Return the last lines that a kernel wrote before it died, each after a line break."""
    kernel_log.seek(0)
    text = kernel_log.read()[-_MAX_LOG_SIZE:].decode(errors="replace")

    lines = [f"\nkernel: {line}" for line in text.splitlines()[-_MAX_LINES:] if line.strip()]
    return printable("".join(lines))


def _death_of_kernel() -> NotebookNode:
    """Return the output of a cell during which the kernel died."""
    message = "the kernel died; the cells after this one were not executed"
    output: NotebookNode = new_output(
        "error", ename=DEAD_KERNEL, evalue=message, traceback=[message]
    )
    return output


def _describe_failures(name: str, failed_cells: Sequence[FailedCell]) -> str:
    """Return the message that cells failed, with the first one's reason and source."""
    first = failed_cells[0]
    message_lines = [f"{name}, {first.label} failed: {first.reason}"]

    source_lines = first.source.splitlines()
    for number, line in enumerate(source_lines[:_MAX_LINES], start=1):
        message_lines.append(f"{number:>5} | {line[:_MAX_LINE_LENGTH]}")
    if len(source_lines) > _MAX_LINES:
        message_lines.append(f"and {len(source_lines) - _MAX_LINES:,} more lines")

    more = len(failed_cells) - 1
    if more:
        noun = "cell" if more == 1 else "cells"
        message_lines.append(f"{more:,} more {noun} failed")
    return printable("\n".join(message_lines))
