"""The command line without the packages of notebooks, which workers and containers leave out."""

import os
import subprocess
import sys

import pytest

# finds no module of these names, as in an environment without them
BLOCKED = """
import sys
for name in ("IPython", "PIL", "comm", "ipywidgets", "matplotlib", "numpy", "pandas"):
    sys.modules[name] = None
from attune_nb.cli import main
main()
"""
WORKFLOW = "tasks: [{name: double, action: core.echo, with_items: [1, 2], input: {message: hi}}]"


@pytest.fixture
def attune(tmp_path):
    """Return a function that runs `attune-nb` in a folder with a workflow; it returns the text."""
    (tmp_path / "w.yaml").write_text(WORKFLOW)
    variables = {**os.environ, "ATTUNE_NB_STORE": "runs.db"}

    def run(*words, status=0):
        ended = subprocess.run(
            [sys.executable, "-c", BLOCKED, *words], cwd=tmp_path, env=variables,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ended.returncode == status, ended.stderr
        return ended.stdout + ended.stderr

    return run


def test_a_workflow_runs_and_is_shown(attune):
    assert "succeeded" in attune("run", "w.yaml")
    assert "2 items" in attune("runs")
    assert "double" in attune("show")
    assert '"status": "succeeded"' in attune("show", "--json")


@pytest.mark.parametrize(
    ("command", "package"), [("timeline", "matplotlib"), ("explore", "numpy"), ("logs", "numpy")]
)
def test_a_command_names_the_package_that_it_lacks(attune, command, package):
    attune("run", "w.yaml")

    message = attune(command, status=2)
    assert message.startswith(f"this command needs {package}, which this small installation lacks")
    assert f"`pip install {package}`" in message
    assert message.count("\n") == 1
