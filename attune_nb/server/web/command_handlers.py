"""Commands for runs: cancel, pause, resume, answer, rerun, accept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, UnsetType
from tornado.ioloop import IOLoop

from attune_nb.errors import CommandRefused, ParameterError
from attune_nb.forms.entries import read_answer
from attune_nb.forms.questions import ANSWER
from attune_nb.server.live.questions import explain_misfit, find_schema
from attune_nb.server.web.access import ApiError, AttuneHandler, ProblemReply, requires
from attune_nb.store.command_file import commands_path, open_command_file, read_progress
from attune_nb.store.commands import DONE, put_command, wait_for_outcome

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = [
    "Accept",
    "Answer",
    "Cancel",
    "CommandHandler",
    "CommandReply",
    "CommandsHandler",
    "Pause",
    "Rerun",
    "Resume",
    "RunCommand",
]

# seconds that a request waits for the run's process
_PATIENCE = 2.0

# Commands for runs that do not hear them must not keep others from reading.
_threads = ThreadPoolExecutor(16, "attune command")


def _require_one(**fields: Any) -> None:
    """Raise ValueError, which msgspec reports, unless one of two fields of a body is there."""
    if sum(value is not UNSET for value in fields.values()) != 1:
        raise ValueError(f"it needs either {' or '.join(f'`{name}`' for name in fields)}")


class _Command(msgspec.Struct, frozen=True, tag_field="kind", forbid_unknown_fields=True):
    """A command for a run."""


class Cancel(_Command, frozen=True, tag="cancel", forbid_unknown_fields=True):
    """Cancel the run.

    Attributes:
        force: Whether attempts in progress are stopped, too, without waiting for them.
        grace: The seconds after which attempts in progress are stopped; null waits for them.
        reason: Why, for the record.
    """

    force: bool = False
    grace: float | None = None
    reason: str | None = None


class Pause(_Command, frozen=True, tag="pause", forbid_unknown_fields=True):
    """Start no more attempts until the run is resumed."""


class Resume(_Command, frozen=True, tag="resume", forbid_unknown_fields=True):
    """Continue the paused run."""


class Answer(_Command, frozen=True, tag="answer", forbid_unknown_fields=True):
    """Answer a question.

    Attributes:
        task: The path of the task that asks.
        value: The answer, which must fit the question's schema.
        entered: In place of `value`, the entries of the question's form by the names of its
            fields: a text, a boolean, or the index of a choice.
        visit: The number of the execution of the task; null if it has one open question.
        inquiry: The id of the inquiry; null if the task has one open question.
    """

    task: str
    value: Any = UNSET
    entered: dict[str, Any] | UnsetType = UNSET
    visit: int | None = None
    inquiry: int | None = None

    def __post_init__(self) -> None:
        _require_one(value=self.value, entered=self.entered)


class Rerun(_Command, frozen=True, tag="rerun", forbid_unknown_fields=True):
    """Make an attempt in doubt again.

    Attributes:
        task: The path of the task.
        index: The index of the item; null for all those of the task.
    """

    task: str
    index: int | None = None


class Accept(_Command, frozen=True, tag="accept", forbid_unknown_fields=True):
    """Record the result of an attempt in doubt that did run.

    Attributes:
        task: The path of the task.
        result: The result.
        entered: In place of `result`, its text as a person has entered it, in YAML.
        index: The index of the item; null if one attempt of the task is in doubt.
    """

    task: str
    result: Any = UNSET
    entered: str | UnsetType = UNSET
    index: int | None = None

    def __post_init__(self) -> None:
        _require_one(result=self.result, entered=self.entered)


RunCommand = Cancel | Pause | Resume | Answer | Rerun | Accept
"""The body of a request; its `kind` is the command."""


class CommandReply(msgspec.Struct, frozen=True):
    """The outcome of a command.

    Attributes:
        command: The number of the command.
        outcome: "done", or the reason why it was not carried out; null if the run's process has not
            taken it yet. It is not carried out any more after 60 s.
    """

    command: int
    outcome: str | None = None


class CommandsHandler(AttuneHandler):
    """The commands for a run."""

    @requires("write")
    async def post(self, run_id: str) -> None:
        """Send a command, and wait up to 2 s for the outcome."""
        command = self.read_body(RunCommand)
        store = await self.find_store(run_id)
        reply = await IOLoop.current().run_in_executor(
            _threads, _send, store, run_id, command, self.actor
        )
        status = 202 if reply.outcome is None else 200
        self.reply(reply, status)


class CommandHandler(AttuneHandler):
    """A command that was sent."""

    @requires("read")
    async def get(self, run_id: str, number: str) -> None:
        """Send the outcome of a command."""
        store = await self.find_store(run_id)
        reply = await self.in_thread(_read_outcome, store, run_id, int(number))
        self.reply(reply)


def _send(store: Path, run_id: str, command: _Command, actor: str) -> CommandReply:
    """Send a command, and return its outcome.

    Raises:
        ApiError: 404: the run is gone. 409: the run cannot take the command, or has refused it.
            422: an answer does not fit.
    """
    data = msgspec.structs.asdict(command)
    if isinstance(command, Answer | Accept):
        del data["entered"]
    if isinstance(command, Answer):
        data["value"] = _value_of(store, run_id, command)
    elif isinstance(command, Accept):
        data["result"] = _result_of(command)

    try:
        number = put_command(store, run_id, _kind_of(command), data, by=actor)
        outcome = wait_for_outcome(store, number, _PATIENCE)
    except ParameterError as error:
        raise ApiError(422, str(error)) from error
    except CommandRefused as error:
        status = 404 if error.reason == "missing" else 409
        raise ApiError(status, str(error), reason=error.reason) from error

    if outcome not in (DONE, None):
        raise ApiError(409, outcome, reason="refused")
    return CommandReply(number, outcome)


def _value_of(store: Path, run_id: str, command: Answer) -> Any:
    """Return the answer of a command, which fits the question.

    Raises:
        ApiError: 422: it does not fit.
    """
    value = command.value
    if command.entered is not UNSET:
        schema = find_schema(store, run_id, command.task, command.visit, command.inquiry)
        value, problems = read_answer(schema, command.entered)
        if problems:
            raise _refuse_entries(problems)

    problem = explain_misfit(store, run_id, command.task, value, command.inquiry)
    if problem is not None:
        raise ApiError(422, problem, [ProblemReply(problem, field=command.task)])
    return value


def _result_of(command: Accept) -> Any:
    """Return the result of a command.

    Raises:
        ApiError: 422: its text is no YAML.
    """
    result = command.result
    if command.entered is not UNSET:
        result, problems = read_answer(None, {ANSWER: command.entered})
        if problems:
            raise _refuse_entries(problems)
    return result


def _refuse_entries(problems: Mapping[str, str]) -> ApiError:
    """Return the error for entries of a form that make no values."""
    replies = [ProblemReply(message, field=name) for name, message in problems.items()]
    return ApiError(422, "; ".join(problems.values()), replies)


def _kind_of(command: _Command) -> Any:
    return command.__struct_config__.tag


def _read_outcome(store: Path, run_id: str, number: int) -> CommandReply:
    """Return the outcome of a command.

    Raises:
        ApiError: 404: the file of commands does not have it.
    """
    missing = ApiError(404, f"run {run_id} has no command {number}; it may have been forgotten")
    path = commands_path(store)
    if not path.exists():
        raise missing

    with open_command_file(path) as connection:
        progress = read_progress(connection, number)
    if progress is None or progress.run_id != run_id:
        raise missing
    return CommandReply(number, progress.outcome)
