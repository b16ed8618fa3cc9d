"""`attune-nb serve`: a server of Jupyter with the extension, and without kernels and files."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

import typer
from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join
from traitlets.config import Config

from attune_nb.errors import AttuneError
from attune_nb.running.store_paths import resolve_store
from attune_nb.server.app import AttuneApp
from attune_nb.server.too_old import explain_old_version

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["DEFAULT_PORT", "RunsServer", "serve"]

DEFAULT_PORT = 8899
"""The port, or the first free one after it."""

_EXTENSIONS = {AttuneApp.get_extension_package(): True}

# log level WARNING
_QUIET = 30


class RunsServer(ServerApp):
    """A server of Jupyter with a page and an API of runs, and nothing else."""

    # no kernels, contents, files, sessions, terminals
    default_services: Any = ("api", "auth", "security", "shutdown")

    def init_server_extensions(self) -> None:
        """Load no extension but this one, also if the user's configuration enables others."""
        self.jpserver_extensions = _EXTENSIONS
        super().init_server_extensions()

    def init_configurables(self) -> None:
        """Prepare the server, without the handler that sends files."""
        super().init_configurables()
        self.contents_manager.files_handler_class = None
        self._check_authentication()

    def _check_authentication(self) -> None:
        """Check that callers must log in.

        Raises:
            AttuneError: The configuration switches tokens and passwords off.
        """
        if not self.identity_provider.auth_enabled:
            raise AttuneError(
                "the configuration of Jupyter sets an empty token and no password, so everyone on "
                "this machine could steer the runs; set a token in JUPYTER_TOKEN"
            )

    def start_app(self) -> None:
        """Print the address, with the token if it is new, in place of Jupyter's lines."""
        identity = self.identity_provider
        url = url_path_join(self.connection_url, AttuneApp.extension_url)
        if identity.token_generated:
            url = f"{url}?token={identity.token}"
            identity.token_generated = False

        super().start_app()
        typer.echo(f"runs of {self.root_dir} are shown at {url}")
        if "?token=" not in url:
            typer.echo("it asks for the token or the password that the server was given")
        typer.echo("Ctrl-C stops the server; runs go on without it")


def serve(
    folder: Path,
    *,
    port: int | None = None,
    store: str | None = None,
    read_only: bool = False,
    allow_start: bool = False,
    action_files: Sequence[Path] = (),
    packs: Sequence[Path] = (),
    allow_imports: bool = False,
    open_browser: bool = False,
    settings: Mapping[str, str] | None = None,
) -> None:
    """Serve the page and the API of runs until Ctrl-C or SIGTERM.

    The server listens on the loopback interface, and asks for a token.

    Args:
        folder: The folder whose records are shown, and whose workflows can be started.
        port: The port; by default 8899 or the first free one after it, and 0 is any free one.
        store: The record; by default ATTUNE_NB_STORE, or `.attune/runs.db` in the folder.
        read_only: Whether runs are only shown.
        allow_start: Whether runs can be started.
        action_files: Python files whose functions are actions of these runs.
        packs: Packs, or folders of packs, that they may use.
        allow_imports: Whether they may call `module:function`.
        open_browser: Whether to open a browser.
        settings: More settings of Jupyter Server, such as `{"ServerApp.certfile": "FILE"}`.

    Raises:
        AttuneError: There is no such folder, callers need not log in, or Jupyter Server is too old.
    """
    problem = explain_old_version()
    if problem:
        raise AttuneError(problem)
    if not folder.is_dir():
        raise AttuneError(f"there is no folder {folder}")

    options: dict[str, Any] = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.root_dir": str(folder.resolve()),
        "ServerApp.open_browser": open_browser,
        "ServerApp.answer_yes": True,
        "ServerApp.allow_root": True,
        "ServerApp.port": DEFAULT_PORT,
        "AttuneApp.allow_start": allow_start,
        "AttuneApp.action_files": _absolute_paths(action_files),
        "AttuneApp.packs": _absolute_paths(packs),
    }
    if allow_imports:
        options["AttuneApp.allow_imports"] = True
    if read_only:
        options["ServerApp.authorizer_class"] = "attune_nb.server.ReadOnly"

    if port is not None:
        if port == 0:
            port = _free_port()
        options["ServerApp.port"] = port
        options["ServerApp.port_retries"] = 0

    path = _resolve_store(store)
    if path is not None:
        options["AttuneApp.store"] = str(path)
    if settings is not None:
        options |= settings

    config = Config()
    config.ServerApp.log_level = _QUIET
    server = RunsServer.instance(config=config, jpserver_extensions=dict(_EXTENSIONS))
    server.initialize(
        argv=_words_of(options), find_extensions=False, starter_extension=AttuneApp.name
    )
    server.start()


def _words_of(options: Mapping[str, Any]) -> list[str]:
    """Return settings as words of a command line, which count more than configuration files."""
    words = []
    for name, value in options.items():
        values = value if isinstance(value, list) else [value]
        words += [f"--{name}={item}" for item in values]
    return words


def _absolute_paths(paths: Sequence[Path]) -> list[str]:
    """Return paths that do not depend on the current folder.

    Raises:
        AttuneError: There is no such file or folder.
    """
    for path in paths:
        if not path.exists():
            raise AttuneError(f"there is no file {path}")
    return [str(path.absolute()) for path in paths]


def _resolve_store(store: str | None) -> Path | None:
    """Return the file of the option, or of the environment; None for that of the folder.

    Raises:
        AttuneError: The option is `none`.
    """
    if store is None and os.environ.get("ATTUNE_NB_STORE", "none") == "none":
        return None
    path = resolve_store(store)
    if path is None:
        raise AttuneError("--store none: a server shows the runs of a record; name its file")
    return path.absolute()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
