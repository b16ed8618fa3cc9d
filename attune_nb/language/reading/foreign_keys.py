"""Keys of other workflow tools, and the key of this language that does the same.

A person who knows Airflow, Ansible, GitHub Actions, Prefect, Orquesta or Argo writes the words of
that tool first. The nearest known key would be a wrong guess for most of them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "TABLES",
    "ForeignKey",
    "explain_earlier_tasks",
    "explain_foreign_key",
    "explain_foreign_type",
]

# Names in an example that a message shows.
_MAX_NAMES = 3
# Characters of a name in such an example.
_MAX_NAME_LENGTH = 40

_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class ForeignKey(NamedTuple):
    """The meaning of a key of another tool.

    Attributes:
        meant: The key of this language that it stands for; an empty string if there is none.
        advice: The words that follow the name of the key in a message.
    """

    meant: str
    advice: str


def explain_foreign_key(owner: str, key: str, fields: Mapping[str, Any]) -> ForeignKey | None:
    """Return the meaning of a key of another tool, or None if no tool has it.

    Args:
        owner: The thing that has the key, as a message calls it: "a task".
        key: The key as it is written.
        fields: All keys and values of the owner.
    """
    word = _CAPITAL.sub("_", key).replace("-", "_").lower()

    if owner == "a task" and word in _EARLIER_TASKS:
        return ForeignKey("next", explain_earlier_tasks(fields.get(key), fields.get("name")))
    if owner.startswith("a branch of"):
        owner = "a transition"
    return TABLES.get(owner, {}).get(word)


def explain_foreign_type(name: str) -> str:
    """Return what to write instead of a type's name in another language, or an empty string."""
    word = name.strip().lower()
    if word not in _TYPES:
        return ""
    return f"; write `type: {_TYPES[word].format(word=word)}`"


def explain_earlier_tasks(value: Any, name: Any) -> str:
    """Return the transitions to write instead of the names of the tasks to wait for."""
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not _are_short_names(names):
        names = ["FIRST"]
    if not isinstance(name, str) or len(name) > _MAX_NAME_LENGTH:
        name = "THIS"

    quoted = [f"`{earlier}`" for earlier in names]
    advice = f"the earlier task names the later one: write `next: [{{do: {name}}}]` in"
    if len(names) == 1:
        return f"{advice} {quoted[0]}"

    task_names = " and in ".join([", ".join(quoted[:-1]), quoted[-1]])
    return f"{advice} {task_names}, and `join: all` in `{name}`"


def _are_short_names(names: Iterable[Any]) -> bool:
    """Return whether values are a few names of tasks that fit into a message."""
    texts = list(names)
    if not 1 <= len(texts) <= _MAX_NAMES:
        return False
    return all(isinstance(name, str) and len(name) <= _MAX_NAME_LENGTH for name in texts)


def _row(keys: str, meant: str, advice: str) -> dict[str, ForeignKey]:
    """Return a row for each of the keys, which a space separates."""
    return dict.fromkeys(keys.split(), ForeignKey(meant, advice))


def _table(*rows: dict[str, ForeignKey]) -> dict[str, ForeignKey]:
    table: dict[str, ForeignKey] = {}
    for row in rows:
        table |= row
    return table


# The keys of a task that name the tasks before it.
_EARLIER_TASKS = frozenset(
    {
        "depends_on", "depends", "dependencies", "needs", "requires", "upstream",
        "upstream_tasks", "after", "run_after", "previous",
    }
)  # fmt: skip

_SHELL = "write `action: core.shell` and `input: {cmd: ...}`"
_ON_FAILURE = "write a transition: `next: [{when: '{{ failed() }}', do: NAME}]`"
_CYCLE = (
    "a transition leads back for another round: `next: [{when: ..., do: NAME}]`; "
    "for failures there is `retry: {count: N, delay: SECONDS}`"
)
_PUBLISH = (
    "later tasks read a result as `{{ task.NAME.KEY }}`; to give it a name, write "
    "`next: [{publish: [{NAME: '{{ result() }}'}], do: ...}]`"
)
_RETRY = (
    "write `retry: {count: N, delay: SECONDS}`, where `count` is how many more attempts follow "
    "the first"
)
_ARGUMENTS = "the action's arguments stand in `input: {NAME: VALUE}`"
_CONDITION = "write `when: CONDITION`"

