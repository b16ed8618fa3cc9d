"""`keep_results: store`: the results of a task stay in files, and are read when needed."""

import gc

import numpy as np
import pandas as pd
import pytest

import attune_nb
from attune_nb.errors import StoreError
from attune_nb.values.frozen import FrozenDict

LOAD = """
tasks:
  - name: load
    action: load
    with_items: [0, 1, 2]
    keep_results: store
    input: {number: "{{ item }}"}
    next: [{do: use}]
"""

USE = f"""{LOAD}
  - name: use
    action: use
    input: {{value: "{{{{ task.load.result }}}}"}}
output_map: {{used: "{{{{ task.use.result }}}}"}}
"""


def load(number):
    return {"number": number, "text": "x" * 1_000}


def count(value):
    return len(value)


def run(text, actions, store, **options):
    workflow = attune_nb.loads(text)
    return workflow.run(actions=actions, store=store, progress=False, **options)


@pytest.fixture
def store(tmp_path):
    return tmp_path / "runs.db"


def count_objects():
    """Return how many of the results of `load` are in memory."""
    gc.collect()
    objects = [part for part in gc.get_objects() if type(part) is FrozenDict]
    return len([part for part in objects if len(part.get("text", "")) == 1_000])


def test_results_are_not_in_memory_once_the_task_has_ended(store):
    text = LOAD.replace("    next: [{do: use}]\n", "")
    finished = run(text, {"load": load}, store)

    assert count_objects() == 0
    assert [result["number"] for result in finished.result("load")] == [0, 1, 2]
    assert repr(finished.items("load")["result"][0]) == "<result of 1,022 bytes, on record>"


@pytest.mark.parametrize("backend", ["inline", "threads"])
def test_an_action_gets_the_results_from_the_disk(backend, store):
    def use(value):
        return [part["number"] for part in value]

    assert run(USE, {"load": load, "use": use}, store, backend=backend).output["used"] == [0, 1, 2]


def test_items_are_read_from_the_disk_one_by_one(store):
    text = f"""{LOAD}
  - name: use
    action: use
    with_items: "{{{{ task.load.result }}}}"
    input: {{number: "{{{{ item.number }}}}"}}
output_map: {{used: "{{{{ task.use.result }}}}"}}
"""
    most = []

    def use(number):
        most.append(count_objects())
        return number

    assert run(text, {"load": load, "use": use}, store, backend="inline").output["used"] == [
        0,
        1,
        2,
    ]
    assert max(most) <= 1


def test_expressions_look_into_results_on_the_disk(store):
    text = f"""{LOAD}
  - {{name: use, action: core.noop}}
output_map:
  number: "{{{{ task.load.result[2].number }}}}"
  numbers: "{{{{ task.load.result | map(attribute='number') }}}}"
  text: "{{{{ 'number ' ~ task.load.result[1].number }}}}"
  kind: "{{{{ type_of(task.load.result[0]) }}}}"
"""
    text = text.replace(
        "next: [{do: use}]", "next: [{when: '{{ result()[1].number == 1 }}', do: use}]"
    )
    output = run(text, {"load": load}, store).output
    assert output == {"number": 2, "numbers": [0, 1, 2], "text": "number 1", "kind": "object"}


def test_an_expression_with_a_default_looks_into_a_result_on_the_disk(store):
    text = f"""{LOAD}
  - {{name: use, action: core.noop}}
output_map: {{lengths: "{{{{ task.load.result | default([]) | map('length') }}}}"}}
"""
    assert run(text, {"load": load}, store).output == {"lengths": [2, 2, 2]}


def test_tables_stay_on_the_disk_until_an_action_reads_them(store):
    def load_frame(number):
        return pd.DataFrame({"a": [number, number]})

    def use(value):
        return int(pd.concat(value)["a"].sum())

    finished = run(USE, {"load": load_frame, "use": use}, store)
    assert finished.output["used"] == 6
    assert repr(finished.items("load")["result"][1]) == "<pandas.DataFrame of 2 rows, on record>"
    assert finished.result("load")[1]["a"].tolist() == [1, 1]


def test_a_result_with_a_table_in_it_is_read_with_its_table(store):
    def load_parts(number):
        return {"number": number, "text": "x" * 300, "table": np.arange(number)}

    finished = run(USE, {"load": load_parts, "use": count}, store)
    parts = attune_nb.open_run(finished.run_id, store).result("load")
    assert [part["table"].tolist() for part in parts] == [[], [0], [0, 1]]


def test_small_results_stay_in_memory(store):
    finished = run(USE, {"load": lambda number: number, "use": count}, store)
    assert finished.items("load")["result"].tolist() == [0, 1, 2]


def test_an_object_that_no_file_holds_stays_in_memory(store):
    marker = object()
    finished = run(
        USE, {"load": lambda number: marker, "use": lambda value: value[0] is marker}, store
    )
    assert finished.output["used"] is True


def test_a_secret_is_in_no_file_and_comes_back_to_the_next_task(store):
    text = f"parameters: {{password: {{type: string, secret: true}}}}{USE}".replace(
        'number: "{{ item }}"', 'number: "{{ item }}", password: "{{ parameters.password }}"'
    )

    def load_secret(number, password):
        return {"text": "x" * 300, "password": password}

    def use(value):
        return value[0]["password"] == "correct horse"

    workflow = attune_nb.loads(text)
    finished = workflow.run(
        {"password": "correct horse"},
        actions={"load": load_secret, "use": use},
        store=store,
        progress=False,
    )
    assert finished.output["used"] is True
    for path in store.parent.rglob("*"):
        assert path.is_dir() or b"correct horse" not in path.read_bytes()


def test_a_fork_reads_the_results_of_the_first_run(store):
    actions = {"load": load, "use": lambda value: sum(part["number"] for part in value)}
    finished = run(USE, actions, store)

    def fail(number):
        raise ValueError("it was read again")

    opened = attune_nb.open_run(finished.run_id, store)
    fork = opened.fork("use", actions={**actions, "load": fail}, progress=False)
    assert fork.output["used"] == 3


def test_without_a_store_the_run_is_refused():
    with pytest.raises(StoreError, match="`load` has `keep_results: store`, and the run has no"):
        run(USE, {"load": load, "use": count}, "none")


def test_results_that_fit_no_file_stay_in_memory_with_an_alert(store):
    def load_without_folder(number):
        if number == 0:
            # a file in place of the folder
            store.with_name(f"{store.name}.tables").write_text("")
        return load(number)

    finished = run(USE, {"load": load_without_folder, "use": count}, store, backend="inline")

    assert finished.output["used"] == 3
    (alert,) = finished.alerts
    assert alert.startswith("results with `keep_results: store` stay in memory: ")
    assert attune_nb.open_run(finished.run_id, store).alerts == [alert]


def test_a_fork_that_may_read_a_lost_result_is_refused(store):
    """A name before `default` is read, too."""
    text = """
tasks:
  - {name: load, action: load, next: [{do: use}]}
  - {name: use, action: use, input: {value: "{{ task.load.result | default('none') }}"}}
"""
    actions = {"load": object, "use": lambda value: None}
    finished = run(text, actions, store)

    opened = attune_nb.open_run(finished.run_id, store)
    with pytest.raises(StoreError, match=r"task `use` reads `task.load`, a builtins.object, which"):
        opened.fork("use", actions=actions, progress=False)
