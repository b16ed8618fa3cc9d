"""The entries of the reference: complete, plain, with examples that work."""

import pytest

import attune_nb as attune
from attune_nb.language import editor_schema
from attune_nb.reference.parameter_keys import PARAMETER_KEYS
from attune_nb.reference.workflow_keys import KEYS

ENTRIES = [*KEYS, *PARAMETER_KEYS]
WORKFLOWS = [entry for entry in ENTRIES if "tasks:" in entry.example]
SCHEMA = editor_schema.json_schema()["$defs"]

# the definition of the schema whose keys have entries of a kind
DEFINITIONS = {
    "workflow key": "workflow",
    "task key": "task",
    "retry key": "retry",
    "transition key": "transition",
    "branch key": "branch",
    "decision key": "choice",
    "parameter key": "parameter",
}


def name_of(entry):
    return f"{entry.kind} {entry.name}".replace(" ", "-")


@pytest.mark.parametrize("entry", WORKFLOWS, ids=name_of)
def test_an_example_runs_as_pasted(entry):
    workflow = attune.loads(entry.example)

    run = workflow.run()

    assert workflow.check() == []
    assert run.status == "succeeded"


@pytest.mark.parametrize("entry", ENTRIES, ids=name_of)
def test_an_example_has_the_word(entry):
    assert entry.name in entry.example


@pytest.mark.parametrize("entry", ENTRIES, ids=name_of)
def test_an_explanation_is_short(entry):
    assert entry.explanation[0].isupper()
    assert entry.explanation.endswith(".")
    assert 1 <= entry.explanation.count(". ") + 1 <= 3


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_the_editor_shows_the_explanation_of_each_key(kind):
    described = {
        key: schema["description"]
        for key, schema in SCHEMA[DEFINITIONS[kind]]["properties"].items()
        if "-" not in key
    }

    entries = {
        entry.name: entry.explanation
        for entry in ENTRIES
        if entry.kind == kind and entry.form != "rare"
    }
    assert described == entries


def test_no_word_has_two_entries_of_one_kind():
    words = [(entry.kind, entry.name) for entry in ENTRIES]

    assert len(words) == len(set(words))
