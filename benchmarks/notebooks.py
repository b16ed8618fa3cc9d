"""Executes the notebooks and writes their outputs: `python -m benchmarks.notebooks [NAME ...]`.

A name is the beginning of a file's name, such as `02`; without one, all are executed, which takes
four minutes. Their last sections measure: the machine should do nothing else meanwhile. It needs
the extras `dask`, `tables` and `test`.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync
from nbclient import NotebookClient

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["execute", "find_notebooks", "main"]

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"

# seconds of one cell
_LONGEST_CELL = 600


def main(arguments: list[str] | None = None) -> int:
    """Execute the notebooks that the arguments name, and write them; return the exit status."""
    parser = argparse.ArgumentParser("python -m benchmarks.notebooks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    names = parser.parse_args(arguments).names

    for path in find_notebooks(names):
        start = time.perf_counter()
        notebook = nbformat.read(path, as_version=4)
        with tempfile.TemporaryDirectory() as folder:
            execute(notebook, Path(folder))
        nbformat.write(notebook, path)
        print(f"{path.name}: {time.perf_counter() - start:.1f} s", flush=True)
    return 0


def find_notebooks(names: Sequence[str] = ()) -> list[Path]:
    """Return the notebooks whose names begin so, or all of them.

    Raises:
        SystemExit: No notebook has such a name.
    """
    paths = sorted(NOTEBOOKS.glob("*.ipynb"))
    for name in names:
        if not any(path.name.startswith(name) for path in paths):
            known = ", ".join(path.stem for path in paths)
            raise SystemExit(f"no notebook is named `{name}...`; there are {known}")

    if not names:
        return paths
    return [path for path in paths if path.name.startswith(tuple(names))]


def execute(notebook: Any, folder: Path) -> None:
    """Execute a notebook in a folder, in a kernel of this Python; its outputs are replaced.

    Args:
        notebook: The notebook.
        folder: The working directory of its kernel, where its runs are recorded.

    Raises:
        nbclient.exceptions.CellExecutionError: A cell fails that is not meant to.
    """
    manager = _KernelManager()
    client = NotebookClient(
        notebook,
        km=manager,
        timeout=_LONGEST_CELL,
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
    )
    try:
        client.execute()
    finally:
        # the client only ends a kernel that it started itself
        run_sync(manager.shutdown_kernel)(now=True)
    # pages show the static outputs
    notebook.metadata.pop("widgets", None)


class _KernelManager(AsyncKernelManager):
    """Starts a kernel of this Python with this folder's package, whatever kernels are installed."""

    @property
    def kernel_spec(self) -> KernelSpec:
        """The command of the kernel, and the variables of its environment."""
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        commands = str(Path(sys.executable).parent)
        env = {
            "PATH": os.pathsep.join([commands, os.environ.get("PATH", "")]),
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            "PYTHONPATH": str(ROOT),
        }
        return KernelSpec(argv=argv, display_name="Python 3", language="python", env=env)


if __name__ == "__main__":
    os.environ.pop("ATTUNE_NB_STORE", None)
    sys.exit(main())
