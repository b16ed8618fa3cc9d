"""Tables on their way to other processes and back."""

import pandas as pd
import pytest
from support.typed_tables import ALL, FRAMES, is_same

import attune_nb
from attune_nb.backends.chunks.serialize import pack, unpack

WITH_ITEMS = """
parameters: {tables: {type: array}}
tasks:
  - name: pass
    action: pass_on
    with_items: "{{ parameters.tables }}"
    input: {table: "{{ item }}"}
"""


def cross(table):
    return unpack(pack([table]))[0]


@pytest.mark.parametrize("backend", ["processes", "dask"])
def test_tables_of_each_type_cross_to_a_worker_and_back(backend):
    workflow = attune_nb.loads(WITH_ITEMS)
    run = workflow.run(
        {"tables": list(ALL.values())},
        actions={"pass_on": lambda table: table},
        backend=backend,
        progress=False,
    )
    assert run.status == "succeeded"
    pairs = zip(ALL, run.result("pass"), strict=True)
    assert [name for name, result in pairs if not is_same(ALL[name], result)] == []


@pytest.mark.parametrize("name", [name for name in FRAMES if len(FRAMES[name])])
def test_a_long_table_crosses_as_it_is(name):
    table = pd.concat([FRAMES[name]] * 150)
    assert is_same(table, cross(table))


def test_only_the_rows_of_a_slice_cross():
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"a": range(100_000), "text": ["x" * 10] * 100_000})
    part = table.slice(500, 5)

    assert len(pack([part])) < 5_000
    assert cross(part).equals(part)


def test_strings_cross_in_one_buffer():
    pytest.importorskip("pyarrow")
    table = pd.DataFrame({"a": pd.Series([f"row {i}" for i in range(1_000)], dtype=object)})
    assert b"ARROW1" in pack([table]).separately[0]
    assert is_same(table, cross(table))


def test_a_table_that_came_from_another_process_can_be_changed():
    table = cross(pd.DataFrame({"a": ["x"] * 200, "b": range(200)}, dtype=object))
    table.iloc[0, 1] = 5
    table["c"] = 1
    assert table.iloc[0].tolist() == ["x", 5, 1]
