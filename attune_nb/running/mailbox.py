"""Commands of other processes for the runs of this one: they are taken and carried out here."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from attune_nb.errors import AttuneError, LookupFailed
from attune_nb.results.protocols import LiveRun
from attune_nb.results.statuses import UNATTENDED
from attune_nb.running.answers import AnswerText

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from attune_nb.store.command_file import CommandInbox, CommandRow
    from attune_nb.store.recorder import Recorder

__all__ = ["MAILBOX", "Mailbox", "SteeredRun"]

_log = logging.getLogger("attune_nb")

# seconds between two looks for commands
_LOOK = 0.05

# seconds without a run after which the thread ends; short runs in a row share it
_LINGER = 0.3

# seconds until the next look at a file that cannot be used
_BACK_OFF = 1.0

# seconds that a pause may take until the run is paused
_PAUSE_SECONDS = 0.5

# characters of an outcome
_MAX_OUTCOME = 1_000


class SteeredRun(LiveRun, Protocol):
    """A run that commands of other processes control."""

    def rerun(self, task: str, index: int | None = None, *, by: str = "") -> None:
        """Make an attempt in doubt again."""

    def accept(self, task: str, result: Any, index: int | None = None, *, by: str = "") -> None:
        """Record the result of an attempt in doubt."""

    def find_child_run(self, run_id: str) -> SteeredRun | None:
        """Return a run within this one that has not ended, by its id; None if there is none."""

    def mask_text(self, text: str) -> str:
        """Return a text without the secrets of the run."""


class _Entry(NamedTuple):
    """A run that is being driven, and its record."""

    run: SteeredRun
    recorder: Recorder


class _ForcedEnd(NamedTuple):
    """A run whose attempts in progress are stopped at some time, if it has not ended then."""

    due: float
    run: SteeredRun
    sender: str


class Mailbox:
    """The commands for the runs of this process: a small thread looks for them.

    The thread lives while a run with a store is being driven, and a moment longer.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[_Entry] = []
        self._thread: threading.Thread | None = None
        # used by the thread alone
        self._inboxes: dict[Path, CommandInbox] = {}
        self._forced_ends: list[_ForcedEnd] = []
        self._retry_at: dict[Path, float] = {}

    def listen(
        self, run: SteeredRun, recorder: Recorder | None, drive: Callable[[], None]
    ) -> Callable[[], None]:
        """Return a call that drives a run, during which commands for it are carried out.

        Args:
            run: The run.
            recorder: Its record; None if it has none, and so gets no commands.
            drive: Drives the run.
        """
        if recorder is None:
            return drive
        entry = _Entry(run, recorder)

        def drive_and_listen() -> None:
            self._add(entry)
            try:
                drive()
            finally:
                self._remove(entry)

        return drive_and_listen

    def _add(self, entry: _Entry) -> None:
        with self._lock:
            self._entries.append(entry)
            if self._thread is not None:
                return

            self._thread = threading.Thread(
                target=self._look_for_commands, name="attune commands", daemon=True
            )
            try:
                self._thread.start()
            except RuntimeError as error:
                self._thread = None
                _log.warning("the run takes no commands from other processes: %s", error)

    def _remove(self, entry: _Entry) -> None:
        with self._lock:
            self._entries = [listening for listening in self._entries if listening is not entry]

    def _look_for_commands(self) -> None:
        last_run = time.monotonic()
        while True:
            # the first look comes later: most short runs have ended before
            time.sleep(_LOOK)
            try:
                has_runs = self._look()
            except Exception:  # noqa: BLE001 - the thread serves later runs, too
                _log.exception("commands of other processes cannot be carried out")
                time.sleep(_BACK_OFF)
                continue

            if has_runs:
                last_run = time.monotonic()
            elif time.monotonic() - last_run > _LINGER and self._end_thread():
                return

    def _end_thread(self) -> bool:
        """Close all files, unless a run has just begun; return whether the thread ends."""
        with self._lock:
            if self._entries:
                return False
            self._thread = None
            inboxes = [*self._inboxes.values()]
            self._inboxes = {}

        for inbox in inboxes:
            inbox.close()
        return True

    def _look(self) -> bool:
        """Carry out the commands that have come; return whether there are runs."""
        with self._lock:
            entries = [*self._entries]

        stores: dict[Path, list[_Entry]] = {}
        for entry in entries:
            # without a token the run is not on record yet
            if entry.recorder.owner:
                stores.setdefault(entry.recorder.path, []).append(entry)
        for store, store_entries in stores.items():
            if time.monotonic() >= self._retry_at.get(store, 0.0):
                self._look_into(store, store_entries)
        self._force_ends()
        return bool(entries)

    def _look_into(self, store: Path, entries: list[_Entry]) -> None:
        """Carry out the commands beside a store."""
        inbox = self._open_inbox(store)
        runs = {entry.recorder.owner: entry.run for entry in entries}
        try:
            commands = inbox.take(tuple(runs))
        except (sqlite3.Error, OSError) as error:
            if store not in self._retry_at:
                _log.warning("commands for the runs of %s cannot be read: %s", store, error)
            self._retry_at[store] = time.monotonic() + _BACK_OFF
            return

        self._retry_at.pop(store, None)
        for command in commands:
            outcome = self._carry_out(runs[command.owner], command)
            try:
                inbox.put_outcome(command.number, outcome)
            except (sqlite3.Error, OSError) as error:
                # the command was carried out, and those after it must be, too
                _log.warning("the outcome of a command cannot be written: %s", error)

    def _open_inbox(self, store: Path) -> CommandInbox:
        inbox = self._inboxes.get(store)
        if inbox is None:
            from attune_nb.store.command_file import CommandInbox  # noqa: PLC0415 - SQLite is slow to import

            inbox = CommandInbox(store)
            self._inboxes[store] = inbox
        return inbox

    def _carry_out(self, outermost: SteeredRun, command: CommandRow) -> str:
        """Carry out a command; return the outcome."""
        from attune_nb.store.commands import DONE  # noqa: PLC0415 - SQLite is slow to import

        try:
            self._control(outermost, command)
        except AttuneError as error:
            return outermost.mask_text(str(error))[:_MAX_OUTCOME]
        except Exception as error:  # noqa: BLE001 - a fault of a command must not end the thread
            outcome = outermost.mask_text(f"it failed: {error!r}")[:_MAX_OUTCOME]
            _log.warning("command `%s` for run %s: %s", command.kind, command.run_id, outcome)
            return outcome
        return DONE

    def _control(self, outermost: SteeredRun, command: CommandRow) -> None:
        """Call the method of the run that a command is for.

        Raises:
            AttuneError: The run cannot do that, or not any more.
        """
        from attune_nb.store.commands import decode_data  # noqa: PLC0415 - SQLite is slow to import

        late = time.time() - command.expires
        if late > 0:
            raise LookupFailed(f"it came too late: it had expired {late:.0f} s before")

        run = _find_run(outermost, command.run_id)
        _check_status(run, command.kind)
        if run is not outermost and command.kind in ("pause", "resume"):
            # they share the workers of the outermost run
            raise LookupFailed(
                f"it is a part of run {outermost.run_id}, which can only be paused and resumed as "
                "a whole"
            )

        data = decode_data(command.data)
        sender = command.sender
        match command.kind:
            case "cancel":
                self._cancel(run, data, sender)
            case "pause":
                run.pause(by=sender)
            case "resume":
                run.resume(by=sender)
            case "answer":
                _answer(run, data, sender)
                if outermost.pause_reason == UNATTENDED:
                    outermost.resume(by=sender)
            case "rerun":
                run.rerun(data["task"], data.get("index"), by=sender)
            case "accept":
                run.accept(data["task"], data["result"], data.get("index"), by=sender)
            case _:
                raise LookupFailed(f"this attune_nb has no command `{command.kind}`")

    def _cancel(self, run: SteeredRun, data: dict[str, Any], sender: str) -> None:
        force = bool(data.get("force"))
        run.cancel(force=force, reason=data.get("reason", ""), by=sender)
        grace = data.get("grace")
        if grace is not None and not force:
            self._forced_ends.append(_ForcedEnd(time.monotonic() + grace, run, sender))

    def _force_ends(self) -> None:
        """Stop the attempts of the runs that were cancelled a while ago."""
        now = time.monotonic()
        later_ends = []
        for forced in self._forced_ends:
            if forced.due <= now and not forced.run.has_ended:
                forced.run.cancel(force=True, by=forced.sender)
            elif not forced.run.has_ended:
                later_ends.append(forced)
        self._forced_ends = later_ends


