"""Dask clusters for one test each."""

import contextlib
import os
import socket

import dask
import distributed
from works import run_work


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
