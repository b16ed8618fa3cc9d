"""The workflows that run in processes which are killed."""

import os
import signal
import sqlite3
import time
from pathlib import Path

import pandas as pd

import attune_nb

ITEMS = 2_000
PLAIN = """
parameters: {items: {type: array}, done: {type: string}}
tasks:
  - name: work
    action: note
    with_items: "{{ parameters.items }}"
    concurrency: 4
    input: {path: "{{ parameters.done }}", item: "{{ item }}"}
    next: [{publish: [{total: "{{ result() | sum }}"}], do: tell}]
  - {name: tell, action: core.noop, input: {}}
output_map: {sum: "{{ workflow.total }}"}
"""
VARIED = """
parameters: {done: {type: string}}
vars: [{token: "{{ uuid() }}"}]
tasks:
  - {name: first, action: note, input: {path: "{{ parameters.done }}", item: first},
     next: [{do: [left, right, late]}]}
  - name: left
    action: flaky
    with_items: "{{ range(6) }}"
    concurrency: 2
    retry: {count: 2, delay: 0.06}
    input: {path: "{{ parameters.done }}", item: "{{ item }}"}
    next: [{do: both, publish: [{squares: "{{ result() }}"}]}]
  - {name: right, action: note, delay: 0.05, input: {path: "{{ parameters.done }}", item: right},
     next: [{do: both}]}
  - {name: late, action: note, timeout: 5, input: {path: "{{ parameters.done }}", item: late}}
  - {name: both, action: note, join: all, input: {path: "{{ parameters.done }}", item: both}}
output_map: {squares: "{{ workflow.squares }}", both: "{{ task.both.result }}"}
"""
VARIED_OUTPUT = {"squares": [0, 1, 4, 9, 16, 25], "both": "both"}
CHILD = """
ref: killed.child
parameters: {done: {type: string}, item: {type: integer}}
tasks:
  - name: one
    action: note
    input: {path: "{{ parameters.done }}", item: "one {{ parameters.item }}"}
    next: [{do: two}]
  - name: two
    action: note
    with_items: [a, b]
    input: {path: "{{ parameters.done }}", item: "two {{ parameters.item }} {{ item }}"}
    next: [{do: three}]
  - name: three
    action: note
    input: {path: "{{ parameters.done }}", item: "three {{ parameters.item }}"}
output_map: {end: "{{ task.three.result }}"}
"""
PARENT = """
parameters: {done: {type: string}}
tasks:
  - name: work
    action: killed.child
    with_items: "{{ range(%d) }}"
    concurrency: 3
    input: {done: "{{ parameters.done }}", item: "{{ item }}"}
output_map: {ends: "{{ task.work.result }}"}
"""
CHILDREN = 25


def append(path, line):
    """Add a line to a file in one write, so that lines of several processes do not mix."""
    file = os.open(path, os.O_APPEND | os.O_CREAT | os.O_WRONLY)
    os.write(file, f"{line}\n".encode())
    os.close(file)


def note(path, item):
    append(path, item)
    time.sleep(0.0005)
    return item


def flaky(path, item):
    """Fail at the first attempt, in whatever process."""
    append(path, f"left {item}")
    if Path(path).read_text().splitlines().count(f"left {item}") == 1:
        raise ValueError("not yet")
    return item * item


ACTIONS = {"note": note, "flaky": flaky}
CHILD_ACTIONS = {**ACTIONS, "child": attune_nb.loads(CHILD)}


def plain(store, done):
    """Run many items, four at a time."""
    attune_nb.loads(PLAIN).run(
        {"items": list(range(ITEMS)), "done": done}, actions=ACTIONS, store=store, progress=False
    )


def with_children(store, done):
    """Run a workflow for each of some items, three at a time."""
    attune_nb.loads(PARENT % CHILDREN).run(
        {"done": done}, actions=CHILD_ACTIONS, store=store, progress=False
    )


def varied(store, done, write):
    """Run a retry, a delay and a join; kill the process before the write of that number."""
    writes_left = int(write)

    def count_write():
        nonlocal writes_left
        writes_left -= 1
        if not writes_left:
            os.kill(os.getpid(), signal.SIGKILL)

    class Deadly(sqlite3.Connection):
        def execute(self, statement, *arguments):
            if statement.startswith(("BEGIN", "COMMIT", "UPDATE", "INSERT", "CREATE", "PRAGMA u")):
                count_write()
            return super().execute(statement, *arguments)

        def executemany(self, statement, rows):
            count_write()
            return super().executemany(statement, rows)

    connect = sqlite3.connect
    sqlite3.connect = lambda *arguments, **options: connect(*arguments, factory=Deadly, **options)
    attune_nb.loads(VARIED).run({"done": done}, actions=ACTIONS, store=store, progress=False)


@attune_nb.action(idempotent=False)
def pay(path, item):
    """Pay for an item, which must not happen twice; never return from the third."""
    append(path, f"pay {item}")
    if item == 2 and not Path(f"{path}.open").exists():
        append(f"{path}.started", "now")
        time.sleep(60)
    return f"paid {item}"


