"""Backends release a task that has ended: a long cycle does not use more and more memory."""

import contextlib
import gc
import weakref

import pytest

import attune_nb
from attune_nb.backends.inline import InlineBackend
from attune_nb.backends.threads.backend import ThreadBackend
from attune_nb.engine.driver import Driver

CYCLE = """
vars: [{n: 0}]
tasks:
  - {name: start, action: core.noop, next: [{do: a}]}
  - name: a
    action: core.noop
    next:
      - {publish: [{n: "{{ workflow.n + 1 }}"}]}
      - {when: "{{ workflow.n < 20 }}", do: a}
  - name: q
    type: parallel
    tasks: [{name: x, action: core.noop}]
"""

MIDDLE = "tasks: [{name: go_on, action: inner}]"
OUTER = """
tasks:
  - {name: deploy, action: middle, with_items: [1, 2]}
"""


def watch_backend(backend_type):
    """Return a backend that counts the jobs it has not released."""

    class WatchedBackend(backend_type):
        def __init__(self):
            super().__init__()
            self.keys = set()
            self.max_jobs = 0

        def start(self, job):
            self.keys.add(job.spec.key)
            self.max_jobs = max(self.max_jobs, len(self.keys))
            super().start(job)

        def release(self, key):
            self.keys.discard(key)
            super().release(key)

    return WatchedBackend()


@pytest.mark.parametrize("backend_type", [InlineBackend, ThreadBackend])
def test_a_backend_keeps_only_jobs_that_run(backend_type):
    backend = watch_backend(backend_type)
    run = attune_nb.loads(CYCLE).run(backend=backend)
    assert run.status == "succeeded"
    assert len(run.tasks) == 23
    assert backend.keys == set()
    assert backend.max_jobs <= 2


def run_cycle(**options):
    return attune_nb.loads(CYCLE).run(**options)


def run_children(**options):
    """Run a workflow whose child runs have child runs."""
    actions = {"middle": attune_nb.loads(MIDDLE), "inner": attune_nb.loads(CYCLE)}
    return attune_nb.loads(OUTER).run(actions=actions, **options)


@contextlib.contextmanager
def watch_drivers():
    """Yield a list that gets a weak reference to the driver of each run, also of child runs."""
    drivers = []
    make = Driver.__init__

    def make_watched(driver, *args, **options):
        make(driver, *args, **options)
        drivers.append(weakref.ref(driver))

    Driver.__init__ = make_watched
    try:
        yield drivers
    finally:
        Driver.__init__ = make


@pytest.mark.parametrize("backend", ["inline", "threads"])
@pytest.mark.parametrize("store", ["none", "runs.db"])
@pytest.mark.parametrize(("start", "n_runs"), [(run_cycle, 1), (run_children, 5)])
def test_a_run_is_released_without_the_garbage_collector(
    backend, store, start, n_runs, tmp_path, monkeypatch
):
    """A run has no reference cycle: kept results on a cluster end with the last reference."""
    monkeypatch.chdir(tmp_path)
    gc.disable()
    try:
        with watch_drivers() as drivers:
            run = start(backend=backend, store=store, progress=False)
        assert run.status == "succeeded"
        assert len(drivers) == n_runs

        del run
        assert [driver() for driver in drivers] == [None] * n_runs
    finally:
        gc.enable()
