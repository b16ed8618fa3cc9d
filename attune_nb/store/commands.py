"""Commands for a run of any process: cancel, pause, resume, answer, rerun, accept.

A command is a row of a small file beside the store; see `command_file`. The process of the run
looks for it about every 50 ms, carries it out, and writes the outcome.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import msgspec

from attune_nb.errors import CommandRefused, ParameterError, StoreError, nearest
from attune_nb.store.claims import TAKES_COMMANDS
from attune_nb.store.command_file import (
    CommandRow,
    commands_path,
    create_command_file,
    delete_old_commands,
    insert_command,
    open_command_file,
    read_progress,
    write_outcome,
)
from attune_nb.store.database import connected
from attune_nb.store.files import file_identity
from attune_nb.store.json_values import from_plain, to_plain
from attune_nb.store.reading import ENDED, is_alive
from attune_nb.values.describe import describe
from attune_nb.values.frozen import describe_not_stored, freeze_guarded

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping
    from pathlib import Path

    from attune_nb.store.command_file import CommandProgress
    from attune_nb.store.files import FileIdentity

__all__ = [
    "DONE",
    "ENDINGS",
    "CommandKind",
    "check_command",
    "decode_data",
    "put_command",
    "send_command",
    "wait_for_outcome",
]

CommandKind = Literal["cancel", "pause", "resume", "answer", "rerun", "accept"]
"""The kinds of commands: each is a method of `Run`."""

DONE = "done"
"""The outcome of a command that was carried out."""

ENDINGS = {
    "succeeded": "has succeeded",
    "failed": "has failed",
    "timed_out": "has timed out",
    "cancelled": "was cancelled",
}
"""The final statuses of a run, as a message says them."""

EXPIRES_IN = 60.0
"""Seconds after which a command is not carried out any more."""

# seconds that a sender waits for the outcome
_PATIENCE = 10.0

# seconds between two looks for the outcome, and between two at the run itself
_LOOK_EVERY = 0.02
_RUN_LOOK_EVERY = 0.25

# tries to write a command while another program removes the file
_MAX_TRIES = 5

# bytes of the data of a command
_MAX_BYTES = 10_000_000

# seconds after which a cancel stops attempts, at most
_MAX_GRACE = 86_400

# characters of the name of the sender, and of a reason
_MAX_SENDER = 200
_MAX_REASON = 1_000


class _Field(NamedTuple):
    """A field of the data of a command.

    Attributes:
        types: The types that its value may have.
        noun: The value that it takes, for a message; None is allowed if it is not required.
        required: Whether all commands of the kind have it.
    """

    types: tuple[type, ...]
    noun: str
    required: bool = False


_ANY: tuple[type, ...] = (object,)
_TASK = _Field((str,), "a string", required=True)
_INDEX = _Field((int,), "an integer")

_FIELDS: dict[str, dict[str, _Field]] = {
    "cancel": {
        "force": _Field((bool,), "a boolean"),
        "grace": _Field((int, float), "a number of seconds"),
        "reason": _Field((str,), "a string"),
    },
    "pause": {},
    "resume": {},
    "answer": {
        "task": _TASK,
        "visit": _INDEX,
        "inquiry": _INDEX,
        "value": _Field(_ANY, "a value"),
        "text": _Field((str,), "a string"),
    },
    "rerun": {"task": _TASK, "index": _INDEX},
    "accept": {"task": _TASK, "index": _INDEX, "result": _Field(_ANY, "a value", required=True)},
}


class _Target(NamedTuple):
    """The columns of a run that say who drives it.

    Attributes:
        owner: The token of its engine.
        status: Its status.
        is_alive: Whether the engine is alive.
    """

    owner: str
    status: str
    is_alive: bool


def put_command(
    store: Path,
    run_id: str,
    kind: CommandKind,
    data: Mapping[str, Any] | None = None,
    *,
    by: str = "",
    expires_in: float = EXPIRES_IN,
) -> int:
    """Put a command for a run where the run's process finds it, and return its number.

    Args:
        store: The store with the run.
        run_id: The whole id of the run, also of a child run.
        kind: The kind of command.
        data: The arguments. `cancel`: `force`, or `grace`, the seconds after which attempts in
            progress are stopped, too; and `reason`. `answer`: `task`, then `value`, or `text` as
            a person has typed it; `visit` or `inquiry`, if the task has several questions.
            `rerun`: `task` and `index`. `accept`: `task`, `index` and `result`. Others take none.
        by: Who asks, for the record.
        expires_in: Seconds after which the command is not carried out any more.

    Raises:
        ParameterError: The kind or the data cannot be used.
        CommandRefused: The run cannot take commands; `reason` says why.
        StoreError: The store cannot be read, or the command cannot be written.
    """
    encoded = _encode_data(kind, check_command(kind, data))
    target = _find_target(store, run_id)
    _check_target(run_id, target, kind)

    now = time.time()
    row = CommandRow(
        number=int(now * 1e6),
        run_id=run_id,
        owner=target.owner,
        kind=kind,
        data=encoded,
        sender=_on_one_line(by)[:_MAX_SENDER],
        expires=now + expires_in,
    )
    return _insert(commands_path(store), row)


def _on_one_line(text: str) -> str:
    """Return a text without characters that would move the cursor of a terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


