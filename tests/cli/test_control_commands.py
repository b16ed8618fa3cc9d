"""The commands that control a run of another process."""

import json

import pytest
from support.command_line import attune, attune_here
from support.outcomes import wait_until
from support.steered_runs import asking_run, held_run
from support.typed_answers import TypedCommand

import attune_nb

pytestmark = pytest.mark.slow


@pytest.fixture
def store(tmp_path, monkeypatch):
    path = tmp_path / "runs.db"
    monkeypatch.setenv("ATTUNE_NB_STORE", str(path))
    return path


def test_a_run_that_sleeps_is_cancelled_from_another_process(store):
    with held_run(store) as held:
        run_id = held.recorded.run_id
        outcome = attune("cancel", run_id[:8], "--reason", "wrong file")
        assert held.run.wait(60)
    assert f"run {run_id} of `held`" in outcome.stdout
    assert held.run.error.endswith(": wrong file")


def test_attempts_in_progress_may_come_to_their_end(store):
    with held_run(store) as held:
        outcome = attune_here("cancel", held.recorded.run_id, "--let-finish")
        wait_until(lambda: held.run.status == "cancelling")
        held.release()
        assert held.run.wait(60)
    assert outcome.stdout.endswith("is being cancelled; it ends with the attempts in progress\n")
    statuses = dict(zip(held.run.tasks["task"], held.run.tasks["status"], strict=True))
    assert statuses["first"] == "succeeded"


def test_several_runs_are_cancelled_and_errors_come_last(store):
    with held_run(store) as first, held_run(store) as second:
        ids = [first.recorded.run_id, second.recorded.run_id]
        outcome = attune_here("cancel", ids[0], "nothing", ids[1], "--force")
        assert first.run.wait(60)
        assert second.run.wait(60)
    lines = outcome.stdout.splitlines()
    assert [line.split()[1] for line in lines] == ids
    assert outcome.stderr.startswith("there is no run `nothing`")
    assert outcome.exit_code == 2


def test_a_run_is_paused_and_resumed(store):
    with held_run(store) as held:
        run_id = held.recorded.run_id
        paused = attune_here("pause", run_id)
        wait_until(lambda: held.run.status == "paused")
        resumed = attune_here("resume", run_id)
        wait_until(lambda: held.run.status == "running")
    assert f"starts no new attempts until `attune-nb resume {run_id}`" in paused.stdout
    assert resumed.stdout == f"run {run_id} of `held` continues in its own process\n"


def test_a_run_that_is_not_paused_cannot_be_resumed(store):
    with held_run(store) as held:
        outcome = attune_here("resume", held.recorded.run_id)
    assert outcome.exit_code == 2
    assert "has refused `resume`: the run is not paused" in outcome.stderr


def test_a_live_run_keeps_its_options(store):
    with held_run(store) as held:
        held.recorded.pause()
        outcome = attune_here("resume", held.recorded.run_id, "--backend", "processes")
    assert outcome.exit_code == 2
    assert "only `--answer` and `--rerun` can be passed" in outcome.stderr


def test_a_question_is_answered(store):
    with asking_run(store) as run:
        outcome = attune_here("answer", run.run_id, "approve", "yes")
        assert run.wait(60)
    assert outcome.stdout == f"`approve` of run {run.run_id} of `asking` has its answer\n"
    assert run.result("approve") == {"response": True}


def test_an_answer_is_read_from_standard_input(store):
    with asking_run(store) as run:
        attune("answer", run.run_id, "approve", "-", input="no\n")
        assert run.wait(60)
    assert run.result("approve") == {"response": False}


def test_without_a_value_the_command_asks(store):
    with asking_run(store) as run:
        command = TypedCommand("answer", run.run_id, "approve")
        command.type("approve: Ship it? ", "yes")
        shown, _ = command.finish()
        assert run.wait(60)
    assert "has its answer" in shown
    assert run.result("approve") == {"response": True}


def test_a_secret_answer_is_not_shown_as_it_is_typed(store):
    schema = "{type: string, format: password}"
    text = f"""
    tasks: [{{name: login, action: core.ask, input: {{prompt: pin?, response_schema: {schema}}}}}]
    """
    with asking_run(store, text) as run:
        command = TypedCommand("answer", run.run_id, "login")
        command.type("login: pin? ", "hunter2")
        shown, _ = command.finish()
        assert run.wait(60)
    assert "hunter2" not in shown
    assert run.status == "succeeded"


