"""Find the interpreters of a pack's actions, or explain how to install missing packages.

Nothing is installed here. A missing interpreter is never replaced by another one.
"""

from __future__ import annotations

import os
import shlex
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from attune_nb.errors import PackError
from attune_nb.html import printable
from attune_nb.packs.environments.cache import node_key, python_key
from attune_nb.packs.environments.node_packages import find_missing, read_package_json
from attune_nb.packs.environments.programs import find_nodes, find_pythons, kernel_python
from attune_nb.packs.environments.requirements import (
    find_unmet,
    read_constraints,
    read_requirements,
)
from attune_nb.packs.model import BASH
from attune_nb.packs.options import Interpreter
from attune_nb.packs.version_ranges import read_range

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from attune_nb.errors import Problem
    from attune_nb.packs.environments.cache import Environment
    from attune_nb.packs.environments.node_packages import MissingPackage, NodePackages
    from attune_nb.packs.environments.programs import Node, Python
    from attune_nb.packs.environments.requirements import (
        Constraints,
        PackRequirement,
        Requirements,
    )
    from attune_nb.packs.model import PackAction, PackManifest
    from attune_nb.packs.version_ranges import Version, VersionRange

__all__ = [
    "InterpreterFinder",
    "PackNeeds",
    "choose_node",
    "choose_python",
    "environment_python",
    "find_manifest_problems",
    "raise_first_problem",
    "show_folder",
]

# missing packages that a message names
_MAX_NAMED = 5
# packs whose unmet requirements are kept
_MAX_KEPT = 100

_Unmet = list[tuple["PackRequirement", str]]
# by pack and Python: the times of the Python's folders, and the unmet requirements then
_unmet: dict[object, tuple[tuple[int, ...], _Unmet]] = {}


class PackNeeds:
    """The packages that the manifests of a pack name. A file is read once.

    Args:
        pack: The pack.
        constraints: Further limits to the versions of packages, as the user writes them.

    Raises:
        ParameterError: A constraint is invalid.
    """

    def __init__(self, pack: PackManifest, constraints: Mapping[str, str] | None = None) -> None:
        self.pack = pack
        self.limits: Constraints = read_constraints(constraints)
        self.has_constraints = constraints is not None
        self._requirements: Requirements | None = None
        self._packages: NodePackages | None = None

    @property
    def requirements(self) -> Requirements:
        """The packages of Python."""
        if self._requirements is None:
            self._requirements = read_requirements(self.pack.folder)
        return self._requirements

    @property
    def packages(self) -> NodePackages:
        """The packages of node."""
        if self._packages is None:
            self._packages = read_package_json(self.pack.folder)
        return self._packages

    @property
    def constraints(self) -> dict[str, str]:
        """The constraints in one form: canonical name -> range."""
        return {name: str(limit) for name, limit in sorted(self.limits.items())}

    def find_unmet(self, python: Python) -> _Unmet:
        """Return the requirements that a Python does not meet, each with the reason.

        Reading the metadata of a hundred packages takes half a second, and every run needs it. So
        the result is cached until the requirements change, or a package is installed or removed.
        """
        key = (self.pack.folder, self.requirements.texts, str(self.constraints), python.program)
        stamps = tuple(_change_time(path) for path in python.paths)
        earlier = _unmet.get(key)
        if earlier is not None and earlier[0] == stamps:
            return earlier[1]

        unmet = find_unmet(self.requirements, python, self.limits)
        if len(_unmet) >= _MAX_KEPT:
            _unmet.clear()
        _unmet[key] = stamps, unmet
        return unmet

    def find_environment(self, python: Python) -> Environment | None:
        """Return the environment that was made for the requirements and a Python."""
        key = python_key(self.pack.ref, self.requirements.texts, python)
        constraints = self.constraints if self.has_constraints else None
        return key.find(constraints)

    def find_node_environment(self, node: Node) -> Environment | None:
        """Return the environment that was made for `package.json` and a node."""
        return node_key(self.pack.ref, self.packages.texts, node).find(None)