def _insert(path: Path, row: CommandRow) -> int:
    """Insert a command, and return its number; try again if the file is removed meanwhile.

    Raises:
        StoreError: It cannot be written.
    """
    attempt = 1
    while True:
        # before the file is created, for an error that comes first
        identity = file_identity(path)
        try:
            create_command_file(path)
            identity = file_identity(path)
            with open_command_file(path) as connection:
                delete_old_commands(connection)
                return insert_command(connection, row)
        except StoreError:
            if attempt == _MAX_TRIES or file_identity(path) == identity:
                raise
            attempt += 1


def wait_for_outcome(store: Path, number: int, timeout: float) -> str | None:
    """Wait until the process of a run has carried out a command, or refused it.

    Args:
        store: The store with the run.
        number: The number that `put_command` returned.
        timeout: The most seconds to wait.

    Returns:
        "done", or the reason why it was not carried out; None if the process has not taken it yet.

    Raises:
        CommandRefused: The file with the commands was removed.
        StoreError: The store or the file cannot be read.
    """
    path = commands_path(store)
    identity = file_identity(path)
    if identity is None:
        raise _lost_command()

    try:
        with open_command_file(path) as connection:
            return _poll(store, connection, number, time.monotonic() + timeout, identity)
    except StoreError:
        if file_identity(path) == identity:
            raise
        raise _lost_command() from None


def _poll(
    store: Path,
    connection: sqlite3.Connection,
    number: int,
    end: float,
    identity: FileIdentity,
) -> str | None:
    """Look for the outcome of a command until a time, as `wait_for_outcome` does."""
    next_look = time.monotonic() + _RUN_LOOK_EVERY
    while True:
        progress = read_progress(connection, number)
        if progress is None:
            raise _lost_command()
        if progress.outcome is not None:
            return progress.outcome

        now = time.monotonic()
        if now >= next_look or now >= end:
            next_look = now + _RUN_LOOK_EVERY
            if file_identity(commands_path(store)) != identity:
                raise _lost_command()
            outcome = _explain_silence(store, progress)
            if outcome and _settle(connection, number, outcome, progress):
                return outcome
        if now >= end:
            return None
        time.sleep(_LOOK_EVERY)


def send_command(
    store: Path,
    run_id: str,
    kind: CommandKind,
    data: Mapping[str, Any] | None = None,
    *,
    by: str = "",
    timeout: float = _PATIENCE,
) -> None:
    """Send a command to the process of a run, and return when it was carried out.

    Args:
        store: As in `put_command`.
        run_id: As in `put_command`.
        kind: As in `put_command`.
        data: As in `put_command`.
        by: As in `put_command`.
        timeout: The most seconds to wait for the outcome.

    Raises:
        ParameterError: The data cannot be used.
        CommandRefused: The run cannot take it, has refused it, or has not taken it yet.
        StoreError: The store cannot be read, or the command cannot be written.
    """
    number = put_command(store, run_id, kind, data, by=by)
    outcome = wait_for_outcome(store, number, timeout)
    if outcome is None:
        raise CommandRefused(
            f"the process of run {run_id} has not taken the command `{kind}` within {timeout:g} s; "
            f"it will within {EXPIRES_IN:g} s, unless it is busy or stopped for longer",
            "unheard",
        )
    if outcome != DONE:
        raise CommandRefused(f"run {run_id} has refused `{kind}`: {outcome}", "refused")


