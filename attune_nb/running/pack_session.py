"""What the processes of pack actions need: interpreters, the API, keys, a folder."""

from __future__ import annotations

import os
import secrets
import tempfile
import weakref
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.errors import ParameterError
from attune_nb.packs.options import PackOptions
from attune_nb.packs.process.pack_function import PackFunction
from attune_nb.values.describe import describe, describe_with_value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from attune_nb.packs.environments.find import InterpreterFinder
    from attune_nb.packs.model import PackAction
    from attune_nb.packs.options import Interpreter

__all__ = [
    "PackSession",
    "artifacts_folder",
    "read_variable_names",
]


class PackSession:
    """What one run opens for the processes of its packs. It is open until the run ends.

    The API that actions may call starts when the first action is bound.

    Args:
        pass_env: Names of variables of the environment that the processes get.
        keys: The values of the keys that actions ask for, by ref.
        keystore: The keystore of the run, which holds keys, too.
        folder: The folder for the run's artifacts; None for a temporary one.
    """

    def __init__(
        self,
        *,
        pass_env: Sequence[str],
        keys: Mapping[str, Any] | None,
        keystore: Mapping[str, Any] | None,
        folder: Path | None,
    ) -> None:
        from attune_nb.packs.api.keys import Keys  # noqa: PLC0415 - only runs with packs need it
        from attune_nb.packs.process.environment import pick_variables  # noqa: PLC0415

        self.keys = Keys(keys, keystore)
        self._folder = folder
        self._options = PackOptions(
            pass_env=tuple(pass_env), passed_env=pick_variables(pass_env, os.environ)
        )
        self._finder: InterpreterFinder | None = None
        self._interpreters: dict[str, Interpreter | None] = {}
        self._close: Callable[[], Any] | None = None

    def make_function(self, action: PackAction) -> PackFunction:
        """Return the function of a pack's action; the API is started for it."""
        options = self._open()
        interpreter = self._find_interpreter(action)
        if interpreter is not None:
            options = msgspec.structs.replace(options, interpreters={action.ref: interpreter})
        return PackFunction(action, options)

    def explain_interpreter(self, action: PackAction) -> str | None:
        """Return why the program that runs an action is missing, and what to do; else None."""
        interpreter = self._find_interpreter(action)
        if interpreter is None:
            return None
        return interpreter.problem

    def close(self) -> None:
        """End the API; a second call does nothing."""
        if self._close is not None:
            self._close()

    def _find_interpreter(self, action: PackAction) -> Interpreter | None:
        from attune_nb.packs.environments.find import InterpreterFinder  # noqa: PLC0415 - slow

        if self._finder is None:
            self._finder = InterpreterFinder()
        if action.ref not in self._interpreters:
            self._interpreters[action.ref] = self._finder.find(action)
        return self._interpreters[action.ref]

    def _open(self) -> PackOptions:
        """Start the API, unless it has been started, and return the options of the processes."""
        from attune_nb.packs.api.run_services import RunServices  # noqa: PLC0415 - aiohttp is slow
        from attune_nb.packs.api.server import PackApi  # noqa: PLC0415
        from attune_nb.packs.artifacts.registry import ArtifactRegistry  # noqa: PLC0415

        if self._close is not None:
            return self._options

        folder = self._folder
        if folder is None:
            folder = Path(tempfile.mkdtemp(prefix="attune-artifacts-"))
            # the artifacts of a run without a store live as long as somebody can ask for them
            weakref.finalize(self, rmtree, folder, ignore_errors=True)

        artifacts = ArtifactRegistry(folder)
        api_key = secrets.token_hex(32)
        api = PackApi(api_key, RunServices(self.keys, artifacts))
        api.start()
        self._close = weakref.finalize(self, api.close)
        self._options = msgspec.structs.replace(
            self._options,
            api_url=api.url,
            api_key=api_key,
            artifacts_folder=str(artifacts.files_folder),
        )
        return self._options


def artifacts_folder(store: Path, run_id: str) -> Path:
    """Return the folder of a run's artifacts, beside the store that holds its record."""
    return store.with_name(f"{store.name}.artifacts") / run_id


def read_variable_names(value: Any) -> tuple[str, ...]:
    """Return the names of the option `pass_env`.

    Raises:
        ParameterError: It is no array of strings.
    """
    if value is None:
        return ()
    if not issubclass(type(value), list | tuple):
        raise ParameterError(
            f"`pass_env` must be an array of names of variables, not {describe(value)}"
        )
    for name in value:
        if type(name) is not str or not name:
            raise ParameterError(
                f"`pass_env` must hold names of variables, not {describe_with_value(name)}"
            )
    return tuple(value)
