"""Commands of `core.shell` that write without end, that outlive their process, or cannot start.

Each row of a table is one case; a new one needs a line.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpec

import attune_nb


def run_shell(**arguments):
    """Run a command as the only task `a` of a workflow; return the run."""
    keys = "".join(f'\n      {name}: "{{{{ parameters.{name} }}}}"' for name in arguments)
    names = ", ".join(f"{name}: {{}}" for name in arguments)
    text = f"parameters: {{{names}}}\ntasks:\n  - name: a\n    action: core.shell\n    input:{keys}"
    return attune_nb.loads(text).run(arguments, backend="threads", store="none", progress=False)


# Output without end.

LIMIT = 10_000_000
LARGE_OUTPUTS = {
    "stdout": ("stdout", "yes | head -c 30000000"),
    "stderr": ("stderr", "yes | head -c 30000000 >&2"),
    "one line": ("stdout", "head -c 30000000 /dev/zero | tr '\\0' x"),
    "bytes that are no text": ("stdout", "head -c 30000000 /dev/zero | tr '\\0' '\\377'"),
    "of a command that fails": ("stdout", "yes | head -c 30000000; exit 3"),
    "of background children": ("stdout", "yes | head -c 15000000 & yes | head -c 15000000; wait"),
}


@pytest.mark.parametrize(("stream", "cmd"), LARGE_OUTPUTS.values(), ids=LARGE_OUTPUTS)
def test_at_most_ten_megabytes_of_a_stream_are_kept(stream, cmd):
    text = run_shell(cmd=cmd).result("a")[stream]
    assert len(text) <= LIMIT


# JSON that a result cannot hold.

UNHELD_OUTPUTS = {
    "arrays in 300 levels": ("[" * 300 + "]" * 300, "deeper"),
    "objects in 300 levels": ('{"a":' * 300 + "1" + "}" * 300, "deeper"),
    "an integer of 5,000 digits": ("[" + "9" * 5_000 + "]", "an integer of more than 4,300 digits"),
    "a number that is infinite": ("[1e999]", "1e999 is too large a number"),
    "NaN": ('{"a": NaN}', "NaN is not JSON"),
}


@pytest.mark.parametrize(("text", "reason"), UNHELD_OUTPUTS.values(), ids=UNHELD_OUTPUTS)
def test_json_that_no_result_holds_stays_in_stdout(text, reason):
    run = run_shell(cmd="cat", stdin=text)
    assert run.status == "succeeded"

    result = run.result("a")
    assert result["stdout"] == text
    assert result["data"] is None
    assert reason in result["data_error"]


# Arguments that the system refuses.

MISTAKES = {
    "no such folder": ({"cmd": "pwd", "cwd": "/no/such/folder"}, "`cwd`"),
    "a file as folder": ({"cmd": "pwd", "cwd": "/etc/passwd"}, "`cwd`"),
    "no folder for argv": ({"argv": ["pwd"], "cwd": "/no/such/folder"}, "`cwd`"),
    "a home that is none": ({"cmd": "pwd", "cwd": "~nobody-of-this-name"}, "`cwd`"),
    "NUL in the folder": ({"cmd": "pwd", "cwd": "/tmp\0"}, "`cwd`"),
    "NUL in the command": ({"cmd": "echo a\0b"}, "`cmd`"),
    "NUL in a word": ({"argv": ["echo", "a\0b"]}, "`argv`, element 2"),
    "NUL in a variable": ({"cmd": "env", "env": {"A": "a\0b"}}, "`env`, `A`"),
    "a name with an equals sign": ({"cmd": "env", "env": {"A=B": "1"}}, "`env`"),
    "half a surrogate pair": ({"cmd": "echo \ud83d"}, "`cmd`"),
    "half a pair as input": ({"cmd": "cat", "stdin": "\ud83d"}, "`stdin`"),
    "a very long command": ({"cmd": ": " + "x" * 3_000_000}, "`cmd`"),
}


@pytest.mark.parametrize(("arguments", "name"), MISTAKES.values(), ids=MISTAKES)
def test_an_error_names_the_argument(arguments, name):
    run = run_shell(**arguments)
    assert run.status == "failed"
    assert f"failed: {name}" in run.error


SURROGATE = "caf\udce9"
TEXTS = {
    "a home folder": ({"cmd": "pwd", "cwd": "~"}, lambda home: f"{home}\n"),
    "a folder below it": ({"cmd": "pwd", "cwd": "~/below"}, lambda home: f"{home}/below\n"),
    "a byte as input": ({"cmd": "od -An -tx1", "stdin": SURROGATE}, lambda _: " 63 61 66 e9\n"),
}


@pytest.mark.parametrize(("arguments", "expected"), TEXTS.values(), ids=TEXTS)
def test_home_folders_and_odd_bytes_pass(arguments, expected, tmp_path, monkeypatch):
    (tmp_path / "below").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    assert run_shell(**arguments).result("a")["stdout"] == expected(tmp_path)


# Ends of the process that began a command.

# A child in the command's group, one in a session of its own, and one there whose parent has
# ended and that ignores SIGTERM; the command itself.
COMMAND = """
sleep {seconds} & setsid sleep {seconds} &
(setsid sh -c 'trap "" TERM; sleep {seconds}; sleep {seconds}' &);
sleep {seconds}; true
"""
PROCESSES = 4
WORKFLOW = """
tasks:
  - name: a
    action: core.shell
    with_items: [1, 2]
    concurrency: 2
    input: {{cmd: {command}}}
