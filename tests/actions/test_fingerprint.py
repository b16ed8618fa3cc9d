"""Versions of an action are told apart by their code, in any process."""

import subprocess
import sys

import pytest

from attune_nb.actions.fingerprint import fingerprints
from attune_nb.actions.registry import CORE, Action

PLAIN = """
def act(x, kinds=("a", 1)):
    if x in {"one", "two", "three"}:
        return [each + 1 for each in x]
    return None
"""
ALIKE = [
    PLAIN.replace("    if", "    # a comment\n\n    if"),
    "\n\n" + PLAIN,
]
OTHERS = [
    PLAIN.replace("+ 1", "+ 2"),
    PLAIN.replace("three", "four"),
    PLAIN.replace('"a", 1', '"a", 2'),
    PLAIN.replace("return None", "return x.y"),
    PLAIN.replace("each + 1", "each - 1"),
]


def of(text):
    space = {}
    exec(text, space)
    return fingerprints({"a": Action(name="act", function=space["act"])})["a"]


@pytest.mark.parametrize("text", ALIKE)
def test_what_does_the_same_is_the_same(text):
    assert of(text) == of(PLAIN)


@pytest.mark.parametrize("text", OTHERS)
def test_what_does_something_else_is_another(text):
    assert of(text) != of(PLAIN)


@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_it_is_the_same_in_another_process(seed):
    code = (
        "import sys; from attune_nb.actions.fingerprint import fingerprints; "
        "from attune_nb.actions.registry import Action; space = {}; "
        "exec(sys.argv[1], space); "
        "print(fingerprints({'a': Action(name='act', function=space['act'])})['a'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, PLAIN],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": seed},
    )
    assert done.stdout.strip() == of(PLAIN)


def test_core_actions_and_what_is_no_function_have_one_too():
    found = fingerprints({**CORE, "max": Action(name="max", function=max)})
    assert len(set(found.values())) == len(found)
