"""Running a notebook of the project in a kernel of this very Python."""

import shutil
import sys
from pathlib import Path

import nbformat
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


class ThisPython(AsyncKernelManager):
    """A kernel of the Python that runs the tests, whatever kernels the machine knows."""

    @property
    def kernel_spec(self):
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="this Python", language="python")


def executed(name, folder):
    """Give a copy of a notebook after all its cells have run; a cell that fails raises."""
    notebook = nbformat.read(shutil.copy(NOTEBOOKS / name, folder), as_version=4)
    client = NotebookClient(
        notebook, timeout=240, km=ThisPython(), resources={"metadata": {"path": str(folder)}}
    )
    return client.execute()


def texts(notebook):
    """Give all that its cells show as text."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    shown = [each.get("text", "") or each.get("data", {}).get("text/plain", "") for each in outputs]
    return "\n".join(shown)


def pictures(notebook):
    """Count the pictures that its cells show."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return sum("image/png" in output.get("data", {}) for output in outputs)
