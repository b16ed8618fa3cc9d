"""A Dask cluster of a run's own: worker processes of this machine, which end with the engine.

Dask's worker processes import the main module of the process that begins them. So that is a
process of this file, which imports nothing else of the package, and not the engine's: a script
needs no guard, and may come from anywhere, as from the standard input.
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

HOST = "127.0.0.1"  # a scheduler runs whatever it is sent, so ours is for this machine only
CLOSE_TIMEOUT = 1.0  # seconds that workers have to end
START_TIMEOUT = 60.0  # seconds that it may take until the cluster is there


class OwnCluster:
    """A cluster that was begun, in a process beside.

    Args:
        workers: How many worker processes it has.

    Raises:
        OSError: It cannot be begun.
    """

    def __init__(self, workers: int) -> None:
        import dask  # noqa: PLC0415 - only this backend needs it

        inherited = dask.config.serialize(_plain(dask.config.global_config))
        self._folder = tempfile.TemporaryDirectory(prefix="attune-")
        self._told = Path(self._folder.name) / "address"
        self._due = time.monotonic() + START_TIMEOUT
        self._process = subprocess.Popen(  # noqa: S603 - this very module
            [sys.executable, "-P", __file__],  # its folder must not shadow other modules
            stdin=subprocess.PIPE,
            text=True,
            env={**os.environ, "DASK_INTERNAL_INHERIT_CONFIG": inherited},
            start_new_session=True,  # an interrupt is for the engine
        )
        path = [str(each) for each in sys.path]
        self._tell({"workers": workers, "path": path, "address": str(self._told)})

    def address(self) -> str | None:
        """Give the scheduler's address, once it has one.

        Raises:
            OSError: It has ended, or takes too long.
        """
        if self._told.exists():
            return self._told.read_text()
        if self._process.poll() is not None:
            raise OSError(f"its process ended with exit code {self._process.returncode}")
        if time.monotonic() > self._due:
            raise OSError(f"it is not there after {START_TIMEOUT:.0f} s")
        return None

    def _tell(self, what: dict[str, object]) -> None:
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # it has ended: its exit code says why
                self._process.stdin.write(json.dumps(what) + "\n")
                self._process.stdin.flush()

    def close(self, timeout: float) -> None:
        """End the cluster, within some seconds by itself, else by force."""
        from attune_nb.backends.worker.reaper import kill_group  # noqa: PLC0415 - see above

        if self._process.stdin is not None:
            self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout)
        kill_group(self._process.pid)  # what its workers have begun, and what did not end
        self._process.wait()
        self._folder.cleanup()


def _plain(config: dict[str, Any]) -> dict[str, Any]:
    """Give what can be sent of a configuration; a pool that is in it is this process's."""
    kept: dict[str, Any] = {}
    for key, value in config.items():
        try:
            kept[key] = _plain(value) if isinstance(value, dict) else json.loads(json.dumps(value))
        except (TypeError, ValueError):
            continue
    return kept


def start_local_cluster(workers: int) -> LocalCluster:
    """Begin a cluster of worker processes on this machine, for this machine only."""
    import dask  # noqa: PLC0415 - as above
    from distributed import LocalCluster  # noqa: PLC0415 - as above

    # an item that ends its worker is tried again by the backend, not by the scheduler
    # and an action may begin processes of its own, as on the other backends
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
    """Have a cluster for as long as the engine keeps the other end of the standard input."""
    told = json.loads(sys.stdin.readline())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the workers inherit it: none is begun again
    sys.path[:] = told["path"]
    cluster = start_local_cluster(told["workers"])
    address = Path(told["address"])
    written = address.with_suffix(".new")
    written.write_text(cluster.scheduler_address)
    written.replace(address)  # at once: it is looked for
    sys.stdin.read()
    with contextlib.suppress(Exception):  # a worker is at something
        cluster.close(timeout=CLOSE_TIMEOUT)
    if hasattr(os, "killpg"):
        os.killpg(0, signal.SIGKILL)  # that, and what the workers have begun


if __name__ == "__main__":
    _serve()
