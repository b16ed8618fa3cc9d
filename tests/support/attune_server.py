"""Real servers with the extension: `jupyter server` and `attune-nb serve`, as processes."""

import os
import secrets
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx

from support.jupyterlab import SERVER_FOLDERS

__all__ = ["AttuneServer", "attune_server_in"]

# seconds until a server answers, on a busy machine
_PATIENCE = 90


class AttuneServer:
    """A server in a folder of its own, as a process.

    Args:
        folder: Where its files go; the notebooks and workflows are in `root` below it.
        arguments: Further arguments, such as `--AttuneApp.allow_start=False`.
        stand_alone: Whether it is `attune-nb serve`, without the rest of Jupyter.
        base_url: The beginning of all addresses.
        environment: Further variables of its environment.

    Attributes:
        root: The folder that is served.
        store: The record of runs.
        token: The token of a caller.
        port: Where it listens.
    """

    def __init__(self, folder, *arguments, stand_alone=False, base_url="/", environment=None):
        self.folder = Path(folder)
        self.root = self.folder / "root"
        self.root.mkdir(parents=True, exist_ok=True)
        self.store = self.root / ".attune" / "runs.db"
        self.arguments = arguments
        self.stand_alone = stand_alone
        self.base_url = base_url
        self.environment = environment or {}

        self.token = secrets.token_hex(16)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = None

    @property
    def origin(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self):
        """The output of the server so far."""
        return (self.folder / "server.log").read_text()

    def url(self, path=""):
        """Return the address of a path below `attune`, such as `/api/runs`."""
        return f"{self.origin}{self.base_url}attune{path}"

    def page_url(self, path=""):
        """Return the address of a page, with the token."""
        return f"{self.url(path)}?token={self.token}"

    def client(self, **options):
        """Return a client of httpx that sends the token and begins all addresses at `attune`.

        Args:
            options: Options of `httpx.Client` in place of these.
        """
        settings = {
            "base_url": self.url(),
            "headers": {"Authorization": f"token {self.token}"},
            "timeout": _PATIENCE,
            "trust_env": False,
            # no certificates are read: it is no https
            "verify": False,
            **options,
        }
        return httpx.Client(**settings)

    def get(self, path, **options):
        """Return the answer to a GET of a path below `attune`."""
        with self.client() as client:
            return client.get(path, **options)

    def post(self, path, body=None, **options):
        """Return the answer to a POST of JSON to a path below `attune`."""
        with self.client() as client:
            return client.post(path, json=body, **options)

    def start(self):
        """Start the process, and wait until it answers."""
        with (self.folder / "server.log").open("a") as log:
            self.process = subprocess.Popen(
                self._command(), cwd=self.root, env=self._environment(), stdout=log, stderr=log
            )
        self._wait_until_ready()

    def stop(self):
        """End the process as an administrator does."""
        self.process.terminate()
        self.process.wait(_PATIENCE)

    def kill(self):
        """End the process without warning."""
        self.process.kill()
        self.process.wait(_PATIENCE)

    def _command(self):
        settings = {
            "IdentityProvider.token": self.token,
            "ServerApp.base_url": self.base_url,
            "ServerApp.log_level": "INFO",
        }
        if self.stand_alone:
            words = [sys.executable, "-m", "attune_nb", "serve", str(self.root)]
            words += [f"--port={self.port}"]
            for name, value in settings.items():
                words += ["--jupyter", f"{name}={value}"]
            return [*words, *self.arguments]

        settings |= {
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": self.port,
            "ServerApp.port_retries": 0,
            "ServerApp.root_dir": self.root,
            "ServerApp.allow_root": True,
            "ServerApp.open_browser": False,
            "ServerApp.jpserver_extensions": "attune_nb.server=True",
        }
        words = [f"--{name}={value}" for name, value in settings.items()]
        return [sys.executable, "-m", "jupyter_server", *words, *self.arguments]

    def _environment(self):
        """Return the environment of the server: no setting of the user, and its own store."""
        environment = dict(os.environ)
        environment.pop("ATTUNE_NB_STORE", None)
        for name, folder in SERVER_FOLDERS.items():
            path = self.folder / folder
            path.mkdir(exist_ok=True)
            environment[name] = str(path)
        return environment | self.environment

    def _wait_until_ready(self):
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                if self.get("/").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server does not answer:\n{self.log}")
            time.sleep(0.05)


@contextmanager
def attune_server_in(folder, *arguments, **options):
    """Start a server in a folder, and yield it; stop it at the end."""
    server = AttuneServer(folder, *arguments, **options)
    server.start()
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()
