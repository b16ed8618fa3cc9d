"""Define the actions of the runs in `written_by_278221c.db`.

The writer of the store and its tests both load this file. A run records a digest of the code of
its actions: after an edit here, a resumed run reports that its actions changed.
"""

import os
import threading
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pandas as pd

import attune_nb

calls = []  # (action, item) of every call in this process
blocked = set()  # items whose calls wait for `released`
failing = set()  # items whose next call fails
released = threading.Event()


def record(action, item):
    """Append a call to `calls`, and wait if its item is blocked."""
    calls.append((action, item))
    if item in blocked:
        released.wait()


def probe(host):
    """Return the size of a host's name."""
    record("probe", host)
    if host in failing:
        failing.discard(host)
        raise ConnectionError(f"{host} refused")
    return {"host": host, "size": len(host)}


def add(numbers):
    """Return the sum of a batch."""
    record("add", tuple(numbers))
    return sum(numbers)


def square(number):
    """Return the square of a number."""
    record("square", number)
    return number * number


def step(side, turn):
    """Return the side and the turn as one text."""
    record(side, f"{side} {turn}")
    return f"{side} {turn}"


def late(number):
    """Return the number, or time out while it is failing."""
    record("late", number)
    if number in failing:
        raise attune_nb.Timeout(f"{number} came late")
    return number


@attune_nb.action("older.pay", idempotent=False)
def pay(order):
    """Return a receipt."""
    record("pay", order)
    return f"paid {order}"


def login(key):
    """Return a header that holds the key."""
    record("login", "login")
    return {"auth": f"Bearer {key}"}


def fetch(auth, token):
    """Return the header and the token as one text."""
    record("fetch", "fetch")
    calls.append(("fetch with", f"{auth} {token}"))
    return f"{auth} {token}"


def inspect(kind, repaired):
    """Fail in the way that is named, unless repaired."""
    record("inspect", kind)
    if repaired or kind == "fine":
        return {"kind": kind}
    if kind == "value":
        raise ValueError("no such value")
    if kind == "key":
        raise KeyError("missing")
    if kind == "timeout":
        raise attune_nb.Timeout("too late")
    raise attune_nb.ActionError("exit code 3", {"exit_code": 3, "stdout": "half"})


def crash(kind, repaired):
    """End the worker process, or return a value that cannot be pickled, unless repaired."""
    if kind == "exit" and not repaired:
        os._exit(3)
    if kind == "lock" and not repaired:
        return threading.Lock()
    return {"kind": kind}


def kinds(index):
    """Return a value of each kind that the store keeps in a form of its own."""
    zone = timezone(timedelta(hours=2))
    return [
        (1, "two"),
        frozenset({1}),
        b"\x00\xff",
        datetime(2026, 1, 2, 3, 4, 5, tzinfo=zone),
        date(2026, 1, 2),
        time(3, 4, 5),
        timedelta(days=1, seconds=2),
        Decimal("1.50"),
        UUID(int=7),
        complex(1, -2),
        float("inf"),
        {1: "one", "$tuple": 2},
        {"$tuple": "no tag"},
        "lone \ud800 surrogate",
        pd.DataFrame({"x": [1, 2]}),
    ][index]


def write(length):
    """Return a text of that length."""
    record("write", length)
    return "x" * length


ACTIONS = {
    "add": add,
    "crash": crash,
    "fetch": fetch,
    "inspect": inspect,
    "kinds": kinds,
    "late": late,
    "login": login,
    "older.pay": pay,
    "probe": probe,
    "square": square,
    "step": step,
    "write": write,
}
