"""Processes that live as long as the session of tests, besides those of the Dask cluster."""

import psutil

__all__ = ["SHARED_PROCESSES", "list_shared_processes"]

SHARED_PROCESSES = []
"""The processes: a fixture of the session adds its own, and removes it at the end."""


def list_shared_processes():
    """Return the shared processes, and those that they have started."""
    processes = set()
    for shared in SHARED_PROCESSES:
        if psutil.pid_exists(shared.pid):
            process = psutil.Process(shared.pid)
            processes |= {process, *process.children(recursive=True)}
    return processes
