"""Versions of an action differ in the fingerprint of their code, in any process."""

import pytest
from support.hash_seeds import print_with_seed

from attune_nb.actions.fingerprint import fingerprints, is_changed
from attune_nb.actions.registry import CORE, Action

SOURCE = """
def act(x, kinds=("a", 1)):
    if x in {"one", "two", "three"}:
        return [item + 1 for item in x]
    return None
"""
EQUIVALENT = [
    SOURCE.replace("    if", "    # a comment\n\n    if"),
    "\n\n" + SOURCE,
]
DIFFERENT = [
    SOURCE.replace("+ 1", "+ 2"),
    SOURCE.replace("three", "four"),
    SOURCE.replace('"a", 1', '"a", 2'),
    SOURCE.replace("return None", "return x.y"),
    SOURCE.replace("item + 1", "item - 1"),
]


def fingerprint(source):
    """Return the fingerprint of the function `act` of a source."""
    namespace = {}
    exec(source, namespace)
    return fingerprints({"a": Action(name="act", function=namespace["act"])})["a"]


@pytest.mark.parametrize("source", EQUIVALENT)
def test_comments_and_position_do_not_count(source):
    assert fingerprint(source) == fingerprint(SOURCE)


@pytest.mark.parametrize("source", DIFFERENT)
def test_other_code_has_another_fingerprint(source):
    assert fingerprint(source) != fingerprint(SOURCE)


@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_a_fingerprint_is_the_same_in_another_process(seed):
    code = (
        "import sys; from attune_nb.actions.fingerprint import fingerprints; "
        "from attune_nb.actions.registry import Action; namespace = {}; "
        "exec(sys.argv[1], namespace); "
        "print(fingerprints({'a': Action(name='act', function=namespace['act'])})['a'])"
    )
    assert print_with_seed(code, seed, SOURCE) == fingerprint(SOURCE)


def test_a_core_action_is_identified_by_its_name():
    assert fingerprints({"a": CORE["core.echo"]}) == {"a": "core.echo"}


def test_digits_of_older_records_are_compared_for_functions_only():
    digits = fingerprint(SOURCE)
    assert not is_changed(digits, digits)
    assert is_changed(digits, fingerprint(DIFFERENT[0]))
    assert not is_changed(digits, "core.echo")
    assert not is_changed(digits, "workflow 0123456789ab")
    assert is_changed("workflow ba9876543210", "workflow 0123456789ab")


def test_core_actions_and_builtins_have_fingerprints():
    texts = fingerprints({**CORE, "max": Action(name="max", function=max)})
    assert len(set(texts.values())) == len(texts)
