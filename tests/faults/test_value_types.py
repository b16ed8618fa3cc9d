"""Faults of values that others met: types that JSON lacks, and missing cells of tables.

A row of a table is a value. It goes through a run as a parameter, an item, a result and a
published value, and comes back from the store as it was.
"""

import enum
from collections import deque, namedtuple
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PurePosixPath, PureWindowsPath
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

import attune_nb

Point = namedtuple("Point", "x y")  # noqa: PYI024 - made as most code makes them


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Right(enum.Flag):
    READ = 1
    WRITE = 2


# values that the record did not hold, or held as another type
NOT_ON_RECORD = {
    "path": Path("/tmp/a b"),
    "path of bytes": Path("caf\udce9"),
    "pure path": PurePosixPath("a/b"),
    "path of Windows": PureWindowsPath("C:/x"),
    "moment of pandas": pd.Timestamp("2024-01-02T03:04:05.123456789", tz="Europe/Berlin"),
    "duration of pandas": pd.Timedelta(90, "s"),
    "enum": Color.RED,
    "enum of integers": Level.HIGH,
    "flags": Right.READ | Right.WRITE,
    "range": range(1, 9, 2),
    "fraction": Fraction(1, 3),
    "named tuple": Point(1, 2),
    "bytearray": bytearray(b"\xff\x00"),
    "deque": deque([1, 2], 5),
    "moment with a zone": datetime(2024, 7, 1, tzinfo=ZoneInfo("Europe/Berlin")),
    "missing moment": pd.NaT,
    "path in an object": {"deep": [Path("a"), (Path("b"),)]},
}

# values that the record held already; they must stay so
ON_RECORD = {
    "date": date(2024, 1, 2),
    "moment": datetime(2024, 1, 2, 3, 4, tzinfo=UTC),
    "time": time(3, 4),
    "duration": timedelta(days=1, seconds=2),
    "decimal": Decimal("1.10"),
    "uuid": UUID(int=1),
    "complex": 1 + 2j,
    "bytes": b"\xff\x00",
    "tuple": (1, (2, 3)),
    "set": frozenset({1, 2}),
}

# values that become plain ones as soon as they come in
MADE_PLAIN = {
    "float of NumPy": (np.float32(0.5), 0.5),
    "integer of NumPy": (np.int64(3), 3),
    "boolean of NumPy": (np.bool_(1), True),
    "string of NumPy": (np.str_("a"), "a"),
    "day of NumPy": (np.datetime64("2024-01-02"), date(2024, 1, 2)),
    "nanoseconds of NumPy": (np.datetime64(1, "ns"), pd.Timestamp(1, unit="ns")),
    "duration of NumPy": (np.timedelta64(1, "ns"), pd.Timedelta(1, "ns")),
    "subclass of int": (type("Count", (int,), {})(3), 3),
    "subclass of float": (type("Ratio", (float,), {})(0.5), 0.5),
}

ECHO = """
parameters: {value: {}, many: {type: array}}
tasks:
  - name: one
    action: echo
    input: {value: "{{ parameters.value }}"}
    next: [{publish: [{told: "{{ result() }}"}], do: each}]
  - name: each
    action: echo
    with_items: "{{ parameters.many }}"
    input: {value: "{{ item }}"}
    next: [{do: last}]
  - name: last
    action: echo
    input: {value: "{{ workflow.told }}"}
output_map: {value: "{{ task.last.result }}", many: "{{ task.each.result }}"}
"""


def echo(value):
    return value


@pytest.fixture
def store(tmp_path):
    return tmp_path / "runs.db"


def run_echo(value, **options):
    return attune_nb.loads(ECHO).run(
        {"value": value, "many": [value, value]},
        actions={"echo": echo},
        progress=False,
        **options,
    )


def is_same(value, expected):
    """Return whether two values are equal and of one type; a tuple of a run has its own."""
    if type(expected) is tuple:
        return isinstance(value, tuple) and value == expected
    if expected is pd.NaT:
        return value is expected
    if isinstance(expected, dict):
        return value == expected
    return type(value) is type(expected) and value == expected


def assert_holds(run, expected):
    assert run.status == "succeeded"
    for value in (run.result("one"), *run.result("each"), run.result("last")):
        assert is_same(value, expected)
    assert is_same(run.output["value"], expected)


@pytest.mark.parametrize("backend", ["inline", "threads"])
@pytest.mark.parametrize("name", [*NOT_ON_RECORD, *ON_RECORD])
def test_a_value_is_on_record_and_comes_back(name, backend, store):
    value = {**NOT_ON_RECORD, **ON_RECORD}[name]
    run = run_echo(value, backend=backend, store=store)

    assert_holds(run, value)
    assert_holds(attune_nb.open_run(run.run_id, store=store), value)


@pytest.mark.parametrize(("value", "plain"), MADE_PLAIN.values(), ids=MADE_PLAIN)
def test_a_number_of_another_type_is_a_plain_one(value, plain, store):
    run = run_echo(value, backend="inline", store=store)

    assert_holds(run, plain)
    assert_holds(attune_nb.open_run(run.run_id, store=store), plain)


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
