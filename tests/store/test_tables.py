"""Tables on record: DataFrames, Series, arrays of NumPy and tables of Arrow in the results."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support import typed_tables
from support.typed_tables import ALL, is_same

import attune_nb
from attune_nb.events import AttemptsEnded
from attune_nb.store.event_rows import row_of

TESTS = Path(typed_tables.__file__).parents[1]

ONE = """
tasks: [{name: load, action: load, input: {}}]
output_map: {table: "{{ task.load.result }}"}
"""


def run_load(load, store, text=ONE, **options):
    workflow = attune_nb.loads(text)
    return workflow.run(actions={"load": load}, store=store, progress=False, **options)


def files_of(store):
    """Return the names of the files with tables."""
    folder = store.with_name(f"{store.name}.tables")
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@pytest.fixture
def store(tmp_path):
    return tmp_path / "runs.db"


def find_changed(results):
    """Return the names of the tables that did not come back as they were."""
    pairs = zip(ALL, results, strict=True)
    return [name for name, result in pairs if not is_same(ALL[name], result)]


def formats_on_record(run):
    """Return the formats of the tables that are results of the run's attempts."""
    batches = [event.batch for event in run.events if isinstance(event, AttemptsEnded)]
    return {table.file_format for batch in batches for table in batch.results}


def run_all(store):
    """Run an action that returns each of the tables, and open the run from its record."""
    tables = list(ALL.values())
    workflow = attune_nb.loads(WITH_ITEMS)
    count = {"count": len(tables)}
    actions = {"load": lambda index: tables[index]}
    run = workflow.run(count, actions=actions, store=store, progress=False)
    return attune_nb.open_run(run.run_id, store)


WITH_ITEMS = """
parameters: {count: {type: integer}}
tasks:
  - name: load
    action: load
    with_items: "{{ range(parameters.count) }}"
    input: {index: "{{ item }}"}
output_map: {tables: "{{ task.load.result }}"}
"""


def test_tables_of_each_type_come_back_from_the_record(store):
    run = run_all(store)

    assert run.alerts == []
    assert find_changed(run.result("load")) == []
    assert find_changed(run.output["tables"]) == []
    assert find_changed(run.items("load")["result"]) == []
    assert formats_on_record(run) == {"arrow", "npy", "npz"}


@pytest.mark.slow
def test_tables_come_back_without_pyarrow(store):
    script = f"""
import sys
sys.modules["pyarrow"] = None
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from test_tables import find_changed, formats_on_record, run_all

run = run_all(Path({str(store)!r}))
assert run.alerts == [], run.alerts
assert find_changed(run.result("load")) == []
assert formats_on_record(run) == {{"npy", "npz"}}
"""
    child = subprocess.run(
        [sys.executable, "-c", script], cwd=TESTS, capture_output=True, text=True, check=False
    )
    assert child.returncode == 0, child.stderr


def test_a_table_of_arrow_comes_back(store):
    pa = pytest.importorskip("pyarrow")

    table = pa.table({"a": [1, None], "b": [{"x": 1}, None], "t": ["x", "y"]})
    run = run_load(lambda: table, store)
    assert attune_nb.open_run(run.run_id, store).result("load").equals(table)


def test_tables_within_arrays_and_objects_come_back(store):
    result = {"frames": [pd.DataFrame({"a": [1]}), {"array": np.arange(3)}], "count": 2}
    run = run_load(lambda: result, store)

    opened = attune_nb.open_run(run.run_id, store).result("load")
    assert opened["count"] == 2
    assert opened["frames"][0].equals(result["frames"][0])
    assert opened["frames"][1]["array"].tolist() == [0, 1, 2]


def test_other_programs_read_the_file_of_a_frame(store):
    run_load(lambda: pd.DataFrame({"city": ["Bonn"], "people": [3]}), store)

    (name,) = files_of(store)
    path = store.with_name("runs.db.tables") / name
    assert pd.read_feather(path).to_dict("list") == {"city": ["Bonn"], "people": [3]}


def test_equal_tables_are_one_file(store):
    for _ in range(2):
        run_load(lambda: [pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [1]})], store)
    assert len(files_of(store)) == 1


def test_a_frame_with_an_open_file_is_a_marker_with_an_alert(store):
    with Path(__file__).open() as file:
        run = run_load(lambda: pd.DataFrame({"a": [file]}), store)

    assert files_of(store) == []
    reason = "a pandas.DataFrame cannot be written (a cell holds an object that is not plain data)"
    assert run.alerts == [
        f"the record holds only a marker in place of results of `load`: {reason}",
        f"the record holds only a marker in place of the output: {reason}",
    ]


@pytest.mark.parametrize("path", [(), ("frame",), (0, "frame")], ids=str)
def test_an_event_with_a_table_is_encoded_once(path, store, monkeypatch):
    encoded = []

    def count(event):
        encoded.append(type(event).__name__)
        return row_of(event)

    value = pd.DataFrame({"a": [1]})
    for key in reversed(path):
        value = {key: value} if isinstance(key, str) else [value]
    monkeypatch.setattr("attune_nb.store.run_writer.row_of", count)
    run_load(lambda: value, store)

    assert encoded.count("AttemptsEnded") == 1
    assert len(files_of(store)) == 1


PARAMETER = """
parameters: {table: {}}
tasks:
  - {name: load, action: load, input: {table: "{{ parameters.table }}"}, next: [{do: last}]}
  - {name: last, action: load, input: {table: "{{ parameters.table }}"}}
"""


def test_a_fork_has_the_table_that_was_a_parameter(store):
    table = pd.DataFrame({"a": [1, 2]})
    actions = {"load": lambda table: int(table["a"].sum())}
    workflow = attune_nb.loads(PARAMETER)
    run = workflow.run({"table": table}, actions=actions, store=store, progress=False)

    opened = attune_nb.open_run(run.run_id, store)
    assert opened.fork("last", actions=actions, progress=False).alerts == []
    same = opened.fork("last", {"table": table.copy()}, actions=actions, progress=False)
    assert same.alerts == []
    other = opened.fork("last", {"table": table + 1}, actions=actions, progress=False)
    assert other.result("last") == 5
    assert "reads `parameters.table`, which changed" in other.alerts[0]
