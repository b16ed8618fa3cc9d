"""The Pythons and the node programs of this machine, and their versions."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from attune_nb.errors import PackError
from attune_nb.packs.process.environment import usual_variables
from attune_nb.packs.version_ranges import Version, read_version, write_version

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from attune_nb.packs.version_ranges import VersionRange

__all__ = [
    "Node",
    "Python",
    "find_nodes",
    "find_pythons",
    "kernel_python",
    "look_at_python",
]

# seconds until a program that does not answer counts as unusable; a machine may be busy
_PATIENCE = 60
# the names of Pythons on PATH; the numbers may be missing
_PYTHON_NAME = re.compile(r"python(3(?:\.(\d+))?)?")
_NODE_NAMES = ("node", "nodejs")

# prints the facts about a Python as JSON
_FACTS = """
import json, os, platform, sys
version = sys.implementation.version
full = "{0.major}.{0.minor}.{0.micro}".format(version)
if version.releaselevel != "final":
    full += version.releaselevel[0] + str(version.serial)
print(json.dumps({
    "program": sys.executable,
    "version": sys.version_info[:3],
    "paths": [path for path in sys.path[1:] if path],
    "is_free_threaded": "t" in getattr(sys, "abiflags", ""),
    "markers": {
        "implementation_name": sys.implementation.name,
        "implementation_version": full,
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_full_version": platform.python_version(),
        "platform_python_implementation": platform.python_implementation(),
        "python_version": ".".join(platform.python_version_tuple()[:2]),
        "sys_platform": sys.platform,
    },
}))
"""


class Python(msgspec.Struct, frozen=True, kw_only=True):
    """A Python of this machine.

    Attributes:
        program: The absolute path of the program.
        version: Its version.
        paths: The folders in which its processes look for modules, without those of PYTHONPATH.
        markers: The variables of environment markers, as `packaging` names them.
        is_free_threaded: Whether it has no global lock: its packages are built differently.
    """

    program: str
    version: Version
    paths: tuple[str, ...] = ()
    markers: dict[str, str] = {}
    is_free_threaded: bool = False

    def __str__(self) -> str:
        return f"Python {write_version(self.version)} ({self.program})"


class Node(msgspec.Struct, frozen=True):
    """A node program of this machine: its absolute path and version."""

    program: str
    version: Version

    def __str__(self) -> str:
        return f"node {write_version(self.version)} ({self.program})"


def kernel_python() -> Python | None:
    """Return the Python of this process, or None if it does not name its program.

    Raises:
        PackError: It does not start, so its packages are unknown.
    """
    if not sys.executable:
        return None
    python = look_at_python(sys.executable)
    if python is None:
        # the next call must look again
        _read_facts.cache_clear()
        raise PackError(
            f"the Python of this process, {sys.executable}, could not be started to see which "
            "packages it has; try again"
        )
    return python


def find_pythons(version_range: VersionRange | None) -> list[Python]:
    """Return the Pythons on PATH that a range allows, the newest first.

    Args:
        version_range: The range; None for every Python 3.
    """
    pythons = []
    versions = set()
    for path in _pythons_on_path(version_range):
        python = look_at_python(str(path))
        if python is None or python.version in versions:
            continue
        if version_range is None or version_range.allows(python.version):
            versions.add(python.version)
            pythons.append(python)

    # the first one of a version on PATH counts
    pythons.sort(key=lambda python: python.version, reverse=True)
    return pythons


def find_nodes() -> list[Node]:
    """Return the node programs on PATH, in its order."""
    nodes = []
    for path in _programs_on_path(_NODE_NAMES):
        version = _node_version(str(path), path.stat().st_mtime_ns)
        if version is not None:
            nodes.append(Node(str(path), version))
    return nodes


def look_at_python(program: str) -> Python | None:
    """Return the facts about a Python, or None if the program cannot be used."""
    try:
        change_time = Path(program).stat().st_mtime_ns
    except OSError:
        return None
    return _read_facts(program, change_time, os.environ.get("HOME", ""))


@lru_cache(maxsize=64)
def _read_facts(program: str, _change_time: int, _home: str) -> Python | None:
    """Return the facts about a Python; cached until its program or the home folder changes."""
    output = _run([program, "-c", _FACTS])
    if output is None:
        return None
    try:
        # modules that a Python loads at its start may print lines before this one
        python = msgspec.json.decode(output.strip().rpartition(b"\n")[2], type=Python)
    except msgspec.MsgspecError:
        return None
    # of a script of a version manager, the facts name the program that it starts
    return python if python.program else msgspec.structs.replace(python, program=program)


@lru_cache(maxsize=64)
def _node_version(program: str, _change_time: int) -> Version | None:
    output = _run([program, "--version"])
    if output is None:
        return None
    return read_version(output.decode(errors="replace").strip())


def _run(command: Sequence[str]) -> bytes | None:
    """Return the output of a program, or None if it cannot be run or fails."""
    try:
        process = subprocess.run(  # noqa: S603 - a program of the user's own PATH
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=usual_variables(),
            timeout=_PATIENCE,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return process.stdout


def _pythons_on_path(version_range: VersionRange | None) -> Iterator[Path]:
    """Yield the Pythons on PATH whose names do not rule them out: `python3.12`, `python3`."""
    for folder in _path_folders():
        try:
            names = sorted(os.listdir(folder))  # noqa: PTH208 - a folder of thousands of programs
        except OSError:
            continue

        for name in names:
            match = _PYTHON_NAME.fullmatch(name)
            if match is None or not _may_fit(match[2], version_range):
                continue
            path = folder / name
            if os.access(path, os.X_OK) and path.is_file():
                yield path


def _may_fit(minor: str | None, version_range: VersionRange | None) -> bool:
    """Return whether a Python with this number in its name can be in the range."""
    if minor is None or version_range is None:
        return True
    return version_range.allows_some((3, int(minor)))


def _programs_on_path(names: Sequence[str]) -> Iterator[Path]:
    """Yield the programs on PATH with these names; links to the same file once."""
    files = set()
    for folder in _path_folders():
        for name in names:
            program = shutil.which(name, path=str(folder))
            if program is None:
                continue
            file = Path(program).resolve()
            if file not in files:
                files.add(file)
                yield Path(program)


def _path_folders() -> Iterator[Path]:
    """Yield the folders of PATH, each once; a relative one would depend on the current folder."""
    folders = set()
    for text in os.environ.get("PATH", os.defpath).split(os.pathsep):
        folder = Path(text)
        if folder.is_absolute() and folder not in folders:
            folders.add(folder)
            yield folder
