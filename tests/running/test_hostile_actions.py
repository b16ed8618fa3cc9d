"""Whatever an action does, its task says so, the others go on and the run ends."""

import math
import sys
import threading

import pytest

import attune_nb

TEXT = """
tasks:
  - name: act
    action: act
    with_items: [good, bad, good]
    input: {what: "{{ item }}"}
"""


class UnspeakableError(Exception):
    def __str__(self):
        raise RuntimeError("not even its own message")


class Custom(BaseException):
    def __init__(self, one, two):
        super().__init__(one)


def raising(error):
    def act(what):
        if what == "bad":
            raise error
        return what

    return act


def giving(value):
    return lambda what: value if what == "bad" else what


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
    ids=lambda each: type(each).__name__,
)
def test_what_it_raises_is_the_failure_of_that_item_alone(backend, error, kind, message):
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
def test_no_exception_gets_out_whatever_its_kind(error, backend):
    run = go(raising(error), backend)
    assert list(run.items("act")["status"]) == ["succeeded", "failed", "succeeded"]
    assert run.result("act")[1]["error_type"] == type(error).__name__


def test_inline_an_interrupt_stops_the_run_as_an_interrupt_does():
    run = go(raising(KeyboardInterrupt()), "inline")
    assert run.status == "cancelled"
    assert run.error == "the run was interrupted"


@pytest.mark.parametrize(
    "value",
    [math.inf, b"bytes", {1, 2}, {1: "int key"}, print, object(), (1, [2]), 2**80, "x" * 10**6],
    ids=lambda each: type(each).__name__,
)
def test_any_object_is_a_result(value):
    run = go(giving(value))
    assert run.status == "succeeded"
    assert run.result("act")[1] == value
    assert len(repr(run)) < 1000
    assert len(run._repr_html_()) < 5000


def test_a_value_that_contains_itself_is_a_failure_that_says_so():
    endless = []
    endless.append(endless)
    run = go(giving(endless))
    assert "contains itself" in run.result("act")[1]["error"]


def test_an_item_without_the_key_fails_alone_and_says_where():
    text = TEXT.replace("[good, bad, good]", "[{a: 1}, {b: 2}, {a: 3}]").replace(
        '"{{ item }}"', '"{{ item.a }}"'
    )
    run = attune_nb.loads(text).run(actions={"act": lambda what: what})
    assert list(run.items("act")["status"]) == ["succeeded", "failed", "succeeded"]
    assert "has no `a`" in run.result("act")[1]["error"]
    assert "line 6" in run.result("act")[1]["error"]


def test_a_million_lines_do_not_stop_it(capfd):
    run = go(lambda what: sys.stdout.write("line\n" * 300_000) and what)
    assert run.status == "succeeded"
    assert len(capfd.readouterr().out) > 4_000_000


def test_a_run_within_an_action_is_a_run_of_its_own():
    inner = attune_nb.loads(TEXT)
    run = go(lambda what: inner.run(actions={"act": giving(2)}).result("act")[1])
    assert run.result("act") == [2, 2, 2]


def test_a_failing_source_of_items_fails_the_task():
    def source():
        yield 1
        raise ValueError("the cursor was closed")

    text = """
parameters: {source: {type: any}}
tasks:
  - {name: act, action: act, with_items: "{{ parameters.source }}", input: {what: "{{ item }}"}}
"""
    run = attune_nb.loads(text).run({"source": source()}, actions={"act": lambda what: what})
    assert run.status == "failed"
    assert "the cursor was closed" in run.error
    assert list(run.items("act")["status"]) == ["succeeded", "failed"]


def test_a_reader_that_fails_is_dropped_with_a_warning(caplog):
    def reader(events):
        raise RuntimeError("no screen")

    run = attune_nb.loads(TEXT).run(actions={"act": lambda what: what}, readers=[reader])
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
def test_an_option_that_makes_no_sense_is_refused_before_anything_runs(options):
    with pytest.raises(attune_nb.BackendError):
        attune_nb.loads(TEXT).run(actions={"act": giving(1)}, **options)


def test_a_terminal_gets_no_control_characters():
    run = go(raising(ValueError("bad \x1b[31m")))
    assert "\x1b" not in repr(run)


def test_a_backend_that_breaks_lets_go_of_whoever_waits():
    class Broken:
        def __getattr__(self, name):
            raise RuntimeError("no workers")

        poll = start = collect = None

    run = attune_nb.loads(TEXT).run(actions={"act": giving(1)}, backend=Broken(), background=True)
    assert run.wait(30)
    assert run.status == "failed"
    assert run.error.startswith("the engine failed")


@pytest.mark.parametrize("given", [1, 3])
def test_a_task_makes_do_with_the_threads_that_the_system_gives(monkeypatch, given):
    start, left = threading.Thread.start, [given]

    def scarce(thread):
        if "act" in thread.name:
            left[0] -= 1
            if left[0] < 0:
                raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", scarce)
    text = "tasks: [{name: act, action: act, with_items: [1, 2, 3, 4], concurrency: 4}]\n"
    run = attune_nb.loads(text).run(actions={"act": lambda: 1})
    assert run.result("act") == [1, 1, 1, 1]


def test_a_system_that_gives_no_thread_is_told(monkeypatch):
    def none(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none)
    with pytest.raises(attune_nb.errors.BackendError, match="use the inline backend"):
        attune_nb.loads(TEXT).run(actions={"act": giving(1)})
    assert go(giving(1), "inline").status == "succeeded"
