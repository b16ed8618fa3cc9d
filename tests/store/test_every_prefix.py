"""A run that is resumed from any prefix of its record ends as the run did."""

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
     next: [{do: b, publish: [{answer: "{{ result().response }}"}]}]}
  - {name: z, action: act, input: {x: 1}}
  - {name: b, action: act, input: {x: "{{ workflow.answer }}"}}
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
WORKFLOWS = {
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


def finish(run):
    """Wait for the end, and answer every question with yes."""
    while not run.wait(0.01):
        for question in run.questions:
            # it may have been answered just now
            with contextlib.suppress(AttuneError):
                run.answer(question.task, "yes")
    return run


def truncate(path, count):
    """Keep the first events of the record, as if the run had been killed then."""
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM events WHERE number >= ?", (count,))
    connection.execute("UPDATE runs SET status = 'running'")
    connection.commit()
    connection.close()


def resume(path, run):
    return finish(attune_nb.resume(run.run_id, path, actions=actions(), background=True))


def outcome(run):
    ended = sorted(
        (
            event.task,
            event.visit,
            event.status,
            event.attempts,
            event.handled,
            repr(run.result(event.task)),
        )
        for event in run.events
        if isinstance(event, TaskEnded)
    )
    return run.status, run.output, ended


@pytest.mark.parametrize("backend", ["threads", "inline"])
@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_run_resumes_from_every_prefix_of_its_record(tmp_path, name, backend):
    path = tmp_path / "whole.db"
    run = finish(
        attune_nb.loads(WORKFLOWS[name]).run(
            actions=actions(), store=path, backend=backend, background=True
        )
    )
    expected = outcome(run)

    for count in range(1, len(run.events)):
        store = shutil.copy(path, tmp_path / f"{count}.db")
        truncate(store, count)
        resumed = resume(store, run)
        assert outcome(resumed) == expected

        # the resumed run is killed, too
        truncate(store, (count + len(resumed.events)) // 2)
        assert outcome(resume(store, run)) == expected


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_fork_at_any_task_ends_as_the_run_did(tmp_path, name):
    path = tmp_path / "runs.db"
    run = finish(
        attune_nb.loads(WORKFLOWS[name]).run(actions=actions(), store=path, background=True)
    )
    for task in sorted({row[0] for row in outcome(run)[2]}):
        stored = attune_nb.open_run(run.run_id, path)
        assert outcome(finish(stored.fork(task, actions=actions(), background=True))) == outcome(
            run
        )
        assert outcome(finish(run.fork(task, background=True))) == outcome(run)