class InterpreterFinder:
    """Finds the interpreters of actions. The manifests of a pack are read once.

    Args:
        constraints: Further limits to the versions of packages: `{"attune-sdk": "0.3.0"}`.
    """

    def __init__(self, constraints: Mapping[str, str] | None = None) -> None:
        self._constraints = constraints
        # by the folder of the pack
        self._needs: dict[Path, PackNeeds] = {}

    def find(self, action: PackAction) -> Interpreter | None:
        """Return the interpreter of an action; one without a program says why there is none.

        None means that the backend's own will do: `/bin/bash`, its Python, the node on PATH.

        Raises:
            ParameterError: A constraint is invalid.
        """
        folder = action.pack.folder
        if folder not in self._needs:
            self._needs[folder] = PackNeeds(action.pack, self._constraints)
        try:
            return _find_interpreter(action, self._needs[folder])
        except PackError as error:
            return Interpreter(problem=str(error))


def find_manifest_problems(folder: Path) -> list[Problem]:
    """Return the problems of the `requirements.txt` and `package.json` in a pack's folder.

    This does not depend on the machine: whether it has the packages is not checked.
    """
    return [*read_requirements(folder).problems, *read_package_json(folder).problems]


def choose_python(action: PackAction) -> Python:
    """Return the Python for an action: the kernel's own if it fits, else the newest on PATH.

    Raises:
        PackError: None fits.
    """
    version_range = _read_runtime_version(action)
    own_python = kernel_python()
    if own_python is not None and _fits(own_python.version, version_range):
        return own_python

    pythons = find_pythons(version_range)
    if pythons:
        return pythons[0]

    present = [str(python) for python in find_pythons(None)]
    if own_python is not None and str(own_python) not in present:
        present.insert(0, str(own_python))
    raise PackError(_explain_no_program(action, "Python", present))


def choose_node(action: PackAction) -> Node:
    """Return the first node on PATH that fits an action.

    Raises:
        PackError: None fits.
    """
    version_range = _read_runtime_version(action)
    nodes = find_nodes()
    for node in nodes:
        if _fits(node.version, version_range):
            return node
    raise PackError(_explain_no_program(action, "node", [str(node) for node in nodes]))


def environment_python(environment: Environment) -> Path:
    """Return the Python of an environment."""
    return Path(environment.folder) / "bin" / "python"


def show_folder(folder: Path) -> str:
    """Return a folder as a word of a command line: relative if it is below the current one."""
    # the current folder may have been removed
    with suppress(OSError, ValueError):
        folder = folder.relative_to(Path.cwd())
    return shlex.quote(printable(str(folder)))


def raise_first_problem(pack: PackManifest, problems: Iterable[Problem]) -> None:
    """Refuse a manifest that cannot be read.

    Raises:
        PackError: There is a problem.
    """
    for problem in problems:
        raise PackError(f"what the pack `{pack.ref}` needs cannot be read: {problem}")


def _find_interpreter(action: PackAction, needs: PackNeeds) -> Interpreter | None:
    """Return the interpreter of an action, or None if the backend's own one will do.

    Raises:
        PackError: There is none.
    """
    if action.runner == "python":
        return _find_python(action, needs)
    if action.runner == "nodejs":
        return _find_node(action, needs)
    if action.runner == "shell":
        if not os.access(BASH, os.X_OK):
            raise PackError(f"`{action.ref}` needs `{BASH}`, which is not there")
        return None

    if action.entry_point.is_file() and not os.access(action.entry_point, os.X_OK):
        program = show_folder(action.entry_point)
        raise PackError(
            f"`{action.ref}`: `{program}` is no program that may run; `chmod +x {program}` "
            "makes it one"
        )
    return None


