"""Values of types that JSON lacks, and a run that hands each of them on in every way."""

import enum
import os
import signal
import time as clock
from collections import deque, namedtuple
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from ipaddress import ip_address, ip_interface, ip_network
from pathlib import Path, PurePosixPath, PureWindowsPath
from uuid import UUID
from zoneinfo import ZoneInfo

import pandas as pd

import attune_nb

Point = namedtuple("Point", "x y")  # noqa: PYI024 - made as most code makes them


class Segment(namedtuple("Segment", "begin end")):  # noqa: PYI024, SLOT002 - likewise
    """A named tuple with a method, as much code makes them."""

    def length(self):
        return self.end - self.begin


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Stage(enum.StrEnum):
    TEST = "test"


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
    "enum of strings": Stage.TEST,
    "flags": Right.READ | Right.WRITE,
    "range": range(1, 9, 2),
    "fraction": Fraction(1, 3),
    "named tuple": Point(1, 2),
    "named tuple with methods": Segment(1, 4),
    "address": ip_address("fe80::1%eth0"),
    "interface": ip_interface("10.0.0.7/8"),
    "network": ip_network("10.0.0.0/8"),
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

ALL = {**NOT_ON_RECORD, **ON_RECORD}

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


def run_echo(value, many, **options):
    """Run a value as a parameter, a result and a published value, and others as items."""
    return attune_nb.loads(ECHO).run(
        {"value": value, "many": many}, actions={"echo": echo}, progress=False, **options
    )


CUT = """
parameters: {many: {type: array}}
tasks:
  - name: each
    action: echo
    with_items: "{{ parameters.many }}"
    input: {value: "{{ item }}"}
    next: [{publish: [{told: "{{ result() }}"}], do: last}]
  - name: last
    action: last
    input: {value: "{{ workflow.told }}"}
"""


def run_until_killed(store):
    """Run all values as items; once they are on record, the process is killed by the next task."""

    def die(value):
        while _count_items(store) < len(ALL):
            clock.sleep(0.02)
        os.kill(os.getpid(), signal.SIGKILL)

    attune_nb.loads(CUT).run(
        {"many": list(ALL.values())},
        actions={"echo": echo, "last": die},
        store=store,
        progress=False,
    )


def _count_items(store):
    """Return how many items a store holds of its run."""
    runs = attune_nb.runs(store)
    if not len(runs):
        return 0
    try:
        return len(attune_nb.open_run(runs["run_id"][0], store=store).items("each"))
    except attune_nb.LookupFailed:
        return 0


def is_same(value, expected):
    """Return whether two values are equal and of one type.

    An array, an object and a tuple of a run have types of their own. The text of a value shows
    the zone, the fold and the length of a deque, which equality does not.
    """
    if repr(value) != repr(expected):
        return False
    if expected is pd.NaT:
        return value is expected
    if type(expected) in (tuple, dict):
        return isinstance(value, type(expected)) and value == expected
    return type(value) is type(expected) and value == expected