_TASK = _table(
    _row(
        "loop foreach for_each each items matrix strategy expand map with_list with_sequence "
        "with_param with_dict withitems iterate over",
        "with_items",
        "write `with_items: ARRAY`, and `{{ item }}` in `input`",
    ),
    _row(
        "iterate_cache",
        "with_items",
        "it goes through a data cache of the Attune platform, which does not exist here: let an "
        "action read the entries, and write `with_items: '{{ task.NAME.KEY }}'`",
    ),
    _row(
        "with",
        "input",
        "write `input: {NAME: VALUE}` for arguments, or `with_items: ARRAY` for a loop",
    ),
    _row("args arguments kwargs params parameters inputs op_kwargs op_args", "input", _ARGUMENTS),
    _row(
        "env environment",
        "input",
        "environment variables are an argument of `core.shell`: `input: {cmd: ..., env: {...}}`",
    ),
    _row("if condition only_if only rules when_expression", "when", _CONDITION),
    _row("unless skip_if", "when", "write `when: not (CONDITION)`"),
    _row(
        "run script shell command cmd bash bash_command run_script",
        "action",
        _SHELL,
    ),
    _row(
        "uses module operator function func callable python_callable call plugin handler",
        "action",
        "write `action: NAME`, and its arguments in `input`",
    ),
    _row("id key task_id title label display_name", "name", "write `name: NAME`"),
    _row(
        "description desc doc docs comment",
        "",
        "write it as a comment of YAML: `# ...`",
    ),
    _row(
        "register output outputs save_as store_as assign set_fact returns result results",
        "publish",
        _PUBLISH,
    ),
    _row("until while repeat do_while", "next", _CYCLE),
    _row(
        "retries max_retries attempts max_attempts tries retry_policy retry_delay "
        "retry_delay_seconds retry_count retry_strategy",
        "retry",
        _RETRY,
    ),
    _row(
        "ignore_errors ignore_error ignore_failure continue_on_error continue_on_fail "
        "allow_failure failed_when",
        "next",
        "write `next: [{when: '{{ failed() }}', do: noop}]`: a failure with a target is handled",
    ),
    _row(
        "on_error onerror on_fail on_failed on_exception catch rescue except on_failure_callback",
        "next",
        _ON_FAILURE,
    ),
    _row(
        "always finally ensure on_end on_exit",
        "next",
        "write a transition without `when`, which always fires: `next: [{do: NAME}]`",
    ),
    _row(
        "then downstream goto do triggers notify transitions",
        "next",
        "write `next: [{do: NAME}]`",
    ),
    _row(
        "switch case choice choices branch branches",
        "next",
        "write a transition for each branch: `next: [{when: CONDITION, do: NAME}, ...]`",
    ),
    _row(
        "trigger_rule",
        "join",
        "write `join: all` or `join: N` to wait for the tasks that point at this one",
    ),
    _row(
        "parallel block steps sequence",
        "tasks",
        "tasks that run together stand in `tasks` of a task of `type: parallel`",
    ),
    _row(
        "max_parallel parallelism forks max_concurrency max_concurrent serial "
        "max_active_tis_per_dag",
        "concurrency",
        "write `concurrency: N`: how many items run at once",
    ),
    _row(
        "fail_fast any_errors_fatal max_fail_percentage",
        "max_failures",
        "write `max_failures: N` (0 for the first failure): no new item begins after more of them",
    ),
    _row(
        "rate rate_per_second requests_per_second rps",
        "rate_limit",
        "write `rate_limit: 10/s`",
    ),
    _row(
        "checkpoint_every checkpoint_interval save_every commit_every commit_interval flush_every",
        "report_every",
        "write `report_every: N`: how many attempts a kill may repeat",
    ),
    _row(
        "timeout_seconds timeout_minutes timeout_in_minutes execution_timeout time_limit "
        "deadline max_duration",
        "timeout",
        "write `timeout: SECONDS`: the limit of one attempt",
    ),
    _row("sleep wait pause delay_seconds wait_before", "delay", "write `delay: SECONDS`"),
    _row(
        "runs_on image container pool agent host hosts queue",
        "",
        "a task runs where the run's backend is (`--backend`); to do something for each of "
        "several hosts, write `with_items: ARRAY`",
    ),
    _row(
        "enabled disabled",
        "",
        "write `when: false` to skip the task",
    ),
    _row("vars variables", "", "variables stand in `vars` of the workflow"),
)

_WORKFLOW = _table(
    _row(
        "jobs steps stages nodes states flow activities plays pipeline dag",
        "tasks",
        "write `tasks: [{name: ..., action: ..., next: [...]}]`",
    ),
    _row(
        "input inputs params args arguments",
        "parameters",
        "write `parameters: {NAME: {type: string}}`",
    ),
    _row(
        "env environment variables globals context",
        "vars",
        "values stand in `vars: {NAME: VALUE}`; secrets come from outside: `--secret-env "
        "NAME=VARIABLE`, read as `{{ keystore.NAME }}`",
    ),
    _row(
        "outputs returns return result results",
        "output_map",
        "write `output_map: {NAME: '{{ task.NAME.KEY }}'}`",
    ),
    _row("id title workflow_name dag_id flow_name", "name", "write `name: NAME`"),
    _row(
        "on schedule cron trigger triggers events schedule_interval",
        "",
        "a run is started by a cell, by Python or by `attune-nb run FILE`; a timer such as cron "
        "can call that command",
    ),
    _row(
        "start start_at entrypoint begin first",
        "",
        "a run begins with the tasks that no other task points at",
    ),
    _row(
        "retry retries with_items concurrency when action next with_params loop",
        "",
        "this is a key of a task: write it in `tasks`",
    ),
    _row(
        "on_failure on_error on_success on_complete finally",
        "",
        "this belongs to a task: write it in that task's `next`",
    ),
    _row("defaults", "", "write the key in each task, or `&name` and `*name` to use a value again"),
)

