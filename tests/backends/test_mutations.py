"""No caller and no action changes a value that another item or task sees, on any backend."""

import threading

import pandas as pd
import pytest

import attune_nb

BACKENDS = [
    "inline",
    "threads",
    pytest.param("processes", marks=pytest.mark.slow),
    pytest.param("dask", marks=pytest.mark.slow),
]
COUNT = 40

RECORDS = """
parameters: {records: {}}
tasks:
  - name: work
    action: work
    with_items: "{{ parameters.records }}"
    concurrency: 2
    input: {record: "{{ item }}", records: "{{ parameters.records }}"}
    next: [{do: look}]
  - name: look
    action: look
    input: {records: "{{ parameters.records }}", results: "{{ task.work.result }}"}
"""


def make_records():
    return [{"id": number, "tags": ["a", [number, {"deep": 1}]]} for number in range(COUNT)]


def change_input(record, records):
    """Try every way to change what came in; return how many were refused."""
    ways = [
        lambda: record.update(id=-1),
        lambda: record["tags"].append("changed"),
        record["tags"][1].clear,
        lambda: record["tags"][1][1].pop("deep"),
        lambda: records.append("changed"),
        records[0].clear,
        records[-1]["tags"].sort,
    ]
    refused = 0
    for way in ways:
        try:
            way()
        except TypeError as error:
            refused += "read-only" in str(error)
    return refused


def look(records, results):
    return {"records": records, "results": results}


def run(records, backend, work, **options):
    workflow = attune_nb.loads(RECORDS)
    return workflow.run(
        {"records": records},
        backend=backend,
        workers=1,
        actions={"work": work, "look": look},
        progress=False,
        **options,
    )


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_action_cannot_change_records_that_others_see(backend):
    done = run(make_records(), backend, change_input)
    done.raise_for_status()
    assert done.result("work") == [7] * COUNT
    assert done.result("look")["records"] == make_records()


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_copy_of_its_own_may_be_changed(backend):
    @attune_nb.action(mutable_input=True)
    def change_copy(record, records):
        record["tags"][1].append("mine")
        records.clear()
        return record["tags"][1][-1]

    done = run(make_records(), backend, change_copy)
    done.raise_for_status()
    assert done.result("work") == ["mine"] * COUNT
    assert done.result("look")["records"] == make_records()


@pytest.mark.parametrize("backend", ["inline", "threads"])
def test_an_action_that_changes_its_earlier_result_changes_no_record(backend):
    shared = {"rows": [{"ids": []}]}

    def grow_result(record, records):
        shared["rows"][0]["ids"].append(record["id"])
        shared["last"] = len(shared["rows"][0]["ids"])
        return shared

    done = run(make_records(), backend, grow_result)
    done.raise_for_status()
    lengths = [len(result["rows"][0]["ids"]) for result in done.result("work")]
    assert sorted(lengths) == list(range(1, COUNT + 1))
    assert done.result("look")["results"] == done.result("work")


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_caller_cannot_change_a_run_in_the_background(backend):
    """The caller keeps the records and changes all of them once the run has started."""
    records = make_records()
    changed = threading.Event()

    def wait_and_return(record, records):
        return [record["id"], record["tags"][1][0], len(records)]

    def wait_for_change(record, records):
        changed.wait(30)
        return wait_and_return(record, records)

    work = wait_for_change if backend == "threads" else wait_and_return
    background = run(records, backend, work, background=True)
    for record in records:
        record["tags"][1].clear()
        record["tags"].append("changed")
        record["id"] = -1
    records.clear()
    changed.set()

    background.wait()
    background.raise_for_status()
    assert background.result("work") == [[number, number, COUNT] for number in range(COUNT)]
    assert background.result("look")["records"] == make_records()


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_caller_cannot_change_a_table_of_a_run(backend):
    frame = pd.DataFrame({"id": range(COUNT), "name": "x"})
    background = run(
        frame, backend, lambda record, records: [record["id"], len(records)], background=True
    )
    frame["id"] = -1
    frame.loc[COUNT] = [-1, "changed"]

    background.wait()
    background.raise_for_status()
    assert background.result("work") == [[number, COUNT] for number in range(COUNT)]


def test_a_template_cannot_change_a_record():
    with pytest.raises(attune_nb.WorkflowError, match="no method `update`; values are read-only"):
        attune_nb.loads(RECORDS.replace("{{ item }}", "{{ item.update(id=1) }}"))
