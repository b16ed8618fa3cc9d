"""Cancel a run: running attempts end by the workflow's policy, and no new ones begin."""

import threading

import pytest
from support.item_runs import until
from support.outcomes import NewThreads

import attune_nb

TEXT = """
cancellation_policy: {policy}
tasks:
  - name: work
    action: work
    with_items: "{{{{ range(100) }}}}"
    concurrency: 3
    input: {{n: "{{{{ item }}}}"}}
    next: [{{do: after}}]
  - {{name: after, action: core.noop}}
"""


def start_run(policy, work):
    """Start a run with a cancellation policy."""
    return attune_nb.loads(TEXT.format(policy=policy)).run(actions={"work": work}, background=True)


def test_allow_finish_lets_running_attempts_end():
    started = threading.Semaphore(0)
    release = threading.Event()

    def work(n):
        started.release()
        release.wait(90)
        return n

    run = start_run("allow_finish", work)
    for _ in range(3):
        assert started.acquire(timeout=60)
    run.cancel()
    until(lambda: run.status == "cancelling")
    release.set()
    assert run.wait(60)
    assert run.status == "cancelled"
    assert list(run.items("work")["status"]) == ["succeeded"] * 3
    assert list(run.tasks["status"]) == ["cancelled", "pending"]


def test_cancel_running_cancels_running_attempts():
    started = threading.Event()
    release = threading.Event()

    def work(n):
        started.set()
        release.wait(90)

    run = start_run("cancel_running", work)
    assert started.wait(60)
    run.cancel()
    assert run.wait(60)
    release.set()
    assert run.status == "cancelled"
    assert set(run.items("work")["status"]) == {"cancelled"}
    with pytest.raises(attune_nb.RunCancelled):
        run.raise_for_status()


def test_a_sleeping_action_is_woken():
    text = """
cancellation_policy: cancel_running
tasks:
  - {name: nap, action: core.sleep, input: {seconds: 600}}
"""
    new_threads = NewThreads()
    run = attune_nb.loads(text).run(background=True)
    until(lambda: new_threads.named("attune nap"))
    run.cancel()
    assert run.wait(60)
    until(lambda: not new_threads.named("attune nap"))


def test_a_waiting_retry_is_not_made():
    calls = []

    def work():
        calls.append(1)
        raise ValueError("no")

    text = "tasks:\n  - {name: w, action: work, retry: {count: 5, delay: 600}}\n"
    run = attune_nb.loads(text).run(actions={"work": work}, background=True)
    until(lambda: calls)
    run.cancel()
    assert run.wait(60)
    assert (run.status, len(calls)) == ("cancelled", 1)


def test_a_run_has_a_timeout_of_its_own():
    text = """
timeout: 0.3
tasks:
  - {name: nap, action: core.sleep, input: {seconds: 60}, next: [{do: after}]}
  - {name: after, action: core.noop}
"""
    run = attune_nb.loads(text).run()
    assert run.status == "timed_out"
    assert run.error == "the run did not end within 0.3 s"
    assert list(run.tasks["status"]) == ["cancelled", "pending"]
    with pytest.raises(attune_nb.RunFailed, match="did not end"):
        run.raise_for_status()


BLOCKED = """
timeout: 0.3
parameters: {s: {type: any}}
tasks:
  - {name: a, action: core.echo, with_items: "{{ parameters.s }}", input: {message: "{{ item }}"}}
"""


@pytest.mark.parametrize("policy", ["allow_finish", "cancel_running"])
def test_a_source_that_blocks_does_not_block_the_end(policy):
    release = threading.Event()

    def source():
        yield 1
        release.wait(90)

    run = attune_nb.loads(f"cancellation_policy: {policy}" + BLOCKED).run({"s": source()})
    release.set()
    assert run.status == "timed_out"
    assert run.result("a") == [{"message": 1}]
