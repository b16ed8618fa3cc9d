"""Lines that an action does not print itself: logging, threads, pools, processes, redirections."""

import asyncio
import contextlib
import io
import logging
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.log_lines import lines_of, texts_by_index, texts_of

_pool = ThreadPoolExecutor(2)


def test_log_records_keep_their_levels(caplog):
    def work(x):
        logging.getLogger("a.library").warning("careful, %s", "you")
        logging.getLogger("a.library").info("the library's level hides this")
        try:
            int("x")
        except ValueError:
            logging.getLogger("a.library").exception("it failed")

    lines = texts_of(work)

    assert lines[0] == ("WARNING", "careful, you")
    assert lines[1] == ("ERROR", "it failed")
    assert lines[-1] == ("ERROR", "ValueError: invalid literal for int() with base 10: 'x'")


def test_handlers_of_files_get_the_records_too(tmp_path):
    logger = logging.getLogger("with a file")
    file_handler = logging.FileHandler(tmp_path / "log.txt")
    console_handler = logging.StreamHandler()
    logger.addHandler(file_handler)
    logger.addHandler(console_handler)

    lines = texts_of(lambda x: logger.error("once"))

    file_handler.close()
    assert lines == [("ERROR", "once")]
    assert (tmp_path / "log.txt").read_text() == "once\n"


def print_in_threads(x):
    thread = threading.Thread(target=print, args=("thread", x))
    thread.start()
    thread.join()
    list(_pool.map(print, ["pool"], [x]))
    asyncio.run(asyncio.to_thread(print, "task", x))


async def print_in_tasks(x):
    await asyncio.create_task(print_later("thread", x))
    await asyncio.get_running_loop().run_in_executor(_pool, print, "pool", x)
    await asyncio.to_thread(print, "task", x)


async def print_later(*values):
    await asyncio.sleep(0.01)
    print(*values)


@pytest.mark.parametrize("backend", ["inline", "threads"])
@pytest.mark.parametrize("work", [print_in_threads, print_in_tasks], ids=["plain", "async"])
def test_what_threads_and_tasks_print_is_their_items(work, backend):
    _, lines = lines_of(work, 10, backend=backend)

    expected = {index: [f"thread {index}", f"pool {index}", f"task {index}"] for index in range(10)}
    assert texts_by_index(lines) == expected


async def leave_a_task(x):
    task = asyncio.create_task(print_later("of item", x))
    _tasks.append(task)
    if x == 9:
        await asyncio.wait(_tasks)


_tasks = []


def test_a_task_that_outlives_its_item_still_prints_for_it():
    _, lines = lines_of(leave_a_task, 10, concurrency=1)

    assert texts_by_index(lines) == {index: [f"of item {index}"] for index in range(10)}


def test_a_call_that_outlives_its_item_still_prints_for_it():
    has_begun = threading.Event()
    may_print = threading.Event()
    has_printed = threading.Event()

    def print_late():
        has_begun.set()
        may_print.wait(60)
        print("late")
        has_printed.set()

    async def work(x):
        if x == 0:
            call = asyncio.ensure_future(asyncio.to_thread(print_late))
            # a call that has not begun would be cancelled with its item
            await asyncio.to_thread(has_begun.wait, 60)
            # the timeout leaves the call behind
            await asyncio.wait_for(call, 0.01)
        may_print.set()
        await asyncio.to_thread(has_printed.wait, 60)

    run, lines = lines_of(work, 2, concurrency=1)

    assert run.items("a")["status"][0] == "failed"
    assert texts_by_index(lines) == {0: ["late"]}


def test_a_thread_that_outlives_its_item_still_prints_for_it():
    may_print = threading.Event()
    threads = []

    def print_late():
        may_print.wait(60)
        print("late")

    def work(x):
        if x == 0:
            thread = threading.Thread(target=print_late, daemon=True)
            thread.start()
            threads.append(thread)
        else:
            may_print.set()
            threads[0].join()

    _, lines = lines_of(work, 2, concurrency=1)

    assert texts_by_index(lines) == {0: ["late"]}


def test_processes_that_inherit_the_streams_print_for_their_item():
    def work(x):
        subprocess.run(f"echo out {x}; echo err {x} >&2", shell=True, check=True)
        assert subprocess.check_output(["echo", "kept"], text=True) == "kept\n"
        subprocess.run(["echo", "to the stream"], stdout=sys.stderr, check=True)
        assert os.waitstatus_to_exitcode(os.system("echo by os.system; exit 3")) == 3

    _, lines = lines_of(work, 5)

    assert {index: sorted(texts) for index, texts in texts_by_index(lines).items()} == {
        index: ["by os.system", f"err {index}", f"out {index}", "to the stream"]
        for index in range(5)
    }


def test_each_item_may_redirect_its_own_output():
    def work(x):
        text = io.StringIO()
        with contextlib.redirect_stdout(text):
            print("inside", x)
            time.sleep(0.01 * (x % 3))
            print("still inside", x)
        print("outside", x)
        return text.getvalue()

    run, lines = lines_of(work, 12)

    assert texts_by_index(lines) == {index: [f"outside {index}"] for index in range(12)}
    assert list(run.items("a")["result"]) == [f"inside {x}\nstill inside {x}\n" for x in range(12)]


def test_bytes_written_to_the_buffer_are_lines():
    def work(x):
        sys.stdout.buffer.write("grün\n".encode())

    assert texts_of(work) == [("stdout", "grün")]


@pytest.mark.parametrize("backend", ["inline", "threads"])
def test_an_action_may_replace_the_stream_for_a_while(backend):
    def work(x):
        stream = sys.stdout
        sys.stdout = text = io.StringIO()
        print("hidden")
        # longer than a turn of the engine
        time.sleep(0.15)
        print("hidden, too")
        sys.stdout = stream
        print("shown")
        return text.getvalue()

    run, lines = lines_of(work, 2, backend=backend, concurrency=1, logs="none")

    assert list(run.items("a")["result"]) == ["hidden\nhidden, too\n"] * 2
    assert texts_by_index(lines) == {0: ["shown"], 1: ["shown"]}
