"""Whatever an action does, only its item fails, and the run ends."""

import math
import sys
import threading

import pytest
from support.item_runs import until

import attune_nb
from attune_nb.capture import streams

TEXT = """
tasks:
  - name: act
    action: act
    with_items: [good, bad, good]
    input: {item: "{{ item }}"}
"""


class UnspeakableError(Exception):
    def __str__(self):
        raise RuntimeError("not even its own message")


class Custom(BaseException):
    def __init__(self, first, second):
        super().__init__(first)


def raising(error):
    def act(item):
        if item == "bad":
            raise error
        return item

    return act


def returning(value):
    return lambda item: value if item == "bad" else item


def go(act, backend="threads"):
    return attune_nb.loads(TEXT).run(actions={"act": act}, backend=backend)


@pytest.mark.parametrize("backend", ["threads", "inline"])
@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (ValueError("no"), "ValueError", "no"),
        (ValueError(), "ValueError", "ValueError"),
        (SystemExit(3), "SystemExit", "SystemExit: 3"),
        (KeyError("url"), "KeyError", "KeyError: 'url'"),
        (UnspeakableError(), "UnspeakableError", "UnspeakableError"),
        (MemoryError(), "MemoryError", "MemoryError"),
        (RecursionError("deep"), "RecursionError", "deep"),
        (StopIteration("early"), "StopIteration", "StopIteration: early"),
        (attune_nb.ActionError("down", {"code": 7}), "ActionError", "down"),
        (ValueError("<script>\x1b[31m\udcff"), "ValueError", "<script>\x1b[31m\udcff"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_exception_fails_only_its_item(backend, error, kind, message):
    run = go(raising(error), backend)
    assert list(run.items("act")["status"]) == ["succeeded", "failed", "succeeded"]

    failure = run.result("act")[1]
    assert (failure["error_type"], failure["error"]) == (kind, message)
    assert "<script>" not in run._repr_html_()
    assert "\x1b" not in run._repr_html_()


@pytest.mark.parametrize(
    ("error", "backend"),
    [
        (KeyboardInterrupt(), "threads"),
        (Custom(1, 2), "threads"),
        (Custom(1, 2), "inline"),
        (GeneratorExit(), "threads"),
        (GeneratorExit(), "inline"),
    ],
)
def test_no_kind_of_exception_escapes(error, backend):
    run = go(raising(error), backend)
    assert list(run.items("act")["status"]) == ["succeeded", "failed", "succeeded"]
    assert run.result("act")[1]["error_type"] == type(error).__name__


def test_an_interrupt_inline_cancels_the_run():
    run = go(raising(KeyboardInterrupt()), "inline")
    assert run.status == "cancelled"
    assert run.error == "the run was interrupted"


@pytest.mark.parametrize(
    "value",
    [math.inf, b"bytes", {1, 2}, {1: "int key"}, print, object(), (1, [2]), 2**80, "x" * 10**6],
    ids=lambda value: type(value).__name__,
)
def test_any_object_is_a_result(value):
    run = go(returning(value))
    assert run.status == "succeeded"
    assert run.result("act")[1] == value
    assert len(repr(run)) < 1000
    assert len(run._repr_html_()) < 5000


def test_a_result_that_contains_itself_fails_its_item():
    endless = []
    endless.append(endless)
    run = go(returning(endless))

    assert "contains itself" in run.result("act")[1]["error"]


def test_an_item_without_the_key_fails_with_its_line():
    text = TEXT.replace("[good, bad, good]", "[{a: 1}, {b: 2}, {a: 3}]").replace(
        '"{{ item }}"', '"{{ item.a }}"'
    )
    run = attune_nb.loads(text).run(actions={"act": lambda item: item})

    assert list(run.items("act")["status"]) == ["succeeded", "failed", "succeeded"]
    assert "has no `a`" in run.result("act")[1]["error"]
    assert "line 6" in run.result("act")[1]["error"]


def test_a_million_printed_lines_do_not_stop_the_run(capfd):
    run = go(lambda item: sys.stdout.write("line\n" * 300_000) and item)
    assert run.status == "succeeded"
    shown = capfd.readouterr().out.splitlines()
    assert len(shown) == len(run.logs())
    assert run.logs()["text"].str.len().sum() > 3 * 50_000
    notes = [line for line in shown if "more lines" in line]
    assert [note.partition(" | ")[0] for note in notes] == ["act[0]", "act[1]", "act[2]"]


def test_an_action_can_run_another_workflow():
    inner = attune_nb.loads(TEXT)
    run = go(lambda item: inner.run(actions={"act": returning(2)}).result("act")[1])
    assert run.result("act") == [2, 2, 2]


def test_a_failing_source_of_items_fails_the_task():
    def source():
        yield 1
        raise ValueError("the cursor was closed")

    text = """
parameters: {source: {type: any}}
tasks:
  - {name: act, action: act, with_items: "{{ parameters.source }}", input: {item: "{{ item }}"}}
"""
    run = attune_nb.loads(text).run({"source": source()}, actions={"act": lambda item: item})

    assert run.status == "failed"
    assert "the cursor was closed" in run.error
    assert list(run.items("act")["status"]) == ["succeeded", "failed"]


def test_a_reader_that_fails_is_dropped_with_a_warning(caplog):
    def reader(events):
        raise RuntimeError("no screen")

    run = attune_nb.loads(TEXT).run(actions={"act": lambda item: item}, readers=[reader])

    assert run.status == "succeeded"
    assert "no screen" in caplog.text


@pytest.mark.parametrize(
    "options",
    [
        {"workers": 0}, {"workers": -3}, {"workers": "x"}, {"concurrency": -1},
        {"backend": 5}, {"backend": None}, {"backend": "thraeds"},
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_backend_option_is_refused(options):
    with pytest.raises(attune_nb.BackendError):
        attune_nb.loads(TEXT).run(actions={"act": returning(1)}, **options)


def test_a_terminal_gets_no_control_characters():
    run = go(raising(ValueError("bad \x1b[31m")))
    assert "\x1b" not in repr(run)


def test_a_backend_that_breaks_ends_the_run():
    class Broken:
        def __getattr__(self, name):
            raise RuntimeError("no workers")

        poll = start = collect = None

    # runs of other tests may be alive, too
    capturing_runs = streams._users  # noqa: SLF001
    run = attune_nb.loads(TEXT).run(
        actions={"act": returning(1)}, backend=Broken(), background=True
    )

    assert run.wait(30)
    assert run.status == "failed"
    assert run.error.startswith("the engine failed")
    # nothing is captured any more
    until(lambda: streams._users <= capturing_runs)  # noqa: SLF001


@pytest.mark.parametrize("thread_count", [1, 3])
def test_a_task_runs_with_fewer_threads_than_requested(monkeypatch, thread_count):
    start, remaining = threading.Thread.start, [thread_count]

    def scarce(thread):
        if "act" in thread.name:
            remaining[0] -= 1
            if remaining[0] < 0:
                raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", scarce)
    text = "tasks: [{name: act, action: act, with_items: [1, 2, 3, 4], concurrency: 4}]\n"
    run = attune_nb.loads(text).run(actions={"act": lambda: 1})

    assert run.result("act") == [1, 1, 1, 1]


def test_a_system_without_threads_raises(monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)

    with pytest.raises(attune_nb.errors.BackendError, match="use the inline backend"):
        attune_nb.loads(TEXT).run(actions={"act": returning(1)})
    assert go(returning(1), "inline").status == "succeeded"
