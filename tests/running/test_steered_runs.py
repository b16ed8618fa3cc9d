"""A run is steered from outside: its process takes commands that others put beside the store."""

import threading
import time

import pytest
from support.outcomes import wait_until
from support.steered_runs import asking_run, command_rows, held_run, open_recorded, requests_of

import attune_nb
from attune_nb.engine.driver import TICK
from attune_nb.errors import CommandRefused, ParameterError, StoreError
from attune_nb.store.command_file import commands_path
from attune_nb.store.commands import put_command, wait_for_outcome

CHILD = """
ref: child
tasks:
  - {name: approve, action: core.ask, input: {prompt: ok?}}
"""


@pytest.fixture
def store(tmp_path):
    return tmp_path / "runs.db"


def test_a_run_is_paused_and_continued_by_name(store):
    with held_run(store) as held:
        held.recorded.pause(by="ann")
        wait_until(lambda: held.run.status == "paused")
        held.recorded.resume(by="bob")
        wait_until(lambda: held.run.status == "running")
        held.release()
        assert held.run.wait(60)
    assert requests_of(held.run) == [("PauseRequested", "ann"), ("ResumeRequested", "bob")]
    assert held.run.status == "succeeded"


def test_resume_says_how_to_continue_a_run_paused_elsewhere(store):
    with held_run(store) as held:
        held.recorded.pause()
        wait_until(lambda: attune_nb.runs(store)["status"].tolist() == ["paused"])
        with pytest.raises(StoreError, match=r"is paused in process \d+ .*resume\(\)` continues"):
            attune_nb.resume(held.run.run_id, store)


def test_a_forced_cancel_abandons_the_running_action(store):
    with held_run(store) as held:
        held.recorded.cancel(force=True, reason="the wrong file", by="ann")
        assert held.run.wait(60)
    assert held.run.status == "cancelled"
    assert held.run.error == "the run was cancelled: asked by ann: the wrong file"


def test_a_reason_is_one_line_of_limited_length(store):
    with held_run(store) as held:
        held.recorded.cancel(force=True, reason="a\x1b[2Jb\n" + "c" * 10_000, by="an\rn")
        assert held.run.wait(60)
    prefix = "the run was cancelled: asked by an n: a [2Jb c"
    assert held.run.error.startswith(prefix)
    assert len(held.run.error) < 1_100


def test_a_cancel_with_grace_ends_what_does_not_end_itself(store):
    with held_run(store) as held:
        put_command(store, held.run.run_id, "cancel", {"grace": 0.1}, by="ann")
        assert held.run.wait(60)
    assert held.run.status == "cancelled"


def test_without_force_the_running_action_ends_first(store):
    with held_run(store) as held:
        held.recorded.cancel()
        wait_until(lambda: held.run.status == "cancelling")
        held.release()
        assert held.run.wait(60)
    statuses = dict(zip(held.run.tasks["task"], held.run.tasks["status"], strict=True))
    assert statuses["first"] == "succeeded"
    assert statuses["second"] != "succeeded"


def test_an_answer_reaches_the_question(store):
    with asking_run(store) as run:
        open_recorded(run).answer("approve", value=True, by="ann")
        assert run.wait(60)
    assert run.status == "succeeded"
    assert requests_of(run) == [("AskAnswered", "ann")]


def test_of_two_answers_the_second_is_refused(store):
    with asking_run(store) as run:
        recorded = open_recorded(run)
        numbers = [
            put_command(store, run.run_id, "answer", {"task": "approve", "value": value})
            for value in (True, False)
        ]
        outcomes = [wait_for_outcome(store, number, 60) for number in numbers]
        assert run.wait(60)
    assert outcomes[0] == "done"
    assert outcomes[1].startswith("task `approve` has no open question") or outcomes[1] == (
        "the run has succeeded"
    )
    assert recorded.run_id == run.run_id
    assert run.result("approve") == {"response": True}


def test_an_answer_that_does_not_fit_is_refused(store):
    with asking_run(store) as run:
        with pytest.raises(CommandRefused, match="the answer must be a boolean, not a string"):
            open_recorded(run).answer("approve", "perhaps")
        assert run.questions


def test_a_typed_answer_is_read_as_the_question_expects(store):
    with asking_run(store) as run:
        put_command(store, run.run_id, "answer", {"task": "approve", "text": "yes"})
        assert run.wait(60)
    assert run.result("approve") == {"response": True}


def test_the_file_keeps_no_answer(store):
    text = """
    tasks:
      - name: login
        action: core.ask
        input: {prompt: password?, response_schema: {type: string, format: password}}
    """
    with asking_run(store, text) as run:
        open_recorded(run).answer("login", "hunter2-in-clear")
        assert run.wait(60)
    assert command_rows(store, "data, outcome") == [(None, "done")]
    assert b"hunter2-in-clear" not in commands_path(store).read_bytes()
    assert b"hunter2-in-clear" not in store.read_bytes()


def test_a_child_run_is_answered_by_its_path(store):
    child = attune_nb.loads(CHILD)
    text = "tasks: [{name: deploy, action: child, with_items: [0, 1], concurrency: 2}]"
    with asking_run(store, text, actions={"child": child}) as run:
        wait_until(lambda: len(run.questions) == 2)
        recorded = open_recorded(run)
        recorded.answer("deploy[1]/approve", "second")
        recorded.answer("deploy[0]/approve", "first")
        assert run.wait(60)
    assert run.child("deploy", 1).result("approve") == {"response": "second"}


