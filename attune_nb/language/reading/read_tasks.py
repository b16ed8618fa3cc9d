"""The tasks of a workflow: each key to its field of the model."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from attune_nb.context import ABSENT
from attune_nb.errors import TemplateError
from attune_nb.language.describe import found, is_template, is_whole, kind_of, unrounded
from attune_nb.language.model import ASK, KEPT, RESERVED, Places, Retry, Task, Transition
from attune_nb.language.reading import legacy_syntax, read_parameters
from attune_nb.templates.constant import SURROUNDED, constant_value
from attune_nb.templates.library.to_text import compile_pattern

if TYPE_CHECKING:
    from attune_nb.language.reading.field_reader import Reader
    from attune_nb.templates.template import Template

    Path = tuple[str | int, ...]

__all__ = ["read_tasks"]

KEEPING = ("run", "cluster")
KINDS = ("action", "parallel", "workflow")
KEYS = (
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
MOST_RETRIES = 100
LONGEST_NAME = 100
_NOT_OF_PARALLEL = (
    "action", "input", "with_items", "concurrency", "batch_size", "retry", "timeout",
)  # fmt: skip
_NOT_WITHIN = ("join", "next", *legacy_syntax.KEYS)
_NOT_OF_ASK = ("with_items", "concurrency", "batch_size", "retry")


def read_tasks(reader: Reader, value: Any, path: Path, *, within: bool = False) -> tuple[Task, ...]:
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
            first = seen[task.name].at.name
            line = first.line if first else "?"
            message = f"two tasks are named `{task.name}` (the other on line {line})"
            reader.note(message, task.at.name)
            reader.unclear.add("tasks")
        seen.setdefault(task.name, task)
    return tuple(read)


def _listed(reader: Reader, value: Any, path: Path) -> list[tuple[Any, Path]]:
    if isinstance(value, dict) and value:
        listed = []
        for name, each in value.items():
            here = (*path, name)
            if not isinstance(each, dict):
                listed.append((each, here))
            elif each.get("name", name) != name:
                message = f"the task is named by its key `{name}`; take this `name` out"
                reader.wrong(message, (*here, "name"))
            else:
                if "name" not in each:
                    reader.named_by_key.add((*here, "name"))
                listed.append(({"name": name, **each}, here))
        return listed
    if not isinstance(value, list) or not value:
        told = "" if isinstance(value, dict | list) or value is None else f", not {kind_of(value)}"
        reader.wrong(f"`tasks` is a list of at least one task{told}", path)
        return []
    return [(each, (*path, at)) for at, each in enumerate(value)]


def _task(reader: Reader, data: Any, path: Path, *, within: bool) -> Task | None:
    fields = reader.fields(data, path, (*KEYS, *legacy_syntax.KEYS, *KEPT), "a task")
    if fields is None:
        return None
    name = _name(reader, fields, path)
    if name is None:
        return None
    kind = reader.choice(fields, "type", path, KINDS)
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
        when=reader.when(fields, path),
        with_items=_items(reader, fields, path),
        concurrency=_concurrency(reader, fields, path),
        batch_size=reader.whole(fields, "batch_size", path),
        retry=_retry(reader, fields.get("retry"), (*path, "retry")),
        timeout=reader.seconds(fields, "timeout", path, above_zero=True),
        delay=reader.seconds(fields, "delay", path, above_zero=False),
        join=_join(reader, fields.get("join"), (*path, "join")),
        keep_results=reader.choice(fields, "keep_results", path, KEEPING),
        next=_next(reader, fields, path),
        tasks=_within(reader, fields, path, kind),
        kept={key: fields[key] for key in KEPT if key in fields},
        at=Places(
            name=reader.at((*path, "name")),
            action=reader.at((*path, "action")),
            join=reader.at((*path, "join")),
            with_items=reader.at((*path, "with_items")),
            concurrency=reader.at((*path, "concurrency")),
            inputs={key: reader.at_key((*path, "input", key)) for key in given}
            if isinstance(given, dict)
            else {},
        ),
    )


def _name(reader: Reader, fields: dict[str, Any], path: Path) -> str | None:
    name = reader.text(fields, "name", path)
    if name is None:
        if fields.get("name") is None:
            reader.missing("a task needs a `name`", path, "name")
        return None
    here = (*path, "name")
    if name in RESERVED:
        reader.wrong(f"`{name}` is a reserved target; name the task otherwise", here)
    elif not name.strip() or name != name.strip() or len(name) > LONGEST_NAME:
        reader.wrong(
            f"a task's name has 1 to {LONGEST_NAME} characters, and no blank at its ends", here
        )
    elif "/" in name or not name.isprintable():
        reader.wrong("a task's name is of printable characters, without `/`", here)
    return name


def _refuse_misplaced(
    reader: Reader, fields: dict[str, Any], path: Path, kind: str, *, within: bool
) -> None:
    refused: list[tuple[tuple[str, ...], str]] = []
    if kind == "parallel" and "tasks" in fields:
        refused.append((_NOT_OF_PARALLEL, "stands on the tasks within a `parallel` task"))
    elif "tasks" in fields:
        refused.append((("tasks",), "belongs to a task of `type: parallel`"))
    if within:
        refused.append((_NOT_WITHIN, "stands on the `parallel` task, not on the tasks within"))
    if fields.get("action") == ASK:
        refused.append((_NOT_OF_ASK, f"has no meaning for `{ASK}`, which asks one person once"))
    itemless = "with_items" not in fields and (*path, "with_items") not in reader.misspelt
    if itemless and kind != "parallel":
        refused.append((("batch_size",), "needs `with_items`"))
    for keys, why in refused:
        for key in keys:
            if fields.get(key) is not None:
                reader.wrong(f"`{key}` {why}", (*path, key), key=True)
                del fields[key]  # what it holds is of no interest


def _check_selector(reader: Reader, value: Any, path: Path) -> None:
    if value is None:
        return
    if not isinstance(value, dict):
        told = "is a map of what a worker must have, as `{GPU: 1}`"
        reader.wrong(f"`worker_selector` {told}, not {kind_of(value)}", path)
        return
    for name, many in value.items():
        number = isinstance(many, int | float) and not isinstance(many, bool)
        if number and not 0 < many < inf:
            reader.wrong(
                f"`worker_selector` asks for a number above 0 of each, not {many}", (*path, name)
            )


def _action(reader: Reader, fields: dict[str, Any], path: Path, kind: str, name: str) -> str | None:
    action = reader.text(fields, "action", path)
    if kind != "parallel" and not action and not (fields.get("action") and action is None):
        reader.missing(f"task `{name}` needs an `action`", path, "action")
    return action or None


def _within(reader: Reader, fields: dict[str, Any], path: Path, kind: str) -> tuple[Task, ...]:
    if kind != "parallel":
        return ()
    if "tasks" not in fields:
        reader.missing("a task of `type: parallel` needs `tasks`", path, "tasks")
        return ()
    return read_tasks(reader, fields["tasks"], (*path, "tasks"), within=True)


def _input(reader: Reader, fields: dict[str, Any], path: Path) -> Template:
    value = fields.get("input")
    if value is None:
        value = {}
    if not isinstance(value, dict):
        reader.wrong(f"`input` is a map of arguments, not {kind_of(value)}", (*path, "input"))
        value = {}
    if fields.get("action") == ASK:
        schema = value.get("response_schema")
        read_parameters.check_answer(reader, schema, (*path, "input", "response_schema"))
    return reader.compiled(value, (*path, "input"))


def _items(reader: Reader, fields: dict[str, Any], path: Path) -> Template | None:
    value = fields.get("with_items")
    if value is not None and not isinstance(value, list) and not is_template(value):
        reader.wrong(
            f"`with_items` is a list, or a template that gives one, not {kind_of(value)}",
            (*path, "with_items"),
        )
    elif is_template(value):
        given = constant_value(value)
        if given is not ABSENT and not isinstance(given, list | dict):
            told = f"`with_items` needs a list, not {_told(given)}"
            reader.wrong(
                f"{told}; write one expression such as `{{{{ parameters.names }}}}`",
                (*path, "with_items"),
            )
    return reader.template(fields, "with_items", path)


def _concurrency(reader: Reader, fields: dict[str, Any], path: Path) -> Template | None:
    value = fields["concurrency"] = unrounded(fields.get("concurrency"))
    if value is not None and not is_template(value) and not is_whole(value):
        reader.wrong(
            f"`concurrency` is a whole number of 1 or more, not {found(value)}",
            (*path, "concurrency"),
        )
    elif is_template(value):
        given = constant_value(value)
        if given is not ABSENT and not is_whole(given):
            told = f"`concurrency` is a whole number of 1 or more, not {_told(given)}"
            reader.wrong(told, (*path, "concurrency"))
    return reader.template(fields, "concurrency", path)


def _told(given: Any) -> str:
    return str(SURROUNDED) if given is SURROUNDED else kind_of(given)


def _join(reader: Reader, value: Any, path: Path) -> str | int | None:
    value = unrounded(value)
    if value is not None and value != "all" and not is_whole(value):
        reader.wrong(f"`join` is `all` or a whole number of 1 or more, not {found(value)}", path)
        return None
    return value  # type: ignore[no-any-return]


def _retry(reader: Reader, value: Any, path: Path) -> Retry | None:
    if value is None:
        return None
    fields = reader.fields(value, path, RETRY_KEYS, "`retry`")
    if fields is None:
        return None
    count = unrounded(fields.get("count"))
    limits = f"a whole number from 1 to {MOST_RETRIES}"
    if count is None:
        reader.missing(f"`retry.count` is {limits}; it is missing", path, "count")
        count = 1
    elif not is_whole(count) or count > MOST_RETRIES:
        reader.wrong(f"`retry.count` is {limits}, not {found(fields['count'])}", (*path, "count"))
        count = 1
    return Retry(
        count=count,
        delay=reader.seconds(fields, "delay", path, above_zero=False) or 0.0,
        backoff=reader.choice(fields, "backoff", path, BACKOFFS),
        max_delay=reader.seconds(fields, "max_delay", path, above_zero=False),
        on_error=_patterns(reader, fields.get("on_error"), (*path, "on_error")),
    )


def _patterns(reader: Reader, value: Any, path: Path) -> tuple[str, ...]:
    places = [(*path, at) for at in range(len(value))] if isinstance(value, list) else [path]
    for each, here in zip(value if isinstance(value, list) else [value], places, strict=True):
        try:
            compile_pattern(each if isinstance(each, str) else "")
        except TemplateError as error:
            reader.wrong(error.message, here)
    return reader.names(value, path, "on_error", "pattern")


def _next(reader: Reader, fields: dict[str, Any], path: Path) -> tuple[Transition, ...]:
    value = fields.get("next")
    if value is not None and not isinstance(value, list):
        reader.wrong(f"`next` is a list of transitions, not {kind_of(value)}", (*path, "next"))
        return ()
    ways = [(each, (*path, "next", at)) for at, each in enumerate(value or ())]
    beside = [key for key in legacy_syntax.KEYS if fields.get(key) is not None]
    for key in beside if ways else ():
        reader.wrong(
            f"`{key}` cannot stand beside `next`; write it as a transition", (*path, key), key=True
        )
    if not ways:
        ways = legacy_syntax.transitions(reader, fields, path)
    read = [_transition(reader, each, here) for each, here in ways]
    return tuple(each for each in read if each is not None)


def _transition(reader: Reader, data: Any, path: Path) -> Transition | None:
    fields = reader.fields(data, path, TRANSITION_KEYS, "a transition")
    if fields is None:
        return None
    targets = reader.names(fields.get("do"), (*path, "do"), reader.label((*path, "do")))
    alone = isinstance(fields.get("do"), str)
    publish = reader.pairs(fields.get("publish"), (*path, "publish"), "publish", bare=True)
    when = reader.when(fields, path)
    if when is not None and path in reader.derived:
        when.references.clear()  # what is wrong with them is told where they stand
    return Transition(
        when=when,
        publish=tuple((name, template) for name, template, _ in publish),
        do=targets,
        do_positions=tuple(
            reader.at((*path, "do") if alone else (*path, "do", number))
            for number in range(len(targets))
        ),
    )
