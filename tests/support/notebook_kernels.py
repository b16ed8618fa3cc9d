"""Running a notebook of the project in a kernel of this very Python."""

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


class ThisPython(AsyncKernelManager):
    """A kernel of the Python that runs the tests, whatever kernels the machine knows."""

    @property
    def kernel_spec(self):
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        here = {"PYTHONPATH": str(NOTEBOOKS.parent)}  # whatever is installed
        return KernelSpec(argv=argv, display_name="this Python", language="python", env=here)


def executed(name, folder):
    """Give a copy of a notebook after all its cells have run; a cell that fails raises."""
    return ran(nbformat.read(shutil.copy(NOTEBOOKS / name, folder), as_version=4), folder)


def ran_cells(folder, *cells):
    """Run cells in a kernel; give the notebook with what they show."""
    made = [nbformat.v4.new_code_cell(cell) for cell in cells]
    return ran(nbformat.v4.new_notebook(cells=made), folder)


def ran(notebook, folder):
    """Run a notebook in a kernel; a cell that fails raises."""
    manager = ThisPython()
    client = NotebookClient(
        notebook, timeout=500, km=manager, resources={"metadata": {"path": str(folder)}}
    )
    try:
        return CoalesceStreamsPreprocessor().preprocess(client.execute(), {})[0]  # as in JupyterLab
    finally:
        run_sync(manager.shutdown_kernel)(now=True)  # the client ends only what it began itself


def texts(notebook):
    """Give all that its cells show as text."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    shown = [each.get("text", "") or each.get("data", {}).get("text/plain", "") for each in outputs]
    return "\n".join(shown)


def pictures(notebook):
    """Count the pictures that its cells show."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return sum("image/png" in output.get("data", {}) for output in outputs)
