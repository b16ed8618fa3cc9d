"""The commands of `%attune` that control a run, continue one, or run a part of it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from attune_nb.display.outputs import Text
from attune_nb.errors import AttuneError
from attune_nb.notebook.command import RUN, PendingRun, argument, command
from attune_nb.notebook.expressions import evaluate, evaluate_pairs
from attune_nb.running.answers import AnswerText, read_answer_options
from attune_nb.running.history import open_run
from attune_nb.running.resume import resume

if TYPE_CHECKING:
    from attune_nb.notebook.session import Session
    from attune_nb.running.history import AnyRun

__all__: list[str] = []

_SET = argument(
    "--set",
    "",
    "a parameter; repeatable",
    action="append",
    default=[],
    dest="pairs",
    metavar="NAME=EXPR",
)
_ANSWER = argument(
    "--answer",
    "",
    "an answer to a question, or a YAML file with answers by task; repeatable",
    action="append",
    default=[],
    dest="answers",
    metavar="TASK=VALUE|FILE",
)
_BACKEND = argument(
    "--backend",
    "",
    "where attempts run: threads, processes, dask or inline; by default as in the earlier run",
)
_WORKERS = argument(
    "--workers", "", "threads for a task, or worker processes", type=int, metavar="N"
)
_NO_RAISE = argument("--no-raise", "", "do not fail the cell if the run fails", action="store_true")


@command(RUN)
def _pause(session: Session, run: str | None) -> Text:
    """Pause a run: it starts no new attempts until `resume`."""
    running = _get_running(session, run)
    running.pause()
    return Text(f"`{running.workflow_name}` starts no new attempts until `%attune resume`")


@command(RUN, argument("--force", "", "also stop the attempts in progress", action="store_true"))
def _cancel(session: Session, run: str | None, *, force: bool) -> Text:
    """Cancel a run."""
    running = _get_running(session, run)
    running.cancel(force=force)
    return Text(f"`{running.workflow_name}` is being cancelled")


@command(
    argument("run", "run", "a variable, a workflow's name or an id"),
    argument("task", "task", "the task that asks"),
    argument("expression", "expression", "the answer: a Python expression, otherwise a string"),
)
def _answer(session: Session, run: str, task: str, expression: str) -> None:
    """Answer a question of `core.ask`."""
    asking_run = session.get_run(run)
    value = evaluate(expression, session.shell.user_ns, "answer")
    if isinstance(value, str) and value == expression:
        # no expression: the text is read as the question expects it
        value = AnswerText.parse(expression)
    try:
        asking_run.answer(task, value)
    except AttuneError as error:
        raise UsageError(str(error)) from None


@command(RUN, _ANSWER, _BACKEND, _WORKERS, _NO_RAISE)
def _resume(
    session: Session, run: str | None, answers: list[str], *, no_raise: bool, **placement: Any
) -> Text | PendingRun:
    """Continue a paused run, or an interrupted one whose kernel is gone."""
    placement = _given_options(placement)
    if _is_of_this_session(session, run):
        running = _get_running(session, run)
        if answers:
            _give_answers(running, answers)
            return Text(f"`{running.workflow_name}` continues")
        if placement:
            raise UsageError(_describe_refused_move(running, placement))
        running.resume()
        return Text(f"`{running.workflow_name}` continues")

    run_id = session.get_interrupted_run_id(None, run, None)
    stored_run = open_run(run_id, session.store)
    options = {**_code_options(session, stored_run), **placement}
    options["answers"] = read_answer_options(answers)
    return PendingRun(
        stored_run.workflow_name,
        lambda progress: resume(stored_run.run_id, session.store, progress=progress, **options),
        raises=not no_raise,
    )


@command(RUN, _SET, _ANSWER, _BACKEND, _WORKERS, _NO_RAISE)
def _retry(
    session: Session,
    run: str | None,
    pairs: list[str],
    answers: list[str],
    *,
    no_raise: bool,
    **placement: Any,
) -> PendingRun:
    """Run the failed tasks and items of a run again, and reuse the other results."""
    earlier_run = session.get_run(run)
    values = evaluate_pairs(pairs, session.shell.user_ns, "--set")
    options = {**_code_options(session, earlier_run), **_given_options(placement)}
    if answers:
        options["answers"] = read_answer_options(answers)
    return PendingRun(
        earlier_run.workflow_name,
        lambda progress: earlier_run.retry(parameters=values, progress=progress, **options),
        raises=not no_raise,
    )


@command(
    argument("run", "run", "a variable, a workflow's name or an id"),
    argument(
        "--at",
        "task",
        "the task to run again, with the tasks that follow it",
        required=True,
        dest="task",
        metavar="TASK",
    ),
    _SET,
    _ANSWER,
    _BACKEND,
    _WORKERS,
    _NO_RAISE,
)
def _fork(
    session: Session,
    run: str,
    task: str,
    pairs: list[str],
    answers: list[str],
    *,
    no_raise: bool,
    **placement: Any,
) -> PendingRun:
    """Run a task of a run and the tasks that follow it again, and reuse the other results."""
    earlier_run = session.get_run(run)
    values = evaluate_pairs(pairs, session.shell.user_ns, "--set")
    options = {**_code_options(session, earlier_run), **_given_options(placement)}
    if answers:
        options["answers"] = read_answer_options(answers)
    return PendingRun(
        earlier_run.workflow_name,
        lambda progress: earlier_run.fork(task, values, progress=progress, **options),
        raises=not no_raise,
    )


def _give_answers(run: AnyRun, options: list[str]) -> None:
    """Answer open questions of a run of this session.

    Raises:
        UsageError: A task has no open question, or the answer does not fit it.
    """
    for task, answer in read_answer_options(options).items():
        try:
            run.answer(task, answer)
        except AttuneError as error:
            raise UsageError(f"--answer {task}: {error}") from None


def _get_running(session: Session, word: str | None) -> AnyRun:
    """Return a run that has not ended.

    Raises:
        UsageError: There is no such run, or it has ended.
    """
    run = session.get_run(word)
    if run.has_ended:
        raise UsageError(
            f"run {run.run_id} of `{run.workflow_name}` has already ended: {run.status}"
        )
    return run


def _is_of_this_session(session: Session, word: str | None) -> bool:
    """Return whether a word refers to a run of this session; without one, whether one exists."""
    if word is None:
        return bool(session.last_runs)
    return session.find_run(word) is not None


def _describe_refused_move(run: AnyRun, placement: dict[str, Any]) -> str:
    """Return the message that a run cannot change its backend while its engine is here."""
    options = " ".join(f"--{name} {value}" for name, value in placement.items())
    return (
        f"run {run.run_id} of `{run.workflow_name}` is in progress and cannot change its "
        f"backend or workers; cancel it, then run the rest with "
        f"`%attune retry {run.run_id} {options}`"
    )


def _given_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options without those that were left out, which stay as in the earlier run."""
    return {name: value for name, value in options.items() if value is not None}


def _code_options(session: Session, run: AnyRun) -> dict[str, Any]:
    """Return the options that no record holds: the actions, and whether imports are allowed."""
    options: dict[str, Any] = {"actions": session.actions(run.workflow)}

    # otherwise as in the earlier run
    if session.allows_imports:
        options["allow_imports"] = True
    return options
