"""Backends release a task that has ended: a long cycle does not use more and more memory."""

import gc
import weakref

import pytest

import attune_nb
from attune_nb.backends.inline import InlineBackend
from attune_nb.backends.threads.backend import ThreadBackend

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


@pytest.mark.parametrize("backend", ["inline", "threads"])
def test_a_run_is_released_without_the_garbage_collector(backend):
    """A run has no reference cycle: kept results on a cluster end with the last reference."""
    run = attune_nb.loads(CYCLE).run(backend=backend)
    assert run.status == "succeeded"

    driver = weakref.ref(run._driver)  # noqa: SLF001
    gc.disable()
    try:
        del run
        assert driver() is None
    finally:
        gc.enable()
