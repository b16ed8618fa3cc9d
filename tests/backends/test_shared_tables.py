"""A table that one task gives cannot be changed by the next: each attempt gets a shallow copy."""

import threading

import numpy as np
import pandas as pd
import pytest

import attune_nb
from attune_nb.values.frozen import copy_tables, freeze, may_hold_tables

BACKENDS = [
    "inline",
    "threads",
    pytest.param("processes", marks=pytest.mark.slow),
    pytest.param("dask", marks=pytest.mark.slow),
]

WRITES = """
tasks:
  - name: load
    action: load
    next: [{do: change}]
  - name: change
    action: change
    input: {frame: "%s"}
    next: [{do: look}]
  - name: look
    action: look
    input: {frame: "%s"}
"""


def load():
    return pd.DataFrame({"v": [1, 2, 3]})


def change(frame):
    frame["v2"] = frame["v"] * 2
    frame.loc[0, "v"] = 100
    return len(frame.columns)


def look(frame):
    return {"columns": list(frame.columns), "v": frame["v"].tolist()}


def run(text, backend, parameters=None, **actions):
    workflow = attune_nb.loads(text)
    ended = workflow.run(parameters, backend=backend, workers=1, actions=actions)
    ended.raise_for_status()
    return ended


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_task_cannot_change_the_table_of_another(backend):
    reads = "{{ task.load.result }}"
    ended = run(WRITES % (reads, reads), backend, load=load, change=change, look=look)

    assert ended.result("change") == 2
    assert ended.result("look") == {"columns": ["v"], "v": [1, 2, 3]}
    assert list(ended.result("load").columns) == ["v"]


def load_nested():
    return {"tables": [load(), load()["v"]], "count": 2}


def change_nested(data):
    data["tables"][0]["v2"] = 1
    data["tables"][1][0] = 100


def look_nested(data):
    frame, series = data["tables"]
    return {"columns": list(frame.columns), "series": series.tolist()}


@pytest.mark.parametrize("backend", BACKENDS)
def test_nor_a_table_in_an_object_or_an_array(backend):
    text = WRITES.replace("frame:", "data:")
    reads = "{{ task.load.result }}"
    actions = {"load": load_nested, "change": change_nested, "look": look_nested}
    ended = run(text % (reads, reads), backend, **actions)
    assert ended.result("look") == {"columns": ["v"], "series": [1, 2, 3]}


EACH = """
parameters: {frames: {type: array}, frame: {type: any}}
tasks:
  - name: change
    action: change
    with_items: "{{ parameters.frames }}"
    input: {frame: "{{ item }}", shared: "{{ parameters.frame }}"}
"""


def change_both(frame, shared):
    columns = [len(frame.columns), len(shared.columns)]
    frame["mine"] = 1
    shared["mine"] = 1
    return columns


@pytest.mark.parametrize("backend", BACKENDS)
def test_items_and_parameters_stay_as_they_were(backend):
    frame = load()
    parameters = {"frames": [frame] * 20, "frame": frame}
    ended = run(EACH, backend, parameters, change=change_both)

    assert ended.result("change") == [[1, 1]] * 20
    assert list(frame.columns) == ["v"]


RETRIED = """
tasks:
  - name: load
    action: load
    next: [{do: change}]
  - name: change
    action: change
    input: {frame: "{{ task.load.result }}"}
    retry: {count: 1, delay: 0}
"""


def change_and_fail_once(frame):
    if "v2" in frame.columns:
        return "changed by the first attempt"
    frame["v2"] = 1
    calls.append(1)
    if len(calls) == 1:
        raise ValueError("once")
    return "as it was"


calls: list[int] = []


def test_the_next_attempt_gets_the_table_as_it_was():
    calls.clear()
    ended = run(RETRIED, "threads", load=load, change=change_and_fail_once)
    assert ended.result("change") == "as it was"


def test_a_mutable_input_holds_a_copy_too():
    reads = "{{ task.load.result }}"
    mutating = attune_nb.action(mutable_input=True)(change)
    ended = run(WRITES % (reads, reads), "threads", load=load, change=mutating, look=look)
    assert ended.result("look") == {"columns": ["v"], "v": [1, 2, 3]}


def test_an_action_that_keeps_its_table_cannot_change_the_result():
    frame = load()

    def load_again():
        return frame

    def change_own(frame):
        del frame
        kept["frame"]["v2"] = 1

    kept = {"frame": frame}
    reads = "{{ task.load.result }}"
    ended = run(WRITES % (reads, reads), "threads", load=load_again, change=change_own, look=look)
    assert ended.result("look")["columns"] == ["v"]


def test_a_change_of_a_result_in_the_notebook_is_not_seen_by_the_run():
    reads = "{{ task.load.result }}"
    ended = run(WRITES % (reads, reads), "threads", load=load, change=change, look=look)
    table = ended.result("load")
    table["v2"] = 1
    assert list(ended.result("load").columns) == ["v"]


def test_the_data_is_shared_until_someone_writes():
    frozen = freeze({"frame": load(), "count": 1})
    handed = copy_tables({"data": frozen, "count": 2})

    original = frozen["frame"]["v"].to_numpy()
    assert np.shares_memory(original, handed["data"]["frame"]["v"].to_numpy())
    assert type(handed["data"]) is type(frozen)
    assert handed["data"].size == frozen.size

    handed["data"]["frame"].loc[0, "v"] = 100
    assert frozen["frame"]["v"].tolist() == [1, 2, 3]


def test_without_copy_on_write_the_data_is_copied(monkeypatch):
    monkeypatch.setattr("attune_nb.values.frozen._copies_on_write", lambda _: False)
    frozen = freeze([load()])
    [handed] = copy_tables(frozen)
    assert not np.shares_memory(frozen[0]["v"].to_numpy(), handed["v"].to_numpy())


def test_containers_without_a_table_are_not_made_anew():
    frozen = freeze({"rows": [{"a": 1}], "when": pd.Timestamp(0), "frame": load()})
    handed = copy_tables(frozen)
    assert handed is not frozen
    assert handed["rows"] is frozen["rows"]

    plain = freeze({"rows": [{"a": 1}], "names": ("x", "y")})
    assert not may_hold_tables(plain)
    assert copy_tables(plain) is plain

    dated = freeze({"when": pd.Timestamp(0)})
    assert may_hold_tables(dated)
    assert copy_tables(dated) is dated


ARRAYS = """
parameters: {array: {type: any}}
tasks:
  - name: wait
    action: wait
    next: [{do: change}]
  - name: change
    action: change
    with_items: [1, 2]
    concurrency: 1
    input: {array: "{{ parameters.array }}"}
"""


def test_no_change_of_an_array_by_the_caller_is_seen():
    array = np.arange(3)
    is_changed = threading.Event()
    actions = {"wait": lambda: is_changed.wait(10), "change": lambda array: array.tolist()}
    workflow = attune_nb.loads(ARRAYS)
    ended = workflow.run({"array": array}, actions=actions, background=True)
    array[:] = 7
    is_changed.set()

    ended.wait()
    assert ended.result("change") == [[0, 1, 2], [0, 1, 2]]


FILLS = """
tasks:
  - name: fill
    action: fill
    with_items: [1, 2]
    concurrency: 1
    input: {number: "{{ item }}"}
"""


def test_an_array_that_an_action_fills_again_is_copied():
    buffer = np.zeros(2)

    def fill(number):
        buffer[:] = number
        return buffer

    ended = run(FILLS, "threads", fill=fill)
    assert [array.tolist() for array in ended.result("fill")] == [[1.0, 1.0], [2.0, 2.0]]
