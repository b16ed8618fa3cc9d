"""Secret answers in child runs are on no record: they are passed again, by their path."""

import pytest
from support.item_runs import until

import attune_nb
from attune_nb.store import reading
from attune_nb.store.database import connected

SECRET = "open sesame"
CHILD = """
ref: ops.login
tasks:
  - name: password
    action: core.ask
    input: {prompt: Your password?, response_schema: {type: string, secret: true}}
    next: [{do: sure}]
  - name: sure
    action: core.ask
    input: {prompt: Sure?, response_schema: {type: boolean}}
    next: [{do: use}]
  - {name: use, action: use, input: {password: "{{ task.password.response }}"}}
output_map: {used: "{{ task.use.result }}"}
"""
PARENT = "tasks: [{name: login, action: ops.login, with_items: [a]}]\n"


@pytest.fixture
def store(tmp_path):
    return tmp_path / "runs.db"


def measure(password):
    return len(password)


def actions_with(use):
    return {"login": attune_nb.loads(CHILD), "use": use}


def count_questions(store):
    """Return how many questions are on record."""
    with connected(store) as connection:
        statement = "SELECT count(*) FROM events WHERE kind = 'AskOpened'"
        return connection.execute(statement).fetchone()[0]


@pytest.fixture
def interrupted(store):
    """Return the id of a run that was interrupted after its child had got the secret."""
    actions = actions_with(measure)
    run = attune_nb.loads(PARENT).run(
        actions=actions, answers={"login/password": SECRET}, store=store, background=True
    )
    until(lambda: [question.task for question in run.questions] == ["login[0]/sure"])
    until(lambda: count_questions(store) == 2)
    # as if the process was killed
    reading.LIVE.clear()
    yield run.run_id
    run.cancel()
    run.wait(60)


def test_a_resume_without_the_secret_is_refused(interrupted, store):
    with pytest.raises(attune_nb.ParameterError, match=r"--answer login\[0\]/password="):
        attune_nb.resume(interrupted, store, actions=actions_with(measure))
    runs = attune_nb.runs(store=store, children=True)
    assert set(runs.status) == {"interrupted"}


def test_a_resumed_child_gets_the_secret_again(interrupted, store):
    answers = {"login/password": SECRET, "login/sure": True}
    run = attune_nb.resume(interrupted, store, actions=actions_with(measure), answers=answers)
    assert run.result("login") == [{"used": len(SECRET)}]


def test_a_retry_gives_a_child_the_secret_again(store):
    def fail(password):
        raise ValueError(len(password))

    answers = {"login/password": SECRET, "login/sure": True}
    actions = actions_with(fail)
    failed = attune_nb.loads(PARENT).run(actions=actions, answers=answers, store=store)
    recorded = attune_nb.open_run(failed.run_id, store)

    run = recorded.retry(actions=actions_with(measure), answers={"login/password": SECRET})
    assert run.result("login") == [{"used": len(SECRET)}]
