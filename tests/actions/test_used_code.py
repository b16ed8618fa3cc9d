"""What an action uses counts as its code: helpers, globals, defaults, closures, classes."""

import enum
import sys
import types
from dataclasses import dataclass

import pandas as pd
import pytest
from support.hash_seeds import print_with_seed

from attune_nb.actions.fingerprint import fingerprints, is_changed, own_code
from attune_nb.actions.registry import Action
from attune_nb.actions.used_code import digest_used_code

SOURCE = """
import functools
import re

LIMIT = 3
SETTINGS = {"hosts": ["a", "b"], "kinds": {"x", "y", "z"}}
PATTERN = re.compile("a+")
calls = []
total = 0


class Base:
    size = 1


class Checker(Base):
    retries = 2

    def check(self, n):
        return n


def scale(n, factor=2):
    return n * factor + LIMIT


@functools.cache
def cached(n):
    return n + 1


def make(start):
    def add(n):
        return n + start
    return add


add = make(5)
half = functools.partial(scale, factor=0.5)


def act(n, unit="ms", *, places=2):
    global total
    total += 1
    calls.append(n)
    found = []
    found.append(Checker().check(scale(n)))
    return [found, SETTINGS["hosts"], PATTERN.match("a"), cached(n), add(n), half(n)]
"""


def load(source):
    """Return the names that a source defines, as in a notebook."""
    namespace = {"__name__": "__main__"}
    exec(source, namespace)
    return namespace


def digest(source):
    return digest_used_code(load(source)["act"])


def action(function):
    return Action(name="act", function=function)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("n * factor", "n / factor"),
        ("factor=2", "factor=3"),
        ("LIMIT = 3", "LIMIT = 4"),
        ('["a", "b"]', '["a", "c"]'),
        ('"z"}', '"w"}'),
        ("a+", "b+"),
        ("size = 1", "size = 2"),
        ("retries = 2", "retries = 3"),
        ("        return n\n", "        return -n\n"),
        ("return n + 1", "return n + 2"),
        ("return n + start", "return n - start"),
        ("make(5)", "make(6)"),
        ("factor=0.5", "factor=0.25"),
        ('unit="ms"', 'unit="s"'),
        ("places=2", "places=3"),
    ],
)
def test_a_change_in_what_an_action_uses_counts(before, after):
    assert before in SOURCE
    assert digest(SOURCE) != digest(SOURCE.replace(before, after))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("calls = []", "calls = [1, 2, 3]"),
        ("total = 0", "total = 7"),
        ("LIMIT = 3", "# comment\nOTHER = 9\nLIMIT = 3"),
        ("def scale", "\n\n\ndef scale"),
    ],
    ids=["a list it appends to", "a counter it assigns", "an unused global", "a position"],
)
def test_what_is_no_part_of_the_code_does_not_count(before, after):
    assert digest(SOURCE) == digest(SOURCE.replace(before, after))


def test_calls_do_not_change_the_digest():
    """Lists, counters and caches that an action itself fills are no code."""
    act = load(SOURCE)["act"]
    before = digest_used_code(act)
    act(3)
    assert digest_used_code(act) == before


def test_a_variable_that_the_action_assigns_does_not_count():
    def make():
        count = 0

        def act():
            nonlocal count
            count += 1

        return act

    act = make()
    before = digest_used_code(act)
    act()
    assert digest_used_code(act) == before


class Level(enum.Enum):
    LOW = 1
    HIGH = 2


@dataclass
class Config:
    limit: int
    names: tuple


class Client:
    def __init__(self):
        self.sent = 0


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (Config(3, ("a",)), Config(4, ("a",))),
        (Config(3, ("a",)), Config(3, ("b",))),
        (Level.LOW, Level.HIGH),
        (types.SimpleNamespace(limit=3), types.SimpleNamespace(limit=4)),
        (pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [1], "b": [2]})),
        (pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]})),
        (pd.DataFrame({"a": [1]}), pd.DataFrame({"a": ["1"]})),
        (pd.Series([1]), pd.Series([1.5])),
        ("x" * 100, "x" * 101),
        (list(range(10**6)), list(range(10**6 + 1))),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_of_many_kinds_count(before, after):
    assert digest_used_code(lambda: before) != digest_used_code(lambda: after)
    same = before
    assert digest_used_code(lambda: before) == digest_used_code(lambda: before)
    assert same is before


def test_the_state_of_a_client_does_not_count():
    client = Client()
    before = digest_used_code(lambda: client)
    client.sent = 12
    assert digest_used_code(lambda: client) == before


def test_a_helper_of_an_own_module_counts(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "own_helpers.py"
    source = "import own_helpers\ndef act(n):\n    return own_helpers.scale(n)"
    digests = []
    for body in ("n * 2", "n * 3"):
        file.write_text(f"def scale(n):\n    return {body}\n\ndef other(n):\n    return n\n")
        monkeypatch.delitem(sys.modules, "own_helpers", raising=False)
        sys.modules["own_helpers"] = module = types.ModuleType("own_helpers")
        module.__file__ = str(file)
        exec(compile(file.read_text(), str(file), "exec"), vars(module))
        digests.append(digest(source))
    assert digests[0] != digests[1]


def test_an_object_that_cannot_be_looked_at_is_no_error():
    class Hostile:
        shape = property(lambda self: 1 / 0)

        def __getattr__(self, name):
            raise RuntimeError(name)

        @property
        def __class__(self):
            raise RuntimeError("no request")

    hostile = Hostile()
    limit = 3
    assert digest_used_code(lambda: hostile) == digest_used_code(lambda: hostile)
    before = digest_used_code(lambda: (hostile, limit))
    limit = 4
    assert digest_used_code(lambda: (hostile, limit)) != before


def test_functions_that_use_each_other_have_a_digest():
    source = "def act(n):\n    return other(n)\n\ndef other(n):\n    return act(n) if n else {}"
    assert digest(source) == digest(source)
    assert digest(source) != digest(source.replace("{}", "[]"))


@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_a_digest_is_the_same_in_another_process(seed):
    code = (
        "import sys; from attune_nb.actions.used_code import digest_used_code; "
        "namespace = {'__name__': '__main__'}; exec(sys.argv[1], namespace); "
        "print(digest_used_code(namespace['act']))"
    )
    assert print_with_seed(code, seed, SOURCE) == digest(SOURCE)


def test_only_records_that_know_what_is_used_are_compared_by_it():
    """Older records hold the digits of the function itself only."""
    before = fingerprints({"a": action(load(SOURCE)["act"])})["a"]
    now = fingerprints({"a": action(load(SOURCE.replace("LIMIT = 3", "LIMIT = 4"))["act"])})["a"]
    assert is_changed(before, now)
    assert own_code(before) == own_code(now)
    assert not is_changed(own_code(before), now)
    assert not is_changed(before, own_code(now))