_TRANSITION = _table(
    _row("if condition on_condition case", "when", _CONDITION),
    _row("unless", "when", "write `when: not (CONDITION)`"),
    _row(
        "goto next then to target targets task tasks call start run",
        "do",
        "write `do: NAME`, or `do: [NAME, ...]`",
    ),
    _row(
        "set vars register assign output save",
        "publish",
        "write `publish: [{NAME: VALUE}]`",
    ),
    _row(
        "else otherwise default",
        "",
        "every transition whose `when` is true fires: write another one with the opposite `when`",
    ),
    _row("on_success success", "when", "write `when: '{{ succeeded() }}'` and `do: NAME`"),
    _row(
        "on_failure on_error failure error", "when", "write `when: '{{ failed() }}'` and `do: NAME`"
    ),
    _row("on_complete always", "do", "write `do: NAME` without `when`, which always fires"),
)

_RETRY_KEYS = _table(
    _row(
        "attempts max_attempts times retries tries max_retries limit",
        "count",
        "write `count: N`, how many more attempts follow the first",
    ),
    _row(
        "interval wait sleep seconds delay_seconds retry_delay",
        "delay",
        "write `delay: SECONDS`",
    ),
    _row(
        "strategy policy factor multiplier exponential type",
        "backoff",
        "write `backoff: constant`, `linear` or `exponential`",
    ),
    _row("max_interval cap max_wait", "max_delay", "write `max_delay: SECONDS`"),
    _row(
        "when if errors on retry_on exceptions until condition",
        "on_error",
        "write `on_error: PATTERN`, searched for in the error's type and message",
    ),
)

_PARAMETER = _table(
    _row("choices options values allowed one_of choice", "enum", "write `enum: [VALUE, ...]`"),
    _row("help doc docs desc prompt comment", "description", "write `description: TEXT`"),
    _row("min minimum_value ge", "minimum", "write `minimum: NUMBER`"),
    _row("max maximum_value le", "maximum", "write `maximum: NUMBER`"),
    _row("min_length", "minLength", "write `minLength: N`"),
    _row("max_length", "maxLength", "write `maxLength: N`"),
    _row("regex regexp match", "pattern", "write `pattern: REGULAR_EXPRESSION`"),
    _row("optional", "required", "a parameter is optional unless it says `required: true`"),
    _row("nullable allow_null null", "type", 'write `type: [string, "null"]`'),
    _row("kind datatype data_type", "type", "write `type: string`, or another type"),
    _row("value initial default_value", "default", "write `default: VALUE`"),
    _row("sensitive hidden masked private no_log password no_echo", "secret",
         "write `secret: true`"),
    _row("element_type elements item_type", "items", "write `items: {type: string}`"),
)  # fmt: skip

# Names of types in other languages, and what to write for each after `type: `.
_TYPES = {
    **dict.fromkeys(("list", "tuple", "set", "sequence"), "array"),
    **dict.fromkeys(("dict", "map", "mapping", "hash", "record", "json"), "object"),
    **dict.fromkeys(("float", "double", "decimal", "numeric"), "number"),
    **dict.fromkeys(("int", "long"), "integer"),
    **dict.fromkeys(("str", "text", "path", "file"), "string"),
    **dict.fromkeys(("bool", "flag"), "boolean"),
    **dict.fromkeys(("date", "time", "uri", "email", "uuid"), "string` and `format: {word}"),
    **dict.fromkeys(("datetime", "timestamp"), "string` and `format: date-time"),
    "url": "string` and `format: uri",
    **dict.fromkeys(("choice", "enum", "select"), "string` and `enum: [VALUE, ...]"),
    **dict.fromkeys(("secret", "password", "secure"), "string` and `secret: true"),
    **dict.fromkeys(("none", "null_type", "void"), '"null"'),
}

# The tables by the owner of the keys, as messages call it.
TABLES = {
    "a parameter": _PARAMETER,
    "a workflow": _WORKFLOW,
    "a task": _TASK,
    "a transition": _TRANSITION,
    "`retry`": _RETRY_KEYS,
}