PAYING = """
parameters: {done: {type: string}, n: {type: integer, default: 6}}
tasks:
  - name: pay
    action: pay
    with_items: "{{ range(parameters.n) }}"
    concurrency: 2
    input: {path: "{{ parameters.done }}", item: "{{ item }}"}
output_map: {paid: "{{ task.pay.result }}"}
"""


def paying(store, done):
    """Run an action that is not idempotent and does not end for one item."""
    attune_nb.loads(PAYING).run(
        {"done": done}, actions={"pay": pay}, store=store, progress=False, workers=2
    )


SLOW = """
parameters: {done: {type: string}}
tasks:
  - {name: a, action: touch, input: {path: "{{ parameters.done }}"}, next: [{do: b}]}
  - {name: b, action: touch, input: {path: "{{ parameters.done }}"}}
"""


def slow(store, done):
    """Run a slow action."""

    def touch(path):
        time.sleep(0.1)
        append(path, "started")
        time.sleep(60)

    attune_nb.loads(SLOW).run({"done": done}, actions={"touch": touch}, store=store, progress=False)


PLACES = """
parameters: {done: {type: string}, place: {type: string}}
vars: [{place: "{{ parameters.place }}"}, {done: "{{ parameters.done }}"}]
tasks:
  - {name: before, action: visit, input: {name: before, place: "{{ place }}", path: "{{ done }}"},
     next: [{do: [many, slow]}]}
  - name: many
    action: visit
    with_items: "{{ range(20) }}"
    concurrency: 4
    input: {name: "{{ 'many' ~ item }}", place: "{{ place }}", path: "{{ done }}"}
    next: [{do: moody, publish: [{names: "{{ result() | join(' ') }}"}]}]
  - {name: moody, action: visit, retry: {count: 1, delay: 0.5},
     input: {name: moody, place: "{{ place }}", path: "{{ done }}"}, next: [{do: joined}]}
  - {name: slow, action: visit, delay: 0.4,
     input: {name: slow, place: "{{ place }}", path: "{{ done }}"}, next: [{do: joined}]}
  - {name: joined, action: visit, join: all,
     input: {name: joined, place: "{{ place }}", path: "{{ done }}"}}
output_map: {names: "{{ workflow.names }}", last: "{{ task.joined.result }}"}
"""
PLACES_OUTPUT = {"names": " ".join(f"many{item}" for item in range(20)), "last": "joined"}


def visit(name, place, path):
    """Record a visit; wait to be killed if it is the first one of the given place."""
    append(path, name)
    reached = Path(f"{path}.reached")
    if name == place and not reached.exists():
        append(reached, name)
        if name == "moody":
            # killed while it waits for its retry
            raise ValueError("not yet")
        time.sleep(60)
    return name


def places(store, done, place):
    """Run until a place is reached, and stay there."""
    attune_nb.loads(PLACES).run(
        {"done": done, "place": place}, actions={"visit": visit}, store=store, progress=False
    )


ETL_FILES = 200
ETL = """
parameters: {folder: {type: string}, done: {type: string}}
tasks:
  - name: read
    action: read
    with_items: "{{ range(200) }}"
    concurrency: 4
    input: {path: "{{ parameters.folder ~ '/' ~ item ~ '.csv' }}", done: "{{ parameters.done }}"}
    next: [{do: merge}]
  - {name: merge, action: merge, input: {tables: "{{ task.read.result }}"}}
output_map: {merged: "{{ task.merge.result }}"}
"""


def read(path, done):
    """Return the table of a file, and note that it was read."""
    table = pd.read_csv(path, parse_dates=["day"])
    append(done, Path(path).stem)
    time.sleep(0.01)
    return table


def merge(tables):
    """Return one table of all."""
    return pd.concat(tables, ignore_index=True)


ETL_ACTIONS = {"read": read, "merge": merge}


def etl(store, done, folder):
    """Read tables from files, and merge them."""
    attune_nb.loads(ETL).run(
        {"folder": folder, "done": done}, actions=ETL_ACTIONS, store=store, progress=False
    )


def resume_etl(store, done):
    """Go on with a run that was killed."""
    run_id = attune_nb.runs(store)["run_id"][0]
    attune_nb.resume(run_id, store, actions=ETL_ACTIONS, progress=False)


UNKEPT_ITEMS = 20_000
UNKEPT = """
parameters: {rows: {}, done: {type: string}}
tasks:
  - name: each
    action: note
    with_items: "{{ parameters.rows }}"
    concurrency: 4
    keep_results: none
    input: {path: "{{ parameters.done }}", item: "{{ item }}"}
output_map: {total: "{{ task.each.total_count }}", failed: "{{ task.each.failed_items }}"}
"""


def unkept_rows():
    """Yield very many items."""
    yield from range(UNKEPT_ITEMS)


def unkept(store, done):
    """Run over very many items, and keep none of the results."""
    attune_nb.loads(UNKEPT).run(
        {"rows": unkept_rows(), "done": done}, actions=ACTIONS, store=store, progress=False
    )


def resume_unkept(store, done):
    """Go on with a run that was killed, over the same items, and return it."""
    run_id = attune_nb.runs(store)["run_id"][0]
    parameters = {"rows": unkept_rows(), "done": str(done)}
    return attune_nb.resume(run_id, store, parameters=parameters, actions=ACTIONS, progress=False)
