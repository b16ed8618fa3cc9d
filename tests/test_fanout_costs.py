"""What an item must not cost, whatever the context: counted, since counts do not depend on time."""

import copy
import tracemalloc

import pytest

import attune_nb
from attune_nb import frozen
from attune_nb.events import AttemptsEnded

TEXT = """
parameters: {{items: {{}}, held: {{}}}}
tasks:
  - name: each
    action: act
    with_items: "{{{{ parameters.items }}}}"
    concurrency: 4
    input: {{i: "{{{{ item }}}}", data: "{{{{ {} }}}}"}}
"""
FIELD = attune_nb.loads(TEXT.format("parameters.held.small"))
WHOLE = attune_nb.loads(TEXT.format("parameters.held"))


def held(size):
    return {"small": 1, "large": ["x" * 100 for _ in range(size)]}


def go(workflow, size, count, act):
    given = {"items": range(count), "held": frozen.freeze(held(size))}
    run = workflow.run(given, actions={"act": act}, progress=False)
    run.raise_for_status()
    return run


def test_a_result_of_a_megabyte_goes_to_ten_thousand_items_by_reference():
    seen = set()
    run = go(WHOLE, 10_000, 10_000, lambda i, data: seen.add(id(data)))
    assert seen == {id(run.context.parameters["held"])}


@pytest.mark.parametrize("workflow", [FIELD, WHOLE])
def test_nothing_is_ever_deeply_copied(workflow, monkeypatch):
    def refuse(*_):
        raise AssertionError("a deep copy was made")

    monkeypatch.setattr(copy, "deepcopy", refuse)
    monkeypatch.setattr(frozen, "thaw", refuse)
    go(workflow, 1_000, 100, lambda i, data: i)


def test_a_frozen_context_is_never_walked_again(monkeypatch):
    looked, real = [], frozen._freeze  # noqa: SLF001 - what walks a value is counted

    def counting(value, depth):
        looked.append(1)
        return real(value, depth)

    counts = []
    for size in (10, 100_000):
        given = {"items": range(100), "held": frozen.freeze(held(size))}
        looked.clear()
        with monkeypatch.context() as patched:
            patched.setattr(frozen, "_freeze", counting)
            FIELD.run(given, actions={"act": lambda i, data: i}, progress=False)
        counts.append(len(looked))
    assert counts[0] == counts[1]


def peak(size, count):
    given = {"items": range(count), "held": frozen.freeze(held(size))}
    tracemalloc.start()
    FIELD.run(given, actions={"act": lambda i, data: None}, backend="inline", progress=False)
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


def test_memory_for_an_item_does_not_depend_on_the_context_and_is_small():
    peak(10, 10)
    small = peak(10, 20_000) - peak(10, 1_000)
    large = peak(50_000, 20_000) - peak(50_000, 1_000)
    assert small / 19_000 < 200
    assert large == pytest.approx(small, rel=0.1)


def test_the_log_grows_by_batches_and_not_by_items():
    run = go(FIELD, 10, 20_000, lambda i, data: i)
    batches = [each.batch for each in run.events if isinstance(each, AttemptsEnded)]
    assert sum(map(len, batches)) == 20_000
    assert len(batches) <= 2 + 20 * run.duration_ms / 1000
