"""Make the environments of a pack: its packages, for the interpreters of its actions.

Python's packages are installed by uv if it is there, else by pip in a new venv; node's by npm. The
new environment counts when it is complete. Before that, and if something fails, nothing changes.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.actions.process_tree import MARK, ProcessTree
from attune_nb.errors import PackError
from attune_nb.html import printable
from attune_nb.packs.environments.cache import (
    Environment,
    environments_folder,
    make_environments_folder,
    node_key,
    python_key,
    retire,
    write_record,
)
from attune_nb.packs.environments.find import (
    PackNeeds,
    choose_node,
    choose_python,
    raise_first_problem,
)
from attune_nb.packs.environments.node_packages import (
    FILE_NAME,
    LOCK_NAME,
    find_missing,
)
from attune_nb.packs.environments.requirements import FILE_NAME as REQUIREMENTS
from attune_nb.packs.version_ranges import read_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from attune_nb.packs.environments.cache import EnvironmentKey
    from attune_nb.packs.environments.programs import Node, Python
    from attune_nb.packs.model import PackAction, PackManifest

__all__ = ["install_pack"]

# the first pip with the option `--python`
_FIRST_PIP = (22, 3, 0)
# lines of an installer's output that a message of its failure shows
_SHOWN_LINES = 12
# parts of the output of pip, uv and npm without a network
_UNREACHABLE = re.compile(
    "NewConnectionError|NameResolutionError|ConnectTimeoutError|ProxyError|Failed to fetch"
    "|error sending request|ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ENETUNREACH|ETIMEDOUT"
)
# variables that lead a Python to the modules of another one, or pip to another folder; and those by
# which a kernel asks for colours
_MISLEADING_VARIABLES = frozenset(
    {
        "PYTHONPATH",
        "PYTHONHOME",
        "VIRTUAL_ENV",
        "PIP_TARGET",
        "PIP_PREFIX",
        "PIP_USER",
        "FORCE_COLOR",
        "CLICOLOR_FORCE",
    }
)


def install_pack(
    pack: PackManifest,
    actions: Iterable[PackAction],
    *,
    constraints: Mapping[str, str] | None = None,
    progress: Callable[[str], None] | None = None,
) -> tuple[Environment, ...]:
    """Make the environments that the actions of a pack need and that are not there yet.

    Args:
        pack: The pack.
        actions: Its actions: they say which versions of Python and node are needed.
        constraints: Further limits to the versions of packages: `{"attune-sdk": "0.3.0"}`. A value
            is a version, or a range such as `<0.4`.
        progress: Called with each line of progress.

    Returns:
        The environments, new ones and those that were there; none if nothing is needed.

    Raises:
        PackError: An interpreter is missing, a manifest is invalid, or the installation failed.
            Nothing has changed then.
        ParameterError: A constraint is invalid.
    """
    installation = _Installation(pack, constraints, progress)
    pythons: dict[str, Python] = {}
    nodes: dict[str, Node] = {}
    for action in actions:
        if action.runner == "python":
            python = choose_python(action)
            pythons[python.program] = python
        elif action.runner == "nodejs":
            node = choose_node(action)
            nodes[node.program] = node

    environments = [installation.install_for_python(python) for python in pythons.values()]
    environments += [installation.install_for_node(node) for node in nodes.values()]
    if not environments:
        installation.report(f"`{pack.ref}` has no action that needs packages")
    return tuple(environment for environment in environments if environment is not None)


class _Installation:
    """The installation of the packages of one pack."""

    def __init__(
        self,
        pack: PackManifest,
        constraints: Mapping[str, str] | None,
        progress: Callable[[str], None] | None,
    ) -> None:
        self._pack = pack
        # None would allow environments that were made with any constraints
        if constraints is None:
            constraints = {}
        self._needs = PackNeeds(pack, constraints)
        self._progress = progress

    def report(self, line: str) -> None:
        """Show a line of progress."""
        if self._progress is not None:
            self._progress(line)

    def install_for_python(self, python: Python) -> Environment | None:
        """Return the environment for a Python, or None if the Python has all packages itself."""
        requirements = self._needs.requirements
        raise_first_problem(self._pack, requirements.problems)

        key = python_key(self._pack.ref, requirements.texts, python)
        if not self._needs.find_unmet(python):
            self.report(f"`{self._pack.ref}` needs nothing that {python} does not have")
            for environment in key.all():
                retire(environment)
            return None

        return self._install(key, str(python), lambda folder: self._fill_python(folder, python))

    def install_for_node(self, node: Node) -> Environment | None:
        """Return the environment for a node, or None if the pack holds all packages itself."""
        packages = self._needs.packages
        raise_first_problem(self._pack, packages.problems)
        if not find_missing(packages, self._pack.folder):
            self.report(f"`{self._pack.ref}` has the packages that it needs for {node}")
            return None
        key = node_key(self._pack.ref, packages.texts, node)
        return self._install(key, str(node), lambda folder: self._fill_node(folder, node))

    def _install(self, key: EnvironmentKey, base: str, fill: Callable[[Path], None]) -> Environment:
        """Return the complete environment of a key; make it if it is not there."""
        constraints = self._needs.constraints
        try:
            make_environments_folder()
            with key.lock(lambda: self.report("another process installs for this pack; waiting")):
                environment = key.find(constraints)
                if environment is not None:
                    environment = write_record(environment)
                    self.report(f"`{self._pack.ref}` is installed in {environment.folder}")
                    return environment

                key.remove_incomplete()
                with key.new_folder() as folder:
                    self.report(f"making an environment for `{self._pack.ref}` with {base}")
                    fill(folder)
                    environment = Environment(
                        pack=self._pack.ref, folder=str(folder), base=base, constraints=constraints
                    )
                    environment = write_record(environment)
        except (OSError, NotImplementedError) as error:
            # a file system without locks raises NotImplementedError
            raise PackError(
                f"`{self._pack.ref}` cannot be installed below {environments_folder()}: {error}; "
                "ATTUNE_NB_CACHE names another folder"
            ) from error
        self.report(f"installed in {folder}")
        return environment

    def _fill_python(self, folder: Path, python: Python) -> None:
        """Make a venv with the packages of `requirements.txt`."""
        program = str(folder / "bin" / "python")
        packages = ["-r", str(self._pack.folder / REQUIREMENTS)]
        constraints = self._needs.constraints
        if constraints:
            limits = folder / "constraints.txt"
            limits.write_text("".join(f"{name}{limit}\n" for name, limit in constraints.items()))
            packages += ["-c", str(limits)]

        uv = shutil.which("uv")
        if uv is not None:
            # the folder is there already
            venv = [uv, "venv", "--quiet", "--allow-existing", "--python", python.program]
            self._run("uv", [*venv, str(folder)])
            self._run("uv", [uv, "pip", "install", "--python", program, *packages])
            return

        # isolated: a module of the pack must not stand for one of Python's
        pip = [program, "-I", "-m", "pip"]
        options = []
        if _has_pip():
            # the pip of this Python saves the time to install another one
            pip = [sys.executable, "-P", "-m", "pip", "--python", program]
            options = ["--without-pip"]
        self._run("venv", [python.program, "-I", "-m", "venv", *options, str(folder)])
        self._run(
            "pip",
            [*pip, "install", "--no-input", "--progress-bar", "off", "--disable-pip-version-check",
             *packages]
        )  # fmt: skip

    def _fill_node(self, folder: Path, node: Node) -> None:
        """Make a folder `node_modules` with the packages of `package.json`."""
        npm = shutil.which("npm")
        if npm is None:
            raise PackError(
                f"`{self._pack.ref}` needs packages of node, and there is no `npm` on PATH to "
                "install them: put it there"
            )

        has_local_packages = _write_package_json(folder, self._needs.packages.manifest, self._pack)
        lock = self._pack.folder / LOCK_NAME
        command = "install"
        if lock.is_file() and not has_local_packages:
            shutil.copyfile(lock, folder / LOCK_NAME)
            command = "ci"
        search_path = os.pathsep.join([str(Path(node.program).parent), os.environ.get("PATH", "")])
        self._run(
            "npm",
            [npm, command, "--omit=dev", "--install-links", "--no-audit", "--no-fund",
             "--no-update-notifier"],
            folder=folder,
            variables={"PATH": search_path},
        )  # fmt: skip

    def _run(
        self,
        tool: str,
        command: Sequence[str],
        *,
        folder: Path | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """Run one program of the installation, and report its output line by line.

        Args:
            tool: The name of the program.
            command: Its command.
            folder: The working directory; by default the pack's.
            variables: Variables that are added to the environment of this process.

        Raises:
            PackError: It failed.
        """
        if folder is None:
            folder = self._pack.folder
        mark = uuid.uuid4().hex
        environment = {
            name: value for name, value in os.environ.items() if name not in _MISLEADING_VARIABLES
        }
        environment["NO_COLOR"] = "1"
        environment[MARK] = f"{environment.get(MARK, '')} {mark}".strip()
        if variables is not None:
            environment.update(variables)

        try:
            process: Any = subprocess.Popen(  # noqa: S603 - installing is what the user asks for
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise PackError(
                f"`{self._pack.ref}` is not installed: {tool} does not start: {error}"
            ) from error

        last_lines: deque[str] = deque(maxlen=_SHOWN_LINES)
        try:
            with process.stdout as output:
                for line in output:
                    text = printable(line.decode(errors="replace")).rstrip()
                    if text:
                        last_lines.append(text)
                        self.report(f"  {text}")
            status = process.wait()
        except BaseException:
            ProcessTree(process.pid, mark).kill()
            process.wait()
            raise

        if status:
            reason = _explain_failure(tool, status, list(last_lines))
            raise PackError(f"`{self._pack.ref}` is not installed: {reason}")


def _explain_failure(tool: str, status: int, lines: Sequence[str]) -> str:
    """Return why a program of the installation failed, with its last lines."""
    message = f"{tool} failed with exit code {status}"
    if any(_UNREACHABLE.search(line) for line in lines):
        message = f"{tool} cannot reach the index of packages"

    shown_lines = [line for line in lines if not line.startswith("WARNING:")]
    text = "\n".join(f"  {line}" for line in shown_lines)
    return f"{message}. Nothing was changed. Its last lines:\n{text}"


def _has_pip() -> bool:
    """Return whether this Python has a pip that installs for others, as it does since 22.3."""
    try:
        version = read_version(importlib.metadata.version("pip"))
    except importlib.metadata.PackageNotFoundError:
        return False
    return version is not None and version >= _FIRST_PIP


def _write_package_json(folder: Path, manifest: Mapping[str, Any], pack: PackManifest) -> bool:
    """Write `package.json` for another folder; return whether it names folders of the pack."""
    dependencies = {}
    has_local_packages = False
    for name, versions in manifest["dependencies"].items():
        path = versions.removeprefix("file:")
        dependencies[name] = versions
        if path != versions:
            has_local_packages = True
            dependencies[name] = f"file:{pack.folder / path}"

    new_manifest = {**manifest, "dependencies": dependencies}
    # scripts of the pack itself have nothing to do here
    new_manifest.pop("scripts", None)
    (folder / FILE_NAME).write_bytes(msgspec.json.encode(new_manifest))
    return has_local_packages