def test_a_missing_answer_is_asked_for_only_in_a_terminal(store):
    with asking_run(store) as run:
        outcome = attune_here("answer", run.run_id, "approve")
    assert outcome.exit_code == 2
    assert "the answer is missing" in outcome.stderr


def test_an_answer_that_does_not_fit_gets_the_reason(store):
    with asking_run(store) as run:
        outcome = attune_here("answer", run.run_id, "approve", "perhaps")
    assert outcome.exit_code == 2
    assert outcome.stderr == (
        f"run {run.run_id} has refused `answer`: the answer must be a boolean, not a string\n"
    )


def test_resume_with_an_answer_goes_to_the_live_run(store):
    with asking_run(store) as run:
        outcome = attune_here("resume", run.run_id, "--answer", "approve=yes")
        assert run.wait(60)
    assert "continues in its own process" in outcome.stdout
    assert run.result("approve") == {"response": True}


def test_an_answer_from_outside_ends_the_prompt_of_a_terminal(store, tmp_path):
    file = tmp_path / "ask.yaml"
    file.write_text("""
tasks:
  - name: approve
    action: core.ask
    input: {prompt: Ship it?, response_schema: {type: boolean}}
output_map: {answer: "{{ task.approve.response }}"}
""")
    command = TypedCommand("run", str(file))
    command.expect("approve: Ship it? [y/n]: ")
    wait_until(lambda: len(attune_nb.runs(store)))
    (run_id,) = attune_nb.runs(store)["run_id"]
    attune_here("answer", run_id, "approve", "yes")
    shown, exit_status = command.finish()
    assert exit_status == 0
    (line,) = [line for line in shown.splitlines() if line.startswith("output: ")]
    assert json.loads(line.removeprefix("output: ")) == {"answer": True}


def test_the_terminal_of_a_paused_run_names_the_command(store, tmp_path):
    file = tmp_path / "nap.yaml"
    file.write_text("tasks: [{name: nap, action: core.sleep, input: {seconds: 600}}]")
    command = TypedCommand("run", str(file))
    command.expect("nap")
    wait_until(lambda: len(attune_nb.runs(store, status="running")))
    (run_id,) = attune_nb.runs(store)["run_id"]
    attune_here("pause", run_id)
    command.expect(f"`attune-nb resume {run_id}` continues")
    attune_here("cancel", run_id, "--force")
    _, exit_status = command.finish()
    assert exit_status == 130


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["cancel", "nothing"], "there is no run `nothing`"),
        (["cancel", "nothing", "--force", "--let-finish"], "--force or --let-finish, not both"),
        (["pause"], "Missing argument 'RUN'"),
        (["rerun", "nothing"], "Missing argument 'TASK[INDEX]'"),
        (["cancel", ""], "the id of the run is empty; `attune-nb runs` lists the runs"),
        (["pause", "/a[0]"], "the id of the run is empty"),
        (["answer", "", "a", "1"], "the id of the run is empty"),
        (["resume", ""], "the id of the run is empty"),
        (["retry", ""], "the id of the run is empty"),
    ],
    ids=[
        "no run",
        "both options",
        "no word",
        "no task",
        "empty id",
        "path alone",
        "empty id to answer",
        "empty id to resume",
        "empty id to retry",
    ],
)
def test_wrong_words_are_one_line_of_error(store, words, message):
    attune_nb.loads("tasks: [{name: a, action: core.noop}]").run(store=store, progress=False)
    outcome = attune_here(*words)
    assert outcome.exit_code == 2
    assert message in outcome.stderr
    assert len(outcome.stderr.splitlines()) == 1


def test_a_run_that_has_ended_is_not_cancelled(store):
    run = attune_nb.loads("tasks: [{name: a, action: core.noop}]").run(store=store, progress=False)
    outcome = attune_here("cancel", run.run_id)
    assert outcome.exit_code == 2
    assert outcome.stderr == f"run {run.run_id} has succeeded\n"
