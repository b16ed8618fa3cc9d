"""A timeout ends the attempt, whatever the action does."""

import asyncio
import threading
import time

import pytest

import attune_nb

ONE = """
tasks:
  - name: slow
    action: slow
    timeout: 0.15
    {more}
"""
MANY = """
tasks:
  - name: slow
    action: slow
    with_items: [0, 1, 2, 3, 4, 5]
    concurrency: 2
    timeout: 0.15
    input: {n: "{{ item }}"}
"""


def run(text, function, backend="threads"):
    return attune_nb.loads(text).run(actions={"slow": function}, backend=backend)


def one(function, more="", backend="threads"):
    return run(ONE.format(more=more), function, backend)


def test_a_function_that_cannot_be_stopped_is_left_behind_and_the_run_says_so():
    release, waited = threading.Event(), []
    ended = one(lambda: waited.append(release.wait(90)))
    assert not waited
    release.set()
    assert ended.status == "failed"
    assert list(ended.tasks["status"]) == ["timed_out"]
    assert "no end within 0.15 s; a Python function in a thread cannot be stopped" in ended.error


def test_what_a_late_function_gives_is_dropped():
    late = threading.Event()

    def slow():
        time.sleep(0.4)
        late.set()
        return "late"

    ended = one(slow)
    assert late.wait(30)
    assert ended.result("slow")["error_type"] == "Timeout"
    assert list(ended.attempts["status"]) == ["timed_out"]


def test_an_item_that_never_ends_does_not_hold_the_others_up():
    release = threading.Event()

    def slow(n):
        if n in (0, 3):
            release.wait(90)
        return n

    ended = run(MANY, slow)
    release.set()
    items = ended.items("slow")
    assert list(items["status"]) == [
        "timed_out", "succeeded", "succeeded", "timed_out", "succeeded", "succeeded",
    ]  # fmt: skip
    assert "2 of 6 items failed" in ended.error


@pytest.mark.parametrize("backend", ["threads", "inline"])
def test_a_coroutine_is_cancelled(backend):
    seen = []

    async def slow():
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    ended = one(slow, backend=backend)
    assert seen == ["cancelled"]
    assert "no end within 0.15 s; it was stopped" in ended.error


@pytest.mark.parametrize("backend", ["threads", "inline"])
def test_a_shell_command_and_its_children_are_killed_and_what_they_said_is_kept(backend, tmp_path):
    alive = tmp_path / "alive"
    text = f"""
tasks:
  - name: slow
    action: core.shell
    timeout: 0.3
    input: {{cmd: "echo begun; (sleep 1.5; touch {alive}) & sleep 10"}}
"""
    ended = attune_nb.loads(text).run(backend=backend)
    assert ended.result("slow")["stdout"] == "begun\n"
    assert list(ended.tasks["status"]) == ["timed_out"]
    time.sleep(1.5)
    assert not alive.exists()


def test_the_inline_backend_finds_a_plain_function_late_once_it_is_back():
    ended = one(lambda: time.sleep(0.3), backend="inline")
    assert list(ended.tasks["status"]) == ["timed_out"]


def test_a_timed_out_attempt_is_made_again_where_retry_says_so():
    calls = []

    def slow():
        calls.append(1)
        if len(calls) == 1:
            time.sleep(0.6)
        return len(calls)

    ended = one(slow, more="retry: {count: 1}")
    assert ended.status == "succeeded"
    assert list(ended.attempts["status"]) == ["timed_out", "succeeded"]


@pytest.mark.parametrize("backend", ["threads", "inline"])
def test_an_action_may_say_itself_that_it_timed_out(backend):
    def slow():
        raise attune_nb.Timeout("the server took too long")

    ended = one(slow, backend=backend)
    assert list(ended.tasks["status"]) == ["timed_out"]
    assert ended.error == "task `slow` timed out: the server took too long"


def test_timed_out_leads_where_its_transition_says():
    text = ONE.format(more='next: [{when: "{{ timed_out() }}", do: noop}]')
    ended = run(text, lambda: time.sleep(0.5))
    assert ended.status == "succeeded"
