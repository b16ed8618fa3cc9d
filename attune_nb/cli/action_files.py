"""Actions from Python files: the functions of `--actions FILE.py`."""

from __future__ import annotations

import importlib.util
import linecache
import sys
import traceback
from inspect import isfunction
from typing import TYPE_CHECKING, Any

from attune_nb.errors import ParameterError
from attune_nb.running.workflow import Workflow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from types import ModuleType

__all__ = ["load_action_files"]


def load_action_files(
    files: Iterable[Path] | None,
) -> dict[str, Callable[..., Any] | Workflow]:
    """Execute Python files, and return their actions by name.

    The actions of a file are its public functions, also those that it imports, and its
    workflows. A function with `@attune.action` has the name that it was registered under, too.
    A file can import the modules beside it, as with `python FILE.py`. Worker processes and
    Dask receive the functions themselves, so no worker needs the file.

    Args:
        files: The files; None if there are none.

    Raises:
        ParameterError: A file cannot be read, its code raised an error, or two files define
            the same action.
    """
    actions: dict[str, Callable[..., Any] | Workflow] = {}
    files_by_name: dict[str, Path] = {}
    if files is None:
        return actions

    for file in files:
        module = _execute(file)
        for name, value in _find_actions(module):
            if name in actions and actions[name] is not value:
                raise ParameterError(
                    f"--actions: both {files_by_name[name]} and {file} define `{name}`"
                )
            actions[name] = value
            files_by_name[name] = file
    return actions


def _find_actions(module: ModuleType) -> list[tuple[str, Callable[..., Any] | Workflow]]:
    actions = []
    for name, value in vars(module).items():
        is_action = isfunction(value) or isinstance(value, Workflow)
        if is_action and not name.startswith("_"):
            actions.append((name, value))
    return actions


def _execute(file: Path) -> ModuleType:
    """Execute a Python file as a module.

    Raises:
        ParameterError: It cannot be read, or its code raised an error.
    """
    if file.suffix != ".py":
        raise ParameterError(f"--actions takes a Python file (.py), not `{file}`")
    try:
        source = file.read_bytes()
    except OSError as error:
        raise ParameterError(f"--actions: cannot read `{file}`: {error.strerror}") from None

    folder = str(file.absolute().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)

    path = str(file.absolute())
    specification = importlib.util.spec_from_file_location(_unused_name(file.stem), path)
    if specification is None:
        raise ParameterError(f"--actions: `{file}` is not a Python file")
    module = importlib.util.module_from_spec(specification)
    sys.modules[module.__name__] = module

    try:
        exec(compile(source, path, "exec"), vars(module))  # noqa: S102 - the user's own code
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the file can raise any error
        del sys.modules[module.__name__]
        raise ParameterError(_describe_error(file, path, error)) from None
    _send_by_value(module)
    return module


def _unused_name(stem: str) -> str:
    """Return a name that no module has, so that no module is replaced."""
    name = stem
    while name in sys.modules:
        name += "_"
    return name


def _send_by_value(module: ModuleType) -> None:
    """Let worker processes receive the functions of a module, which they cannot import."""
    import cloudpickle  # noqa: PLC0415 - only files of actions need it

    cloudpickle.register_pickle_by_value(module)


def _describe_error(file: Path, path: str, error: BaseException) -> str:
    """Return the message of an error in a file, with the file's own line."""
    line = _failed_line(path, error)
    kind = type(error).__name__
    reason = error.msg if isinstance(error, SyntaxError) else str(error)
    description = f"{kind}: {reason}" if reason else kind

    message = f"--actions {file}, line {line}: {description}"
    text = linecache.getline(path, line).strip()
    if text:
        message += f"\n    {line} | {text}"
    return message


def _failed_line(path: str, error: BaseException) -> int:
    """Return the line of a file where an error arose, or through which it was raised."""
    if isinstance(error, SyntaxError) and error.filename == path and error.lineno:
        return error.lineno

    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == path and frame.lineno
    ]
    return lines[-1] if lines else 1
