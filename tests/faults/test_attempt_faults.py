"""Faults of attempts that others met: groups of errors, retries that never were, blocked loops."""

import asyncio
import threading
import time

import pytest
from support.item_runs import until

import attune_nb
from attune_nb.errors import ActionError

BACKENDS = ["inline", "threads", "processes"]


async def fail(error):
    await asyncio.sleep(0)
    raise error


async def call_all(kinds):
    """Fail in a task group, as many clients do: with an error of each kind."""
    errors = {
        "value": ValueError("no such value"),
        "key": KeyError("price"),
        "connection": ConnectionResetError("reset by peer"),
        "data": ActionError("refused", data={"status": 503}),
        "timeout": attune_nb.errors.Timeout("took too long"),
    }
    async with asyncio.TaskGroup() as group:
        for kind in kinds:
            group.create_task(fail(errors[kind]))


def raise_nested():
    inner = ExceptionGroup("inner", [ValueError("no such value"), KeyError("price")])
    raise ExceptionGroup("outer", [inner, OSError("disk")])


RETRIED_GROUP = """
tasks:
  - name: call
    action: call_all
    input: {kinds: KINDS}
    retry: {count: 1, on_error: "PATTERN"}
"""


def run_group(kinds, pattern, backend="inline"):
    text = RETRIED_GROUP.replace("KINDS", kinds).replace("PATTERN", pattern)
    return attune_nb.loads(text).run(
        actions={"call_all": call_all}, backend=backend, progress=False
    )


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("kinds", "parts"),
    [
        ("[value]", ["no such value"]),
        ("[key]", ["KeyError: 'price'"]),
        ("[value, key]", ["ValueError: no such value", "KeyError: 'price'"]),
        ("[connection, value]", ["ConnectionResetError: reset by peer"]),
    ],
)
def test_a_group_of_errors_is_shown_by_its_errors(kinds, parts, backend):
    run = run_group(kinds, "never", backend)

    message = run.tasks["error"][0]
    for part in parts:
        assert part in message
    assert "sub-exception" not in message


@pytest.mark.parametrize(
    ("kinds", "pattern"),
    [
        ("[value]", "^ValueError$"),
        ("[value]", "^no such value"),
        ("[value, key]", "^KeyError$"),
        ("[key, connection]", "^ConnectionError$"),
        ("[key, connection]", "ConnectionResetError: reset by peer"),
    ],
)
def test_on_error_finds_the_errors_of_a_group(kinds, pattern):
    assert run_group(kinds, pattern).tasks["attempts"][0] == 2


def test_groups_in_groups_show_every_error():
    run = attune_nb.loads("tasks: [{name: a, action: f}]").run(
        actions={"f": raise_nested}, progress=False
    )

    message = run.tasks["error"][0]
    assert message.startswith("outer (3 errors): ")
    for part in ("ValueError: no such value", "KeyError: 'price'", "OSError: disk"):
        assert part in message


def test_a_large_group_shows_its_first_errors():
    def act():
        raise ExceptionGroup("many", [ValueError(f"number {count}") for count in range(500)])

    run = attune_nb.loads("tasks: [{name: a, action: f}]").run(actions={"f": act}, progress=False)

    message = run.tasks["error"][0]
    assert message.startswith("many (500 errors): ValueError: number 0; ")
    assert message.endswith("and 480 more")


def test_data_of_an_error_in_a_group_is_kept():
    run = run_group("[data, value]", "never")

    assert run.result("call")["status"] == 503


def test_a_group_of_timeouts_has_timed_out():
    assert run_group("[timeout, timeout]", "never").tasks["status"][0] == "timed_out"
    assert run_group("[timeout, value]", "never").tasks["status"][0] == "failed"


def refuse(x):
    raise ValueError(f"refused {x}")


SINGLE = """
tasks:
  - name: a
    action: refuse
    input: {x: 7}
    retry: {count: 3, delay: 10000}
"""
ITEMS = """
tasks:
  - name: a
    action: refuse
    with_items: [7, 8]
    input: {x: "{{ item }}"}
    retry: {count: 3, delay: 10000}
"""


def cancel_in_retry_wait(text, backend, *, force=False, store=None):
    """Return a run that was cancelled while its attempts waited to be made again."""
    run = attune_nb.loads(text).run(
        actions={"refuse": refuse}, backend=backend, progress=False, background=True, store=store
    )
    count = 2 if text is ITEMS else 1
    until(lambda: run.tasks["attempts"].sum() >= count)
    run.cancel(force=force)
    run.wait()
    return run


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_retry_that_never_was_is_not_counted(backend, force):
    run = cancel_in_retry_wait(SINGLE, backend, force=force)

    task = run.tasks.iloc[0]
    assert (task["status"], task["attempts"], task["error"]) == ("cancelled", 1, "refused 7")
    assert run.result("a")["error_type"] == "ValueError"
    assert len(run.attempts()) == 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_items_keep_their_errors_if_no_retry_was_made(backend):
    run = cancel_in_retry_wait(ITEMS, backend)

    items = run.items("a")
    assert items["status"].tolist() == ["cancelled", "cancelled"]
    assert items["attempts"].tolist() == [1, 1]
    assert items["error"].tolist() == ["refused 7", "refused 8"]
    assert items["error_type"].tolist() == ["ValueError", "ValueError"]
    assert [result["error_type"] for result in run.result("a")] == ["ValueError", "ValueError"]
    assert run.tasks["attempts"][0] == 2
    assert len(run.attempts()) == 2


