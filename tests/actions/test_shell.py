"""`core.shell` with real processes."""

import re
import subprocess
import sys
import threading
import time
from pathlib import Path, PureWindowsPath

import psutil
import pytest
from support.item_runs import until

import attune_nb
from attune_nb.actions.cancel import CancelToken
from attune_nb.actions.shell import shell
from attune_nb.errors import ActionError


def has_ended(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def has_content(path):
    return path.exists() and path.read_text().strip()


def have_ended(pids: Path):
    """Return whether all processes have ended whose ids are in a file."""
    return all(has_ended(int(pid)) for pid in pids.read_text().split())


def cancel_when_written(path: Path, token: CancelToken):
    """Cancel in a thread as soon as the file has content; return the thread."""

    def watch():
        until(lambda: has_content(path))
        token.cancel()

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def test_a_command_line():
    result = shell("echo out; echo err >&2")
    assert result == {
        "exit_code": 0,
        "stdout": "out\n",
        "stderr": "err\n",
        "data": None,
        "data_error": None,
    }


def test_argv_needs_no_quotes_and_json_is_parsed():
    assert shell(argv=["printf", "%s", '{"a": [1]}'])["data"] == {"a": [1]}


def test_env_cwd_and_stdin(tmp_path, monkeypatch):
    monkeypatch.setenv("KEPT", "kept")
    result = shell('cat; echo "$KEPT $N"; pwd', env={"N": 3}, cwd=str(tmp_path), stdin="in\n")
    assert result["stdout"].splitlines() == ["in", "kept 3", str(tmp_path.resolve())]


def test_a_large_input_and_output():
    text = "x" * 3_000_000
    assert shell("cat", stdin=text)["stdout"] == text


def test_eight_megabytes_of_output_come_back_whole():
    result = shell("head -c 8000000 /dev/zero | tr '\\0' x")
    assert result["stdout"] == "x" * 8_000_000
    assert result["data"] is None


def test_of_a_large_output_both_ends_are_kept():
    result = shell("seq 1 3000000; seq 1 3000000 >&2")

    for stream in ("stdout", "stderr"):
        text = result[stream]
        assert len(text) < 10_000_000
        assert text.startswith("1\n2\n")
        assert text.endswith("2999999\n3000000\n")
        head, cut, tail = re.split(r"\n\[(.*) bytes are left out: .*\]\n", text)
        # all lines are whole
        assert int(head.rpartition("\n")[2]) + 1 < int(tail.partition("\n")[0])
        size = sum(len(f"{number}\n") for number in range(1, 3_000_001))
        assert int(cut.replace(",", "")) == size - len(head) - len(tail)
    assert result["data"] is None
    assert result["data_error"] == "stdout was cut"


def test_no_character_is_cut_in_two():
    result = shell("yes -- '€' | tr -d '\\n' | head -c 30000000")
    assert "\ufffd" not in result["stdout"]
    assert result["stdout"].count("€") > 3_000_000


@pytest.mark.parametrize("arguments", [{}, {"cmd": "true", "argv": ["true"]}])
def test_exactly_one_of_cmd_and_argv(arguments):
    with pytest.raises(ActionError, match="exactly one"):
        shell(**arguments)


def test_a_failure_shows_the_last_line_and_keeps_the_result():
    with pytest.raises(ActionError, match=r"^command exited with 3: second$") as caught:
        shell("echo out; echo first >&2; echo second >&2; exit 3")
    assert caught.value.data["exit_code"] == 3
    assert caught.value.data["stdout"] == "out\n"


def test_a_missing_program():
    with pytest.raises(ActionError, match="cannot start `no-such-program-here`"):
        shell(argv=["no-such-program-here"])


def test_a_background_child_does_not_hold_the_action_up(tmp_path):
    finish = tmp_path / "finish"
    child = f"(while [ ! -e {finish} ]; do sleep 0.1; done) &"
    assert shell(f"{child} echo done")["stdout"] == "done\n"
    finish.touch()


@pytest.mark.parametrize(
    ("trap", "min_seconds"),
    [("", 0.0), ("trap '' TERM; ", 0.9)],
    ids=["ends on SIGTERM", "ignores SIGTERM"],
)
def test_cancel_kills_the_command_and_its_child(tmp_path, trap, min_seconds):
    token = CancelToken()
    pids = tmp_path / "pids"
    watcher = cancel_when_written(pids, token)
    started = time.monotonic()
    with pytest.raises(ActionError, match="cancelled"):
        shell(f"{trap}sleep 600 & echo $$ $! > {pids}; wait; sleep 600", cancel=token)
    assert time.monotonic() - started >= min_seconds

    watcher.join()
    until(lambda: have_ended(pids))


def test_a_child_that_ignores_sigterm_is_killed(tmp_path):
    token = CancelToken()
    pids = tmp_path / "pids"
    watcher = cancel_when_written(pids, token)

    with pytest.raises(ActionError, match="cancelled"):
        shell(f"(trap '' TERM; sleep 600) & sleep 0.2; echo $! > {pids}; wait", cancel=token)

    watcher.join()
    until(lambda: have_ended(pids))


OTHER_SESSION = """
import os, signal, sys, time
os.setsid()
if sys.argv[2:]:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
with open(sys.argv[1], "a") as file:
    file.write(f"{os.getpid()}\\n")
time.sleep(600)
"""
# an argument of the child makes it ignore SIGTERM
WITH_AND_WITHOUT_SIGTERM = pytest.mark.parametrize(
    "argument", ["", "stubborn"], ids=["ends on SIGTERM", "ignores SIGTERM"]
)


@pytest.fixture
def other_session(tmp_path):
    """Return a function that makes a command line, which starts a child in another session."""
    script = tmp_path / "other_session.py"
    script.write_text(OTHER_SESSION)

    def command(pids, argument):
        return f"{sys.executable} {script} {pids} {argument} & sleep 600; sleep 600"

    return command


@WITH_AND_WITHOUT_SIGTERM
def test_a_child_in_another_session_is_killed(tmp_path, other_session, argument):
    token = CancelToken()
    pids = tmp_path / "pids"
    watcher = cancel_when_written(pids, token)

    with pytest.raises(ActionError, match="cancelled"):
        shell(other_session(pids, argument), cancel=token)

    watcher.join()
    until(lambda: have_ended(pids))


def test_a_grandchild_whose_parent_ended_is_killed(tmp_path, other_session):
    token = CancelToken()
    pids = tmp_path / "pids"
    watcher = cancel_when_written(pids, token)

    with pytest.raises(ActionError, match="cancelled"):
        shell(f"sh -c '{other_session(pids, 'stubborn')}' & wait", cancel=token)

    watcher.join()
    until(lambda: have_ended(pids))


@WITH_AND_WITHOUT_SIGTERM
def test_a_timeout_leaves_no_process_behind(tmp_path, other_session, argument):
    pids = tmp_path / "pids"
    command = other_session(pids, argument)
    text = "tasks: [{name: a, action: core.shell, timeout: %s, input: {cmd: '%s'}}]"

    # on a busy machine the child needs longer to start
    for seconds in (1, 10, 60):
        run = attune_nb.loads(text % (seconds, command)).run()
        assert run.error.startswith("task `a` timed out")
        if has_content(pids):
            break

    until(lambda: have_ended(pids))


def test_every_process_gets_sigterm_only_once(tmp_path):
    script = tmp_path / "twice.py"
    signals = tmp_path / "signals"
    ready = tmp_path / "ready"
    script.write_text(f"""
import signal, sys, time
def note(*_):
    with open({str(signals)!r}, "a") as file:
        file.write("x")
    time.sleep(0.3)
    sys.exit()
signal.signal(signal.SIGTERM, note)
open({str(ready)!r}, "w").write("x")
time.sleep(600)
""")

    token = CancelToken()
    watcher = cancel_when_written(ready, token)
    with pytest.raises(ActionError, match="cancelled"):
        shell(f"{sys.executable} {script} & wait; wait", cancel=token)
    watcher.join()
    assert signals.read_text() == "x"


def test_values_are_written_as_templates_write_them(tmp_path):
    argv = ["printf", "<%s>", True, None, 1.5, {"a": [None, "é"]}, [1], tmp_path]
    assert shell(argv=argv)["stdout"] == (f'<true><><1.5><{{"a":[null,"é"]}}><[1]><{tmp_path}>')
    env = {"A": True, "B": None, "C": {"x": 1}, "D": 3}
    assert shell('echo "$A|$B|$C|$D"', env=env)["stdout"] == 'true||{"x":1}|3\n'


@pytest.mark.parametrize(
    ("path", "text"), [(Path("/tmp/a b"), "/tmp/a b"), (PureWindowsPath("C:/x"), "C:\\x")]
)
def test_a_variable_may_be_a_path(path, text):
    assert shell('printf %s "$A"', env={"A": path})["stdout"] == text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"argv": ["echo", object()]},
            "`argv`, element 2: a value of type `object` cannot be part of a string",
        ),
        (
            {"cmd": "env", "env": {"A": object()}},
            "`env`, `A`: a value of type `object` cannot be part of a string",
        ),
    ],
)
def test_a_value_without_text_is_refused(arguments, message):
    with pytest.raises(ActionError, match=message):
        shell(**arguments)


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "1e999", '{"a": -1e999}', "'a'", ""])
def test_data_is_strict_json_or_none(text):
    assert shell(argv=["printf", "%s", text])["data"] is None


def test_a_cancelled_command_does_not_start(tmp_path):
    token = CancelToken()
    token.cancel()
    with pytest.raises(ActionError, match="cancelled"):
        shell(f"touch {tmp_path}/made", cancel=token)
    assert not (tmp_path / "made").exists()


def test_no_command_outlives_the_interpreter(tmp_path):
    pid = tmp_path / "pid"
    code = f"""
import os, threading, time
from attune_nb.actions.shell import shell
command = "trap '' TERM INT; echo $$ > {pid}; sleep 600; sleep 600"
threading.Thread(target=shell, args=(command,), daemon=True).start()
while not os.path.exists({str(pid)!r}) or not os.path.getsize({str(pid)!r}):
    time.sleep(0.01)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
    until(lambda: have_ended(pid))


def test_no_child_in_another_session_outlives_it(tmp_path, other_session):
    pids = tmp_path / "pids"
    code = f"""
import os, threading, time
from attune_nb.actions.shell import shell
threading.Thread(target=shell, args=({other_session(pids, "stubborn")!r},), daemon=True).start()
while not os.path.exists({str(pids)!r}) or not os.path.getsize({str(pids)!r}):
    time.sleep(0.01)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
    until(lambda: have_ended(pids))
