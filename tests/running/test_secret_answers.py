"""Answers that must not be shown, in a record neither."""

import pytest
from support.outcomes import wait_until

import attune_nb

SECRET = "open sesame"
ASK = """
tasks:
  - name: login
    action: core.ask
    input: {prompt: Your password?, response_schema: SCHEMA}
    next: [{do: use}]
  - {name: use, action: core.echo, input: {message: "{{ task.login.response }}"}, next: [{do: ok}]}
  - {name: ok, action: core.ask, input: {prompt: Go on?}, next: [{do: last}]}
  - {name: last, action: core.echo, input: {message: "{{ task.login.response }}!"}}
"""
TEXT = "{type: string, format: password, minLength: 4}"


@pytest.fixture
def store(tmp_path):
    return tmp_path / "s.db"


def start(store, schema=TEXT, answer=SECRET):
    """Start a run, answer its secret question, and wait for the next one."""
    run = attune_nb.loads(ASK.replace("SCHEMA", schema)).run(store=store, background=True)
    wait_until(lambda: run.questions)
    run.answer("login", answer)
    wait_until(lambda: [question.task for question in run.questions] == ["ok"])
    return run


def finish(run):
    run.answer("ok", "yes")
    assert run.wait(60)
    return run


@pytest.mark.parametrize("key", ["format: password", "writeOnly: true", "secret: true"])
def test_a_secret_answer_is_shown_nowhere(store, key):
    run = finish(start(store, f"{{type: string, {key}}}"))
    seen = [run.result("login"), run.result("last"), run.answers.to_csv(), run.events, run.context]

    assert run.status == "succeeded"
    assert SECRET not in f"{run} {seen} {run.context.tasks} {run._repr_html_()}"
    assert run.result("login") == {"response": "***"}


def test_a_secret_answer_reaches_the_tasks(store):
    received = []

    def receive(message):
        received.append(message)

    text = ASK.replace("SCHEMA", TEXT).replace("action: core.echo", "action: receive")
    run = attune_nb.loads(text).run(
        answers={"login": SECRET, "ok": "yes"},
        actions={"receive": receive},
        store=store,
    )

    assert run.status == "succeeded"
    assert received == [SECRET, f"{SECRET}!"]


def test_only_the_secret_part_of_an_object_is_hidden(store):
    schema = "{user: {type: string}, password: {type: string, secret: true}}"
    run = finish(start(store, schema, {"user": "ada", "password": SECRET}))

    assert run.result("login") == {"response": {"user": "ada", "password": "***"}}


def test_no_file_of_the_store_holds_the_answer(store):
    finish(start(store))
    files = [path.read_bytes() for path in store.parent.iterdir() if path.is_file()]

    assert files
    assert not any(SECRET.encode() in data for data in files)


def test_a_misfit_does_not_show_the_answer(store):
    run = attune_nb.loads(ASK.replace("SCHEMA", TEXT)).run(store=store, background=True)
    wait_until(lambda: run.questions)
    with pytest.raises(attune_nb.ParameterError) as raised:
        run.answer("login", "abc")

    assert "abc" not in str(raised.value)
    assert "it is secret, so the reason is not shown" in str(raised.value)
    run.cancel()
    assert run.wait(60)


def test_a_fork_in_another_process_needs_the_secret_again(store):
    run = finish(start(store))
    recorded = attune_nb.open_run(run.run_id, store)
    with pytest.raises(attune_nb.ParameterError, match="pass it again with `--answer login"):
        recorded.fork("last")

    forked = recorded.fork("last", answers={"login": SECRET})
    assert forked.status == "succeeded"
    assert SECRET not in repr(forked.result("last"))