def test_a_retry_that_never_was_is_on_record(tmp_path):
    store = tmp_path / "runs.db"
    run = cancel_in_retry_wait(ITEMS, "threads", store=store)
    recorded = attune_nb.open_run(run.run_id, store)

    assert recorded.status == "cancelled"
    assert recorded.failures("a").empty
    assert recorded.tasks["attempts"][0] == 2
    assert recorded.items("a")["attempts"].tolist() == [1, 1]
    assert recorded.items("a")["error"].tolist() == ["refused 7", "refused 8"]


def test_the_run_timeout_keeps_the_error_of_an_attempt():
    text = "timeout: 1\n" + SINGLE
    run = attune_nb.loads(text).run(actions={"refuse": refuse}, progress=False)

    assert run.status == "timed_out"
    assert run.tasks["attempts"][0] == 1
    assert run.tasks["error"][0] == "refused 7"


BLOCKED_LOOP = """
tasks:
  - name: blocker
    action: hold
    next: []
  - name: others
    action: wait
    with_items: [1, 2, 3]
    concurrency: 3
    timeout: 0.2
    input: {x: "{{ item }}"}
"""


def is_under_way(run):
    return run.status in ("pending", "running")


def test_a_held_loop_ends_the_attempts_of_others():
    """The timeouts end while an `async` action still holds the loop, and their errors name it."""
    started = []
    may_end = threading.Event()

    async def wait(x):
        started.append(x)
        await asyncio.sleep(1000)

    async def hold():
        while len(started) < 3:  # noqa: ASYNC110 - simpler than an event of the loop
            await asyncio.sleep(0.01)
        may_end.wait(30)

    run = attune_nb.loads(BLOCKED_LOOP).run(
        actions={"hold": hold, "wait": wait}, backend="threads", progress=False, background=True
    )
    until(lambda: "timed_out" in set(run.tasks["status"]) or not is_under_way(run))
    is_held = is_under_way(run)
    may_end.set()
    run.wait()

    assert is_held
    for message in run.items("others")["error"]:
        assert "the action `hold` (task `blocker`)" in message
        assert "declare that action with `def`, not `async def`" in message


def test_an_action_that_never_awaits_is_named():
    may_end = threading.Event()
    started = []

    async def act(x):
        started.append(x)
        if len(started) == 3:
            may_end.wait(30)
        await asyncio.sleep(1000)

    text = BLOCKED_LOOP.replace("action: hold\n    next: []", "action: core.noop")
    run = attune_nb.loads(text).run(
        actions={"wait": act}, backend="threads", progress=False, background=True
    )
    until(lambda: not is_under_way(run))
    may_end.set()
    run.wait()

    for message in run.items("others")["error"]:
        assert f"the action `wait` (task `others`, item {started[2] - 1})" in message


LATER_ITEMS = """
tasks:
  - name: a
    action: act
    with_items: "{{ range(6) }}"
    concurrency: 3
    timeout: 0.3
    KEYS
    input: {x: "{{ item }}"}
"""


async def hold_at_one(x):
    """Hold up the loop at item 1, for longer than the test takes."""
    import time  # noqa: PLC0415 - the function is sent to workers

    if x == 1:
        time.sleep(60)  # noqa: ASYNC251 - this is the fault
    return x


@pytest.mark.parametrize("keys", ["", "rate_limit: 50/s", "report_every: 1"])
@pytest.mark.parametrize("backend", ["threads", "processes"])
def test_items_behind_a_held_loop_go_on_in_another(backend, keys):
    text = LATER_ITEMS.replace("KEYS", keys)
    run = attune_nb.loads(text).run(
        actions={"act": hold_at_one}, backend=backend, workers=1, progress=False, background=True
    )
    until(lambda: not is_under_way(run))

    items = run.items("a")
    assert list(items["status"]) == ["succeeded", "timed_out", *["succeeded"] * 4]
    assert "the action `act` (task `a`, item 1) holds up" in items["error"][1]


def test_a_run_behind_a_held_loop_can_be_cancelled():
    started = threading.Event()

    async def act(x):
        started.set()
        time.sleep(60)  # noqa: ASYNC251 - this is the fault

    text = LATER_ITEMS.replace("timeout: 0.3", "").replace("KEYS", "")
    run = attune_nb.loads(text).run(
        actions={"act": act}, backend="threads", progress=False, background=True
    )
    until(started.is_set)
    run.cancel(force=True)
    until(lambda: not is_under_way(run) and run.status != "cancelling")

    assert run.status == "cancelled"
