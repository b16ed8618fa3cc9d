"""A timeout ends an attempt, whatever its action does."""

import asyncio
import threading
import time

import psutil
import pytest
from support.item_runs import until

import attune_nb
from attune_nb.events import AttemptsEnded

SINGLE = """
tasks:
  - name: slow
    action: slow
    timeout: {timeout}
    {extra_keys}
"""
ITEMS = """
tasks:
  - name: slow
    action: slow
    with_items: [0, 1, 2, 3, 4, 5]
    concurrency: 2
    timeout: 1
    input: {n: "{{ item }}"}
"""


def run(text, function, backend="threads"):
    """Run a workflow with a function as its slow action."""
    return attune_nb.loads(text).run(actions={"slow": function}, backend=backend)


def run_single(function, extra_keys="", backend="threads", timeout=0.15):
    """Run a task without items; `extra_keys` are keys of the task."""
    return run(SINGLE.format(extra_keys=extra_keys, timeout=timeout), function, backend)


def run_until_begun(text, **options):
    """Run a task whose command is stopped at its timeout, after the command has begun.

    On a busy machine a command needs longer to start.
    """
    for timeout in (0.3, 3, 30):
        finished = attune_nb.loads(text.replace("TIMEOUT", str(timeout))).run(**options)
        if finished.result("slow")["stdout"]:
            break
    return finished


def test_a_plain_function_is_abandoned_at_its_timeout():
    """The error says that it may still be running."""
    release = threading.Event()
    waited = []
    finished = run_single(lambda: waited.append(release.wait(90)))
    assert not waited
    release.set()
    assert finished.status == "failed"
    assert list(finished.tasks["status"]) == ["timed_out"]
    assert "no end within 0.15 s; a Python function in a thread cannot be stopped" in finished.error


def test_the_result_of_a_late_function_is_dropped():
    release = threading.Event()
    late = threading.Event()

    def slow():
        release.wait(90)
        late.set()
        return "late"

    finished = run_single(slow)
    release.set()
    assert late.wait(60)
    assert finished.result("slow")["error_type"] == "Timeout"
    assert list(finished.attempts()["status"]) == ["timed_out"]


def test_an_item_that_never_ends_does_not_block_others():
    release = threading.Event()

    def slow(n):
        if n in (0, 3):
            release.wait(90)
        return n

    finished = run(ITEMS, slow)
    release.set()
    items = finished.items("slow")
    assert list(items["status"]) == [
        "timed_out", "succeeded", "succeeded", "timed_out", "succeeded", "succeeded",
    ]  # fmt: skip
    assert "2 of 6 items failed" in finished.error


@pytest.mark.parametrize("backend", ["threads", "inline"])
def test_a_coroutine_is_cancelled(backend):
    events = []

    async def slow():
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            events.append("cancelled")
            raise

    finished = run_single(slow, backend=backend)
    assert events == ["cancelled"]
    assert "no end within 0.15 s; it was stopped" in finished.error


@pytest.mark.parametrize("backend", ["threads", "inline"])
def test_a_shell_command_and_its_children_are_killed(backend):
    """Their output so far is kept."""
    text = """
tasks:
  - name: slow
    action: core.shell
    timeout: TIMEOUT
    input: {cmd: "sleep 600 & echo begun $!; sleep 600"}
"""
    finished = run_until_begun(text, backend=backend)
    word, child = finished.result("slow")["stdout"].split()
    assert word == "begun"
    assert list(finished.tasks["status"]) == ["timed_out"]
    until(lambda: not psutil.pid_exists(int(child)))


@pytest.mark.parametrize("backend", ["threads", "inline", "processes"])
def test_what_a_stopped_command_wrote_is_masked(backend):
    text = """
tasks:
  - name: slow
    action: core.shell
    timeout: TIMEOUT
    input: {cmd: "echo {{ keystore.token }} {{ 1 + 1 }}; sleep 600"}
"""
    run = run_until_begun(text, keystore={"token": "hunter22"}, backend=backend)
    assert run.failures("slow")["result"][0]["stdout"] == "*** 2\n"
    assert "*** 2" in repr(run.errors())
    assert "hunter22" not in repr([run.errors(), run.result("slow"), run.attempts().to_csv()])
    (batch,) = [event.batch for event in run.events if isinstance(event, AttemptsEnded)]
    assert "hunter22" not in repr(batch.errors)


def test_the_inline_backend_notices_a_timeout_at_return():
    """A plain function in the driver's thread cannot be stopped."""
    finished = run_single(lambda: time.sleep(0.3), backend="inline")
    assert list(finished.tasks["status"]) == ["timed_out"]


def test_a_timed_out_attempt_is_retried():
    calls = []
    release = threading.Event()

    def slow():
        calls.append(1)
        if len(calls) == 1:
            release.wait(90)
        return len(calls)

    finished = run_single(slow, extra_keys="retry: {count: 1}", timeout=1)
    release.set()
    assert finished.status == "succeeded"
    assert list(finished.attempts()["status"]) == ["timed_out", "succeeded"]


@pytest.mark.parametrize("backend", ["threads", "inline"])
def test_an_action_may_raise_a_timeout_itself(backend):
    def slow():
        raise attune_nb.Timeout("the server took too long")

    finished = run_single(slow, backend=backend, timeout=60)
    assert list(finished.tasks["status"]) == ["timed_out"]
    assert finished.error == "task `slow` timed out: the server took too long"


def test_a_transition_may_follow_a_timeout():
    release = threading.Event()
    keys = 'next: [{when: "{{ timed_out() }}", do: noop}]'
    finished = run_single(lambda: release.wait(90), extra_keys=keys)
    release.set()
    assert finished.status == "succeeded"
