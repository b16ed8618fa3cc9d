"""A task that has ended is gone from its backend: a long cycle costs no more round after round."""

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


def watched(kind):
    class Watched(kind):
        def __init__(self):
            super().__init__()
            self.held, self.most = set(), 0

        def start(self, job):
            self.held.add(job.spec.key)
            self.most = max(self.most, len(self.held))
            super().start(job)

        def release(self, key):
            self.held.discard(key)
            super().release(key)

    return Watched()


@pytest.mark.parametrize("kind", [InlineBackend, ThreadBackend])
def test_a_backend_holds_only_what_is_under_way(kind):
    backend = watched(kind)
    run = attune_nb.loads(CYCLE).run(backend=backend)
    assert run.status == "succeeded"
    assert len(run.tasks) == 23
    assert backend.held == set()
    assert backend.most <= 2
