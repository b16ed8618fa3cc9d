"""How many lines of an attempt are kept, and texts that are no usual lines."""

import os
import sys

import pytest
from support.item_runs import run_work
from support.log_lines import lines_of, read_lines, texts_of

from attune_nb.capture import collector


def speak(x):
    print(x)


def test_of_an_attempt_64_kb_are_kept_and_the_rest_is_counted():
    def work(x):
        for _ in range(1000):
            print("x" * 99)

    lines = texts_of(work)

    assert lines[:-1] == [("stdout", "x" * 99)] * 655
    assert lines[-1] == ("stdout", "... 345 more lines")


def test_the_beginning_of_a_very_long_line_is_kept():
    def work(x):
        for _ in range(1_000):
            sys.stdout.write("y" * 1_000)
        print("\nmore")

    assert texts_of(work) == [("stdout", "y" * 65_535 + "…"), ("stdout", "... 1 more line")]


def test_of_a_run_50_mb_are_kept_and_the_rest_is_counted(monkeypatch):
    monkeypatch.setattr(collector, "MOST_RUN_CHARACTERS", 100)

    def work(x):
        print("123456789")

    _, lines = lines_of(work, 15, backend="inline")

    assert [line.text for line in lines] == ["123456789"] * 10 + ["... 5 more lines"]
    assert (lines[-1].task, lines[-1].worker) == ("", -1)


def test_an_attempt_without_a_newline_does_not_lose_its_text():
    def work(x):
        for number in range(5_000):
            print(number % 10, end="")

    assert texts_of(work) == [("stdout", "0123456789" * 500)]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("\udcff lone half\n", "? lone half"),
        ("zero \0 byte\n", "zero \0 byte"),
        ("windows\r\n", "windows"),
        ("50 %\r100 %\r\n", "100 %"),
        ("\n", ""),
        ("<b>&amp;</b> \x1b[31mred\n", "<b>&amp;</b> \x1b[31mred"),
    ],
    ids=["surrogate", "zero byte", "carriage return", "bar", "empty", "escapes"],
)
def test_any_text_becomes_a_line(text, line):
    assert texts_of(lambda x: sys.stdout.write(text)) == [("stdout", line)]


def test_a_stream_takes_only_strings():
    def work(x):
        with pytest.raises(TypeError, match="must be str, not int"):
            sys.stdout.write(5)
        assert sys.stdout.write("five\n") == 5
        assert not sys.stdout.isatty()
        sys.stdout.flush()

    run, lines = lines_of(work)

    assert run.status == "succeeded"
    assert [line.text for line in lines] == ["five"]


def test_a_forked_process_does_not_print_into_the_log():
    def work(x):
        pid = os.fork()
        if pid == 0:
            print("of the child")
            os._exit(0)
        os.waitpid(pid, 0)
        print("of the parent")

    assert texts_of(work, backend="inline") == [("stdout", "of the parent")]


def test_a_reader_that_fails_does_not_break_the_run(caplog):
    def fail(lines):
        raise ValueError("no room")

    with read_lines(fail):
        run = run_work(speak, {"n": 3}, backend="inline")

    assert run.status == "succeeded"
    assert "a reader of the run failed and was removed: no room" in caplog.text


def test_lines_of_an_inline_attempt_arrive_while_it_runs():
    arrived = []
    seen = []

    def work(x):
        print("first")
        seen.extend(line.text for line in arrived)

    with read_lines(arrived.extend):
        run_work(work, {"n": 1}, backend="inline")

    assert seen == ["first"]
