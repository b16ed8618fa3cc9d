"""Read the tasks of a workflow: each key into its field of the model."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, get_args

from attune_nb.context import ABSENT
from attune_nb.errors import TemplateError
from attune_nb.language import limits
from attune_nb.language.describe import (
    describe_instead_of_number,
    is_positive_integer,
    is_template,
    to_integer_if_whole,
)
from attune_nb.language.model import (
    ASK,
    ATTUNE_KEYS,
    ATTUNE_TRANSITION_KEYS,
    RESERVED_TARGETS,
    Backoff,
    RateLimit,
    ResultLocation,
    Retry,
    Task,
    TaskPositions,
    TaskType,
    Transition,
)
from attune_nb.language.reading import legacy_syntax, read_parameters
from attune_nb.language.reading.foreign_keys import explain_earlier_tasks
from attune_nb.reference.entry import names
from attune_nb.reference.workflow_keys import KEYS
from attune_nb.templates.constant import SURROUNDED, constant_value
from attune_nb.templates.library.to_text import compile_pattern
from attune_nb.values.describe import describe, describe_with_value

if TYPE_CHECKING:
    from attune_nb.language.reading.field_reader import FieldReader
    from attune_nb.language.reading.yaml_source import KeyPath
    from attune_nb.templates.template import Template

__all__ = ["read_tasks"]

RESULT_LOCATIONS: tuple[ResultLocation, ...] = get_args(ResultLocation)
TASK_TYPES: tuple[TaskType, ...] = get_args(TaskType)
BACKOFFS: tuple[Backoff, ...] = get_args(Backoff)
TASK_KEYS = names(KEYS, "task key")
TRANSITION_KEYS = names(KEYS, "transition key")
RATE_LIMIT_KEYS = names(KEYS, "rate limit key")
# seconds
DEFAULT_RATE_PERIOD = 1
RETRY_KEYS = names(KEYS, "retry key")
WAIT_KEYS = names(KEYS, "wait for key")
MAX_RETRIES = 100
MAX_NAME_LENGTH = 100
KEYS_NOT_FOR_PARALLEL = (
    "action", "input", "with_items", "concurrency", "batch_size", "retry", "max_failures",
    "rate_limit", "report_every", "timeout",
)  # fmt: skip
KEYS_NOT_FOR_INNER_TASKS = ("join", "next", "start", *legacy_syntax.LEGACY_KEYS)
KEYS_NOT_FOR_ASK = (
    "with_items", "concurrency", "batch_size", "retry", "max_failures", "rate_limit",
    "report_every", "wait_for",
)  # fmt: skip
KEYS_FOR_ITEMS = ("batch_size", "max_failures", "report_every")


def read_tasks(
    reader: FieldReader, value: Any, path: KeyPath, *, within: bool = False
) -> tuple[Task, ...]:
    """Return the tasks of an array of tasks, or of an object of names and tasks.

    Args:
        reader: Notes the problems.
        value: The array or object.
        path: Its path.
        within: The tasks are the inner tasks of a parallel task.
    """
    tasks: list[Task] = []
    for data, task_path in _list_tasks(reader, value, path):
        task = _read_task(reader, data, task_path, within=within)
        if task is None:
            reader.unclear.add("tasks")
        else:
            tasks.append(task)

    _check_names_are_unique(reader, tasks)
    return tuple(tasks)


def _check_names_are_unique(reader: FieldReader, tasks: list[Task]) -> None:
    first_tasks: dict[str, Task] = {}
    for task in tasks:
        first = first_tasks.setdefault(task.name, task)
        if first is task:
            continue

        position = first.positions.name
        line = position.line if position else "?"
        message = f"two tasks are named `{task.name}` (the other on line {line})"
        reader.add_problem_at(message, task.positions.name)
        reader.unclear.add("tasks")


def _list_tasks(reader: FieldReader, value: Any, path: KeyPath) -> list[tuple[Any, KeyPath]]:
    """Return the data and the path of every task."""
    if isinstance(value, dict) and value:
        return _list_named_tasks(reader, value, path)
    if isinstance(value, list) and value:
        return [(data, (*path, index)) for index, data in enumerate(value)]

    message = "`tasks` must be an array of at least one task"
    if value is not None and not isinstance(value, dict | list):
        message += f", not {describe_with_value(value)}"
    reader.add_problem(message, path)
    return []


def _list_named_tasks(
    reader: FieldReader, tasks: dict[str, Any], path: KeyPath
) -> list[tuple[Any, KeyPath]]:
    """Return the data and the path of every task of an object; the key becomes its name."""
    listed: list[tuple[Any, KeyPath]] = []
    for name, data in tasks.items():
        task_path = (*path, name)
        if not isinstance(data, dict):
            listed.append((data, task_path))
            continue

        name_path = (*task_path, "name")
        if data.get("name", name) != name:
            message = f"the task is named by its key `{name}`; remove this `name`"
            reader.add_problem(message, name_path)
            continue

        if "name" not in data:
            reader.named_by_key.add(name_path)
        listed.append(({"name": name, **data}, task_path))
    return listed


def _read_task(reader: FieldReader, data: Any, path: KeyPath, *, within: bool) -> Task | None:
    rare_keys = (*legacy_syntax.LEGACY_KEYS, *ATTUNE_KEYS)
    fields = reader.read_object(data, path, TASK_KEYS, "a task", rare_keys)
    if fields is None:
        return None
    name = _read_name(reader, fields, path)
    if name is None:
        return None

    task_type = reader.read_choice(fields, "type", path, TASK_TYPES)
    if fields.get("type") in (None, task_type):
        _refuse_misplaced(reader, fields, path, task_type, within=within)
        _check_selector(reader, fields.get("worker_selector"), (*path, "worker_selector"))
    else:
        # the type that was meant is unknown, so a missing `action` is no problem of its own
        task_type = "parallel" if "tasks" in fields else "action"
        reader.misspelt.add((*path, "action"))

    return Task(
        name=name,
        type=task_type,
        action=_read_action(reader, fields, path, task_type, name),
        input=_read_input(reader, fields, path),
        when=reader.compile_when(fields, path),
        with_items=_read_items(reader, fields, path),
        concurrency=_read_concurrency(reader, fields, path),
        batch_size=reader.read_positive_integer(fields, "batch_size", path),
        retry=_read_retry(reader, fields.get("retry"), (*path, "retry")),
        wait_for=_read_wait_for(reader, fields, path),
        max_failures=_read_max_failures(reader, fields, path),
        rate_limit=_read_rate_limit(reader, fields.get("rate_limit"), (*path, "rate_limit")),
        report_every=reader.read_positive_integer(fields, "report_every", path),
        timeout=reader.read_seconds(fields, "timeout", path, above_zero=True),
        delay=reader.read_seconds(fields, "delay", path, above_zero=False),
        join=_read_join(reader, fields.get("join"), (*path, "join")),
        keep_results=reader.read_choice(fields, "keep_results", path, RESULT_LOCATIONS),
        next=_read_next(reader, fields, path),
        tasks=_read_inner_tasks(reader, fields, path, task_type),
        start=_read_start(reader, fields.get("start"), (*path, "start")),
        attune_fields={key: fields[key] for key in ATTUNE_KEYS if key in fields},
        positions=_read_positions(reader, fields, path),
    )


def _read_positions(reader: FieldReader, fields: dict[str, Any], path: KeyPath) -> TaskPositions:
    arguments = fields.get("input")
    inputs = {}
    if isinstance(arguments, dict):
        inputs = {name: reader.key_position((*path, "input", name)) for name in arguments}

    return TaskPositions(
        name=reader.value_position((*path, "name")),
        action=reader.value_position((*path, "action")),
        join=reader.value_position((*path, "join")),
        with_items=reader.value_position((*path, "with_items")),
        concurrency=reader.value_position((*path, "concurrency")),
        max_failures=reader.value_position((*path, "max_failures")),
        wait_for=reader.value_position((*path, "wait_for")),
        inputs=inputs,
    )


def _read_name(reader: FieldReader, fields: dict[str, Any], path: KeyPath) -> str | None:
    name = reader.read_string(fields, "name", path)
    if name is None:
        if fields.get("name") is None:
            reader.add_missing_key("a task needs a `name`", path, "name")
        return None

    fault = _explain_wrong_name(name)
    if fault:
        reader.add_problem(fault, (*path, "name"))
    return name


def _explain_wrong_name(name: str) -> str | None:
    if name in RESERVED_TARGETS:
        return f"`{name}` is a reserved target; choose another name"
    if not name.strip() or name != name.strip() or len(name) > MAX_NAME_LENGTH:
        return f"a task's name must have 1 to {MAX_NAME_LENGTH} characters, no space at its ends"
    if "/" in name or not name.isprintable():
        return "a task's name must have only printable characters, without `/`"
    return None


def _refuse_misplaced(
    reader: FieldReader, fields: dict[str, Any], path: KeyPath, task_type: TaskType, *, within: bool
) -> None:
    """Note the keys that this kind of task cannot have, and remove them from its fields."""
    has_items = "with_items" in fields or (*path, "with_items") in reader.misspelt
    refusals = _list_refusals(fields, task_type, within=within, has_items=has_items)

    for keys, reason in refusals:
        for key in keys:
            if fields.get(key) is not None:
                reader.add_problem(f"`{key}` {reason}", (*path, key), key=True)
                # further problems of its value are of no interest
                del fields[key]


def _list_refusals(
    fields: dict[str, Any], task_type: TaskType, *, within: bool, has_items: bool
) -> list[tuple[tuple[str, ...], str]]:
    """Return keys that a task cannot have, each group with the reason."""
    is_parallel = task_type == "parallel"
    refusals: list[tuple[tuple[str, ...], str]] = []
    if is_parallel and "tasks" in fields:
        refusals.append((KEYS_NOT_FOR_PARALLEL, "stands on the tasks within a `parallel` task"))
    elif "tasks" in fields:
        refusals.append((("tasks",), "belongs to a task of `type: parallel`"))
    if within:
        reason = "stands on the `parallel` task, not on the tasks within"
        refusals.append((KEYS_NOT_FOR_INNER_TASKS, reason))
    if fields.get("action") == ASK:
        reason = f"has no meaning for `{ASK}`, which asks one person once"
        refusals.append((KEYS_NOT_FOR_ASK, reason))

    if not has_items and not is_parallel:
        refusals += _refusals_without_items(fields)
    if fields.get("join") is not None and fields.get("start") is True:
        reason = "cannot stand beside `join`: a task that waits for others does not start by itself"
        refusals.append((("start",), reason))
    if is_parallel or within or has_items:
        reason = "stands on a task that runs one action once, outside of `parallel` tasks"
        refusals.append((("wait_for",), reason))
    return refusals


def _refusals_without_items(fields: dict[str, Any]) -> list[tuple[tuple[str, ...], str]]:
    """Return the keys that a task without items cannot have, with the reasons."""
    refusals: list[tuple[tuple[str, ...], str]] = [(KEYS_FOR_ITEMS, "needs `with_items`")]
    if fields.get("keep_results") == "none":
        refusals.append((("keep_results",), "can be `none` only beside `with_items`"))
    return refusals


def _check_selector(reader: FieldReader, value: Any, path: KeyPath) -> None:
    if value is None:
        return
    if not isinstance(value, dict):
        reader.add_problem(
            "`worker_selector` must be an object of the resources that a worker must have, as "
            f"`{{GPU: 1}}`, not {describe_with_value(value)}",
            path,
        )
        return

    for name, amount in value.items():
        if isinstance(amount, bool) or not isinstance(amount, int | float):
            continue
        if not 0 < amount < inf:
            message = f"an amount in `worker_selector` must be a number above 0, not {amount}"
            reader.add_problem(message, (*path, name))


def _read_action(
    reader: FieldReader, fields: dict[str, Any], path: KeyPath, task_type: TaskType, name: str
) -> str | None:
    action = reader.read_string(fields, "action", path)
    if action:
        return action

    # a value that is not a string has been noted already
    has_wrong_value = bool(fields.get("action")) and action is None
    if task_type != "parallel" and not has_wrong_value:
        reader.add_missing_key(f"task `{name}` needs an `action`", path, "action")
    return None


def _read_inner_tasks(
    reader: FieldReader, fields: dict[str, Any], path: KeyPath, task_type: TaskType
) -> tuple[Task, ...]:
    if task_type != "parallel":
        return ()
    if "tasks" not in fields:
        reader.add_missing_key("a task of `type: parallel` needs `tasks`", path, "tasks")
        return ()
    return read_tasks(reader, fields["tasks"], (*path, "tasks"), within=True)


def _read_input(reader: FieldReader, fields: dict[str, Any], path: KeyPath) -> Template:
    input_path = (*path, "input")
    value = fields.get("input")
    if value is None:
        value = {}
    if not isinstance(value, dict):
        message = f"`input` must be an object of arguments, not {describe_with_value(value)}"
        reader.add_problem(message, input_path)
        value = {}

    if fields.get("action") == ASK:
        schema = value.get("response_schema")
        read_parameters.check_answer_schema(reader, schema, (*input_path, "response_schema"))
    return reader.compile_value(value, input_path)


def _read_items(reader: FieldReader, fields: dict[str, Any], path: KeyPath) -> Template | None:
    items_path = (*path, "with_items")
    value = fields.get("with_items")

    if is_template(value):
        constant = constant_value(value)
        if constant is not ABSENT and not isinstance(constant, list | dict):
            reader.add_problem(
                f"`with_items` needs an array, not {_describe_constant(constant)}; write one "
                "expression such as `{{ parameters.names }}`",
                items_path,
            )
    elif value is not None and not isinstance(value, list):
        reader.add_problem(
            "`with_items` must be an array, or a template that returns one, "
            f"not {describe_with_value(value)}",
            items_path,
        )
    return reader.read_template(fields, "with_items", path)


def _read_concurrency(
    reader: FieldReader, fields: dict[str, Any], path: KeyPath
) -> Template | None:
    value = to_integer_if_whole(fields.get("concurrency"))
    fields["concurrency"] = value

    fault = None
    if is_template(value):
        constant = constant_value(value)
        if constant is not ABSENT and not is_positive_integer(constant):
            fault = _describe_constant(constant)
    elif value is not None and not is_positive_integer(value):
        fault = describe_instead_of_number(value)

    if fault:
        message = f"`concurrency` must be an integer of 1 or more, not {fault}"
        reader.add_problem(message, (*path, "concurrency"))
    return reader.read_template(fields, "concurrency", path)


def _read_max_failures(
    reader: FieldReader, fields: dict[str, Any], path: KeyPath
) -> Template | None:
    value = to_integer_if_whole(fields.get("max_failures"))
    fields["max_failures"] = value

    fault = None
    if is_template(value):
        constant = constant_value(value)
        # a constant string stands for any string, such as "10%"
        is_unknown = constant is ABSENT or isinstance(constant, str)
        if not is_unknown and not _is_max_failures(constant):
            fault = _describe_constant(constant)
    elif value is not None and not _is_max_failures(value):
        fault = describe_instead_of_number(value)

    if fault:
        message = f"`max_failures` must be {limits.MAX_FAILURES_FORM}, not {fault}"
        reader.add_problem(message, (*path, "max_failures"))
    return reader.read_template(fields, "max_failures", path)


def _is_max_failures(value: Any) -> bool:
    if isinstance(value, int) and not isinstance(value, bool):
        return value >= 0
    return limits.parse_percent(value) is not None


def _read_wait_for(reader: FieldReader, fields: dict[str, Any], path: KeyPath) -> Template | None:
    """Return the template of the id of the inquiry that a task waits for."""
    wait_path = (*path, "wait_for")
    value = fields.get("wait_for")
    if value is None:
        return None
    if not isinstance(value, dict):
        advice = explain_earlier_tasks(value, fields.get("name"))
        reader.add_problem(
            "`wait_for` must be an object `{inquiry: ID}`, as it waits for the answer to an "
            f"inquiry, not {describe_with_value(value)}; {advice}",
            wait_path,
        )
        return None

    keys = reader.read_object(value, wait_path, WAIT_KEYS, "`wait_for`")
    if keys is None:
        return None
    inquiry = keys.get("inquiry")
    inquiry_path = (*wait_path, "inquiry")
    if inquiry is None:
        reader.unclear.add("inquiries")
        reader.add_missing_key("`wait_for` needs `inquiry`: its id", wait_path, "inquiry")
        return None

    fault = None
    if is_template(inquiry):
        constant = constant_value(inquiry)
        if constant is not ABSENT and not is_positive_integer(constant):
            fault = _describe_constant(constant)
    elif not is_positive_integer(inquiry):
        fault = describe_with_value(inquiry)

    if fault:
        message = "`inquiry` must be the id of an inquiry, as in `{{ task.NAME.inquiry_id }}`"
        reader.add_problem(f"{message}, not {fault}", inquiry_path)
        return None
    return reader.compile_value(inquiry, inquiry_path)


def _read_rate_limit(reader: FieldReader, value: Any, path: KeyPath) -> RateLimit | None:
    if value is None:
        return None
    if isinstance(value, dict):
        return _read_rate_object(reader, value, path)

    rate_limit = limits.parse_rate(value)
    if rate_limit is None:
        description = describe_instead_of_number(value)
        message = f"`rate_limit` must be {limits.RATE_LIMIT_FORM}, not {description}"
        reader.add_problem(message, path)
    return rate_limit


def _read_rate_object(reader: FieldReader, value: Any, path: KeyPath) -> RateLimit | None:
    fields = reader.read_object(value, path, RATE_LIMIT_KEYS, "`rate_limit`")
    if fields is None:
        return None

    numbers: dict[str, float] = {}
    for key in RATE_LIMIT_KEYS:
        number = fields.get(key, DEFAULT_RATE_PERIOD if key == "per" else None)
        is_number = isinstance(number, int | float) and not isinstance(number, bool)
        if number is None:
            message = f"`rate_limit` needs `{key}`: {limits.RATE_LIMIT_FORM}"
            reader.add_missing_key(message, path, key)
        elif is_number and 0 < number < inf:
            numbers[key] = number
        else:
            description = describe_instead_of_number(number)
            message = f"`{key}` of `rate_limit` must be a number above 0, not {description}"
            reader.add_problem(message, (*path, key))

    if len(numbers) < len(RATE_LIMIT_KEYS):
        return None
    return limits.make_rate_limit(numbers["count"], numbers["per"])


def _read_start(reader: FieldReader, value: Any, path: KeyPath) -> bool:
    if value is None or isinstance(value, bool):
        return bool(value)

    description = describe_with_value(value)
    reader.add_problem(f"`start` must be true or false, not {description}", path)
    return False


def _describe_constant(constant: Any) -> str:
    if constant is SURROUNDED:
        return str(SURROUNDED)
    if isinstance(constant, str):
        # stands for any string, as a concatenation is not computed
        return describe(constant)
    return describe_with_value(constant)


def _read_join(reader: FieldReader, value: Any, path: KeyPath) -> str | int | None:
    value = to_integer_if_whole(value)
    if value is None or value == "all" or is_positive_integer(value):
        return value  # type: ignore[no-any-return]

    description = describe_instead_of_number(value)
    reader.add_problem(f"`join` must be `all` or an integer of 1 or more, not {description}", path)
    return None


def _read_retry(reader: FieldReader, value: Any, path: KeyPath) -> Retry | None:
    if value is None:
        return None
    fields = reader.read_object(value, path, RETRY_KEYS, "`retry`")
    if fields is None:
        return None

    count = _read_retry_count(reader, fields, path)
    delay = reader.read_seconds(fields, "delay", path, above_zero=False)
    if delay is None:
        delay = 0.0
    return Retry(
        count=count,
        delay=delay,
        backoff=reader.read_choice(fields, "backoff", path, BACKOFFS),
        max_delay=reader.read_seconds(fields, "max_delay", path, above_zero=False),
        on_error=_read_patterns(reader, fields.get("on_error"), (*path, "on_error")),
    )


def _read_retry_count(reader: FieldReader, fields: dict[str, Any], path: KeyPath) -> int:
    count = to_integer_if_whole(fields.get("count"))
    if is_positive_integer(count) and count <= MAX_RETRIES:
        return count

    message = f"`retry.count` must be an integer from 1 to {MAX_RETRIES}"
    if count is None:
        reader.add_missing_key(f"{message}; it is missing", path, "count")
    else:
        description = describe_instead_of_number(fields["count"])
        reader.add_problem(f"{message}, not {description}", (*path, "count"))
    return 1


def _read_patterns(reader: FieldReader, value: Any, path: KeyPath) -> tuple[str, ...]:
    if isinstance(value, list):
        for index, pattern in enumerate(value):
            _check_pattern(reader, pattern, (*path, index))
    else:
        _check_pattern(reader, value, path)
    return reader.read_names(value, path, "on_error", "pattern")


def _check_pattern(reader: FieldReader, pattern: Any, path: KeyPath) -> None:
    if not isinstance(pattern, str):
        return
    try:
        compile_pattern(pattern)
    except TemplateError as error:
        reader.add_problem(error.message, path)


def _read_next(
    reader: FieldReader, fields: dict[str, Any], path: KeyPath
) -> tuple[Transition, ...]:
    next_path = (*path, "next")
    value = fields.get("next")
    if value is not None and not isinstance(value, list):
        message = f"`next` must be an array of transitions, not {describe_with_value(value)}"
        reader.add_problem(message, next_path)
        return ()

    if value:
        _refuse_legacy_keys(reader, fields, path)
        listed = [(data, (*next_path, index)) for index, data in enumerate(value)]
    else:
        listed = legacy_syntax.read_transitions(reader, fields, path)

    transitions = []
    for data, transition_path in listed:
        transition = _read_transition(reader, data, transition_path)
        if transition is not None:
            transitions.append(transition)
    return tuple(transitions)


def _refuse_legacy_keys(reader: FieldReader, fields: dict[str, Any], path: KeyPath) -> None:
    for key in legacy_syntax.LEGACY_KEYS:
        if fields.get(key) is not None:
            message = f"`{key}` cannot stand beside `next`; write it as a transition"
            reader.add_problem(message, (*path, key), key=True)


def _read_transition(reader: FieldReader, data: Any, path: KeyPath) -> Transition | None:
    fields = reader.read_object(data, path, TRANSITION_KEYS, "a transition", ATTUNE_TRANSITION_KEYS)
    if fields is None:
        return None

    do_path = (*path, "do")
    targets = reader.read_names(fields.get("do"), do_path, reader.written_key(do_path))
    if isinstance(fields.get("do"), str):
        positions = [reader.value_position(do_path)]
    else:
        positions = [reader.value_position((*do_path, index)) for index in range(len(targets))]

    publish = reader.read_pairs(
        fields.get("publish"), (*path, "publish"), "publish", allow_names=True
    )
    when = reader.compile_when(fields, path)
    if when is not None and path in reader.derived:
        # problems of its names are reported where the conditions stand
        when.references.clear()

    return Transition(
        when=when,
        publish=tuple((name, template) for name, template, _ in publish),
        do=targets,
        attune_fields={key: fields[key] for key in ATTUNE_TRANSITION_KEYS if key in fields},
        do_positions=tuple(positions),
    )
