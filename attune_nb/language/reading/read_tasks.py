"""The tasks of a workflow: each key to its field of the model."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from attune_nb.context import ABSENT
from attune_nb.errors import TemplateError
from attune_nb.language.describe import (
    found,
    is_positive_integer,
    is_template,
    kind_of,
    to_integer_if_whole,
)
from attune_nb.language.model import (
    ASK,
    ATTUNE_KEYS,
    RESERVED_TARGETS,
    Retry,
    Task,
    TaskPositions,
    Transition,
)
from attune_nb.language.reading import legacy_syntax, read_parameters
from attune_nb.templates.constant import SURROUNDED, constant_value
from attune_nb.templates.library.to_text import compile_pattern

if TYPE_CHECKING:
    from attune_nb.language.reading.field_reader import FieldReader
    from attune_nb.templates.template import Template

    Path = tuple[str | int, ...]

__all__ = ["read_tasks"]

RESULT_LOCATIONS = ("run", "cluster")
TASK_TYPES = ("action", "parallel", "workflow")
TASK_KEYS = (
    "name",
    "action",
    "type",
    "input",
    "when",
    "with_items",
    "concurrency",
    "batch_size",
    "retry",
    "timeout",
    "delay",
    "join",
    "keep_results",
    "next",
    "tasks",
)
TRANSITION_KEYS = ("when", "publish", "do")
RETRY_KEYS = ("count", "delay", "backoff", "max_delay", "on_error")
BACKOFFS = ("constant", "linear", "exponential")
MAX_RETRIES = 100
MAX_NAME_LENGTH = 100
KEYS_NOT_FOR_PARALLEL = (
    "action", "input", "with_items", "concurrency", "batch_size", "retry", "timeout",
)  # fmt: skip
KEYS_NOT_FOR_INNER_TASKS = ("join", "next", *legacy_syntax.LEGACY_KEYS)
KEYS_NOT_FOR_ASK = ("with_items", "concurrency", "batch_size", "retry")


def read_tasks(
    reader: FieldReader, value: Any, path: Path, *, within: bool = False
) -> tuple[Task, ...]:
    """Read a list of tasks, or a map of names to tasks; `within` a parallel task."""
    read: list[Task] = []
    for data, here in _listed(reader, value, path):
        task = _task(reader, data, here, within=within)
        if task is not None:
            read.append(task)
        else:
            reader.unclear.add("tasks")
    seen: dict[str, Task] = {}
    for task in read:
        if task.name in seen:
            first = seen[task.name].positions.name
            line = first.line if first else "?"
            message = f"two tasks are named `{task.name}` (the other on line {line})"
            reader.add_problem_at(message, task.positions.name)
            reader.unclear.add("tasks")
        seen.setdefault(task.name, task)
    return tuple(read)


def _listed(reader: FieldReader, value: Any, path: Path) -> list[tuple[Any, Path]]:
    if isinstance(value, dict) and value:
        listed = []
        for name, each in value.items():
            here = (*path, name)
            if not isinstance(each, dict):
                listed.append((each, here))
            elif each.get("name", name) != name:
                message = f"the task is named by its key `{name}`; take this `name` out"
                reader.add_problem(message, (*here, "name"))
            else:
                if "name" not in each:
                    reader.named_by_key.add((*here, "name"))
                listed.append(({"name": name, **each}, here))
        return listed
    if not isinstance(value, list) or not value:
        told = "" if isinstance(value, dict | list) or value is None else f", not {kind_of(value)}"
        reader.add_problem(f"`tasks` is a list of at least one task{told}", path)
        return []
    return [(each, (*path, at)) for at, each in enumerate(value)]


def _task(reader: FieldReader, data: Any, path: Path, *, within: bool) -> Task | None:
    fields = reader.read_object(
        data, path, (*TASK_KEYS, *legacy_syntax.LEGACY_KEYS, *ATTUNE_KEYS), "a task"
    )
    if fields is None:
        return None
    name = _name(reader, fields, path)
    if name is None:
        return None
    kind = reader.read_choice(fields, "type", path, TASK_TYPES)
    if fields.get("type") in (None, kind):
        _refuse_misplaced(reader, fields, path, kind, within=within)
        _check_selector(reader, fields.get("worker_selector"), (*path, "worker_selector"))
    else:  # nobody knows what it was to be
        kind = "parallel" if "tasks" in fields else "action"
        reader.misspelt.add((*path, "action"))
    given = fields.get("input")
    return Task(
        name=name,
        type=kind,
        action=_action(reader, fields, path, kind, name),
        input=_input(reader, fields, path),
        when=reader.compile_when(fields, path),
        with_items=_items(reader, fields, path),
        concurrency=_concurrency(reader, fields, path),
        batch_size=reader.read_positive_integer(fields, "batch_size", path),
        retry=_retry(reader, fields.get("retry"), (*path, "retry")),
        timeout=reader.read_seconds(fields, "timeout", path, above_zero=True),
        delay=reader.read_seconds(fields, "delay", path, above_zero=False),
        join=_join(reader, fields.get("join"), (*path, "join")),
        keep_results=reader.read_choice(fields, "keep_results", path, RESULT_LOCATIONS),
        next=_next(reader, fields, path),
        tasks=_within(reader, fields, path, kind),
        attune_fields={key: fields[key] for key in ATTUNE_KEYS if key in fields},
        positions=TaskPositions(
            name=reader.value_position((*path, "name")),
            action=reader.value_position((*path, "action")),
            join=reader.value_position((*path, "join")),
            with_items=reader.value_position((*path, "with_items")),
            concurrency=reader.value_position((*path, "concurrency")),
            inputs={key: reader.key_position((*path, "input", key)) for key in given}
            if isinstance(given, dict)
            else {},
        ),
    )


def _name(reader: FieldReader, fields: dict[str, Any], path: Path) -> str | None:
    name = reader.read_string(fields, "name", path)
    if name is None:
        if fields.get("name") is None:
            reader.add_missing_key("a task needs a `name`", path, "name")
        return None
    here = (*path, "name")
    if name in RESERVED_TARGETS:
        reader.add_problem(f"`{name}` is a reserved target; name the task otherwise", here)
    elif not name.strip() or name != name.strip() or len(name) > MAX_NAME_LENGTH:
        reader.add_problem(
            f"a task's name has 1 to {MAX_NAME_LENGTH} characters, and no blank at its ends", here
        )
    elif "/" in name or not name.isprintable():
        reader.add_problem("a task's name is of printable characters, without `/`", here)
    return name


def _refuse_misplaced(
    reader: FieldReader, fields: dict[str, Any], path: Path, kind: str, *, within: bool
) -> None:
    refused: list[tuple[tuple[str, ...], str]] = []
    if kind == "parallel" and "tasks" in fields:
        refused.append((KEYS_NOT_FOR_PARALLEL, "stands on the tasks within a `parallel` task"))
    elif "tasks" in fields:
        refused.append((("tasks",), "belongs to a task of `type: parallel`"))
    if within:
        refused.append(
            (KEYS_NOT_FOR_INNER_TASKS, "stands on the `parallel` task, not on the tasks within")
        )
    if fields.get("action") == ASK:
        refused.append(
            (KEYS_NOT_FOR_ASK, f"has no meaning for `{ASK}`, which asks one person once")
        )
    itemless = "with_items" not in fields and (*path, "with_items") not in reader.misspelt
    if itemless and kind != "parallel":
        refused.append((("batch_size",), "needs `with_items`"))
    for keys, why in refused:
        for key in keys:
            if fields.get(key) is not None:
                reader.add_problem(f"`{key}` {why}", (*path, key), key=True)
                del fields[key]  # what it holds is of no interest


def _check_selector(reader: FieldReader, value: Any, path: Path) -> None:
    if value is None:
        return
    if not isinstance(value, dict):
        told = "is a map of what a worker must have, as `{GPU: 1}`"
        reader.add_problem(f"`worker_selector` {told}, not {kind_of(value)}", path)
        return
    for name, many in value.items():
        number = isinstance(many, int | float) and not isinstance(many, bool)
        if number and not 0 < many < inf:
            reader.add_problem(
                f"`worker_selector` asks for a number above 0 of each, not {many}", (*path, name)
            )


def _action(
    reader: FieldReader, fields: dict[str, Any], path: Path, kind: str, name: str
) -> str | None:
    action = reader.read_string(fields, "action", path)
    if kind != "parallel" and not action and not (fields.get("action") and action is None):
        reader.add_missing_key(f"task `{name}` needs an `action`", path, "action")
    return action or None


def _within(reader: FieldReader, fields: dict[str, Any], path: Path, kind: str) -> tuple[Task, ...]:
    if kind != "parallel":
        return ()
    if "tasks" not in fields:
        reader.add_missing_key("a task of `type: parallel` needs `tasks`", path, "tasks")
        return ()
    return read_tasks(reader, fields["tasks"], (*path, "tasks"), within=True)


def _input(reader: FieldReader, fields: dict[str, Any], path: Path) -> Template:
    value = fields.get("input")
    if value is None:
        value = {}
    if not isinstance(value, dict):
        reader.add_problem(f"`input` is a map of arguments, not {kind_of(value)}", (*path, "input"))
        value = {}
    if fields.get("action") == ASK:
        schema = value.get("response_schema")
        read_parameters.check_answer_schema(reader, schema, (*path, "input", "response_schema"))
    return reader.compile_value(value, (*path, "input"))


def _items(reader: FieldReader, fields: dict[str, Any], path: Path) -> Template | None:
    value = fields.get("with_items")
    if value is not None and not isinstance(value, list) and not is_template(value):
        reader.add_problem(
            f"`with_items` is a list, or a template that gives one, not {kind_of(value)}",
            (*path, "with_items"),
        )
    elif is_template(value):
        given = constant_value(value)
        if given is not ABSENT and not isinstance(given, list | dict):
            told = f"`with_items` needs a list, not {_told(given)}"
            reader.add_problem(
                f"{told}; write one expression such as `{{{{ parameters.names }}}}`",
                (*path, "with_items"),
            )
    return reader.read_template(fields, "with_items", path)


def _concurrency(reader: FieldReader, fields: dict[str, Any], path: Path) -> Template | None:
    value = fields["concurrency"] = to_integer_if_whole(fields.get("concurrency"))
    if value is not None and not is_template(value) and not is_positive_integer(value):
        reader.add_problem(
            f"`concurrency` is a whole number of 1 or more, not {found(value)}",
            (*path, "concurrency"),
        )
    elif is_template(value):
        given = constant_value(value)
        if given is not ABSENT and not is_positive_integer(given):
            told = f"`concurrency` is a whole number of 1 or more, not {_told(given)}"
            reader.add_problem(told, (*path, "concurrency"))
    return reader.read_template(fields, "concurrency", path)


def _told(given: Any) -> str:
    return str(SURROUNDED) if given is SURROUNDED else kind_of(given)


def _join(reader: FieldReader, value: Any, path: Path) -> str | int | None:
    value = to_integer_if_whole(value)
    if value is not None and value != "all" and not is_positive_integer(value):
        reader.add_problem(
            f"`join` is `all` or a whole number of 1 or more, not {found(value)}", path
        )
        return None
    return value  # type: ignore[no-any-return]


def _retry(reader: FieldReader, value: Any, path: Path) -> Retry | None:
    if value is None:
        return None
    fields = reader.read_object(value, path, RETRY_KEYS, "`retry`")
    if fields is None:
        return None
    count = to_integer_if_whole(fields.get("count"))
    limits = f"a whole number from 1 to {MAX_RETRIES}"
    if count is None:
        reader.add_missing_key(f"`retry.count` is {limits}; it is missing", path, "count")
        count = 1
    elif not is_positive_integer(count) or count > MAX_RETRIES:
        reader.add_problem(
            f"`retry.count` is {limits}, not {found(fields['count'])}", (*path, "count")
        )
        count = 1
    return Retry(
        count=count,
        delay=reader.read_seconds(fields, "delay", path, above_zero=False) or 0.0,
        backoff=reader.read_choice(fields, "backoff", path, BACKOFFS),
        max_delay=reader.read_seconds(fields, "max_delay", path, above_zero=False),
        on_error=_patterns(reader, fields.get("on_error"), (*path, "on_error")),
    )


def _patterns(reader: FieldReader, value: Any, path: Path) -> tuple[str, ...]:
    places = [(*path, at) for at in range(len(value))] if isinstance(value, list) else [path]
    for each, here in zip(value if isinstance(value, list) else [value], places, strict=True):
        try:
            compile_pattern(each if isinstance(each, str) else "")
        except TemplateError as error:
            reader.add_problem(error.message, here)
    return reader.read_names(value, path, "on_error", "pattern")


def _next(reader: FieldReader, fields: dict[str, Any], path: Path) -> tuple[Transition, ...]:
    value = fields.get("next")
    if value is not None and not isinstance(value, list):
        reader.add_problem(
            f"`next` is a list of transitions, not {kind_of(value)}", (*path, "next")
        )
        return ()
    ways = [(each, (*path, "next", at)) for at, each in enumerate(value or ())]
    beside = [key for key in legacy_syntax.LEGACY_KEYS if fields.get(key) is not None]
    for key in beside if ways else ():
        reader.add_problem(
            f"`{key}` cannot stand beside `next`; write it as a transition", (*path, key), key=True
        )
    if not ways:
        ways = legacy_syntax.read_transitions(reader, fields, path)
    read = [_transition(reader, each, here) for each, here in ways]
    return tuple(each for each in read if each is not None)


def _transition(reader: FieldReader, data: Any, path: Path) -> Transition | None:
    fields = reader.read_object(data, path, TRANSITION_KEYS, "a transition")
    if fields is None:
        return None
    targets = reader.read_names(fields.get("do"), (*path, "do"), reader.written_key((*path, "do")))
    alone = isinstance(fields.get("do"), str)
    publish = reader.read_pairs(fields.get("publish"), (*path, "publish"), "publish", bare=True)
    when = reader.compile_when(fields, path)
    if when is not None and path in reader.derived:
        when.references.clear()  # what is wrong with them is told where they stand
    return Transition(
        when=when,
        publish=tuple((name, template) for name, template, _ in publish),
        do=targets,
        do_positions=tuple(
            reader.value_position((*path, "do") if alone else (*path, "do", number))
            for number in range(len(targets))
        ),
    )
