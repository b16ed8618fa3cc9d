"""End a command together with all processes that it has started.

This file imports the standard library only. It is also the program of the supervisor
(`supervisor.py`), which ends the commands of a process that has died.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from contextlib import suppress

__all__ = ["GRACE", "MARK", "ProcessTree", "send_signal"]

GRACE = 1.0
"""Seconds between SIGTERM and SIGKILL."""
MARK = "ATTUNE_NB_COMMAND"
"""The environment variable by which a command's processes are found."""

# searches for processes that were started during the search before
_MAX_SEARCHES = 5
# the longest time in seconds between two looks at processes that are about to end
_LONGEST_PAUSE = 0.05
# seconds after which a process that was about to start has the environment of its command
_START_TIME = 0.1
# parent, group, session and start in `/proc/PID/stat`, counted from the state
_STAT_FIELDS = (1, 2, 3, 19)
_HAS_PROC = sys.platform == "linux"


class _ProcessInfo:
    """A process at one moment.

    Attributes:
        pid: Its number.
        parent: The number of its parent.
        group: The number of its process group.
        session: The number of its session; -1 if the system does not show it.
        started: When it started, in ticks since the system's start; a number that is used again
            has another time. 0 if the system does not show it.
    """

    def __init__(self, pid: int, parent: int, group: int, session: int, started: int) -> None:
        self.pid = pid
        self.parent = parent
        self.group = group
        self.session = session
        self.started = started


class ProcessTree:
    """The leader of a session, and all processes that come from it.

    A process belongs to the tree if it has the mark in its environment, is in the leader's
    session or group, or descends from one that belongs. So a process in a session of its own is
    found also after its parent has ended: on Linux by the mark, elsewhere if it was seen before.

    Args:
        leader: The number of the process that leads the session; 0 if it is not known.
        mark: A text that is in the environment of the command, and in no other.
    """

    def __init__(self, leader: int, mark: str) -> None:
        self.group = leader
        self._mark = mark.encode()
        # number -> the time of its start
        self._members: dict[int, int] = {}

    def search(self) -> bool:
        """Collect the living members; return whether there are new ones."""
        processes = _list_processes()
        members = {
            process.pid: process.started for process in processes if self._is_member(process)
        }

        has_grown = True
        while has_grown:
            has_grown = False
            for process in processes:
                if process.parent in members and process.pid not in members:
                    members[process.pid] = process.started
                    has_grown = True

        # members that have ended are left out: their numbers may be used again
        is_new = not members.keys() <= self._members.keys()
        self._members = members
        return is_new

    def terminate(self) -> None:
        """Send SIGTERM to every process once: a second one may mean "at once" to a program."""
        self.search()
        outside_group = []
        for pid in self._members:
            with suppress(OSError):
                if os.getpgid(pid) != self.group:
                    outside_group.append(pid)

        send_signal(self.group, signal.SIGTERM)
        _send_to_each(outside_group, signal.SIGTERM)

    def kill(self) -> None:
        """Kill every process. All are stopped first, since a stopped process starts no other."""
        for _ in range(_MAX_SEARCHES):
            self._send_to_all(signal.SIGSTOP)
            if not self.search():
                break
        self._send_to_all(signal.SIGKILL)

        # the system ends them a moment later, except one that waits for a device
        deadline = time.monotonic() + GRACE
        while self.has_living() and time.monotonic() < deadline:
            time.sleep(_LONGEST_PAUSE / 10)

    def kill_at(self, deadline: float) -> None:
        """Wait until all processes have ended; kill those that live at the deadline."""
        pause = 0.01
        while self.has_living():
            if time.monotonic() >= deadline:
                self.kill()
                return
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def has_living(self) -> bool:
        """Search again; return whether a process is alive."""
        self.search()
        return bool(self._members)

    def _is_member(self, process: _ProcessInfo) -> bool:
        if self.group and self.group in (process.group, process.session):
            return True
        if self._members.get(process.pid) == process.started:
            return True
        return self._mark in _read_environment(process.pid)

    def _send_to_all(self, number: int) -> None:
        send_signal(self.group, number)
        _send_to_each(list(self._members), number)


def send_signal(group: int, number: int) -> bool:
    """Send a signal to a process group; return whether it has a process."""
    # 0 means the group of this process
    if not group:
        return False
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        # macOS raises PermissionError if all processes of the group are zombies
        return False
    return True


def _send_to_each(pids: list[int], number: int) -> None:
    for pid in pids:
        with suppress(OSError):
            os.kill(pid, number)


def _list_processes() -> list[_ProcessInfo]:
    """Return the processes of the system, without zombies and this one."""
    processes = _read_proc() if _HAS_PROC else _read_ps()
    own_pid = os.getpid()
    return [process for process in processes if process.pid != own_pid]


def _read_proc() -> list[_ProcessInfo]:
    processes = []
    for name in os.listdir("/proc"):  # noqa: PTH208 - a Path for each process would cost time
        if not name.isdigit():
            continue
        # the name of the program stands in brackets, and may hold any character
        fields = _read_file(f"/proc/{name}/stat").rpartition(b")")[2].split()
        if fields and fields[0] not in (b"Z", b"X"):
            numbers = [int(fields[index]) for index in _STAT_FIELDS]
            processes.append(_ProcessInfo(int(name), *numbers))
    return processes