def _find_python(action: PackAction, needs: PackNeeds) -> Interpreter | None:
    requirements = needs.requirements
    raise_first_problem(action.pack, requirements.problems)
    if not requirements.entries and action.runtime_version is None:
        return None

    python = choose_python(action)
    if not requirements.entries:
        return Interpreter(program=python.program)

    environment = needs.find_environment(python)
    # a user who installed with constraints wants these versions
    if environment is not None and environment.constraints:
        return Interpreter(program=str(environment_python(environment)))

    unmet = needs.find_unmet(python)
    if not unmet:
        return Interpreter(program=python.program)
    if environment is not None:
        return Interpreter(program=str(environment_python(environment)))

    reasons = []
    for entry, reason in unmet:
        place = f"{Path(entry.position.source.name).name}, line {entry.position.line}"
        reasons.append(f"`{entry.text}` ({place}) {reason}")
    raise PackError(_explain_unmet(action, reasons, str(python), needs))


def _find_node(action: PackAction, needs: PackNeeds) -> Interpreter | None:
    packages = needs.packages
    raise_first_problem(action.pack, packages.problems)
    missing = find_missing(packages, action.pack.folder)
    is_any_node = action.runtime_version is None and not missing
    if is_any_node and shutil.which("node") is not None:
        return None

    node = choose_node(action)
    if not missing:
        return Interpreter(program=node.program)

    _refuse_other_versions(action, missing)
    _refuse_modules(action, packages, missing)
    environment = needs.find_node_environment(node)
    if environment is not None:
        modules = str(Path(environment.folder) / "node_modules")
        return Interpreter(program=node.program, module_folders=(modules,))

    reasons = [str(package) for package in missing]
    raise PackError(_explain_unmet(action, reasons, str(node), needs))


def _refuse_other_versions(action: PackAction, missing: Iterable[MissingPackage]) -> None:
    """Refuse packages in the pack that node would find before those of the environment.

    Raises:
        PackError: There is one.
    """
    for package in missing:
        if package.present is not None:
            modules = show_folder(action.pack.folder / "node_modules")
            raise PackError(
                f"`{action.ref}`: {package}, in {modules}, where node looks first; remove it there"
            )


def _refuse_modules(
    action: PackAction, packages: NodePackages, missing: Sequence[MissingPackage]
) -> None:
    """Refuse an ES module: node looks for its packages in the folders above it, and nowhere else.

    Raises:
        PackError: The entry point is one.
    """
    suffix = action.entry_point.suffix
    is_module = suffix == ".js" and packages.manifest.get("type") == "module"
    if is_module or suffix == ".mjs":
        folder = show_folder(action.pack.folder)
        raise PackError(
            f"`{action.ref}`: {missing[0]}, and node looks for the packages of an ES module in the "
            f"pack alone; run `npm install` in {folder}"
        )


def _read_runtime_version(action: PackAction) -> VersionRange | None:
    if action.runtime_version is None:
        return None
    try:
        return read_range(action.runtime_version)
    except ValueError as error:
        raise PackError(f"`{action.ref}`, `runtime_version`: {error}") from None


def _change_time(path: str) -> int:
    """Return when a folder of modules changed last, or 0 if there is none."""
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116 - a Path for each would cost time
    except OSError:
        return 0


def _fits(version: Version, version_range: VersionRange | None) -> bool:
    return version_range is None or version_range.allows(version)


def _explain_no_program(action: PackAction, kind: str, present: list[str]) -> str:
    """Return the message of an action for which there is no Python or node."""
    need = f"`{action.ref}` needs {kind}"
    if action.runtime_version is not None:
        need += f" `{action.runtime_version}` (its `runtime_version`)"

    state = f"there is no {kind} on PATH"
    if present:
        state = f"here are {', '.join(present)}"
    return f"{need}; {state}: put one that fits on PATH"


def _explain_unmet(action: PackAction, reasons: list[str], program: str, needs: PackNeeds) -> str:
    """Return the message of an action whose packages are missing."""
    named = "; ".join(reasons[:_MAX_NAMED])
    if len(reasons) > _MAX_NAMED:
        named += f"; and {len(reasons) - _MAX_NAMED} more"

    folder = show_folder(needs.pack.folder)
    options = "".join(
        f" --constraint {shlex.quote(name + limit)}" for name, limit in needs.constraints.items()
    )
    return (
        f"{program} lacks what `{action.ref}` needs: {named}. Install it with `attune-nb pack "
        f"install {folder}{options}`, or with `%attune pack {folder} --install{options}` in a "
        "notebook"
    )
