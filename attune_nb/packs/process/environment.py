"""The environment of an action's process: a few variables of the machine, and those of the run."""

from __future__ import annotations

import os
import secrets
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from attune_nb.packs.attempt_token import AttemptIdentity, make_token
from attune_nb.packs.machine import LOOPBACK, machine_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from attune_nb.packs.model import PackAction
    from attune_nb.packs.options import PackOptions

__all__ = [
    "has_api",
    "make_attempt_variables",
    "make_environment",
    "pick_variables",
    "usual_variables",
]

# The variables of the attempt's own machine that every process gets.
_USUAL_NAMES = ("PATH", "HOME", "LANG", "TZ", "TMPDIR")
_USUAL_PREFIX = "LC_"

# variables of proxies through which a program might call the API
_PROXIES = frozenset({"http_proxy", "all_proxy"})

# Bits of an execution's number, which is at least 1. JavaScript reads it exactly.
_EXECUTION_BITS = 48


def pick_variables(names: Iterable[str], environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a user's names mean; `*` stands for any characters."""
    patterns = list(names)

    def is_picked(name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in patterns)

    return {name: value for name, value in environment.items() if is_picked(name)}


def usual_variables() -> dict[str, str]:
    """Return the variables of this machine that every process of a pack gets."""
    return {name: value for name, value in os.environ.items() if _is_usual(name)}


def make_environment(action: PackAction, options: PackOptions) -> dict[str, str]:
    """Return the variables that all processes of an action have in a run.

    Args:
        action: The action.
        options: The settings of the run.
    """
    environment = usual_variables()
    environment.update(options.passed_env)

    _add_module_folders(environment, action, options)
    environment["ATTUNE_ACTION"] = action.ref
    environment["ATTUNE_PACK_REF"] = action.pack.ref
    environment["ATTUNE_PARAMETER_DELIVERY"] = action.delivery
    environment["ATTUNE_PARAMETER_FORMAT"] = action.parameter_format
    if has_api(options):
        environment["ATTUNE_API_URL"] = str(options.api_url)
        if options.artifacts_folder is not None:
            environment["ATTUNE_ARTIFACTS_DIR"] = options.artifacts_folder
        _exclude_api_from_proxies(environment)
    return environment


def _exclude_api_from_proxies(environment: dict[str, str]) -> None:
    """Exclude the API of the run from the proxies that the user passes on."""
    proxies = [environment[name] for name in environment if name.lower() in _PROXIES]
    if not any(proxies):
        return

    for name in ("NO_PROXY", "no_proxy"):
        hosts = [environment[name]] if environment.get(name) else []
        environment[name] = ",".join([*hosts, LOOPBACK])


def has_api(options: PackOptions) -> bool:
    """Return whether a process on this machine can reach the API of the run."""
    return options.api_url is not None and options.api_machine in ("", machine_name())


def make_attempt_variables(action: PackAction, options: PackOptions, task: str) -> dict[str, str]:
    """Return the variables that only one process has: the number of the execution, and a token.

    Args:
        action: The action.
        options: The settings of the run.
        task: The path of the task.
    """
    execution_id = secrets.randbelow(2**_EXECUTION_BITS - 1) + 1
    variables = {"ATTUNE_EXEC_ID": str(execution_id)}
    if has_api(options):
        identity = AttemptIdentity(execution_id, action.ref, task)
        variables["ATTUNE_API_TOKEN"] = make_token(options.api_key, identity)
    return variables


def _is_usual(name: str) -> bool:
    return name in _USUAL_NAMES or name.startswith(_USUAL_PREFIX)


def _add_module_folders(
    environment: dict[str, str], action: PackAction, options: PackOptions
) -> None:
    """Set the variable by which the interpreter finds the pack's modules."""
    interpreter = options.interpreters.get(action.ref)
    folders: list[str] = []
    if interpreter is not None:
        folders += interpreter.module_folders

    if action.runner == "python":
        name = "PYTHONPATH"
        folders.insert(0, str(action.pack.folder / "lib"))
    elif action.runner == "nodejs":
        name = "NODE_PATH"
        folders.insert(0, str(action.pack.folder / "node_modules"))
    else:
        return

    # a variable that the user passes on comes last
    if environment.get(name):
        folders.append(environment[name])
    environment[name] = os.pathsep.join(folders)