def check_command(kind: str, data: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the data of a command without the fields that are null.

    Raises:
        ParameterError: There is no such kind, or the data does not fit it.
    """
    kinds = get_args(CommandKind)
    if kind not in kinds:
        hint = nearest(str(kind), kinds)
        if not hint:
            quoted = ", ".join(f"`{name}`" for name in kinds)
            hint = f"; there are {quoted}"
        raise ParameterError(f"there is no command `{str(kind)[:80]}`{hint}")

    checked = {}
    if data is not None:
        checked = _check_fields(kind, data)
    for name, field in _FIELDS[kind].items():
        if field.required and name not in checked:
            raise ParameterError(f"command `{kind}` needs `{name}`, {field.noun}")
    if kind == "answer" and ("value" in checked) == ("text" in checked):
        raise ParameterError("command `answer` needs either `value` or `text`")
    return checked


def _check_fields(kind: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a command that are not null.

    Raises:
        ParameterError: There is no such field, or its value does not fit.
    """
    fields = _FIELDS[kind]
    checked = {}
    for name, value in data.items():
        if name not in fields:
            raise ParameterError(_explain_unknown(kind, name))

        field = fields[name]
        if field.types is _ANY:
            checked[name] = value
        elif value is not None or field.required:
            checked[name] = _check_value(kind, name, value)
    return checked


def _check_value(kind: str, name: str, value: Any) -> Any:
    """Return the value of a field; a reason is cut.

    Raises:
        ParameterError: It has another type, or is out of range.
    """
    field = _FIELDS[kind][name]
    is_boolean = isinstance(value, bool) and bool not in field.types
    if is_boolean or not isinstance(value, field.types):
        raise ParameterError(
            f"`{name}` of command `{kind}` must be {field.noun}, not {describe(value)}"
        )

    if name == "grace" and isinstance(value, int | float) and not 0 <= value <= _MAX_GRACE:
        raise ParameterError(
            f"`{name}` of command `{kind}` must be from 0 to {_MAX_GRACE:,} seconds"
        )

    if name == "reason":
        return _on_one_line(str(value))[:_MAX_REASON]
    return value


def _explain_unknown(kind: str, name: Any) -> str:
    names = list(_FIELDS[kind])
    hint = nearest(str(name), names)
    if not hint:
        hint = "; it takes nothing"
        if names:
            quoted = ", ".join(f"`{field}`" for field in names)
            hint = f"; it takes {quoted}"
    return f"command `{kind}` takes no `{str(name)[:80]}`{hint}"


def _encode_data(kind: str, data: dict[str, Any]) -> bytes:
    """Return the data of a command as JSON.

    Raises:
        ParameterError: A value cannot be sent to another process.
    """
    try:
        frozen = freeze_guarded(data)
    except ValueError as error:
        raise ParameterError(f"the value of command `{kind}` cannot be used: {error}") from None

    try:
        encoded = msgspec.json.encode(to_plain(frozen, check_strings=True))
        # other values become markers
        missing = describe_not_stored(decode_data(encoded))
    except Exception as error:  # noqa: BLE001 - a value of any type may stand in it
        raise ParameterError(f"the value of command `{kind}` cannot be sent: {error}") from None

    if missing:
        raise ParameterError(f"the value of command `{kind}` cannot be sent: it has {missing}")
    if len(encoded) > _MAX_BYTES:
        raise ParameterError(
            f"the value of command `{kind}` has {len(encoded):,} bytes; at most {_MAX_BYTES:,} can "
            "be sent"
        )
    return encoded


def decode_data(encoded: bytes) -> dict[str, Any]:
    """Return the data of a command from its JSON.

    Raises:
        Exception: It is no such JSON.
    """
    data: dict[str, Any] = from_plain(msgspec.json.decode(encoded))
    return data


def _find_target(store: Path, run_id: str) -> _Target:
    """Return who drives a run.

    Raises:
        CommandRefused: There is no such run.
        StoreError: The store cannot be read.
    """
    with connected(store) as connection:
        row = connection.execute(
            "SELECT status, host, pid, born, beat, owner FROM runs WHERE run_id = ?", (run_id,)
        ).fetchone()
    if row is None:
        raise CommandRefused(f"there is no run {run_id} in {store}", "missing")
    status, host, pid, born, beat, owner = row
    return _Target(owner, status, is_alive(host, pid, born, beat, owner))


def _check_target(run_id: str, target: _Target, kind: CommandKind) -> None:
    """Check that a run can take a command.

    Raises:
        CommandRefused: It cannot.
    """
    if target.status in ENDED:
        raise CommandRefused(f"run {run_id} {ENDINGS[target.status]}", "ended")

    if not target.is_alive:
        remedy = f"attune-nb resume {run_id}"
        if kind == "answer":
            remedy += " --answer TASK=VALUE"
        elif kind == "rerun":
            remedy += " --rerun"
        elif kind == "accept":
            # it waits for the decision then
            remedy += " --attended"
        raise CommandRefused(
            f"run {run_id} is interrupted: no process drives it; `{remedy}` continues it",
            "interrupted",
        )

    if not target.owner.endswith(TAKES_COMMANDS):
        raise CommandRefused(
            f"run {run_id} was started by an older attune_nb, which takes no commands from other "
            "processes; stop it where it was started",
            "too_old",
        )


def _settle(
    connection: sqlite3.Connection, number: int, outcome: str, progress: CommandProgress
) -> bool:
    """Let no engine take a command any more; return False if one has taken it just now."""
    return write_outcome(connection, number, outcome, is_taken=progress.is_taken)


def _explain_silence(store: Path, progress: CommandProgress) -> str:
    """Return the outcome of a command that no engine will write; else an empty string."""
    try:
        target = _find_target(store, progress.run_id)
    except CommandRefused:
        return "the run was removed from the store"

    if target.status in ENDED:
        if progress.is_taken and progress.kind == "cancel" and target.status == "cancelled":
            # its process has ended before it wrote the outcome
            return DONE
        return f"the run {ENDINGS[target.status]}"

    if target.owner != progress.owner:
        return "another process has continued the run since; send the command again"
    if target.is_alive:
        return ""

    if progress.is_taken:
        return (
            "the process of the run has ended before it wrote the outcome, so it may or may not "
            "have carried out the command; the run is interrupted"
        )
    return "the process of the run has ended; the run is interrupted"


def _lost_command() -> CommandRefused:
    return CommandRefused(
        "the file with the command was removed, so it is not known whether the command was carried "
        "out; look at the run, and send it again if it was not",
        "lost",
    )
