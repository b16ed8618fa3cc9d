"""A failure that was handled is never silent: in the text, the page, the alerts, the record."""

import asyncio
import threading
import time

import pytest

import attune_nb
from attune_nb.results.progress import Progress
from attune_nb.results.statuses import COLOURS

FAN_OUT = """
parameters: {hosts: {default: [a, b, c, d]}}
tasks:
  - name: check
    action: check
    with_items: "{{ parameters.hosts }}"
    concurrency: 4
    input: {host: "{{ item }}"}
    next: [{when: "{{ failed() }}", do: noop}]
"""
LOOKS_LIKE_A_MISTAKE = "the failure of `check` looks like a mistake in the code and not like an"


def run(action, text=FAN_OUT, **options):
    handled_run = attune_nb.loads(text).run(actions={"check": action}, **options)
    assert handled_run.status == "succeeded", handled_run.error
    return handled_run


def forgets_import(host):
    return httpx.get(host)  # noqa: F821 - the mistake


NAME_ERROR = (
    "`check` 4 of 4 items failed, all with NameError: name 'httpx' is not defined "
    f"(test_handled_failures.py, line {forgets_import.__code__.co_firstlineno + 1})"
)


@pytest.mark.parametrize(
    "backend",
    [
        "threads",
        "inline",
        pytest.param("processes", marks=pytest.mark.slow),
        pytest.param("dask", marks=pytest.mark.slow),
    ],
)
def test_the_users_line_stands_everywhere(backend, tmp_path):
    store = tmp_path / "runs.db"
    handled_run = run(forgets_import, backend=backend, workers=1, store=store)
    recorded_run = attune_nb.open_run(handled_run.run_id, store)

    for view in (handled_run, recorded_run):
        text = repr(view)
        assert "succeeded after" in text
        assert ", 1 failure handled\n" in text
        assert f"1 failure handled: {NAME_ERROR}\n" in text
        assert f"note: {LOOKS_LIKE_A_MISTAKE} outcome: NameError: name 'httpx'" in text

        page = view._repr_html_()
        assert "1 failure handled: `check` 4 of 4 items failed, all with NameError" in page
        assert "<details><summary" in page
        assert "return httpx.get(host)" in page

        (alert,) = view.alerts
        assert alert.startswith(LOOKS_LIKE_A_MISTAKE)
        assert alert.endswith("in all 4 items")
        assert "test_handled_failures.py, line" in alert


def test_the_progress_counts_handled_failures():
    progress = Progress()
    progress.read(run(forgets_import).events)

    assert progress.heading().endswith(", 1 failure handled")
    assert progress.handled == 1


def test_errors_are_grouped_by_type_and_message():
    def check(host):
        if host in "ab":
            raise ConnectionError("no route")
        raise TimeoutError("too slow")

    description = repr(run(check, parameters={"hosts": ["a", "b", "c", "d", "a"]}))
    assert "`check` 5 of 5 items failed: 3 with ConnectionError: no route (" in description
    assert ", 2 with TimeoutError: too slow (" in description


def test_errors_with_a_message_each_are_one_group():
    def check(host):
        raise ConnectionError(f"no answer from {host}")

    description = repr(run(check))
    assert (
        "4 of 4 items failed, all with ConnectionError, such as: no answer from a"
    ) in description


def test_the_rarest_errors_are_only_counted():
    def check(host):
        raise (ValueError if host == "a" else KeyError)(host)

    description = repr(run(check, parameters={"hosts": [*"aabcdefg"]}))
    assert "8 of 8 items failed: 2 with ValueError: a (" in description
    assert ", 4 with 4 other errors" in description


def test_a_task_without_items_says_its_error():
    text = """
tasks:
  - name: deploy
    action: core.shell
    input: {cmd: "echo disk full >&2; exit 5"}
    next: [{when: "{{ failed() }}", do: noop}]
"""
    handled_run = run(outcome, text)

    assert "1 failure handled: `deploy` failed: command exited with 5: disk full" in repr(
        handled_run
    )
    assert handled_run.alerts == []


def test_a_task_that_failed_at_each_visit_is_one_line():
    text = """
vars: [{tries: 0}]
tasks:
  - {name: start, action: core.noop, next: [{do: poll}]}
  - name: poll
    action: check
    input: {host: x}
    next:
      - publish: [{tries: "{{ workflow.tries + 1 }}"}]
      - {when: "{{ failed() and workflow.tries < 3 }}", do: poll}
      - {when: "{{ failed() and workflow.tries >= 3 }}", do: noop}
"""

    def check(host):
        raise ConnectionError("not yet")

    description = repr(run(check, text))
    assert ", 3 failures handled\n" in description
    assert "handled: `poll` failed 3 times, all with ConnectionError: not yet (" in description


