"""The search path of commands that cells run: `!attune-nb runs`, `%%bash`."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

__all__ = ["add_commands"]


def add_commands() -> None:
    """Add the folder of this Python's commands to the end of PATH if `attune-nb` is in none.

    A kernel that `.venv/bin/jupyter lab` starts has the search path of the shell, and no command
    of the environment in it.
    """
    if shutil.which("attune-nb") is not None:
        return

    # not the file that a link of the environment leads to
    folder = Path(sys.executable).parent
    if (folder / "attune-nb").exists():
        path = os.environ.get("PATH", os.defpath)
        os.environ["PATH"] = os.pathsep.join([path, str(folder)])
