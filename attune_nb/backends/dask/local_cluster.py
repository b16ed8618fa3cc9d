"""A Dask cluster of a run's own: worker processes on this machine that end with the engine.

Dask's worker processes import the main module of the process that starts them. So a helper process
that runs this file starts them, not the engine. This file imports nothing else of the package at
module level. Hence a user's script needs no `if __name__ == "__main__"` guard, and may be read from
anywhere, even from the standard input.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from distributed import LocalCluster

__all__ = ["OwnCluster", "start_local_cluster"]

# a scheduler runs any code that it receives, so ours accepts this machine only
HOST = "127.0.0.1"
# seconds that workers have to end by themselves
CLOSE_TIMEOUT = 1.0
# seconds that the start of the cluster may take
START_TIMEOUT = 60.0


class OwnCluster:
    """A cluster in a helper process.

    Args:
        workers: The number of worker processes.

    Raises:
        OSError: The helper process cannot be started.
    """

    def __init__(self, workers: int) -> None:
        import dask  # noqa: PLC0415 - only this backend needs it

        inherited = dask.config.serialize(_select_plain(dask.config.global_config))
        self._folder = tempfile.TemporaryDirectory(prefix="attune-")
        self._address_file = Path(self._folder.name) / "address"
        self._deadline = time.monotonic() + START_TIMEOUT

        # `-P`: the folder of this file must not shadow other modules;
        # an own session, since an interrupt is for the engine
        self._process = subprocess.Popen(  # noqa: S603 - this very module
            [sys.executable, "-P", __file__],
            stdin=subprocess.PIPE,
            text=True,
            env={**os.environ, "DASK_INTERNAL_INHERIT_CONFIG": inherited},
            start_new_session=True,
        )
        path = [str(entry) for entry in sys.path]
        self._send({"workers": workers, "path": path, "address": str(self._address_file)})

    def address(self) -> str | None:
        """Return the scheduler's address; None while the cluster starts.

        Raises:
            OSError: The helper process has ended, or the start takes too long.
        """
        if self._address_file.exists():
            return self._address_file.read_text()
        if self._process.poll() is not None:
            raise OSError(f"its process ended with exit code {self._process.returncode}")
        if time.monotonic() > self._deadline:
            raise OSError(f"it did not start within {START_TIMEOUT:.0f} s")
        return None

    def _send(self, settings: dict[str, object]) -> None:
        if self._process.stdin is None:
            return
        # if the process has ended already, `address` raises its exit code
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(settings) + "\n")
            self._process.stdin.flush()

    def close(self, timeout: float) -> None:
        """End the cluster; kill it if it has not ended by itself after `timeout` seconds."""
        # imported late: the helper process runs this file without the package
        from attune_nb.backends.worker.reaper import kill_group  # noqa: PLC0415

        if self._process.stdin is not None:
            self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout)

        # the group also has the processes that workers have started
        kill_group(self._process.pid)
        self._process.wait()
        self._folder.cleanup()


def _select_plain(config: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a configuration that JSON can hold; a thread pool in it is left out."""
    plain: dict[str, Any] = {}
    for key, value in config.items():
        try:
            if isinstance(value, dict):
                plain[key] = _select_plain(value)
            else:
                plain[key] = json.loads(json.dumps(value))
        except (TypeError, ValueError):
            continue

    return plain


def start_local_cluster(workers: int) -> LocalCluster:
    """Start a cluster of worker processes on this machine, for this machine only."""
    import dask  # noqa: PLC0415 - only this backend needs it
    from distributed import LocalCluster  # noqa: PLC0415 - as above

    # the backend, not the scheduler, retries an item that ends its worker;
    # an action may start processes of its own, as on the other backends
    settings = {"distributed.scheduler.allowed-failures": 0, "distributed.worker.daemon": False}
    with dask.config.set(settings):
        return LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            host=HOST,
            dashboard_address=f"{HOST}:0",
            silence_logs=50,
        )


def _serve() -> None:
    """Run a cluster until the engine closes the other end of the standard input."""
    settings = json.loads(sys.stdin.readline())
    # the workers inherit this: an interrupt must not end and restart them
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.path[:] = settings["path"]
    cluster = start_local_cluster(settings["workers"])

    # written under another name first: the engine may read it at any moment
    address_file = Path(settings["address"])
    new_file = address_file.with_suffix(".new")
    new_file.write_text(cluster.scheduler_address)
    new_file.replace(address_file)

    sys.stdin.read()
    # a busy worker does not close in time
    with contextlib.suppress(Exception):
        cluster.close(timeout=CLOSE_TIMEOUT)
    # kill such workers, and the processes that workers have started
    if hasattr(os, "killpg"):
        os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    _serve()
