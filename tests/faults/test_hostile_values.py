"""Values and texts that break tools: none of them ends the record of a run, or the engine.

Each table below has one line a case; a new case needs no code. A case runs a workflow with a
store, and reads the run back.
"""

import pytest

import attune_nb

# a file name that is no UTF-8, as Python reads it
SURROGATE = "caf\udce9"

CALL = """
tasks:
  - name: call
    action: act
output_map: {result: "{{ task.call.result }}"}
"""
PASS_ON = """
parameters: {value: {type: any}}
tasks:
  - name: call
    action: act
    input: {value: "{{ parameters.value }}"}
output_map: {result: "{{ task.call.result }}"}
"""
ASK = """
parameters: {value: {type: any}}
tasks:
  - {name: ask, action: core.ask, input: {prompt: "{{ parameters.value }}"}}
output_map: {result: "{{ task.ask.result.response }}"}
"""


def run_of(text, tmp_path, parameters=None, **options):
    """Run a workflow with a store; return the run, and the same run read back from the store."""
    store = tmp_path / "runs.db"
    workflow = attune_nb.loads(text)
    run = workflow.run(parameters or {}, store=store, progress=False, **options)
    return run, attune_nb.open_run(run.run_id, store=store)


def raise_error(error):
    """Return an action that raises an error."""

    def act(**_):
        raise error

    return act


def return_value(value):
    """Return an action that returns a value."""
    return lambda **_: value


# each text is recorded, and read back as it was: where it stands, the workflow, the options
RECORDED_TEXTS = [
    ("an error", CALL, lambda text: {"actions": {"act": raise_error(ValueError(text))}}),
    ("a result", CALL, lambda text: {"actions": {"act": return_value(text)}}),
    ("a key", CALL, lambda text: {"actions": {"act": return_value({text: [text]})}}),
    ("the name of a run", CALL, lambda text: {"name": text, "actions": {"act": return_value(1)}}),
    ("a question", ASK, lambda text: {"parameters": {"value": text}, "answers": {"ask": 1}}),
    ("an answer", ASK, lambda text: {"parameters": {"value": "?"}, "answers": {"ask": text}}),
    ("configuration", CALL, lambda text: {"config": {"a": text}, "actions": {"act": int}}),
    ("an error's data", CALL, lambda text: {"actions": {"act": raise_error(
        attune_nb.ActionError(text, {text: text}))}}),
    ("a type's module", CALL, lambda text: {"actions": {"act": return_value(
        type("Odd", (), {"__module__": text, "__qualname__": text})())}}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("workflow", "make_options"),
    [case[1:] for case in RECORDED_TEXTS],
    ids=[case[0] for case in RECORDED_TEXTS],
)
def test_any_text_is_recorded(workflow, make_options, tmp_path):
    run, reopened = run_of(workflow, tmp_path, **make_options(SURROGATE))

    assert reopened.status == run.status
    assert reopened.error == run.error
    assert reopened.workflow_name == run.workflow_name
    assert [type(event) for event in reopened.events] == [type(event) for event in run.events]


# messages of millions of characters: each stands on record once, short, with its length
LONG_MESSAGES = [
    ("one word", lambda: ValueError("x" * 50_000_000), "50,000,000"),
    ("many words", lambda: ValueError("word " * 10_000_000), "50,000,000"),
    ("a key", lambda: KeyError("x" * 50_000_000), "50,000,012"),
    ("an exit", lambda: SystemExit("x" * 50_000_000), "50,000,012"),
    ("a group", lambda: ExceptionGroup("g", [ValueError("x" * 50_000_000)]), "50,000,000"),
]


@pytest.mark.parametrize(
    ("make_error", "length"),
    [case[1:] for case in LONG_MESSAGES],
    ids=[case[0] for case in LONG_MESSAGES],
)
def test_a_long_message_is_cut_with_its_length(make_error, length, tmp_path):
    run, reopened = run_of(CALL, tmp_path, actions={"act": raise_error(make_error())})

    assert len(run.error) < 66_000
    assert length in run.error
    assert reopened.error == run.error
    assert (tmp_path / "runs.db").stat().st_size < 1_000_000
