"""One server for all tests of a process."""

import pytest
from support.attune_server import attune_server_in
from support.shared_processes import SHARED_PROCESSES


@pytest.fixture(scope="session")
def attune_server(tmp_path_factory):
    """Yield a real `jupyter server` with the extension; tests use names of their own in it."""
    with attune_server_in(tmp_path_factory.mktemp("server")) as server:
        SHARED_PROCESSES.append(server.process)
        yield server
        SHARED_PROCESSES.remove(server.process)
