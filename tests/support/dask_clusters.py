"""Dask clusters for one test each."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import dask
import distributed

from support.item_runs import PATH, run_work, until


@contextlib.contextmanager
def temporary_cluster(failures=0, **options):
    """Yield a client of a cluster for one test; it is not the current client."""
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": failures}),
        distributed.LocalCluster(
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=50,
            **options,
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client


def worker_pids(client):
    return list(client.run(os.getpid).values())


def find_free_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def run_on_dask(work, parameters=None, **options):
    """Run a function over items on Dask."""
    return run_work(work, parameters, **{"backend": "dask", **options})


def start_appending_run(path, count, backend):
    """Start a run whose items append their numbers to a file, and take 2 ms each."""

    def work(x, path):
        with Path(path).open("a") as file:
            file.write(f"{x}\n")
        time.sleep(0.002)
        return x * 3

    parameters = {"n": count, "path": str(path)}
    return run_on_dask(work, parameters, more=PATH, backend=backend, background=True)


def assert_not_run_again(path, finished, before):
    """Check that no finished item has run again.

    Args:
        path: The file that items append their numbers to.
        finished: The items that had finished.
        before: How often each item had run by then, by its number as a string.
    """
    counts = Counter(path.read_text().split())
    assert not [x for x in finished if counts[str(x)] > before[str(x)]]


class ExternalCluster:
    """A scheduler and a worker in processes of their own."""

    def __init__(self, folder):
        self.file = Path(folder) / "scheduler.json"
        self.file.unlink(missing_ok=True)

        common = ["--scheduler-file", str(self.file), "--no-dashboard"]
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0", *common)
        until(self.file.exists)
        self.worker = self._start(
            "worker", "--nthreads", "1", "--no-nanny", "--death-timeout", "5", *common
        )

    def _start(self, command, *arguments):
        return subprocess.Popen(
            [sys.executable, "-m", "dask", command, *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def client(self, **options):
        return distributed.Client(scheduler_file=str(self.file), set_as_default=False, **options)

    def close(self):
        for process in (self.worker, self.scheduler):
            process.kill()
            process.wait()