def _find_run(outermost: SteeredRun, run_id: str) -> SteeredRun:
    """Return the outermost run, or a run within it.

    Raises:
        LookupFailed: It has ended.
    """
    if run_id == outermost.run_id:
        return outermost
    run = outermost.find_child_run(run_id)
    if run is None:
        raise LookupFailed("the run has ended")
    return run


def _check_status(run: SteeredRun, kind: str) -> None:
    """Check that a command can have an effect on a run as it is now.

    Raises:
        LookupFailed: It cannot.
    """
    from attune_nb.store.commands import ENDINGS  # noqa: PLC0415 - SQLite is slow to import

    status = run.status
    if status in ENDINGS:
        raise LookupFailed(f"the run {ENDINGS[status]}")
    if kind == "cancel":
        return
    if status == "cancelling":
        raise LookupFailed("the run is being cancelled")
    if kind == "resume" and not _is_soon_paused(run):
        raise LookupFailed("the run is not paused")


def _is_soon_paused(run: SteeredRun) -> bool:
    """Return whether a run is paused, or gets so within a moment: a pause may be on its way."""
    end = time.monotonic() + _PAUSE_SECONDS
    while run.status != "paused":
        if time.monotonic() > end:
            return False
        time.sleep(_LOOK / 5)
    return True


def _answer(run: SteeredRun, data: dict[str, Any], sender: str) -> None:
    value = data.get("value")
    if "text" in data:
        value = AnswerText.parse(data["text"])
    run.answer(data["task"], value, by=sender, visit=data.get("visit"), inquiry=data.get("inquiry"))


MAILBOX = Mailbox()
"""The mailbox of this process."""


def _begin_in_fork() -> None:
    """Forget the runs of the parent in a forked process, which does not have its thread."""
    MAILBOX.__init__()  # type: ignore[misc]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_in_fork)
