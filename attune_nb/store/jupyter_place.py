"""The place of an engine: the kernel and the notebook that it runs in."""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["find_jupyter_place"]


def find_jupyter_place() -> dict[str, str]:
    """Return the "kernel" and the "notebook" of this process; empty outside of Jupyter.

    The kernel's id is that of the Jupyter server. The notebook is the path of its file when its
    kernel started, as the server names it.
    """
    ipykernel = sys.modules.get("ipykernel.kernelapp")
    if ipykernel is None or not ipykernel.IPKernelApp.initialized():
        return {}

    place = {}
    connection_file = Path(ipykernel.IPKernelApp.instance().connection_file).stem
    kernel = connection_file.removeprefix("kernel-")
    if kernel != connection_file:
        place["kernel"] = kernel
    notebook = os.environ.get("JPY_SESSION_NAME", "")
    if notebook:
        place["notebook"] = notebook
    return place
