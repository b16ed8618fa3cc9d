"""The grammar of `iri` is built when it is first used, not when a workflow is loaded."""

import subprocess
import sys

import pytest

# installed with Jupyter
pytest.importorskip("rfc3987_syntax")

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
    validator = version({"format": "iri"}, format_checker=checker)
    values = ["http://h\\u00f6.example/", "no iri", 7]
    print(*(validator.is_valid(value) for value in values))
    print(version({"format": "iri-reference"}, format_checker=checker).is_valid("<>"))
"""


def run_code(code):
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return process.stdout.splitlines()


def test_loading_a_workflow_does_not_build_the_grammar():
    assert run_code(LOADED + 'print("lark" in sys.modules)') == ["False"]


def test_other_users_of_jsonschema_find_the_format():
    assert run_code(LOADED + CHECKED) == run_code(CHECKED) == ["True False True", "False"] * 2


def test_an_earlier_import_is_not_changed():
    assert run_code("import jsonschema\n" + LOADED + CHECKED) == ["True False True", "False"] * 2
