"""Questions that actions ask while they run, and the tasks that wait for their answers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.inquiries import Asker
from support.outcomes import wait_until

import attune_nb

APPROVAL = """
tasks:
  - name: request
    action: request
    next: [{when: "{{ succeeded() }}", do: deploy}]
  - name: deploy
    action: core.echo
    wait_for: {inquiry: "{{ task.request.inquiry_id }}"}
    input: {message: "{{ inquiry.deploy.response.reason }}"}
    next: [{when: "{{ timed_out() }}", publish: [{late: true}], do: noop}]
vars: {late: false}
output_map: {by: "{{ inquiry.deploy.responded_by }}", late: "{{ workflow.late }}"}
"""
SCHEMA = {"reason": {"type": "string", "required": True}}


def start(asker, **options):
    run = attune_nb.loads(APPROVAL).run(actions={"request": asker}, background=True, **options)
    return asker.attend(run)


def wait_for_question(run):
    wait_until(lambda: run.has_only_questions)
    (question,) = run.questions
    return question


def test_an_inquiry_is_a_question_of_the_run():
    run = start(Asker(schema=SCHEMA))
    question = wait_for_question(run)
    assert (question.task, question.prompt, question.inquiry) == ("request", "Deploy?", 1)

    with pytest.raises(attune_nb.ParameterError, match="does not fit"):
        run.answer("request", {"why": "tested"})
    run.answer("request", {"reason": "tested"}, by="ada")

    assert run.wait(60)
    assert run.result("deploy") == {"message": "tested"}
    assert (run.output, run.questions) == ({"by": "ada", "late": False}, [])
    assert run.answers["response"].tolist() == [{"reason": "tested"}]


def test_an_answer_in_advance_is_for_the_task_that_asks():
    run = start(Asker(), answers={"request": {"reason": "known"}})

    assert run.wait(60)
    assert run.result("deploy") == {"message": "known"}


def test_an_inquiry_that_times_out_lets_the_run_go_on():
    run = start(Asker(timeout=0.01))

    assert run.wait(60)
    assert (run.status, run.output) == ("succeeded", {"by": None, "late": True})
    assert run.tasks.set_index("task").status["deploy"] == "timed_out"


def leave_open(store):
    """Start a run in another process, which ends while the inquiry is open."""
    code = f"""
import test_asking_actions as this
run = this.start(this.Asker(schema=this.SCHEMA), store={str(store)!r})
this.wait_for_question(run)
print(run.run_id)
"""
    folders = [Path(__file__).parent, Path(__file__).parents[1]]
    path = os.pathsep.join([*map(str, folders), os.environ.get("PYTHONPATH", "")])
    process = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    return process.stdout.split()[-1]


def test_a_resumed_run_still_has_its_inquiry(tmp_path):
    store = tmp_path / "s.db"
    run_id = leave_open(store)

    run = attune_nb.resume(
        run_id,
        store=store,
        actions={"request": Asker()},
        answers={"request": {"reason": "later"}},
    )

    assert run.result("deploy") == {"message": "later"}
    assert run.attempts("request").shape[0] == 1


def test_a_fork_of_the_waiting_task_uses_the_answer(tmp_path):
    run = start(Asker(), store=tmp_path / "s.db")
    wait_for_question(run)
    run.answer("request", {"reason": "tested"})
    assert run.wait(60)

    fork = run.fork(at="deploy")
    assert fork.result("deploy") == {"message": "tested"}


def test_a_retry_asks_again_after_a_timeout(tmp_path):
    workflow = attune_nb.loads(APPROVAL.replace("do: noop", "do: fail"))
    asker = Asker(timeout=0.01)
    run = asker.attend(
        workflow.run(actions={"request": asker}, background=True, store=tmp_path / "s.db")
    )
    assert run.wait(60)
    assert run.status == "failed"

    again = run.retry(answers={"request": {"reason": "in time"}})
    assert again.result("deploy") == {"message": "in time"}


def test_attempts_that_ask_for_one_purpose_share_an_inquiry():
    asker = Asker(purpose="approval")
    run = start(asker)
    wait_for_question(run)

    again = asker()
    assert again == {"inquiry_id": 1}
    with pytest.raises(attune_nb.ParameterError, match="has the same purpose `approval`"):
        asker.ask("Another question?", purpose="approval")
    run.cancel()


def test_a_schema_that_cannot_be_used_opens_no_inquiry():
    asker = Asker()
    run = start(asker)
    with pytest.raises(attune_nb.ParameterError, match="is not a valid JSON Schema"):
        asker.ask("Deploy?", {"type": "strin"})
    run.cancel()
