"""The session of a run for its pack actions: interpreters, the API, keys, a folder."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import weakref
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from attune_nb.errors import BackendError
from attune_nb.packs.api.keys import Keys
from attune_nb.packs.machine import LOOPBACK, machine_name
from attune_nb.packs.options import PackOptions
from attune_nb.packs.process.pack_function import PackFunction

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attune_nb.engine.driver import Driver
    from attune_nb.packs.api.executions import Executions
    from attune_nb.packs.api.server import PackApi
    from attune_nb.packs.environments.find import InterpreterFinder
    from attune_nb.packs.model import PackAction
    from attune_nb.packs.options import Interpreter
    from attune_nb.running.artifact_folders import ArtifactFolder

__all__ = ["PackSession"]


class _ConnectedRun(NamedTuple):
    """The run of a session, for its API."""

    driver: Driver
    executions: Executions
    is_inline: bool


class PackSession:
    """The services that one run opens for the processes of its packs, until it ends.

    The API that actions may call gets its port when the first action is bound, and serves it from
    the moment at which the run has a driver.

    Args:
        pass_env: Names of variables of the environment that the processes get.
        keys: The keys for actions: values by ref.
        keystore: The keystore of the run, which holds keys, too.
        artifact_folder: The folder for the run's artifacts.
    """

    def __init__(
        self,
        *,
        pass_env: Sequence[str],
        keys: Mapping[str, Any] | None,
        keystore: Mapping[str, Any] | None,
        artifact_folder: ArtifactFolder,
    ) -> None:
        from attune_nb.packs.process.environment import pick_variables  # noqa: PLC0415

        passed_env = pick_variables(pass_env, os.environ)
        options = PackOptions(passed_env=passed_env)
        self.artifact_folder = artifact_folder
        self.keys = Keys(keys, keystore)
        # lines about requests that the API refused; the list grows
        self.notes: list[str] = []

        self._options = options
        # whether the options name an API
        self._is_open = False
        self._lock = threading.Lock()
        self._finder: InterpreterFinder | None = None
        self._interpreters: dict[str, Interpreter | None] = {}
        self._listener: socket.socket | None = None
        self._run: _ConnectedRun | None = None
        self._close: weakref.finalize[..., Any] | None = None

    def make_function(self, action: PackAction, task: str) -> PackFunction:
        """Return the function of a pack's action, which knows the address of the API.

        Args:
            action: The action.
            task: The path of its task, if that may ask questions; else empty.

        Raises:
            BackendError: The API cannot listen.
        """
        options = self._open()
        interpreter = self._find_interpreter(action)
        if interpreter is not None:
            options = msgspec.structs.replace(options, interpreters={action.ref: interpreter})
        return PackFunction(action, options, task)

    def explain_interpreter(self, action: PackAction) -> str | None:
        """Return the reason why the program of an action is missing, and the remedy; or None."""
        interpreter = self._find_interpreter(action)
        if interpreter is None:
            return None
        return interpreter.problem

    def connect(self, driver: Driver, executions: Executions, *, is_inline: bool) -> None:
        """Connect the session with the driver of its run, and end it with the run.

        Args:
            driver: The driver.
            executions: Runs the actions and workflows that actions start through the API.
            is_inline: Whether attempts run in the thread of the driver.

        Raises:
            BackendError: The system provides no thread for the API.
            StoreError: The folder of the artifacts cannot be made.
        """
        self.keys.on_secret = driver.add_key
        driver.on_end = self.close
        with self._lock:
            self._run = _ConnectedRun(driver, executions, is_inline)
            if self._is_open:
                self._serve(self._run)

    def close(self) -> None:
        """End the API; a second call does nothing."""
        self.keys.on_secret = None
        self._run = None
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
        """Reserve a port for the API on the first call; return the options of the processes.

        Raises:
            BackendError: There is no port, or no thread.
        """
        with self._lock:
            if not self._is_open:
                self._reserve_port()
                self._is_open = True
                if self._run is not None:
                    self._serve(self._run)
            return self._options

    def _reserve_port(self) -> None:
        try:
            self._listener = socket.create_server((LOOPBACK, 0))
        except OSError as error:
            raise _cannot_listen(error) from None

        folder = self.artifact_folder
        self._close = weakref.finalize(self, _end_listening, self._listener, folder)
        port = self._listener.getsockname()[1]
        self._options = msgspec.structs.replace(
            self._options,
            api_url=f"http://{LOOPBACK}:{port}",
            api_key=secrets.token_hex(32),
            api_machine=machine_name(),
            artifacts_folder=str(folder.files),
        )

    def _serve(self, run: _ConnectedRun) -> None:
        """Start the server, once there is a run and a port."""
        from attune_nb.packs.api.run_services import RunServices  # noqa: PLC0415 - aiohttp is slow
        from attune_nb.packs.api.server import PackApi  # noqa: PLC0415
        from attune_nb.packs.artifacts.registry import ArtifactRegistry  # noqa: PLC0415
        from attune_nb.running.run_inquiries import RunInquiries  # noqa: PLC0415

        if self._listener is None:
            return

        self.artifact_folder.make()
        services = RunServices(self.keys, ArtifactRegistry(self.artifact_folder.path))
        services.notes = self.notes
        services.inquiries = RunInquiries(run.driver, is_inline=run.is_inline)
        services.executions = run.executions
        api = PackApi(self._options.api_key, services, self._listener)
        try:
            api.start()
        except RuntimeError as error:
            raise _cannot_listen(error) from None

        if self._close is not None:
            self._close.detach()
        self._close = weakref.finalize(self, _end_api, api, self.artifact_folder)


def _cannot_listen(error: Exception) -> BackendError:
    message = f"the API for the actions of packs cannot listen on this machine: {error}"
    return BackendError(message)


def _end_listening(listener: socket.socket, folder: ArtifactFolder) -> None:
    listener.close()
    folder.remove_if_empty()


def _end_api(api: PackApi, folder: ArtifactFolder) -> None:
    api.close()
    folder.remove_if_empty()
