"""The tables of a run and of a store, which are DataFrames of pandas, and their columns.

A test makes each table, and compares its columns and the types of their values with these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from attune_nb.reference.entry import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["COLUMNS", "TABLES", "columns_of"]

_TEXT = "string"
_TEXT_OR_NULL = "string or null"
_COUNT = "integer"
_COUNT_OR_MISSING = "integer or missing"
_MILLISECONDS = "number, in milliseconds"
_SECONDS = "number, in seconds"
_BYTES = "number, in bytes"
_DATE = "date in UTC"
_DATE_OR_MISSING = "date in UTC or missing"
_BOOLEAN = "boolean"
_ANY = "any value"


class _Row(NamedTuple):
    """A column: its name, the values in it, and its meaning."""

    name: str
    values: str
    explanation: str


class _Table(NamedTuple):
    """A table: its meaning, and its columns."""

    explanation: str
    rows: tuple[_Row, ...]


# columns with one meaning in several tables
_TASK = _Row("task", _TEXT, "The path of the task: `check`, or `both/unit` in a parallel task.")
_VISIT = _Row(
    "visit",
    _COUNT,
    "The number of the execution of the task, from 1: a task in a cycle has several.",
)
_INDEX = _Row(
    "index",
    _COUNT,
    "The index of the item, from 0. A task without `with_items` has one item, of index 0.",
)
_ATTEMPT = _Row("attempt", _COUNT, "The number of the attempt for its item, from 1.")
_WORKER = _Row(
    "worker",
    _COUNT,
    "The number of the thread or process that made the attempt, from 0.",
)
_ERROR = _Row("error", _TEXT_OR_NULL, "The message of the error; null without one.")
_ERROR_TYPE = _Row(
    "error_type",
    _TEXT_OR_NULL,
    "The name of the error's type, as `retry: {on_error: ...}` takes it; null without an error.",
)
_ITEM = _Row("item", _ANY, "The item itself, without secrets.")
_RUN_ID = _Row("run_id", _TEXT, "The id of the run, which `open_run` and the commands take.")
_WORKFLOW = _Row("workflow", _TEXT, "The name of the workflow.")
_RUN_STATUS = _Row("status", _TEXT, "The status of the run.")
_RUN_DURATION = _Row(
    "duration_ms",
    _MILLISECONDS,
    "The time from the run's start to its end, or to the last event so far.",
)
_EXECUTIONS = _Row("tasks", _COUNT, "The number of executions of tasks.")
_FAILED = _Row("failed", _COUNT, "The number of items that failed for good.")

_TASKS = (
    _TASK,
    _Row(
        "visit",
        _COUNT,
        "The number of the execution of the task, from 1; 0 if the task has not started.",
    ),
    _Row("status", _TEXT, "The status of the task; `pending` if it has not started."),
    _Row("attempts", _COUNT, "The number of attempts that have ended, of all items together."),
    _Row("items", _COUNT_OR_MISSING, "The number of items; missing without `with_items`."),
    _Row(
        "failed_items",
        _COUNT_OR_MISSING,
        "The number of items that failed for good; missing without `with_items`.",
    ),
    _Row("start", _DATE_OR_MISSING, "When the execution started."),
    _Row("end", _DATE_OR_MISSING, "When it ended; missing until then."),
    _Row(
        "duration_ms",
        _MILLISECONDS,
        "The time from its start to its end, or to the last event so far.",
    ),
    _Row("error", _TEXT_OR_NULL, "The message of the error with which the task ended."),
    _Row("reused", _BOOLEAN, "Whether an earlier run made its result, or results of its items."),
)

_ITEMS = (
    _INDEX,
    _ITEM,
    _Row(
        "status",
        _TEXT,
        "The status of the last attempt; `retrying` while the next one waits; `skipped` if the "
        "item never began, because too many others had failed.",
    ),
    _Row("attempts", _COUNT, "The number of attempts for the item."),
    _Row("start", _DATE_OR_MISSING, "When its first attempt started."),
    _Row("end", _DATE_OR_MISSING, "When its last attempt ended."),
    _Row(
        "duration_ms",
        _MILLISECONDS,
        "The time from `start` to `end`: all attempts, and the waits between them.",
    ),
    _Row("attempt_ms", _MILLISECONDS, "The duration of the last attempt alone."),
    _Row(
        "result",
        _ANY,
        "The result; of a failed item the data that the action left behind, such as its output.",
    ),
    _ERROR,
    _ERROR_TYPE,
    _Row(
        "reused",
        _BOOLEAN,
        "Whether an earlier run made the result. In a run that was resumed with changed code: "
        "whether it was made before the change.",
    ),
)

_ATTEMPTS = (
    _TASK,
    _VISIT,
    _INDEX,
    _ATTEMPT,
    _WORKER,
    _Row("start", _DATE, "When the attempt started."),
    _Row("end", _DATE, "When it ended."),
    _Row("duration_ms", _MILLISECONDS, "The time from `start` to `end`."),
    _Row("status", _TEXT, "How the attempt ended."),
    _ERROR,
    _ERROR_TYPE,
    _Row(
        "weight",
        _COUNT,
        "How many attempts the row stands for. The column is there only if some task keeps no "
        "results (`keep_results: none`).",
    ),
)

_FAILURES = (
    _Row("task", _TEXT, "The task. The column is there only if no task was named."),
    _Row(
        "index",
        _COUNT_OR_MISSING,
        "The index of the item, from 0; missing if the task failed although no item did.",
    ),
    _ITEM,
    _Row("error", _TEXT_OR_NULL, "The message of the last error."),
    _ERROR_TYPE,
    _Row("attempts", _COUNT, "The number of attempts for the item."),
    _Row(
        "result",
        _ANY,
        "The data that the action left behind, such as its output or the response; else null.",
    ),
)

_SUCCESSES = (
    _Row("task", _TEXT, "The task. The column is there only if no task was named."),
    _INDEX,
    _ITEM,
    _Row("result", _ANY, "The result; a reference, if it was kept on a cluster."),
)

_LOGS = (
    _Row("time", _DATE, "When the line was written."),
    _Row(
        "task",
        _TEXT,
        "The path of the task. In a run within the run it is such as `deploy[3]/ping`.",
    ),
    _VISIT,
    _INDEX,
    _ATTEMPT,
    _WORKER,
    _Row(
        "level",
        _TEXT,
        "`stdout`, `stderr`, or the name of the level of a logging record, such as `WARNING`.",
    ),
    _Row("text", _TEXT, "The line, without secrets."),
)

_CHILDREN = (
    _Row("task", _TEXT, "The path of the task that runs the workflow."),
    _VISIT,
    _INDEX,
    _ATTEMPT,
    _RUN_ID,
    _WORKFLOW,
    _RUN_STATUS,
    _RUN_DURATION,
    _EXECUTIONS,
    _FAILED,
)

_ANSWERS = (
    _Row("task", _TEXT, "The task that asks."),
    _VISIT,
    _Row("prompt", _TEXT, "The question."),
    _Row("response", _ANY, "The answer; null until there is one."),
    _Row("by", _TEXT_OR_NULL, "Who answered, if it is known."),
    _Row("asked", _DATE, "When the question was asked."),
    _Row("answered", _DATE_OR_MISSING, "When it was answered; missing until then."),
)

_DIFFERENCES = (
    _Row("what", _TEXT, "The subject of the difference: a parameter, a status, a result."),
    _Row("before", _TEXT, "Its value in the run itself."),
    _Row("after", _TEXT, "Its value in the other run."),
)

_ARTIFACTS = (
    _Row("ref", _TEXT, "The name that the action gave it."),
    _Row(
        "type",
        _TEXT,
        "`file_text`, `file_image`, `file_datatable`, `file_binary`, `progress`, `url` or `other`.",
    ),
    _Row("version", _COUNT, "The number of its last version; 0 without a file."),
    _Row("bytes", "integer or missing, in bytes", "The size of the last version."),
    _Row("action", _TEXT, "The ref of the action that made its last version."),
    _Row("updated", _DATE, "When it was last changed."),
    _Row("path", _TEXT, "The file of its last version; empty without one."),
)

_RUNS = (
    _RUN_ID,
    _WORKFLOW,
    _Row("status", _TEXT, "The status of the run, as of the moment of the call."),
    _Row("started", _DATE_OR_MISSING, "When the run started; missing if its record is damaged."),
    _RUN_DURATION,
    _EXECUTIONS,
    _Row("items", _COUNT, "The number of items of all its tasks."),
    _FAILED,
    _Row("children", _COUNT, "The number of runs that its tasks have begun."),
    _Row("questions", _COUNT, "The number of open questions, also of runs within the run."),
    _Row(
        "attention",
        _TEXT,
        "Why the run needs a person: `question`, `doubt` (attempts may or may not have run before "
        "a crash), `paused`, or empty.",
    ),
    _Row(
        "kind",
        _TEXT,
        "How it differs from an ordinary run: `dry run`, `mocked`, `fork of RUN`, `retry of RUN`, "
        "or empty.",
    ),
    _Row(
        "parent",
        _TEXT,
        "The run, the task and the item that the run is part of, such as "
        "`ab12cd34ef56/deploy[3]`. The column is there only with `children=True`.",
    ),
)

_BENCH_NAME = _Row("bench", _TEXT, "The name of the benchmark.")
_REPEAT = _Row("repeat", _COUNT, "The number of the repeat, from 0.")
_KIND = _Row("kind", _TEXT, "The kind of value in the context: `list` or `text`.")

_CLONE = (
    _BENCH_NAME,
    _Row("strategy", _TEXT, "The way in which a scope is made."),
    _KIND,
    _Row("size", _COUNT, "The elements or characters in the context."),
    _Row("n", _COUNT, "The number of scopes that were made."),
    _Row("seconds", _SECONDS, "The time for all of them."),
    _Row("bytes", _BYTES, "The memory of one scope; missing if it was not measured."),
    _REPEAT,
)
_FANOUT = (
    _BENCH_NAME,
    _Row("strategy", _TEXT, "The library that calls the function for every item."),
    _KIND,
    _Row("size", _COUNT, "The elements or characters in the context."),
    _Row("n", _COUNT, "The number of items."),
    _Row("seconds", _SECONDS, "The time for all items."),
    _Row("bytes", _BYTES, "The peak of memory above that before; missing if it was not measured."),
    _REPEAT,
)
_CROSSING = (
    _BENCH_NAME,
    _Row("strategy", _TEXT, "The way in which items are sent to the cluster."),
    _Row("size", _COUNT, "The characters in the context."),
    _Row("n", _COUNT, "How many more items the second run has."),
    _Row("seconds", _SECONDS, "The time for these items; below 0 if noise is more than they take."),
    _Row("bytes", _BYTES, "The bytes on the wire for one of these items."),
    _REPEAT,
)

_TABLES: dict[str, _Table] = {
    "run.tasks": _Table(
        "One row for each execution of a task, in the order of their starts. Tasks that have not "
        "started come last.",
        _TASKS,
    ),
    "run.items": _Table(
        "`run.items(TASK)` has one row for each item of the last execution of a task whose "
        "attempts have ended. With `expand=True` each key of the results is a column, in place "
        "of `result`.",
        _ITEMS,
    ),
    "run.attempts": _Table(
        "`run.attempts()` has one row for each attempt that has ended. `run.attempts(TASK)` has "
        "those of the last execution of a task.",
        _ATTEMPTS,
    ),
    "run.failures": _Table(
        "`run.failures()` has one row for each item that has failed for good. "
        "`run.failures(TASK)` has those of one task.",
        _FAILURES,
    ),
    "run.successes": _Table(
        "`run.successes()` has one row for each item that has succeeded. `run.successes(TASK)` "
        "has those of one task.",
        _SUCCESSES,
    ),
    "run.logs": _Table(
        "`run.logs()` has one row for each line that the actions have printed or logged. A task, "
        "an item and a level select some.",
        _LOGS,
    ),
    "run.children": _Table(
        "`run.children()` has one row for each run that an attempt of a task has begun.",
        _CHILDREN,
    ),
    "run.answers": _Table("One row for each question that the run has asked.", _ANSWERS),
    "run.diff": _Table(
        "`run.diff(OTHER)` has one row for each difference of two runs.", _DIFFERENCES
    ),
    "run.artifacts.frame": _Table(
        "One row for each artifact that the actions of packs have left behind.",
        _ARTIFACTS,
    ),
    "attune_nb.runs": _Table(
        "`attune_nb.runs()` has one row for each run of a store, the newest first.",
        _RUNS,
    ),
    "bench.clone": _Table(
        "`bench.clone()` has one row for each measurement of the scopes of items.",
        _CLONE,
    ),
    "bench.fanout": _Table(
        "`bench.fanout()` has one row for each measurement of many items.", _FANOUT
    ),
    "bench.crossing": _Table(
        "`bench.crossing()` has one row for each measurement of the bytes that go to a cluster.",
        _CROSSING,
    ),
}


def _make_columns() -> Iterable[Entry]:
    for name, table in _TABLES.items():
        for row in table.rows:
            yield Entry("column", row.name, row.explanation, values=row.values, group=name)


TABLES: tuple[Entry, ...] = tuple(
    Entry("table", name, table.explanation) for name, table in _TABLES.items()
)
"""The tables, those of a run first."""

COLUMNS: tuple[Entry, ...] = tuple(_make_columns())
"""The columns, table by table; the group of each is the name of its table."""


def columns_of(table: str) -> tuple[Entry, ...]:
    """Return the columns of a table, in their order."""
    return tuple(entry for entry in COLUMNS if entry.group == table)
