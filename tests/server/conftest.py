"""Fixtures of all tests of the server: one server for a process, and traced statements."""

import os
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.attune_server import attune_server_in
from support.shared_processes import SHARED_PROCESSES

from attune_nb.server.live import store_reader

TESTS = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def attune_server(tmp_path_factory):
    """Yield a real `jupyter server` with the extension; tests use names of their own in it.

    Its authorizer reads from each request what it is allowed, by default everything.
    """
    authorizer = "--ServerApp.authorizer_class=support.header_authorizer.HeaderAuthorizer"
    paths = [str(TESTS), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    environment = {"PYTHONPATH": os.pathsep.join(path for path in paths if path)}
    folder = tmp_path_factory.mktemp("server")
    with attune_server_in(folder, authorizer, environment=environment) as server:
        SHARED_PROCESSES.append(server.process)
        yield server
        SHARED_PROCESSES.remove(server.process)


@pytest.fixture
def statements(monkeypatch):
    """Return the statements that readers of stores send to SQLite from now on."""
    sent = []
    connected = store_reader.connected

    @contextmanager
    def traced(path):
        with connected(path) as connection:
            connection.set_trace_callback(sent.append)
            yield connection

    monkeypatch.setattr(store_reader, "connected", traced)
    return sent
