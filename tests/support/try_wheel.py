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
from pathlib import Path

NOTEBOOK_CELLS = [
    "%load_ext attune_nb",
    "%%attune hello\ntasks: [{name: greet, action: core.echo, input: {message: hi}}]",
    "assert run.result('greet') == {'message': 'hi'}",
]
SOURCE_FILES = {
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    "SECURITY.md",
    "pyproject.toml",
    "noxfile.py",
}
SOURCE_FOLDERS = {"attune_nb", "benchmarks", "docs", "notebooks", "tests"}


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


def try_commands(wheel, folder):
    """Install the wheel, and run the command line, a notebook and the extension of the server."""
    environment = folder / "environment"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"

    def run(*command):
        variables = {**os.environ, "PYTHONPATH": "", "ATTUNE_NB_STORE": ".attune/runs.db"}
        ended = subprocess.run(
            list(map(str, command)), cwd=folder, env=variables, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert ended.returncode == 0, f"{command}: {ended.stdout}{ended.stderr}"
        return ended.stdout + ended.stderr

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


def main():
    """Check the files of a folder."""
    folder = Path(sys.argv[1])
    [wheel] = folder.resolve().glob("attune_nb-*.whl")
    [archive] = folder.resolve().glob("attune_nb-*.tar.gz")
    check_source_archive(archive)
    check_wheel(wheel)
    with tempfile.TemporaryDirectory() as scratch:
        try_commands(wheel, Path(scratch))
    sys.stdout.write(f"{wheel.name} and {archive.name} are complete, and the wheel works\n")


if __name__ == "__main__":
    main()
