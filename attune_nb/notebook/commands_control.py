"""The commands of `%attune` that control a run, continue one, or run a part of it again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from attune_nb.display.log_output import CELL_LIMIT
from attune_nb.display.outputs import Text
from attune_nb.errors import AttuneError
from attune_nb.notebook.answers import read_answers
from attune_nb.notebook.command import LIVE_RUN, RUN, PendingRun, argument, command
from attune_nb.notebook.expressions import evaluate, evaluate_pairs
from attune_nb.notebook.secret_options import SECRET_ARGUMENTS, read_secrets
from attune_nb.results.statuses import UNATTENDED
from attune_nb.running.answers import AnswerText
from attune_nb.running.child_paths import split_index
from attune_nb.running.declared_parameters import secret_parameter_names, text_parameter_names
from attune_nb.running.history import open_run
from attune_nb.running.resume import resume
from attune_nb.running.run import Run
from attune_nb.running.waiting import wait_for_end

if TYPE_CHECKING:
    from attune_nb.notebook.session import Session
    from attune_nb.running.answers import OptionAnswers
    from attune_nb.running.history import AnyRun

__all__ = ["ANSWER", "CONCURRENCY", "LOGS", "OUT", "WORKERS"]

_SET = argument(
    "--set",
    "",
    "a parameter; repeatable",
    action="append",
    default=[],
    dest="pairs",
    metavar="NAME=EXPR",
)
ANSWER = argument(
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
WORKERS = argument(
    "--workers", "", "threads for a task, or worker processes", type=int, metavar="N"
)
_NO_RAISE = argument("--no-raise", "", "do not fail the cell if the run fails", action="store_true")
CONCURRENCY = argument(
    "--concurrency", "", "overrides the concurrency of every task", type=int, metavar="N"
)
LOGS = argument(
    "--logs",
    "",
    f"how many lines that actions print are shown: all, none or a number, by default {CELL_LIMIT}",
    metavar="all|none|N",
)
OUT = argument("--out", "", "a variable for the Run", aliases=("-o",), metavar="VAR")

# the options of every command that starts a run
_RUN_OPTIONS = (
    _SET,
    ANSWER,
    *SECRET_ARGUMENTS,
    _BACKEND,
    WORKERS,
    CONCURRENCY,
    LOGS,
    OUT,
    _NO_RAISE,
)

# seconds until a run that shall continue does so, and between two looks at it
_RESUME_SECONDS = 5.0
_POLL = 0.01

# options whose values a run has from its start
_VALUE_OPTIONS = ("pairs", "keystore", "secret", "secret_env")


@command(LIVE_RUN)
def _pause(session: Session, run: str | None) -> Text:
    """Pause a run: it starts no new attempts until `resume`."""
    running = _get_running(session, run)
    running.pause()
    return Text(f"`{running.workflow_name}` starts no new attempts until `%attune resume`")


@command(
    LIVE_RUN, argument("--force", "", "also stop the attempts in progress", action="store_true")
)
def _cancel(session: Session, run: str | None, *, force: bool) -> Text:
    """Cancel a run."""
    running = _get_running(session, run)
    running.cancel(force=force)
    return Text(f"`{running.workflow_name}` is being cancelled")


@command(
    argument("run", "live run", "a variable, a workflow's name or an id"),
    argument("task", "task", "the task that asks"),
    argument("expression", "expression", "the answer: a Python expression, otherwise a string"),
)
def _answer(session: Session, run: str, task: str, expression: str) -> None:
    """Answer a question of `core.ask`, or of a pack's action."""
    asking_run = session.get_run(run)
    value = evaluate(expression, session.shell.user_ns, "answer")
    if isinstance(value, str) and value == expression:
        # no expression: the text is read as the question expects it
        value = AnswerText.parse(expression)
    try:
        asking_run.answer(task, value)
    except AttuneError as error:
        raise UsageError(str(error)) from None


@command(
    argument("run", "live run", "a variable, a workflow's name or an id"),
    argument("task", "task", "the task, and the index of an item in doubt, such as pay[3]"),
)
def _rerun(session: Session, run: str, task: str) -> Text:
    """Make attempts in doubt again: those of a task, or that of an item."""
    doubtful_run = session.get_run(run)
    name, index = split_index(task)
    doubtful_run.rerun(name, index)
    return Text(f"`{task}` runs again")


@command(
    argument("run", "live run", "a variable, a workflow's name or an id"),
    argument("task", "task", "the task, and the index of an item in doubt, such as pay[3]"),
    argument("expression", "expression", "the result: a Python expression, otherwise a string"),
)
def _accept(session: Session, run: str, task: str, expression: str) -> Text:
    """Record the result of an attempt in doubt that did run."""
    doubtful_run = session.get_run(run)
    name, index = split_index(task)
    value = evaluate(expression, session.shell.user_ns, "accept")
    doubtful_run.accept(name, value, index)
    return Text(f"`{task}` has its result")


