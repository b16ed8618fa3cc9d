"""The package's types, as a type checker sees them from another project."""

import subprocess
import sys

import pytest

CODE = """
import attune_nb

reveal_type(attune_nb.load("x.yaml"))
run = attune_nb.load("x.yaml").run()
reveal_type(run)
reveal_type(run.wait())
reveal_type(run.fork("task"))
reveal_type(run.status)
reveal_type(attune_nb.open_run("id"))
run.no_such_method()
"""


@pytest.mark.slow
def test_a_type_checker_sees_a_run_with_its_methods(tmp_path):
    """Check a module of an empty project with mypy."""
    (tmp_path / "use.py").write_text(CODE)

    process = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "use.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = process.stdout.splitlines()
    revealed = [line.partition("Revealed type is ")[2].strip('"') for line in lines]
    types = [name.rpartition(".")[2] for name in revealed if name]

    assert types[:4] == ["Workflow", "Run", "bool", "Run"]
    assert types[5] == "RecordedRun"
    assert '"Run" has no attribute "no_such_method"' in process.stdout
    assert "Any" not in "".join(types)