def test_a_child_run_is_cancelled_alone(store):
    child = attune_nb.loads(CHILD)
    text = "tasks: [{name: deploy, action: child, with_items: [0, 1], concurrency: 2}]"
    with asking_run(store, text, actions={"child": child}) as run:
        wait_until(lambda: len(attune_nb.runs(store, children=True)) == 3)
        attune_nb.open_run(f"{run.run_id}/deploy[0]", store).cancel()
        wait_until(lambda: [question.task for question in run.questions] == ["deploy[1]/approve"])
        open_recorded(run).answer("deploy[1]/approve", "yes")
        assert run.wait(60)
    children = run.children()
    assert dict(zip(children["index"], children["status"], strict=True)) == {
        0: "cancelled",
        1: "succeeded",
    }


def test_a_child_run_is_not_paused_alone(store):
    child = attune_nb.loads(CHILD)
    text = "tasks: [{name: deploy, action: child}]"
    with asking_run(store, text, actions={"child": child}) as run:
        wait_until(lambda: len(attune_nb.runs(store, children=True)) == 2)
        part = attune_nb.open_run(f"{run.run_id}/deploy", store)
        with pytest.raises(CommandRefused, match=f"it is a part of run {run.run_id}"):
            part.pause()


@pytest.mark.parametrize(
    ("kind", "data", "message"),
    [
        ("cancle", {}, "there is no command `cancle`; did you mean `cancel`?"),
        ("cancel", {"force": 1}, "`force` of command `cancel` must be a boolean, not an integer"),
        ("pause", {"force": True}, "command `pause` takes no `force`; it takes nothing"),
        ("cancel", {"grace": -1}, "`grace` of command `cancel` must be from 0 to 86,400 seconds"),
        ("rerun", {}, "command `rerun` needs `task`, a string"),
        ("answer", {"task": "approve"}, "command `answer` needs either `value` or `text`"),
        ("rerun", {"task": "a", "idx": 1}, "takes no `idx`; did you mean `index`?"),
        ("accept", {"task": "a", "result": object()}, "cannot be sent: it has a builtins.object"),
    ],
    ids=["kind", "type", "needless", "range", "missing", "no value", "name", "object"],
)
def test_a_command_with_a_mistake_is_not_sent(store, kind, data, message):
    with pytest.raises(ParameterError) as caught:
        put_command(store, "0123456789ab", kind, data)
    assert message in str(caught.value)


def test_a_command_for_a_missing_run_is_refused(store):
    attune_nb.loads("tasks: [{name: a, action: core.noop}]").run(store=store, progress=False)
    with pytest.raises(CommandRefused, match="there is no run 0123456789ab") as caught:
        put_command(store, "0123456789ab", "cancel")
    assert caught.value.reason == "missing"


def test_a_run_without_commands_has_no_command_file(store):
    with held_run(store) as held:
        held.release()
        assert held.run.wait(60)
    assert not commands_path(store).exists()


def test_an_inline_run_is_cancelled_between_two_attempts(store):
    """The thread that makes the attempts cannot be stopped, so the next one is not made."""

    def stop_after_first(item):
        if item == 0:
            wait_until(lambda: len(attune_nb.runs(store)))
            recorded = attune_nb.open_run(attune_nb.runs(store)["run_id"][0], store)
            recorded.cancel(force=True, by="ann")
            # the engine looks at requests between attempts, at most once a tick
            time.sleep(2 * TICK)
        return item

    workflow = attune_nb.loads("""
    tasks: [{name: work, action: work, with_items: [0, 1, 2], input: {item: "{{ item }}"}}]
    """)
    actions = {"work": stop_after_first}
    run = workflow.run(actions=actions, backend="inline", store=store, progress=False)
    assert run.error == "the run was cancelled: asked by ann"
    assert list(run.items("work")["status"]) == ["succeeded"]


@pytest.fixture
def nap():
    """Return an action that sleeps through a cancellation, until the test ends."""
    end = threading.Event()

    def sleep(seconds):
        end.wait(seconds)

    yield sleep
    end.set()


def nap_in_process(seconds):
    time.sleep(seconds)


@pytest.mark.parametrize("backend", ["threads", "processes"])
def test_a_foreground_run_that_sleeps_is_stopped(store, nap, backend):
    """The call that waits for it ends, though its actions sleep on."""
    action = nap_in_process if backend == "processes" else nap
    workflow = attune_nb.loads("""
    tasks: [{name: nap, action: nap, with_items: [600, 600], input: {seconds: "{{ item }}"}}]
    """)

    def cancel():
        wait_until(lambda: store.exists() and len(attune_nb.runs(store, status="running")))
        (run_id,) = attune_nb.runs(store)["run_id"]
        attune_nb.open_run(run_id, store).cancel(grace=0.1)

    canceller = threading.Thread(target=cancel)
    canceller.start()
    run = workflow.run(actions={"nap": action}, backend=backend, store=store, progress=False)
    canceller.join(60)
    assert run.status == "cancelled"
