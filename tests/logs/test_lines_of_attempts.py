"""The lines of an attempt are whole and its own, on the backends of this process."""

import asyncio
import sys
import time
from contextvars import ContextVar

import pytest
from support.log_lines import lines_of, texts_by_index, texts_of


def print_in_pieces(x):
    for number in range(3):
        print(x, "line", end=" ")
        time.sleep(0.001)
        print(number)


async def print_in_turns(x):
    for number in range(3):
        print(x, "line", end=" ")
        await asyncio.sleep(0.001)
        print(number)


@pytest.mark.parametrize(
    ("work", "backend"),
    [(print_in_pieces, "inline"), (print_in_pieces, "threads"), (print_in_turns, "threads")],
    ids=["inline", "threads", "coroutines"],
)
def test_each_item_has_its_own_whole_lines(work, backend):
    _, lines = lines_of(work, 40, backend=backend)

    expected = {
        index: [f"{index} line 0", f"{index} line 1", f"{index} line 2"] for index in range(40)
    }
    assert texts_by_index(lines) == expected


def test_a_line_says_where_it_was_written():
    def fail_once(x):
        print("try")
        if len(runs) < 1:
            runs.append(x)
            raise ValueError

    runs = []
    _, lines = lines_of(fail_once, keys="retry: {count: 1, delay: 0}", backend="inline")

    assert [(line.task, line.visit, line.index, line.attempt) for line in lines] == [
        ("a", 1, 0, 1),
        ("a", 1, 0, 2),
    ]


def test_stdout_and_stderr_are_told_apart():
    def work(x):
        print("out")
        print("err", file=sys.stderr)

    assert texts_of(work, backend="inline") == [("stdout", "out"), ("stderr", "err")]


def test_a_line_without_an_end_is_kept():
    def work(x):
        print("no newline", end="")

    assert texts_of(work) == [("stdout", "no newline")]


def test_of_a_progress_bar_the_last_state_is_kept():
    def work(x):
        for percent in range(0, 101, 50):
            print(f"\r{percent} %", end="")
        print()

    assert texts_of(work) == [("stdout", "100 %")]


def test_the_streams_are_the_same_after_the_run():
    before = sys.stdout, sys.stderr

    lines_of(print_in_pieces, 4)

    assert (sys.stdout, sys.stderr) == before


_tenant = ContextVar("tenant")


def read_tenant(x):
    return _tenant.get()


async def read_tenant_later(x):
    return _tenant.get()


@pytest.mark.parametrize("backend", ["inline", "threads"])
@pytest.mark.parametrize("work", [read_tenant, read_tenant_later], ids=["plain", "async"])
def test_an_action_sees_the_context_variables_of_the_cell(work, backend):
    _tenant.set("north")

    run, _ = lines_of(work, 3, backend=backend)

    assert list(run.items("a")["result"]) == ["north"] * 3
