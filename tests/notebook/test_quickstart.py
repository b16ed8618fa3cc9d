import time

import pytest
from support.notebook_kernels import executed, pictures, texts


@pytest.mark.filterwarnings("ignore")
def test_the_quickstart_runs_in_a_real_kernel(tmp_path):
    began = time.monotonic()
    notebook = executed("01_quickstart.ipynb", tmp_path)
    assert "20 servers are down, exactly those" in texts(notebook)
    (health,) = [cell for cell in notebook.cells if cell.source.startswith("%%attune health")]
    assert len(health.outputs) == 1  # the progress has become the outcome
    assert "health: succeeded" in health.outputs[0].data["text/plain"]
    (mistake,) = [each for cell in notebook.cells for each in cell.get("outputs", [])
                  if each.output_type == "error"]  # fmt: skip
    assert "did you mean `greet`" in "\n".join(mistake.traceback)
    assert pictures(notebook) == 1
    assert time.monotonic() - began < 60
