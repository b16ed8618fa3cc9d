"""Whatever part of a run is on record, the run that is resumed from it ends as the run did."""

import contextlib
import shutil
import sqlite3
import time

import pytest

import attune_nb
from attune_nb.errors import AttuneError
from attune_nb.events import TaskEnded

INNER = """
parameters: {x: {}}
tasks: [{name: a, action: act, input: {x: "{{ parameters.x }}"}}]
output_map: {y: "{{ task.a.result + 1 }}"}
"""
PARALLEL = """
tasks:
  - {name: s, action: act, input: {x: 1}, next: [{do: par}]}
  - name: par
    type: parallel
    tasks:
      - {name: p, action: act, with_items: "{{ range(4) }}", concurrency: 2,
         input: {x: "{{ item }}"}}
      - name: q
        type: parallel
        tasks:
          - {name: r, action: act, delay: 0.05, input: {x: 5}}
          - {name: t, action: act, when: "{{ false }}", input: {x: 5}}
    next: [{do: e}]
  - {name: e, action: act, input: {x: "{{ task.par.result.p | sum }}"}}
output_map: {e: "{{ task.e.result }}"}
"""
CYCLE = """
vars: [{n: 0}]
tasks:
  - {name: s, action: act, input: {x: 1}, next: [{do: turn}]}
  - name: turn
    action: act
    with_items: "{{ range(workflow.n + 1) }}"
    input: {x: "{{ item }}"}
    next:
      - {when: "{{ workflow.n < 3 }}", publish: [{n: "{{ workflow.n + 1 }}"}], do: turn}
      - {when: "{{ workflow.n >= 3 }}", do: e}
  - {name: e, action: act, input: {x: "{{ workflow.n }}"}}
output_map: {n: "{{ workflow.n }}", turn: "{{ task.turn.result }}"}
"""
JOINS = """
tasks:
  - {name: a, action: act, input: {x: 1}, next: [{do: j}]}
  - {name: b, action: act, delay: 0.03, input: {x: 2}, next: [{do: j}]}
  - {name: c, action: act, delay: 0.06, input: {x: 3}, next: [{do: j}]}
  - {name: j, action: act, join: 2, input: {x: 4}, next: [{do: k}]}
  - {name: k, action: act, input: {x: 5}}
output_map: {k: "{{ task.k.result }}"}
"""
ITEMS = """
parameters: {m: {default: {a: 1, b: 2, c: 3}}}
tasks:
  - name: batches
    action: act
    with_items: "{{ range(7) }}"
    batch_size: 3
    input: {x: "{{ item }}"}
    next: [{do: pairs}]
  - name: pairs
    action: act
    with_items: "{{ parameters.m }}"
    input: {x: "{{ item.value }}"}
    next: [{do: inner, publish: [{v: "{{ result() }}"}]}]
  - {name: inner, action: inner, with_items: "{{ workflow.v }}", input: {x: "{{ item }}"},
     next: [{do: bad}]}
  - {name: bad, action: bad, retry: {count: 2, delay: 0.01, backoff: exponential},
     next: [{when: "{{ failed() }}", do: noop}]}
output_map: {a: "{{ task.batches.result }}", b: "{{ task.inner.result }}"}
"""
ASKING = """
tasks:
  - {name: a, action: act, input: {x: 1}, next: [{do: [q, z]}]}
  - {name: q, action: core.ask, input: {prompt: well?},
     next: [{do: b, publish: [{said: "{{ result().response }}"}]}]}
  - {name: z, action: act, input: {x: 1}}
  - {name: b, action: act, input: {x: "{{ workflow.said }}"}}
output_map: {b: "{{ task.b.result }}"}
"""
FAILING = """
timeout: 30
tasks:
  - name: a
    action: act
    with_items: "{{ range(5) }}"
    concurrency: 3
    input: {x: "{{ item.y if item == 3 else item }}"}
    next: [{when: "{{ failed() }}", do: b, publish: [{r: "{{ result() }}"}]}]
  - {name: b, action: slow, timeout: 0.05, retry: {count: 1},
     next: [{when: "{{ timed_out() }}", do: [c, fail]}]}
  - {name: c, action: act, input: {x: "{{ workflow.r | length }}"}}
output_map: {c: "{{ task.c.result }}"}
"""
FLOWS = {
    "parallel tasks": PARALLEL,
    "a cycle": CYCLE,
    "a join of two of three": JOINS,
    "all kinds of items": ITEMS,
    "a question": ASKING,
    "failures and timeouts": FAILING,
}


def act(x):
    return x


def bad():
    raise ValueError("always")


def slow():
    time.sleep(0.2)


def actions():
    return {"act": act, "bad": bad, "slow": slow, "inner": attune_nb.loads(INNER)}


def finished(run):
    """Wait for the end, and say yes to whatever is asked."""
    while not run.wait(0.01):
        for each in run.questions:
            with contextlib.suppress(AttuneError):  # it was answered just now
                run.answer(each.task, "yes")
    return run


def cut(path, events):
    """Leave the first events on record, as though the run had been killed then."""
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM events WHERE number >= ?", (events,))
    connection.execute("UPDATE runs SET status = 'running'")
    connection.commit()
    connection.close()


def resumed(path, run):
    return finished(attune_nb.resume(run.run_id, path, actions=actions(), background=True))


def story(run):
    ended = sorted(
        (e.task, e.visit, e.status, e.attempts, e.handled, repr(run.result(e.task)))
        for e in run.events
        if isinstance(e, TaskEnded)
    )
    return run.status, run.output, ended


@pytest.mark.parametrize("backend", ["threads", "inline"])
@pytest.mark.parametrize("name", FLOWS)
def test_every_part_of_a_record_is_enough_and_is_again(tmp_path, name, backend):
    path = tmp_path / "whole.db"
    run = finished(
        attune_nb.loads(FLOWS[name]).run(
            actions=actions(), store=path, backend=backend, background=True
        )
    )
    expected = story(run)
    for part in range(1, len(run.events)):
        store = shutil.copy(path, tmp_path / f"{part}.db")
        cut(store, part)
        once = resumed(store, run)
        assert story(once) == expected
        cut(store, (part + len(once.events)) // 2)  # the resumed run is killed too
        assert story(resumed(store, run)) == expected


@pytest.mark.parametrize("name", FLOWS)
def test_a_fork_of_a_run_on_record_at_any_of_its_tasks_ends_as_the_run_did(tmp_path, name):
    path = tmp_path / "runs.db"
    run = finished(attune_nb.loads(FLOWS[name]).run(actions=actions(), store=path, background=True))
    for task in sorted({each[0] for each in story(run)[2]}):
        stored = attune_nb.open_run(run.run_id, path)
        assert story(finished(stored.fork(task, actions=actions(), background=True))) == story(run)
        assert story(finished(run.fork(task, background=True))) == story(run)
