"""Try a wheel in a fresh environment: `python tests/support/try_wheel.py DIST`.

DIST holds one wheel and one source archive. The environment gets the wheel with its dependencies
and Jupyter's, and nothing of the source tree.
"""

import json
import os
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from functools import partial
from pathlib import Path

NOTEBOOK_CELLS = [
    "%load_ext attune_nb",
    "%%attune hello\ntasks: [{name: greet, action: core.echo, input: {message: hi}}]",
    "assert run.result('greet') == {'message': 'hi'}",
]
REQUIREMENTS = Path(__file__).parents[2] / "small-requirements.txt"
SOURCE_FILES = {
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    "SECURITY.md",
    "pyproject.toml",
    "noxfile.py",
}
SOURCE_FOLDERS = {"attune_nb", "benchmarks", "docs", "notebooks", "reference_pages", "tests"}


def check_source_archive(path):
    """Check that the source archive has all that a build, the tests and the docs need."""
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names >= SOURCE_FILES, SOURCE_FILES - names
    folders = {name.partition("/")[0] for name in names if "/" in name}
    assert folders >= SOURCE_FOLDERS, SOURCE_FOLDERS - folders


def check_wheel(path):
    """Check that the wheel has the package, its typing mark and its data, and nothing else."""
    with zipfile.ZipFile(path) as wheel:
        names = wheel.namelist()
    top = {name.partition("/")[0] for name in names}
    assert {name for name in top if ".dist-info" not in name and ".data" not in name} == {
        "attune_nb"
    }
    assert "attune_nb/py.typed" in names
    assert any(name.endswith("labextensions/attune-nb/package.json") for name in names)
    assert any(name.endswith("licenses/LICENSE") for name in names)


def run_in(folder, store, *command, status=0):
    """Run a command in a folder, without the source tree, and return what it prints."""
    variables = {**os.environ, "PYTHONPATH": "", "ATTUNE_NB_STORE": store}
    ended = subprocess.run(
        list(map(str, command)), cwd=folder, env=variables, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert ended.returncode == status, f"{command}: {ended.stdout}{ended.stderr}"
    return ended.stdout + ended.stderr


def try_commands(wheel, folder):
    """Install the wheel, and run the command line, a notebook and the extension of the server."""
    environment = folder / "environment"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"

    run = partial(run_in, folder, ".attune/runs.db")

    run(python, "-m", "pip", "install", "-q", f"{wheel}[publish,server]")
    assert str(environment) in run(python, "-c", "import attune_nb; print(attune_nb.__file__)")
    command = environment / "bin" / "attune-nb"
    version = run(command, "--version")
    assert wheel.name.split("-")[1] in version, version
    assert "1,000" in run(command, "demo")

    notebook = {
        "cells": [
            {"cell_type": "code", "id": f"cell{number}", "source": source, "metadata": {},
             "outputs": [], "execution_count": None}
            for number, source in enumerate(NOTEBOOK_CELLS)
        ],
        "metadata": {}, "nbformat": 4, "nbformat_minor": 5,
    }  # fmt: skip
    (folder / "hello.ipynb").write_text(json.dumps(notebook))
    run(command, "publish", "hello.ipynb")
    assert "greet" in (folder / "hello.html").read_text()

    extensions = run(environment / "bin" / "jupyter", "server", "extension", "list")
    assert "attune_nb" in extensions
    assert "OK" in extensions


def try_small_installation(wheel, folder):
    """Install the wheel without the packages of notebooks, and run workflows on two backends."""
    environment = folder / "small"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"

    run = partial(run_in, folder, "small.db")

    run(python, "-m", "pip", "install", "-q", "--no-deps", wheel)
    run(python, "-m", "pip", "install", "-q", "-r", REQUIREMENTS)
    for package in ("pandas", "numpy", "matplotlib", "ipywidgets", "IPython"):
        run(python, "-c", f"import {package}", status=1)

    (folder / "checks.py").write_text("def check(x):\n    return 10 // x\n")
    (folder / "checks.yaml").write_text(
        "tasks: [{name: check, action: check, with_items: [0, 1, 2], input: {x: '{{ item }}'}}]"
    )
    command = environment / "bin" / "attune-nb"
    words = ["run", "checks.yaml", "--actions", "checks.py"]
    assert "1 failed" in run(command, *words, status=1)
    assert "1 failed" in run(command, *words, "--backend", "processes", status=1)
    assert run(command, "runs").count("3 items, 1 failed") == 2
    assert "division" in run(command, "show")
    assert "1 failed" in run(command, "retry", "--actions", "checks.py", status=1)
    message = run(command, "timeline", status=2)
    assert "install it: `pip install matplotlib`" in message, message


def main():
    """Check the files of a folder."""
    folder = Path(sys.argv[1])
    [wheel] = folder.resolve().glob("attune_nb-*.whl")
    [archive] = folder.resolve().glob("attune_nb-*.tar.gz")
    check_source_archive(archive)
    check_wheel(wheel)
    with tempfile.TemporaryDirectory() as scratch:
        try_commands(wheel, Path(scratch))
        try_small_installation(wheel, Path(scratch))
    sys.stdout.write(f"{wheel.name} and {archive.name} are complete, and the wheel works\n")


if __name__ == "__main__":
    main()
