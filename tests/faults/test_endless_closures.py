"""Objects in a function's closure that iterate without end: refused by backends that send them.

A new way to have no end is a line of `ENDLESS`.
"""

from collections import deque

import pytest

import attune_nb

TEXT = """
tasks: [{name: a, action: act, with_items: [1, 2], input: {x: "{{ item }}"}}]
"""


def repeat(element):
    while True:
        yield element


class EndlessList(list):
    def __iter__(self):
        return repeat(1)


class EndlessDict(dict):
    def items(self):
        return repeat((1, 2))


class EndlessSet(set):
    def __iter__(self):
        return repeat(1)


class EndlessDeque(deque):
    def __iter__(self):
        return repeat(1)


class EndlessState:
    def __getstate__(self):
        return {"rows": EndlessList()}


class EndlessReduce:
    def __reduce__(self):
        return list, (), None, repeat(1)


ENDLESS = {
    "a list": EndlessList,
    "an object": EndlessDict,
    "a set": EndlessSet,
    "a deque": EndlessDeque,
    "a state": EndlessState,
    "what makes it again": EndlessReduce,
}


def run_with(value, backend):
    """Run an action that refers to a value."""

    def act(x):
        return x if value is not None else None

    workflow = attune_nb.loads(TEXT)
    return workflow.run(actions={"act": act}, backend=backend, workers=1, progress=False)


@pytest.mark.parametrize("kind", ENDLESS.values(), ids=ENDLESS)
def test_a_worker_process_is_sent_nothing_without_end(kind):
    run = run_with(kind(), "processes")

    assert run.status == "failed"
    (message,) = set(run.items("a")["error"])
    assert "the action refers to `value`, which cannot be pickled" in message
    assert "perhaps without end" in message


def test_a_cluster_is_sent_nothing_without_end(cluster):
    run = run_with(EndlessList(), "dask")

    assert run.status == "failed"
    assert "perhaps without end" in run.items("a")["error"][0]


def test_the_fingerprint_of_a_function_reads_no_endless_set():
    assert run_with(EndlessSet(), "threads").result("a") == [1, 2]
