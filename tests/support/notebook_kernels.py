"""Execution of notebooks in a kernel of the running Python."""

import shutil
import sys
from pathlib import Path

import nbformat
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec
from jupyter_core.utils import run_sync
from nbclient import NotebookClient
from nbconvert.preprocessors import CoalesceStreamsPreprocessor

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


class KernelManager(AsyncKernelManager):
    """Starts a kernel of the Python that runs the tests, whatever kernels are installed."""

    @property
    def kernel_spec(self):
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]

        # this project's package, also if another version is installed
        env = {"PYTHONPATH": str(NOTEBOOKS.parent)}
        return KernelSpec(argv=argv, display_name="this Python", language="python", env=env)


def execute_copy(name, folder, smaller=None):
    """Execute a copy of a notebook of the project in a folder, and return it.

    A cell that fails raises its error.

    Args:
        name: The name of its file.
        folder: The folder.
        smaller: Parts of its code and what replaces them, so that it measures less.
    """
    path = shutil.copy(NOTEBOOKS / name, folder)
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]

    for part, replacement in (smaller or {}).items():
        assert any(part in cell.source for cell in cells), part
        for cell in cells:
            cell.source = cell.source.replace(part, replacement)
    return execute_notebook(notebook, folder)


class AttendedClient(NotebookClient):
    """Executes cells as a front end does before which a person sits: a cell may ask for input."""

    async def async_start_new_kernel_client(self):
        client = await super().async_start_new_kernel_client()
        client.allow_stdin = True
        return client


def execute_cells(folder, *sources, attended=False):
    """Execute cells in a kernel, and return the notebook with their outputs.

    Args:
        folder: The folder of the kernel.
        sources: The cells.
        attended: Whether a person could answer, as in JupyterLab.
    """
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    notebook = nbformat.v4.new_notebook(cells=cells)
    return execute_notebook(notebook, folder, attended=attended)


def execute_failing_cells(folder, *sources):
    """Execute cells in a kernel, also those after one that fails, and return the notebook."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    return execute_notebook(nbformat.v4.new_notebook(cells=cells), folder, allow_errors=True)


def execute_notebook(notebook, folder, *, allow_errors=False, attended=False, before_cell=None):
    """Execute a notebook in a kernel, and return it; a cell that fails raises its error.

    Args:
        notebook: The notebook.
        folder: The folder of the kernel.
        allow_errors: Execute the cells after one that fails, too.
        attended: Whether a person could answer, as in JupyterLab.
        before_cell: Called with `cell` and `cell_index` before each cell, while the kernel is idle.
    """
    manager = KernelManager()
    client_class = AttendedClient if attended else NotebookClient
    client = client_class(
        notebook,
        timeout=500,
        km=manager,
        allow_errors=allow_errors,
        on_cell_start=before_cell,
        resources={"metadata": {"path": str(folder)}},
    )
    try:
        executed_notebook = client.execute()
    finally:
        # the client only ends a kernel that it started itself
        run_sync(manager.shutdown_kernel)(now=True)

    # JupyterLab joins them too
    joined_notebook, _ = CoalesceStreamsPreprocessor().preprocess(executed_notebook, {})
    return joined_notebook


def outputs_of(notebook):
    """Return the outputs of all cells."""
    outputs = []
    for cell in notebook.cells:
        outputs += cell.get("outputs", [])
    return outputs


def errors_of(cell):
    """Return the names of the errors among the outputs of a cell, with their messages."""
    outputs = [output for output in cell.outputs if output.output_type == "error"]
    return [(output.ename, output.evalue) for output in outputs]


def text_of(notebook):
    """Return the text of all outputs."""
    texts = []
    for output in outputs_of(notebook):
        # a stream has a text, other outputs have data
        if "text" in output:
            texts.append(output.text)
        else:
            texts.append(output.get("data", {}).get("text/plain", ""))
    return "\n".join(texts)


def count_pictures(notebook):
    """Return the number of pictures in the outputs."""
    return sum("image/png" in output.get("data", {}) for output in outputs_of(notebook))
