"""Publishing a notebook: a copy runs in a fresh kernel, and becomes a page of HTML.

Needs the packages of the extra `publish`.
"""

from __future__ import annotations

import ast
import atexit
import os
import re
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
from attune_nb.notebook.html_export import to_html

if find_spec("ipykernel") is None:  # a kernel needs it, and only its process would say so
    raise ModuleNotFoundError("No module named 'ipykernel'", name="ipykernel")

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nbformat import NotebookNode

    Told = Callable[[int, int], None]

__all__ = ["FORMATS", "LARGE", "executed", "publish", "read_notebook", "to_html"]

FORMATS = ("html",)
LARGE = 2_000_000  # bytes of a page, from which on it is told
INJECTED = "injected-parameters"  # papermill's tag for the cell that it adds
_LINES = 40  # of a failing cell's source
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class _ThisPython(AsyncKernelManager):
    """A kernel of this very Python, whatever kernels the machine knows under what names."""

    @property
    def kernel_spec(self) -> KernelSpec:
        # a warning as it begins is not why it died
        launch = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(
            argv=[*launch, "--IPKernelApp.log_level=50"],
            display_name="this Python",
            language="python",
            # A page shows no widgets, also where the command runs within JupyterLab; and it is
            # the record itself, so there is no other unless a cell or the environment names one.
            env={
                "ATTUNE_NB_STORE": os.environ.get("ATTUNE_NB_STORE", "none"),
                "ATTUNE_NB_WIDGETS": "0",
            },
        )