@command(LIVE_RUN, *_RUN_OPTIONS)
def _resume(session: Session, run: str | None, **line_options: Any) -> Text | PendingRun:
    """Continue a paused run, or an interrupted one whose kernel is gone."""
    if _is_of_this_session(session, run):
        running = _get_running(session, run)
        _refuse_changes(running, line_options)
        answers = read_answers(line_options["answers"], session.shell.user_ns)
        if isinstance(running, Run) and running.pause_reason == UNATTENDED:
            # its cell has ended with the question, so this one waits for the end
            return PendingRun(
                running.workflow_name,
                lambda _: _continue_to_end(running, answers),
                raises=not line_options["no_raise"],
                out=line_options["out"],
            )

        if answers:
            _give_answers(running, answers)
        else:
            running.resume()
        return Text(f"`{running.workflow_name}` continues")

    run_id = session.get_interrupted_run_id(None, run, None)
    stored_run = open_run(run_id, session.store)
    if not stored_run.is_over():
        _refuse_changes(stored_run, line_options)
        answers = read_answers(line_options["answers"], session.shell.user_ns)
        _give_answers(stored_run, answers)
        if not answers:
            stored_run.resume()
        return Text(f"`{stored_run.workflow_name}` continues in its own process")

    values, options = _read_run_options(session, stored_run, line_options)
    return PendingRun(
        stored_run.workflow_name,
        lambda progress: resume(
            stored_run.run_id, session.store, parameters=values, progress=progress, **options
        ),
        raises=not line_options["no_raise"],
        out=line_options["out"],
    )


@command(RUN, *_RUN_OPTIONS)
def _retry(session: Session, run: str | None, **line_options: Any) -> PendingRun:
    """Run the failed tasks and items of a run again, and reuse the other results."""
    earlier_run = session.get_run(run)
    values, options = _read_run_options(session, earlier_run, line_options)
    return PendingRun(
        earlier_run.workflow_name,
        lambda progress: earlier_run.retry(parameters=values, progress=progress, **options),
        raises=not line_options["no_raise"],
        out=line_options["out"],
    )


@command(
    argument("run", "run", "a variable, a workflow's name or an id"),
    argument(
        "--from",
        "task",
        "the task to run again, with the tasks that follow it; `--at` is the same",
        aliases=("--at",),
        required=True,
        dest="task",
        metavar="TASK",
    ),
    *_RUN_OPTIONS,
)
def _fork(session: Session, run: str, task: str, **line_options: Any) -> PendingRun:
    """Run a task of a run and the tasks that follow it again, and reuse the other results."""
    earlier_run = session.get_run(run)
    values, options = _read_run_options(session, earlier_run, line_options)
    return PendingRun(
        earlier_run.workflow_name,
        lambda progress: earlier_run.fork(task, values, progress=progress, **options),
        raises=not line_options["no_raise"],
        out=line_options["out"],
    )


def _read_run_options(
    session: Session, earlier_run: AnyRun, line_options: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the parameters and the options that a line changes of an earlier run.

    Raises:
        UsageError: An option cannot be used.
    """
    namespace = session.shell.user_ns
    workflow = earlier_run.workflow
    values = evaluate_pairs(
        line_options["pairs"],
        namespace,
        "--set",
        secrets=secret_parameter_names(workflow),
        texts=text_parameter_names(workflow),
    )
    secrets = read_secrets(
        line_options["keystore"], line_options["secret"], line_options["secret_env"], namespace
    )
    options = {**session.code_options(workflow), **_placement(line_options)}
    if line_options["answers"]:
        options["answers"] = read_answers(line_options["answers"], namespace)
    if line_options["logs"] is not None:
        options["logs"] = line_options["logs"]
    magics: Any = session.shell.magics_manager.registry["AttuneMagics"]
    options |= magics.reader_options()
    secrets.add_to_options(options)
    return secrets.add_to_parameters(workflow, values), options


def _continue_to_end(run: Run, answers: OptionAnswers) -> Run:
    """Continue a run that is paused as it was unattended, and wait for its end.

    Raises:
        QuestionOpen: A question is open still, and the run is unattended.
        UsageError: A task has no open question, or the answer does not fit it.
    """
    _give_answers(run, answers)
    run.resume()
    deadline = time.monotonic() + _RESUME_SECONDS
    while run.pause_reason and time.monotonic() < deadline:
        time.sleep(_POLL)

    wait_for_end(run, None)
    return run


def _give_answers(run: AnyRun, answers: OptionAnswers) -> None:
    """Answer open questions of a run of this session.

    Raises:
        UsageError: A task has no open question, or the answer does not fit it.
    """
    for task, answer in answers.items():
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
    """Return whether a word refers to a run of this session.

    Without a word it is the latest run, unless that has ended.
    """
    if word is None:
        latest_run = session.latest_run()
        return latest_run is not None and not latest_run.has_ended
    return isinstance(session.find_run(word), Run)


def _refuse_changes(run: AnyRun, line_options: dict[str, Any]) -> None:
    """Raise an error for an option that a run cannot change while its engine is here.

    Raises:
        UsageError: The line has such an option.
    """
    placement = _placement(line_options)
    if placement:
        options = " ".join(f"--{name} {value}" for name, value in placement.items())
        raise UsageError(
            f"run {run.run_id} of `{run.workflow_name}` is in progress and cannot change its "
            f"backend or workers; cancel it, then run the rest with "
            f"`%attune retry {run.run_id} {options}`"
        )

    for name in _VALUE_OPTIONS:
        if line_options[name]:
            option = "--set" if name == "pairs" else f"--{name.replace('_', '-')}"
            raise UsageError(
                f"run {run.run_id} of `{run.workflow_name}` is in progress and has its parameters "
                f"and secrets already; remove `{option}`"
            )


def _placement(line_options: dict[str, Any]) -> dict[str, Any]:
    """Return where the line says that attempts run; the rest is as in the earlier run."""
    names = ("backend", "workers", "concurrency")
    return {name: line_options[name] for name in names if line_options[name] is not None}
