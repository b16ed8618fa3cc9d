"""The grammar of `iri` is built when it is first asked for, not when a workflow is loaded."""

import subprocess
import sys

import pytest

pytest.importorskip("rfc3987_syntax")  # Jupyter brings it

LOADED = """
import sys
import attune_nb
attune_nb.loads("parameters: {n: {type: integer}}\\ntasks: [{name: a, action: core.noop}]")
assert "jsonschema" in sys.modules
"""
CHECKED = """
import jsonschema
version = jsonschema.Draft202012Validator
for checker in (version.FORMAT_CHECKER, jsonschema.FormatChecker()):
    judge = version({"format": "iri"}, format_checker=checker)
    print(judge.is_valid("http://h\\u00f6.example/"), judge.is_valid("no iri"), judge.is_valid(7))
    print(version({"format": "iri-reference"}, format_checker=checker).is_valid("<>"))
"""


def ran(text):
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_loading_a_workflow_does_not_build_the_grammar():
    assert ran(LOADED + 'print("lark" in sys.modules)') == ["False"]


def test_whoever_checks_the_format_finds_it_as_without_us():
    assert ran(LOADED + CHECKED) == ran(CHECKED) == ["True False True", "False"] * 2


def test_what_was_imported_before_is_left_alone():
    assert ran("import jsonschema\n" + LOADED + CHECKED) == ["True False True", "False"] * 2
