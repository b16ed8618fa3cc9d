"""The JupyterLab extension: colours and problems of `%%attune` cells, and runs in JupyterLab.

Its scripts are written by hand and are installed as they are. The name of the script that
JupyterLab loads ends in a hash of the folder `static`, since browsers cache it.
`python -m attune_nb.labextension` renames it after a change.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

__all__ = ["FOLDER", "compute_hash", "find_entry", "rename_entry"]

FOLDER = Path(__file__).parent

_HASH_LENGTH = 12


def find_entry(folder: Path = FOLDER) -> Path:
    """Return the path of the script that JupyterLab loads."""
    (path,) = folder.glob("static/remoteEntry*.js")
    return path


def compute_hash(folder: Path = FOLDER) -> str:
    """Return 12 hexadecimal digits that change with any file of the folder `static`."""
    entry = find_entry(folder)
    digest = hashlib.sha256()
    for path in sorted(folder.glob("static/*")):
        name = "remoteEntry.js" if path == entry else path.name
        content = path.read_bytes()
        digest.update(f"{name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:_HASH_LENGTH]


def rename_entry(folder: Path = FOLDER) -> Path:
    """Give the script that JupyterLab loads the name of its hash, and return its path."""
    name = f"remoteEntry.{compute_hash(folder)}.js"
    path = find_entry(folder).rename(folder / "static" / name)

    package_file = folder / "package.json"
    package = json.loads(package_file.read_text(encoding="utf-8"))
    package["jupyterlab"]["_build"]["load"] = f"static/{name}"
    package_file.write_text(json.dumps(package, indent=2) + "\n", encoding="utf-8")
    return path