def test_a_failure_within_a_parallel_task_is_named():
    text = """
tasks:
  - name: both
    type: parallel
    tasks:
      - {name: bad, action: check, input: {host: x}}
      - {name: good, action: core.noop}
    next: [{when: "{{ failed() }}", do: noop}]
"""
    assert "1 failure handled: `both/bad` failed: NameError: name 'httpx'" in repr(
        run(forgets_import, text)
    )


def attribute_error(host):
    return host.nmae


def import_error(host):
    import no_such_module  # noqa: F401, PLC0415 - the mistake


def wrong_call(host):
    return attribute_error(host, 1)


def outcome(host):
    raise ConnectionError("no route")


def sometimes_broken(host):
    return host.nmae if host == "a" else host


def type_error_of_data(host):
    return host + 1


@pytest.mark.parametrize("action", [attribute_error, import_error, wrong_call])
def test_an_error_of_the_code_in_all_items_looks_like_a_mistake(action):
    (alert,) = run(action).alerts
    assert alert.startswith(LOOKS_LIKE_A_MISTAKE)


@pytest.mark.parametrize("action", [outcome, sometimes_broken, type_error_of_data])
def test_an_outcome_does_not_look_like_a_mistake(action):
    assert run(action).alerts == []


LOOKS_LIKE_ANOTHER_LOOP = (
    "the failure of `check` looks like a client or a lock that was first used in"
)


def test_a_client_of_an_earlier_run_looks_like_a_mistake():
    """An open connection calls the event loop in which it was made, that of one run."""
    loops = []

    async def send(host):
        loops.append(asyncio.get_running_loop())
        loops[0].call_soon(int)

    assert run(send).alerts == []
    (alert,) = run(send).alerts
    assert alert.startswith(LOOKS_LIKE_ANOTHER_LOOP)
    assert "RuntimeError: Event loop is closed" in alert


def test_a_lock_of_an_earlier_run_looks_like_a_mistake():
    lock = asyncio.Lock()

    async def talk(host):
        async with lock:
            await asyncio.sleep(0)

    assert run(talk).alerts == []
    (alert,) = run(talk).alerts
    assert alert.startswith(LOOKS_LIKE_ANOTHER_LOOP)
    assert "different event loop" in alert


def test_a_failed_expression_looks_like_a_mistake():
    text = FAN_OUT.replace("{{ item }}", "{{ item.url.host }}")
    handled_run = attune_nb.loads(text).run({"hosts": [{}]}, actions={"check": outcome})

    (alert,) = handled_run.alerts
    assert alert.startswith(
        "the failure of `check` looks like a mistake in an expression and not like an outcome: "
    )
    assert "line 8" in alert


def test_an_expression_that_failed_after_its_items_is_named_too():
    text = FAN_OUT.replace('when: "{{ failed() }}"', 'when: "{{ result().x.y > 1 }}"')
    failed_run = attune_nb.loads(text).run(actions={"check": outcome})

    assert failed_run.status == "failed"
    assert any("a mistake in an expression" in alert for alert in failed_run.alerts)
    assert "4 of 4 items failed, all with ConnectionError: no route" in repr(failed_run)


def test_a_secret_in_an_item_is_masked():
    handled_run = run(
        forgets_import, parameters={"hosts": ["hunter2-hunter2"]}, keystore={"k": "hunter2-hunter2"}
    )
    page = handled_run._repr_html_()
    assert "item 0: &#39;***&#39;" in page
    assert "hunter2" not in page + repr(handled_run)


def test_the_error_of_a_failed_run_has_types_counts_and_lines():
    text = FAN_OUT.replace('    next: [{when: "{{ failed() }}", do: noop}]\n', "")
    failed_run = attune_nb.loads(text).run(actions={"check": forgets_import})

    reason = NAME_ERROR.replace("`check` ", "task `check` failed: ")
    assert failed_run.error_text() == reason
    with pytest.raises(attune_nb.RunFailed) as error_info:
        failed_run.raise_for_status()
    assert str(error_info.value) == reason
    assert error_info.value.run is failed_run


def test_the_failures_before_a_cancellation_are_shown():
    started = threading.Event()

    def check(host):
        assert started.wait(60)
        if host == "d":
            cancelled_run.cancel()
        time.sleep(0.01)
        raise ValueError("broken")

    workflow = attune_nb.loads(FAN_OUT.replace("concurrency: 4", "concurrency: 1"))
    cancelled_run = workflow.run(
        {"hosts": [*"abcd"] * 50}, actions={"check": check}, background=True
    )
    started.set()
    assert cancelled_run.wait(60)

    assert cancelled_run.status == "cancelled"
    assert " of 200 items failed, all with ValueError: broken" in repr(cancelled_run)


def test_only_a_run_without_a_failure_is_green():
    def check(host):
        if host == "b":
            raise ConnectionError("no answer")

    with_failure = run(check)
    assert with_failure.status == "succeeded"
    assert COLOURS["succeeded"] not in with_failure._repr_html_()
    assert COLOURS["succeeded"] in run(lambda host: None)._repr_html_()
