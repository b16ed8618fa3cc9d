"""Faults of values that others met: types that JSON lacks, and missing cells of tables.

A row of a table is a value. It goes through a run as a parameter, an item, a result and a
published value, and comes back from the store as it was. Add a type to `NOT_ON_RECORD`.
"""

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from fractions import Fraction
from ipaddress import ip_address, ip_network
from pathlib import Path, PurePath, PureWindowsPath
from uuid import UUID

import numpy as np
import pandas as pd
import pytest
from support.typed_values import NOT_ON_RECORD, Color, Stage, is_same, run_echo

import attune_nb

# values that become plain ones as soon as they come in
MADE_PLAIN = {
    "nanoseconds of NumPy": (np.datetime64(1, "ns"), pd.Timestamp(1, unit="ns")),
    "duration of NumPy": (np.timedelta64(1, "ns"), pd.Timedelta(1, "ns")),
    "subclass of int": (type("Count", (int,), {})(3), 3),
    "subclass of float": (type("Ratio", (float,), {})(0.5), 0.5),
}


def assert_holds(run, expected):
    assert run.status == "succeeded"
    for value in (run.result("one"), *run.result("each"), run.result("last")):
        assert is_same(value, expected)
    assert is_same(run.output["value"], expected)


@pytest.mark.parametrize("value", NOT_ON_RECORD.values(), ids=NOT_ON_RECORD)
def test_a_value_is_on_record_and_comes_back(value, tmp_path):
    store = tmp_path / "runs.db"
    run = run_echo(value, [value, value], backend="inline", store=store)

    assert_holds(run, value)
    assert_holds(attune_nb.open_run(run.run_id, store=store), value)


@pytest.mark.parametrize(("value", "plain"), MADE_PLAIN.values(), ids=MADE_PLAIN)
def test_a_number_of_another_type_is_a_plain_one(value, plain, tmp_path):
    store = tmp_path / "runs.db"
    run = run_echo(value, [value, value], backend="inline", store=store)

    assert_holds(run, plain)
    assert_holds(attune_nb.open_run(run.run_id, store=store), plain)


TEXTS = {
    "path": (Path("/tmp/a b"), "/tmp/a b"),
    "path of Windows": (PureWindowsPath("C:/x"), "C:\\x"),
    "date": (date(2024, 1, 2), "2024-01-02"),
    "moment": (datetime(2024, 1, 2, tzinfo=UTC), "2024-01-02T00:00:00+00:00"),
    "time": (time(3, 4), "03:04:00"),
    "moment of pandas": (pd.Timestamp("2024-01-02"), "2024-01-02T00:00:00"),
    "decimal": (Decimal("1.10"), "1.10"),
    "fraction": (Fraction(1, 3), "1/3"),
    "uuid": (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    "enum": (Color.RED, "red"),
    "enum of strings": (Stage.TEST, "test"),
    "address": (ip_address("10.0.0.7"), "10.0.0.7"),
    "network": (ip_network("10.0.0.0/8"), "10.0.0.0/8"),
}
WRITTEN = {
    "text": "<{{ parameters.value }}>",
    "joined": "{{ '<' ~ parameters.value ~ '>' }}",
    "function": "<{{ string(parameters.value) }}>",
    "filter": "<{{ parameters.value | string }}>",
}


@pytest.mark.parametrize("source", WRITTEN.values(), ids=WRITTEN)
@pytest.mark.parametrize(("value", "text"), TEXTS.values(), ids=TEXTS)
def test_a_value_has_its_plain_text(value, text, source):
    workflow = f"""
    parameters: {{value: {{}}}}
    tasks: [{{name: a, action: core.echo, input: {{message: "{source}"}}}}]
    """
    run = attune_nb.loads(workflow).run({"value": value}, backend="inline", progress=False)

    assert run.status == "succeeded"
    assert run.result("a")["message"] == f"<{text}>"


@pytest.mark.parametrize(("value", "text"), TEXTS.values(), ids=TEXTS)
def test_a_value_is_written_as_json(value, text):
    workflow = """
    parameters: {value: {}}
    tasks: [{name: a, action: core.echo, input: {message: "{{ to_json([parameters.value]) }}"}}]
    """
    run = attune_nb.loads(workflow).run({"value": value}, backend="inline", progress=False)

    assert run.status == "succeeded"
    assert json.loads(run.result("a")["message"]) == [text]


# paths always could be variables: `tests/actions/test_shell.py` holds that
VARIABLES = {name: row for name, row in TEXTS.items() if not isinstance(row[0], PurePath)}


@pytest.mark.parametrize(("value", "text"), VARIABLES.values(), ids=VARIABLES)
def test_a_value_is_in_the_environment_of_a_command(value, text):
    workflow = """
    parameters: {value: {}}
    tasks:
      - name: a
        action: core.shell
        input: {cmd: 'printf %s "$VALUE"', env: {VALUE: "{{ parameters.value }}"}}
    """
    run = attune_nb.loads(workflow).run({"value": value}, backend="threads", progress=False)

    assert run.status == "succeeded"
    assert run.result("a")["stdout"] == text


ROWS = """
parameters: {table: {}}
tasks:
  - name: each
    action: core.echo
    with_items: "{{ parameters.table }}"
    input: {message: "{{ 'full' if item.cell else 'empty' }}<{{ item.cell }}>"}
"""
COLUMNS = {
    "texts with None": (["a", None], "full<a>"),
    "texts with NaN": (["a", float("nan")], "full<a>"),
    "texts with NA": (pd.array(["a", pd.NA], dtype="string"), "full<a>"),
    "integers with NA": (pd.array([1, pd.NA], dtype="Int64"), "full<1>"),
    "floats with NaN": ([0.5, float("nan")], "full<0.5>"),
    "booleans with NA": (pd.array([True, pd.NA], dtype="boolean"), "full<true>"),
    "dates with NaT": (pd.to_datetime(["2024-01-02", None]), "full<2024-01-02T00:00:00>"),
    "categories with NaN": (pd.Categorical(["a", None]), "full<a>"),
}


@pytest.mark.parametrize(("cells", "text"), COLUMNS.values(), ids=COLUMNS)
def test_a_missing_cell_of_a_table_is_null(cells, text):
    run = attune_nb.loads(ROWS).run({"table": pd.DataFrame({"cell": cells})}, progress=False)

    assert run.status == "succeeded"
    assert [result["message"] for result in run.result("each")] == [text, "empty<>"]
