"""The quickstart notebook."""

import pytest
from support.notebook_kernels import count_pictures, execute_copy, outputs_of, text_of


@pytest.mark.filterwarnings("ignore")
def test_the_quickstart_runs_in_a_real_kernel(tmp_path, monkeypatch):
    monkeypatch.delenv("ATTUNE_NB_STORE")
    smaller = {'"deep copy", 100': '"deep copy", 10', ", NaiveThreads())": ', "threads")'}
    notebook = execute_copy("01_quickstart.ipynb", tmp_path, smaller)

    assert "20 servers are down, exactly those" in text_of(notebook)

    for row in ("a copy for each server", "attune_nb, core.http_request"):
        assert row in text_of(notebook)

    # the progress has become the outcome
    (health,) = [cell for cell in notebook.cells if cell.source.startswith("%%attune health")]
    (output,) = health.outputs
    assert "health: succeeded" in output.data["text/plain"]

    (mistake,) = [output for output in outputs_of(notebook) if output.output_type == "error"]
    assert "did you mean `greet`" in "\n".join(mistake.traceback)
    assert count_pictures(notebook) == 1
