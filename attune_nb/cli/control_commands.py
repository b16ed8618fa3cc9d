"""The commands that control a run of another process: `cancel`, `pause`, `answer` and so on."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from getpass import getpass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from attune_nb.cli.options import Store  # noqa: TC001 - typer reads the annotations
from attune_nb.cli.output import exit_with_error
from attune_nb.cli.stored_runs import open_named_run
from attune_nb.cli.values import read_value
from attune_nb.errors import AttuneError, ParameterError
from attune_nb.html import printable, shortened
from attune_nb.running.answers import AnswerText
from attune_nb.running.child_paths import split_index
from attune_nb.values.secrets import is_secret_schema

if TYPE_CHECKING:
    from attune_nb.running.recorded_run import RecordedRun

__all__ = ["accept", "answer", "cancel", "continue_live_run", "pause", "rerun"]

# seconds after which `cancel` stops attempts in progress, too
_GRACE = 0.5

# seconds that a command waits for its effect, and between two looks
_PATIENCE = 3.0
_LOOK = 0.05

# characters of a question
_MAX_PROMPT = 200

# stands for a value on standard input
_STANDARD_INPUT = "-"

RunId = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="the run's id, or the beginning of it; RUN/TASK[INDEX] is a run within it",
    ),
]
ItemOfTask = Annotated[
    str,
    typer.Argument(
        metavar="TASK[INDEX]", help="the task, and the index of an item in doubt, such as pay[3]"
    ),
]


def cancel(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN",
            help="the ids of runs, or their beginnings; RUN/TASK[INDEX] is a run within one",
        ),
    ],
    force: Annotated[
        bool, typer.Option("--force", help="stop attempts in progress at once")
    ] = False,
    let_finish: Annotated[
        bool, typer.Option("--let-finish", help="let attempts in progress come to their end")
    ] = False,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="why, for the record")] = "",
    store: Store = None,
) -> None:
    """Cancel runs of any process, as Ctrl-C does there.

    No new attempt begins. Attempts in progress get half a second to end.
    """
    if force and let_finish:
        exit_with_error(ParameterError("cancel takes --force or --let-finish, not both"))

    grace = None if let_finish else _GRACE
    patience = 0.0 if let_finish else _PATIENCE
    cancelled_runs = []
    errors = []
    for run in runs:
        try:
            cancelled_run = open_named_run(run, store)
            cancelled_run.cancel(force=force, grace=grace, reason=reason)
        except AttuneError as error:
            errors.append(error)
        else:
            cancelled_runs.append(cancelled_run)

    for cancelled_run in cancelled_runs:
        try:
            typer.echo(_describe_end(cancelled_run, patience))
        except AttuneError as error:
            errors.append(error)
    if errors:
        exit_with_error(AttuneError("\n".join(map(str, errors))))


def _describe_end(run: RecordedRun, patience: float) -> str:
    """Return how a cancelled run has ended, or that it will.

    Args:
        run: The run.
        patience: The most seconds to wait for its end.

    Raises:
        StoreError: The record cannot be read.
    """
    status = _await_status(run, "", patience)
    if run.is_over():
        return f"{_describe(run)}: {status}"
    return f"{_describe(run)} is being cancelled; it ends with the attempts in progress"


def pause(run: RunId, store: Store = None) -> None:
    """Pause a run of any process: no new attempt begins until `resume`."""
    try:
        paused_run = open_named_run(run, store)
        paused_run.pause()
        status = _await_status(paused_run, "paused", _PATIENCE)
        has_ended = paused_run.is_over()
    except AttuneError as error:
        exit_with_error(error)

    subject = _describe(paused_run)
    if has_ended:
        typer.echo(f"{subject}: {status}")
    else:
        typer.echo(f"{subject} starts no new attempts until `attune-nb resume {run}`")


def answer(
    run: RunId,
    task: Annotated[
        str,
        typer.Argument(
            metavar="TASK", help="the task that asks; deploy[3]/approve for one of a run within it"
        ),
    ],
    value: Annotated[
        str | None,
        typer.Argument(
            metavar="VALUE",
            help="the answer, as the question expects it, after `--` if it begins with -; a - "
            "alone reads it from standard input, so that it is in no list of processes; without "
            "it the command asks",
        ),
    ] = None,
    store: Store = None,
) -> None:
    """Answer a question of a run of any process, also of one that waits at its prompt."""
    try:
        asking_run = open_named_run(run, store)
        if value is None:
            text = _ask(asking_run, task)
        elif value == _STANDARD_INPUT:
            text = _read_standard_input()
        else:
            text = value

        asking_run.answer(task, AnswerText.parse(text))
    except AttuneError as error:
        exit_with_error(error)
    typer.echo(f"`{printable(task)}` of {_describe(asking_run)} has its answer")


def rerun(run: RunId, task: ItemOfTask, store: Store = None) -> None:
    """Make attempts in doubt again, in a run of any process that waits for that decision.

    Without an index these are all attempts in doubt of the task.
    """
    try:
        doubtful_run = open_named_run(run, store)
        name, index = split_index(task)
        doubtful_run.rerun(name, index)
    except AttuneError as error:
        exit_with_error(error)
    typer.echo(f"`{printable(task)}` of {_describe(doubtful_run)} runs again")


def accept(
    run: RunId,
    task: ItemOfTask,
    result: Annotated[
        str, typer.Argument(metavar="RESULT", help="its result: JSON or a literal of Python, ...")
    ],
    store: Store = None,
) -> None:
    """Record the result of an attempt in doubt that did run, in a run of any process."""
    try:
        doubtful_run = open_named_run(run, store)
        name, index = split_index(task)
        doubtful_run.accept(name, read_value(result), index)
    except AttuneError as error:
        exit_with_error(error)
    typer.echo(f"`{printable(task)}` of {_describe(doubtful_run)} has its result")


def continue_live_run(live_run: RecordedRun, answers: Mapping[str, Any], *, reruns: bool) -> None:
    """Continue a run that waits in another process: with answers, or as it is.

    Args:
        live_run: The run.
        answers: Answers to its open questions.
        reruns: Whether to make its attempts in doubt again.

    Raises:
        AttuneError: The run refuses.
    """
    for task, text in answers.items():
        live_run.answer(task, text)

    doubts = live_run.in_doubt if reruns else []
    for doubt in doubts:
        live_run.rerun(doubt.task, doubt.index)

    if not answers and not doubts:
        live_run.resume()
    typer.echo(f"{_describe(live_run)} continues in its own process")


def _await_status(run: RecordedRun, wanted_status: str, seconds: float) -> str:
    """Wait until a run has ended or has a status, at most some seconds; return its status.

    Raises:
        StoreError: The record cannot be read.
    """
    end = time.monotonic() + seconds
    while True:
        status = run.read_status()
        if status == wanted_status or run.is_over() or time.monotonic() >= end:
            return status
        time.sleep(_LOOK)


def _describe(run: RecordedRun) -> str:
    return f"run {run.run_id} of `{printable(run.workflow_name)}`"


def _ask(run: RecordedRun, task: str) -> str:
    """Return the answer that a person types.

    Raises:
        ParameterError: Standard input is no terminal, or has ended.
    """
    if not sys.stdin.isatty():
        raise ParameterError(
            f"the answer is missing: `attune-nb answer {run.run_id} {task} VALUE`, or - in place "
            "of VALUE for one on standard input"
        )

    prompt = f"{task}: "
    # of a question of a child run it is not known whether its answer is secret
    is_hidden = True
    for question in run.questions:
        if question.task == task:
            prompt = f"{task}: {shortened(question.prompt, _MAX_PROMPT)} "
            is_hidden = _has_secret(question.response_schema)
            break

    try:
        return getpass(printable(prompt)) if is_hidden else input(printable(prompt))
    except EOFError:
        raise ParameterError("there is no answer: standard input has ended") from None


def _has_secret(schema: Any) -> bool:
    """Return whether the answer to a question, or a property of it, is secret."""
    if not isinstance(schema, Mapping):
        return False
    properties = schema.get("properties")
    inner = properties.values() if isinstance(properties, Mapping) else ()
    return is_secret_schema(schema) or any(map(_has_secret, inner))


def _read_standard_input() -> str:
    """Return the answer that standard input holds, without the end of its last line.

    Raises:
        ParameterError: It is no text.
    """
    try:
        return sys.stdin.buffer.read().decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise ParameterError("answer -: standard input is not UTF-8 text") from None