def publish(
    source: str | Path,
    output: str | Path | None = None,
    parameters: Mapping[str, Any] | None = None,
    *,
    to: str = "html",
    told: Told | None = None,
) -> Path:
    """Execute a copy of a notebook in its own folder, and write it as a page.

    Args:
        source: The notebook.
        output: The page, or a folder for it; beside the notebook when it is left out.
        parameters: Values for names in the notebook's cell tagged `parameters`.
        to: The page's format.
        told: Called as each code cell begins: with its number, and how many there are.

    Returns:
        The page. If this raises, no page was written or changed.

    Raises:
        RunFailed: A cell failed.
        AttuneError: There is no such notebook, format or parameter.
        OSError: The page cannot be written.
    """
    source = Path(source)
    if to not in FORMATS:
        hint = nearest(to, FORMATS) or f"; there is {', '.join(FORMATS)}"
        raise AttuneError(f"there is no format `{to}`{hint}")
    notebook = read_notebook(source)
    page = _target(source, Path(output) if output is not None else None, to)
    prepared = _prepared(notebook, parameters or {}, source.name)
    folder = source.resolve().parent
    text = to_html(executed(prepared, folder, source.name, told), source.name, folder)
    part = page.with_name(f".{page.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(page)
    finally:
        part.unlink(missing_ok=True)
    return page


def read_notebook(path: Path) -> NotebookNode:
    """Read a notebook, in whatever version of the format.

    Raises:
        AttuneError: There is none, or it is none, or one in another language.
    """
    if not path.is_file():
        raise AttuneError(f"there is no notebook {path}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of older versions, which are brought up to date
            notebook: NotebookNode = nbformat.read(path, as_version=4)
            nbformat.validate(notebook)
    except UnicodeDecodeError:
        raise AttuneError(f"{path} is not a notebook: it is not text") from None
    except (NotJSONError, nbformat.ValidationError, OSError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise AttuneError(f"{path} is not a notebook: {lines[0][:200]}") from None
    except Exception:  # noqa: BLE001 - whatever nbformat trips over
        raise AttuneError(f"{path} is not a notebook: it is JSON of another form") from None
    told = notebook.metadata
    kernel = told.get("kernelspec", {}).get("language", "python")
    language = told.get("language_info", {}).get("name", kernel)
    if str(language).lower() not in ("python", "ipython"):
        raise AttuneError(f"{path} is in {language}; only notebooks in Python can be published")
    return notebook


def _target(source: Path, output: Path | None, to: str) -> Path:
    """Say where the page will be, before anything runs.

    Raises:
        AttuneError: It cannot be there.
    """
    page = source.with_suffix(f".{to}") if output is None else output
    if page.is_dir():
        page /= f"{source.stem}.{to}"
    if not page.parent.is_dir():
        raise AttuneError(f"there is no folder {page.parent} for the page")
    if page.exists() and page.samefile(source):
        raise AttuneError(f"the page would take the place of the notebook {source}")
    if not os.access(page if page.exists() else page.parent, os.W_OK):
        raise AttuneError(f"{page} cannot be written")
    return page


def _prepared(notebook: NotebookNode, parameters: Mapping[str, Any], name: str) -> NotebookNode:
    """Give a copy with a cell that sets the parameters.

    Raises:
        AttuneError: The notebook has no cell for them, or not for all.
    """
    notebook.metadata.kernelspec = {
        "name": "python3", "language": "python", "display_name": "Python 3",
    }  # fmt: skip
    if not parameters:
        return notebook
    tagged = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    if not tagged:
        raise AttuneError(
            f"{name} has no cell tagged `parameters`, so it takes no parameter "
            f"`{next(iter(parameters))}`"
        )
    known = _names(tagged[0].source)
    for each in parameters:
        if each not in known:
            hint = nearest(each, known) or f"; there are {', '.join(sorted(known)) or 'none'}"
            raise AttuneError(f"{name} has no parameter `{each}`{hint}")
    made: NotebookNode = parameterize_notebook(load_notebook_node(notebook), dict(parameters))
    return made


def _names(source: str) -> set[str]:
    """Give the names that a cell sets.

    papermill's own `inspect_notebook` skips lines with two equals signs.
    """
    tree = ast.parse(TransformerManager().transform_cell(source))
    stored = (each for each in ast.walk(tree) if isinstance(each, ast.Name))
    return {each.id for each in stored if isinstance(each.ctx, ast.Store)}


def executed(
    notebook: NotebookNode, folder: Path, name: str = "the notebook", told: Told | None = None
) -> NotebookNode:
    """Execute a notebook in a fresh kernel of this Python, and give it with its outputs.

    The work is nbclient's own: papermill takes a cell that is tagged `raises-exception`, and
    does as it says, for one that failed.

    Args:
        notebook: In version 4 of the format; its outputs are replaced.
        folder: Where the kernel starts.
        name: What to call it in an error.
        told: Called as each code cell begins: with its number, and how many there are.

    Raises:
        RunFailed: A cell failed, or the kernel died in it or did not start.
        KeyboardInterrupt: The process was told to stop; the kernel has been ended.
    """
    cells = [each for each in notebook.cells if each.cell_type == "code" and each.source.strip()]
    begun: list[NotebookNode] = []

    def begin(cell: NotebookNode, **_: Any) -> None:
        begun.append(cell)
        if told is not None:
            told(len(begun), len(cells))

    client = NotebookClient(
        notebook,
        timeout=None,
        kernel_manager_class=_ThisPython,
        resources={"metadata": {"path": str(folder)}},
        on_cell_execute=begin,
    )
    # What cells print is in the notebook; what the kernel itself has to say, such as tracebacks
    # of its own end, is of interest only where it died.
    with tempfile.TemporaryFile() as said:
        try:
            done: NotebookNode = client.execute(stderr=said)
        except CellExecutionError as error:
            why = f"{error.ename}: {error.evalue}" if error.evalue else error.ename
            raise RunFailed(_failure(name, cells, begun[-1], why)) from None
        except (AssertionError, RuntimeError) as error:
            # on a signal nbclient ends the kernel, and then trips over that
            if getattr(client, "_async_cleanup_kernel_future", None) is not None:
                raise KeyboardInterrupt from None
            if begun:
                why = _failure(name, cells, begun[-1], "the kernel died")
            else:
                # nbclient would end at the exit what never began, and trip over that too
                atexit.unregister(client._cleanup_kernel)  # noqa: SLF001
                why = f"{name}: no kernel of {sys.executable} came up: {error}"
            raise RunFailed(why + _last_words(said)) from None
    for cell in cells:
        cell.outputs = _whole(cell.outputs)
    return done


def _whole(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Join what is printed: a kernel sends it in pieces, cut anywhere.

    A page would begin a line with each. Of what a bar drew over itself, the last is left. (What
    nbconvert has for this takes time by the square of a line's length.)
    """
    found: list[NotebookNode] = []
    kinds = groupby(outputs, key=lambda each: (each.output_type, each.get("name")))
    for (kind, name), group in kinds:
        if kind != "stream":
            found += group
            continue
        lines = "".join(each.text for each in group).split("\n")
        text = "\n".join(each.rstrip("\r").rpartition("\r")[2] for each in lines)
        found.append(new_output("stream", name=name, text=text))
    return found


def _last_words(said: IO[bytes]) -> str:
    """Give the end of what a kernel wrote before it died, on lines of its own."""
    said.seek(0)
    lines = said.read()[-100 * _LINES :].decode(errors="replace").splitlines()[-_LINES:]
    return printable("".join(f"\nkernel: {line}" for line in lines if line.strip()))


def _failure(name: str, cells: list[NotebookNode], failed: NotebookNode, why: str) -> str:
    """Say which cell failed and why, and show it; cells have the numbers of a run in Jupyter."""
    own = [each for each in cells if INJECTED not in each.metadata.get("tags", [])]
    number = next((n for n, each in enumerate(own, start=1) if each is failed), None)
    which = "the cell of the parameters" if number is None else f"code cell {number}"
    lines = failed.source.splitlines()
    shown = [f"{n:>5} | {line[:160]}" for n, line in enumerate(lines[:_LINES], start=1)]
    if len(lines) > _LINES:
        shown.append(f"and {len(lines) - _LINES:,} more lines")
    told = _COLOURS.sub("", why)
    return printable("\n".join([f"{name}, {which} failed: {told}", *shown]))