def _read_ps() -> list[_ProcessInfo]:
    """Return the processes by the `ps` of POSIX, which shows neither sessions nor environments."""
    import subprocess  # noqa: PLC0415 - the supervisor starts faster without it

    words = ["ps", "-A", "-o", "pid=", "-o", "ppid=", "-o", "pgid=", "-o", "stat="]
    try:
        output = subprocess.run(  # noqa: S603 - a fixed command
            words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
        ).stdout
    except OSError:
        return []

    processes = []
    for line in output.splitlines():
        fields = line.split()
        state = fields.pop()
        if not state.startswith(b"Z"):
            pid, parent, group = map(int, fields)
            processes.append(_ProcessInfo(pid, parent, group, -1, 0))
    return processes


def _read_environment(pid: int) -> bytes:
    """Return the environment that a process started with, as far as this one may read it."""
    if not _HAS_PROC:
        return b""
    return _read_file(f"/proc/{pid}/environ")


def _read_file(path: str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - as above
            return file.read()
    except OSError:
        # the process has ended, or belongs to another user
        return b""


# The supervisor.


def supervise(engine_pid: int) -> None:
    """Wait until a process has ended; then end its commands.

    The process writes lines to this one's standard input: `+ MARK GRACE` before a command starts,
    `@ MARK FILE` for a file of it that must not be left (its name in hexadecimal digits),
    `= MARK PID` when it has started, `! MARK DEADLINE` when it was sent SIGTERM (in monotonic time,
    which all processes share), `- MARK` when it has ended.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    commands = _Commands()
    _follow(engine_pid, commands)
    _end_commands(commands)
    for file in commands.files.values():
        with suppress(OSError):
            os.unlink(file)  # noqa: PTH108 - this program starts faster without pathlib


class _Commands:
    """The commands that run.

    Attributes:
        leaders: The number of the leader by the command's mark; 0 if it is not known.
        graces: The seconds between SIGTERM and SIGKILL, by the command's mark.
        deadlines: When a command that was sent SIGTERM is killed, by its mark.
        files: The file that must not be left, by the mark of its command.
    """

    def __init__(self) -> None:
        self.leaders: dict[str, int] = {}
        self.graces: dict[str, float] = {}
        self.deadlines: dict[str, float] = {}
        self.files: dict[str, bytes] = {}

    def read_line(self, line: str) -> None:
        """Apply a line that the process has written."""
        kind, mark, *fields = line.split()

        if kind == "+":
            self.leaders[mark] = 0
            self.graces[mark] = float(fields[0])
        elif kind == "=":
            self.leaders[mark] = int(fields[0])
        elif kind == "!":
            self.deadlines[mark] = float(fields[0])
        elif kind == "@":
            self.files[mark] = bytes.fromhex(fields[0])
        else:
            self.leaders.pop(mark, None)
            for values in (self.graces, self.deadlines, self.files):
                values.pop(mark, None)


def _follow(engine_pid: int, commands: _Commands) -> None:
    """Keep the commands up to date until a process has ended.

    The end of the input would do, but for a copy of the process that it has forked.
    """
    poller = select.poll()
    poller.register(0, select.POLLIN)
    os.set_blocking(0, False)
    if hasattr(os, "pidfd_open"):
        try:
            pidfd = os.pidfd_open(engine_pid)
        except ProcessLookupError:
            _read_lines(commands, b"")
            return
        except OSError:
            # the system does not know this call
            pass
        else:
            poller.register(pidfd, select.POLLIN)

    rest: bytes | None = b""
    while rest is not None:
        ready = [fd for fd, _ in poller.poll()]
        rest = _read_lines(commands, rest)
        if ready != [0]:
            return
        # one look for the many lines of a busy moment
        time.sleep(0.05)


def _read_lines(commands: _Commands, rest: bytes) -> bytes | None:
    """Read the lines in the input; return its incomplete last line, or None at its end."""
    while True:
        try:
            part = os.read(0, 65536)
        except BlockingIOError:
            return rest
        if not part:
            return None

        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            commands.read_line(line.decode())


def _end_commands(commands: _Commands) -> None:
    now = time.monotonic()
    trees_by_deadline = []
    for mark, leader in commands.leaders.items():
        tree = ProcessTree(leader, mark)
        deadline = commands.deadlines.get(mark)
        # a second SIGTERM may mean "at once" to a program
        if deadline is None:
            tree.terminate()
            deadline = now + commands.graces.get(mark, GRACE)
        trees_by_deadline.append((deadline, tree))

    trees_by_deadline.sort(key=lambda pair: pair[0])
    for deadline, tree in trees_by_deadline:
        tree.kill_at(deadline)
    trees = [tree for _, tree in trees_by_deadline]

    # a command may have been about to start
    if trees:
        time.sleep(_START_TIME)
    for tree in trees:
        if tree.has_living():
            tree.kill()


if __name__ == "__main__":
    supervise(int(sys.argv[1]))
