import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

import attune_nb
from attune_nb.actions.cancel import CancelToken
from attune_nb.actions.shell import shell
from attune_nb.errors import ActionError


def gone(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def cancel_when_written(path: Path, token: CancelToken):
    def watch():
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not (path.exists() and path.read_text().strip()):
            time.sleep(0.01)
        token.cancel()

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def test_a_line_for_the_shell():
    result = shell("echo out; echo err >&2")
    assert result == {"exit_code": 0, "stdout": "out\n", "stderr": "err\n", "data": None}


def test_argv_needs_no_quoting_and_json_is_read():
    assert shell(argv=["printf", "%s", '{"a": [1]}'])["data"] == {"a": [1]}


def test_env_cwd_and_stdin(tmp_path, monkeypatch):
    monkeypatch.setenv("KEPT", "kept")
    result = shell('cat; echo "$KEPT $N"; pwd', env={"N": 3}, cwd=str(tmp_path), stdin="in\n")
    assert result["stdout"].splitlines() == ["in", "kept 3", str(tmp_path.resolve())]


def test_a_large_input_and_output():
    text = "x" * 3_000_000
    assert shell("cat", stdin=text)["stdout"] == text


def test_fifty_megabytes_of_output_come_back_whole():
    given = shell("head -c 50000000 /dev/zero | tr '\\0' x")
    assert given["stdout"] == "x" * 50_000_000
    assert given["data"] is None


@pytest.mark.parametrize("given", [{}, {"cmd": "true", "argv": ["true"]}])
def test_exactly_one_of_cmd_and_argv(given):
    with pytest.raises(ActionError, match="exactly one"):
        shell(**given)


def test_a_failure_tells_the_last_line_and_gives_everything():
    with pytest.raises(ActionError, match=r"^command exited with 3: second$") as caught:
        shell("echo out; echo first >&2; echo second >&2; exit 3")
    assert caught.value.data["exit_code"] == 3
    assert caught.value.data["stdout"] == "out\n"


def test_a_program_that_is_not_there():
    with pytest.raises(ActionError, match="cannot start `no-such-program-here`"):
        shell(argv=["no-such-program-here"])


def test_a_background_child_does_not_hold_the_action_up(tmp_path):
    late = tmp_path / "late"
    assert shell(f"(sleep 5; touch {late}) & echo done")["stdout"] == "done\n"
    assert not late.exists()


@pytest.mark.parametrize(
    ("trap", "at_least"),
    [("", 0.0), ("trap '' TERM; ", 0.9)],
    ids=["polite", "stubborn"],
)
def test_cancel_kills_the_command_and_its_child(tmp_path, trap, at_least):
    token, pids = CancelToken(), tmp_path / "pids"
    watcher = cancel_when_written(pids, token)
    started = time.monotonic()
    with pytest.raises(ActionError, match="cancelled"):
        shell(f"{trap}sleep 600 & echo $$ $! > {pids}; wait; sleep 600", cancel=token)
    assert at_least <= time.monotonic() - started < 10
    watcher.join()
    time.sleep(0.05)
    assert all(gone(int(pid)) for pid in pids.read_text().split())


def test_a_child_that_outlives_its_polite_parent_is_killed(tmp_path):
    token, pids = CancelToken(), tmp_path / "pids"
    watcher = cancel_when_written(pids, token)
    with pytest.raises(ActionError, match="cancelled"):
        shell(f"(trap '' TERM; sleep 600) & sleep 0.2; echo $! > {pids}; wait", cancel=token)
    watcher.join()
    time.sleep(0.05)
    assert gone(int(pids.read_text()))


AWAY = """
import os, signal, sys, time
os.setsid()
if sys.argv[2:]:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
with open(sys.argv[1], "a") as file:
    file.write(f"{os.getpid()}\\n")
time.sleep(600)
"""
STUBBORN = pytest.mark.parametrize("how", ["", "stubborn"], ids=["polite", "stubborn"])


@pytest.fixture
def away(tmp_path):
    """Give a line for the shell that leaves a child in a session of its own, and waits."""
    script = tmp_path / "away.py"
    script.write_text(AWAY)
    return lambda pids, how: f"{sys.executable} {script} {pids} {how} & sleep 600; sleep 600"


@STUBBORN
def test_a_child_in_a_session_of_its_own_is_killed_too(tmp_path, away, how):
    token, pids = CancelToken(), tmp_path / "pids"
    watcher = cancel_when_written(pids, token)
    with pytest.raises(ActionError, match="cancelled"):
        shell(away(pids, how), cancel=token)
    watcher.join()
    time.sleep(0.05)
    assert gone(int(pids.read_text()))


def test_a_grandchild_whose_parent_ends_politely_is_killed_too(tmp_path, away):
    token, pids = CancelToken(), tmp_path / "pids"
    watcher = cancel_when_written(pids, token)
    with pytest.raises(ActionError, match="cancelled"):
        shell(f"sh -c '{away(pids, 'stubborn')}' & wait", cancel=token)
    watcher.join()
    time.sleep(0.05)
    assert gone(int(pids.read_text()))


@STUBBORN
def test_a_timeout_leaves_no_process_behind(tmp_path, away, how):
    pids = tmp_path / "pids"
    text = f"""
tasks: [{{name: a, action: core.shell, timeout: 1.5, input: {{cmd: "{away(pids, how)}"}}}}]
"""
    assert attune_nb.loads(text).run().error.startswith("task `a` timed out")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not gone(int(pids.read_text())):
        time.sleep(0.05)
    assert gone(int(pids.read_text()))


def test_each_is_asked_to_end_only_once(tmp_path):
    script, asked, ready = (tmp_path / name for name in ("twice.py", "asked", "ready"))
    script.write_text(f"""
import signal, sys, time
def note(*_):
    with open({str(asked)!r}, "a") as file:
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
    assert asked.read_text() == "x"


def test_values_are_written_as_templates_write_them(tmp_path):
    argv = ["printf", "<%s>", True, None, 1.5, {"a": [None, "é"]}, [1], tmp_path]
    assert shell(argv=argv)["stdout"] == (f'<true><><1.5><{{"a":[null,"é"]}}><[1]><{tmp_path}>')
    env = {"A": True, "B": None, "C": {"x": 1}, "D": 3}
    assert shell('echo "$A|$B|$C|$D"', env=env)["stdout"] == 'true||{"x":1}|3\n'


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"argv": ["echo", object()]}, "`argv`, element 2: a object has no text"),
        ({"cmd": "env", "env": {"A": object()}}, "`env`, `A`: a object has no text"),
    ],
)
def test_what_has_no_text_is_told(given, said):
    with pytest.raises(ActionError, match=said):
        shell(**given)


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "1e999", '{"a": -1e999}', "'a'", ""])
def test_data_is_strict_json_or_nothing(text):
    assert shell(argv=["printf", "%s", text])["data"] is None


def test_cancelled_before_it_starts(tmp_path):
    token = CancelToken()
    token.cancel()
    with pytest.raises(ActionError, match="cancelled"):
        shell(f"touch {tmp_path}/made", cancel=token)
    assert not (tmp_path / "made").exists()


def test_no_command_outlives_the_interpreter(tmp_path):
    pid = tmp_path / "pid"
    code = f"""
import threading, time
from attune_nb.actions.shell import shell
command = "trap '' TERM INT; echo $$ > {pid}; sleep 600; sleep 600"
threading.Thread(target=shell, args=(command,), daemon=True).start()
time.sleep(1)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
    time.sleep(0.1)
    assert gone(int(pid.read_text()))


def test_nor_does_its_child_in_another_session(tmp_path, away):
    pids = tmp_path / "pids"
    code = f"""
import os, threading, time
from attune_nb.actions.shell import shell
threading.Thread(target=shell, args=({away(pids, "stubborn")!r},), daemon=True).start()
while not os.path.exists({str(pids)!r}):
    time.sleep(0.01)
time.sleep(0.1)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
    time.sleep(0.1)
    assert gone(int(pids.read_text()))