"""


def workflow_text(seconds):
    command = COMMAND.format(seconds=seconds).strip().replace("\n", " ")
    return WORKFLOW.format(command=json.dumps(command))


COMMAND_LINE = "from attune_nb.cli import main; main()"


class _ThisKernel(KernelManager):
    """Starts a kernel of the Python that runs the tests, with its environment."""

    @property
    def kernel_spec(self):
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="this Python", language="python")


def find_sleepers(seconds):
    """Return the processes of the commands that sleep for so many seconds."""
    sleepers = []
    for process in psutil.process_iter(["cmdline", "status"]):
        is_zombie = process.info["status"] == psutil.STATUS_ZOMBIE
        if process.info["cmdline"] == ["sleep", seconds] and not is_zombie:
            sleepers.append(process)
    return sleepers


def find_shells(seconds):
    """Return the shells of the commands that sleep for so many seconds."""
    shells = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if words[1:2] == ["-c"] and f"sleep {seconds}" in words[-1] and len(words) == 3:
            shells.append(process)
    return shells


def wait_until(condition, timeout=60, describe=str):
    """Wait until a condition holds; fail with the text of `describe`."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, describe()
        time.sleep(0.05)


def describe_survivors(seconds, engine):
    """Return the state of an engine, and the processes that still sleep with their ancestors."""
    lines = [f"the engine's exit code: {engine.poll()}"]
    for process in find_sleepers(seconds):
        with contextlib.suppress(psutil.Error):
            lines.append(f"{process.pid} {process.status()}, below {process.parents()}")
    with contextlib.suppress(psutil.Error):
        children = psutil.Process(engine.pid).children(recursive=True)
        lines += [f"of the engine: {child}" for child in children]
    return "\n".join(lines)


@pytest.fixture
def seconds():
    """The time that the commands sleep, which no other process has as its argument."""
    seconds = f"{600 + os.getpid()}.{time.monotonic_ns() % 1_000_000_000:09}"
    yield seconds

    # shells before their `sleep`: one of them would begin another
    for process in find_shells(seconds) + find_sleepers(seconds):
        with contextlib.suppress(psutil.Error):
            process.kill()


def end_by_signal(number):
    def end(engine, _sleepers):
        engine.send_signal(number)

    return end


def kill_the_workers(_engine, sleepers):
    """Kill the processes that have started the commands: workers, not the engine."""
    workers = set()
    for process in sleepers:
        # `sleep` <- the shell <- the worker, for those that still have their parents
        with contextlib.suppress(psutil.NoSuchProcess):
            worker = process.parent().parent()
            if worker is not None and "python" in worker.name():
                workers.add(worker)
    assert len(workers) == 2
    for worker in workers:
        worker.kill()


ENDS = {
    "SIGTERM on threads": ("threads", end_by_signal(signal.SIGTERM)),
    "SIGHUP on threads": ("threads", end_by_signal(signal.SIGHUP)),
    "SIGKILL on threads": ("threads", end_by_signal(signal.SIGKILL)),
    "SIGTERM on processes": ("processes", end_by_signal(signal.SIGTERM)),
    "SIGHUP on processes": ("processes", end_by_signal(signal.SIGHUP)),
    "SIGKILL on processes": ("processes", end_by_signal(signal.SIGKILL)),
    "SIGKILL of the workers": ("processes", kill_the_workers),
    "SIGTERM inline": ("inline", end_by_signal(signal.SIGTERM)),
    "SIGKILL inline": ("inline", end_by_signal(signal.SIGKILL)),
}


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "end"), ENDS.values(), ids=ENDS)
def test_no_command_outlives_its_process(backend, end, seconds, tmp_path):
    path = tmp_path / "sleep.yaml"
    path.write_text(workflow_text(seconds))
    commands = 1 if backend == "inline" else 2
    words = ["run", str(path), "--backend", backend, "--workers", "2"]
    if backend == "inline":
        words.remove("--workers")
        words.remove("2")

    command = [sys.executable, "-P", "-c", COMMAND_LINE, *words]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as engine:
        try:
            wait_until(lambda: len(find_sleepers(seconds)) == commands * PROCESSES)
            sleepers = find_sleepers(seconds)
            end(engine, sleepers)
            # after the end of its worker an item begins again, with other processes
            wait_until(
                lambda: not set(sleepers) & set(find_sleepers(seconds)),
                timeout=60,
                describe=lambda: describe_survivors(seconds, engine),
            )
        finally:
            engine.kill()
    wait_until(
        lambda: not find_sleepers(seconds),
        timeout=60,
        describe=lambda: describe_survivors(seconds, engine),
    )


CELL = """
import attune_nb
run = attune_nb.loads({text!r}).run(backend={backend!r}, background=True, progress=False)
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["threads", "processes"])
def test_no_command_outlives_a_restart_of_the_kernel(backend, seconds):
    text = workflow_text(seconds)
    kernel = _ThisKernel()
    kernel.start_kernel()
    client = kernel.client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=60)
        client.execute(CELL.format(text=text, backend=backend))
        wait_until(lambda: len(find_sleepers(seconds)) == 2 * PROCESSES)

        kernel.restart_kernel(now=True)
        wait_until(lambda: not find_sleepers(seconds), timeout=60)
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)
