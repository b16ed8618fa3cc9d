import shutil
import sys
import time
from pathlib import Path

import nbformat
import pytest
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


@pytest.mark.filterwarnings("ignore")
def test_the_quickstart_runs_in_a_real_kernel(tmp_path):
    copy = shutil.copy(NOTEBOOKS / "01_quickstart.ipynb", tmp_path)
    notebook = nbformat.read(copy, as_version=4)
    began = time.monotonic()
    NotebookClient(
        notebook,
        timeout=60,
        km=ThisPython(),
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()
    texts = [
        output.get("text", "")
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream"
    ]
    assert any("20 servers are down, exactly those" in text for text in texts)
    (health,) = [cell for cell in notebook.cells if cell.source.startswith("%%attune health")]
    assert len(health.outputs) == 1  # the progress has become the outcome
    assert "health: succeeded" in health.outputs[0].data["text/plain"]
    (mistake,) = [each for cell in notebook.cells for each in cell.get("outputs", [])
                  if each.output_type == "error"]  # fmt: skip
    assert "did you mean `greet`" in "\n".join(mistake.traceback)
    pictures = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    assert len(pictures) == 1
    assert time.monotonic() - began < 60
