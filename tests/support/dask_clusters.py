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
def made(failures=0, **options):
    """Make a cluster for one test, and a client that is not the current one."""
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


def pids(client):
    return list(client.run(os.getpid).values())


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def go(work, parameters=None, **options):
    """Run a function over items on Dask."""
    return run_work(work, parameters, **{"backend": "dask", **options})


def begun(path, count, where):
    """Begin items that write their numbers to a file, and take a moment."""

    def work(x, path):
        with Path(path).open("a") as file:
            file.write(f"{x}\n")
        time.sleep(0.002)
        return x * 3

    given = {"n": count, "path": str(path)}
    return go(work, given, more=PATH, backend=where, background=True)


def made_no_more(path, known, before):
    """See that of the items which had ended before none was made again."""
    times = Counter(path.read_text().split())
    assert not [x for x in known if times[str(x)] > before[str(x)]]


class Outside:
    """A scheduler and a worker that are processes of their own."""

    def __init__(self, folder):
        self.file = Path(folder) / "scheduler.json"
        self.file.unlink(missing_ok=True)
        common = ["--scheduler-file", str(self.file), "--no-dashboard"]
        self.scheduler = self._begin("scheduler", "--host", "127.0.0.1", "--port", "0", *common)
        until(self.file.exists)
        self.worker = self._begin(
            "worker", "--nthreads", "1", "--no-nanny", "--death-timeout", "5", *common
        )

    def _begin(self, what, *words):
        return subprocess.Popen(
            [sys.executable, "-m", "dask", what, *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def client(self, **options):
        return distributed.Client(scheduler_file=str(self.file), set_as_default=False, **options)

    def close(self):
        for each in (self.worker, self.scheduler):
            each.kill()
            each.wait()
