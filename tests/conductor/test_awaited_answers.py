"""A task that waits until a question of an earlier action was answered: `wait_for`."""

import pytest
from support.manual_driver import ManualDriver

from attune_nb.conductor.machine import replay
from attune_nb.conductor.recovery import recover
from attune_nb.conductor.state import Alarm, StartTask
from attune_nb.context import ItemScope
from attune_nb.events import (
    AlarmRang,
    AskAnswered,
    InquiryAwaited,
    InquiryEnded,
    InquiryOpened,
    TaskEnded,
)

APPROVAL = """
tasks:
  - name: request
    action: a:ask
    next: [{when: "{{ succeeded() }}", do: deploy}]
  - name: deploy
    action: a:deploy
    delay: 5
    wait_for: {inquiry: "{{ task.request.inquiry_id }}"}
    input: {reason: "{{ inquiry.deploy.response.reason }}"}
    next:
      - when: "{{ timed_out() }}"
        publish: [{code: "{{ result().code }}"}]
        do: noop
output_map: {who: "{{ inquiry.deploy.responded_by }}"}
"""


def open_inquiry(driver, inquiry=1, **fields):
    return driver.feed(
        InquiryOpened, task="request", visit=1, inquiry=inquiry, prompt="Deploy?", **fields
    )


def answer(driver, value, inquiry=1, **fields):
    return driver.feed(
        AskAnswered, task="request", visit=1, inquiry=inquiry, value=value, by="ada", **fields
    )


def wait_for_answer(**fields):
    """Return a run in which `deploy` waits for the answer to inquiry 1."""
    driver = ManualDriver(APPROVAL)
    open_inquiry(driver, **fields)
    driver.end("request", result={"inquiry_id": 1})
    return driver


def status_of(driver, task):
    return driver.state.executions[task, 1].status


def test_a_task_starts_only_after_the_answer():
    driver = wait_for_answer()
    assert status_of(driver, "deploy") == "waiting"
    assert driver.commands(InquiryAwaited)[0].inquiry == 1
    assert driver.state.has_only_questions

    decisions = answer(driver, {"reason": "tested"})

    # the delay begins then
    assert [decision.kind for decision in decisions if isinstance(decision, Alarm)] == ["delay"]
    (start,) = [
        decision
        for decision in driver.ring("delay", "deploy", 1)
        if isinstance(decision, StartTask)
    ]
    task = driver.state.workflow.task("deploy")
    assert task.input.render(ItemScope(start.context)) == {"reason": "tested"}


def test_an_answer_before_the_task_is_reached_counts():
    driver = ManualDriver(APPROVAL)
    open_inquiry(driver)
    answer(driver, {"reason": "fast"})
    driver.end("request", result={"inquiry_id": 1})

    assert status_of(driver, "deploy") == "pending"
    assert driver.commands(InquiryAwaited) == []


def test_the_answer_is_seen_by_all_later_expressions():
    driver = wait_for_answer(assigned_to=42, timeout=60.0)
    answer(driver, {"reason": "tested"})
    driver.ring("delay", "deploy", 1)
    driver.end("deploy", result={})

    assert (driver.state.status, driver.state.output) == ("succeeded", {"who": "ada"})
    assert driver.state.context.inquiries["deploy"] == {
        "id": 1,
        "status": "responded",
        "response": {"reason": "tested"},
        "assigned_to": 42,
        "responded_by": "ada",
        "responded_at": "2001-09-09T01:46:43.000000Z",
        "timeout_at": "2001-09-09T01:47:41.000000Z",
    }


def test_an_inquiry_that_times_out_ends_its_task_so():
    driver = wait_for_answer(timeout=60.0)
    driver.feed(AlarmRang, kind="inquiry", task="request", visit=1, inquiry=1)

    assert status_of(driver, "deploy") == "timed_out"
    assert driver.state.context.variables["code"] == "inquiry_timeout"
    assert driver.commands(StartTask)[-1].key == ("request", 1)
    assert driver.commands(InquiryEnded)[0].status == "timeout"


def test_a_late_answer_is_ignored():
    driver = wait_for_answer(timeout=60.0)
    driver.feed(AlarmRang, kind="inquiry", task="request", visit=1, inquiry=1)

    assert answer(driver, {"reason": "late"}) == []


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        (None, "must be the id of an inquiry, an integer of 1 or more, not null"),
        ("1", "must be the id of an inquiry, an integer of 1 or more, not the string `1`"),
        (True, "must be the id of an inquiry, an integer of 1 or more, not the boolean `true`"),
        (0, "must be the id of an inquiry, an integer of 1 or more, not the integer `0`"),
        (7, "names inquiry 7, which no action of this run has opened"),
    ],
)
def test_a_reference_to_no_inquiry_fails_the_task(reference, message):
    driver = ManualDriver(APPROVAL)
    open_inquiry(driver)
    driver.end("request", result={"inquiry_id": reference})

    assert status_of(driver, "deploy") == "failed"
    outcome = driver.state.executions["deploy", 1].outcome
    assert message in outcome.error
    assert outcome.result["code"] == "inquiry_reference_invalid"
    assert driver.commands(TaskEnded)[-1].error.position.line == 9


def test_a_cancelled_run_ends_the_task_that_waits():
    driver = wait_for_answer()
    driver.cancel()

    assert (driver.state.status, status_of(driver, "deploy")) == ("cancelled", "cancelled")
    assert driver.state.inquiries[1].status == "cancelled"


def test_an_inquiry_that_no_task_waits_for_does_not_hold_the_run():
    driver = ManualDriver("tasks: [{name: request, action: a:ask}]")
    open_inquiry(driver)
    driver.end("request")

    assert driver.state.status == "succeeded"
    assert not driver.state.is_open(("request", 1, 1))


def test_an_answer_in_a_paused_run_starts_the_task_on_resume():
    driver = wait_for_answer()
    driver.pause()
    answer(driver, {"reason": "tested"})
    driver.ring("delay", "deploy", 1)
    assert status_of(driver, "deploy") == "paused"

    driver.resume()
    assert status_of(driver, "deploy") == "running"


def test_a_mocked_task_waits_for_nothing():
    driver = ManualDriver(APPROVAL, mocked=["deploy"])
    driver.end("request", result={})
    assert status_of(driver, "deploy") == "pending"


def test_a_replay_gives_the_same_states():
    driver = wait_for_answer(timeout=60.0)
    answer(driver, {"reason": "tested"})

    state, _ = replay(driver.initial, driver.log)
    assert state == driver.state


def test_a_recovered_run_waits_on_with_its_timeout():
    driver = wait_for_answer(timeout=60.0)
    recovered = recover(driver.initial, driver.log)

    assert recovered.state.is_open(("request", 1, 1))
    assert [timer.command.kind for timer in recovered.timers] == ["inquiry"]
    assert [job.start.key for job in recovered.jobs] == []


def test_a_secret_answer_is_hidden_from_then_on():
    driver = wait_for_answer()
    answer(driver, {"reason": "open-sesame"}, secrets=("reason",))

    assert driver.state.context.masked().inquiries["deploy"]["response"] == {"reason": "***"}
