"""A parsed document to a `Workflow`, collecting every problem on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.errors import Position, Problem, TemplateError, WorkflowError, nearest
from attune_nb.language import checks, source
from attune_nb.language.model import RESERVED, Retry, Task, Transition, Workflow
from attune_nb.templates.template import Template

if TYPE_CHECKING:
    Path = tuple[str | int, ...]

__all__ = ["load_workflow"]

_WORKFLOW_KEYS = [
    "ref",
    "label",
    "description",
    "tags",
    "version",
    "parameters",
    "output",
    "vars",
    "tasks",
    "output_map",
    "cancellation_policy",
]
_TASK_KEYS = [
    "name",
    "action",
    "type",
    "input",
    "when",
    "with_items",
    "concurrency",
    "retry",
    "join",
    "next",
]
_TRANSITION_KEYS = ["when", "publish", "do"]
_RETRY_KEYS = ["count", "delay", "backoff", "max_delay", "on_error"]
_MOST_RETRIES = 100
_LATER = {
    "workflow": {"timeout"},
    "task": {
        "batch_size",
        "timeout",
        "delay",
        "tasks",
        "on_success",
        "on_failure",
        "on_complete",
        "on_timeout",
        "decision",
        "publish",
        "permission_set_refs",
        "worker_selector",
        "worker_tolerations",
        "worker_affinity",
        "__chart_meta__",
    },
}


def load_workflow(text: str, name: str = "<text>", above: str = "") -> Workflow:
    """Read a workflow.

    Raises:
        WorkflowError: With every problem found, each with its position.
    """
    document = source.parse(text, name, above)
    loader = _Loader(document)
    workflow = loader.workflow()
    problems = list(loader.problems)
    if workflow is not None and not problems:
        problems = [each for each in checks.problems(workflow) if each.severity == "error"]
    if problems or workflow is None:
        raise WorkflowError(sorted(problems, key=_in_text_order))
    return workflow


def _in_text_order(problem: Problem) -> tuple[int, int]:
    position = problem.position
    return (position.line, position.column) if position else (0, 0)


class _Loader:
    def __init__(self, document: source.Document) -> None:
        self.document = document
        self.problems: list[Problem] = []
        self.written: dict[Path, Path] = {}  # canonical path -> path as the text spells it

    def wrong(self, message: str, path: Path, *, key: bool = False) -> None:
        position = self.document.at_key(self.spelt(path)) if key else self.at(path)
        self.problems.append(Problem(message, position))

    def at(self, path: Path) -> Position:
        return self.document.at(self.spelt(path))

    def spelt(self, path: Path) -> Path:
        for length in range(len(path), 0, -1):
            if path[:length] in self.written:
                return (*self.written[path[:length]], *path[length:])
        return path

    def workflow(self) -> Workflow | None:
        data: Any = self.document.data
        root: Path = ()
        if isinstance(data, dict) and set(data) == {"workflow"}:
            data, root = data["workflow"], ("workflow",)
        fields = self.fields(data, root, _WORKFLOW_KEYS, "a workflow", "workflow")
        if fields is None:
            return None
        if "tasks" not in fields:
            self.wrong("a workflow needs `tasks`: a list of tasks", root)
            return None
        raw_version = fields.get("version", "1.0.0")
        return Workflow(
            tasks=self.tasks(fields["tasks"], (*root, "tasks")),
            parameters=self.parameters(fields.get("parameters"), (*root, "parameters")),
            vars=self.pairs(fields.get("vars"), (*root, "vars"), "vars"),
            output_map=self.template(fields, "output_map", root),
            ref=self.text(fields, "ref", root),
            label=self.text(fields, "label", root),
            description=self.text(fields, "description", root),
            tags=self.names(fields.get("tags"), (*root, "tags"), "tags"),
            version=raw_version
            if isinstance(raw_version, str)
            else str(self.document.raw_text((*root, "version"))),
            output=fields.get("output"),
            cancellation_policy=self.choice(
                fields, "cancellation_policy", root, ("allow_finish", "cancel_running")
            ),
        )

    def fields(
        self, data: Any, path: Path, known: list[str], what: str, later: str = ""
    ) -> dict[str, Any] | None:
        """Give a map's fields under their canonical names, each unknown one reported."""
        if not isinstance(data, dict):
            self.wrong(f"{what} is a map of keys and values, not {_kind(data)}", path)
            return None
        found: dict[str, Any] = {}
        for key, value in data.items():
            name = key.replace("-", "_")
            if name in _LATER.get(later, ()):
                self.wrong(f"`{key}` is not supported yet by this version", (*path, key), key=True)
            elif name not in known:
                hint = nearest(name, known) or f"; known keys: {', '.join(known)}"
                self.wrong(f"unknown key `{key}` in {what}{hint}", (*path, key), key=True)
            elif name in found:
                self.wrong(f"`{key}` is given twice, with `_` and with `-`", (*path, key), key=True)
            else:
                found[name] = value
                if name != key:
                    self.written[(*path, name)] = (*path, key)
        return found

    def text(self, fields: dict[str, Any], key: str, path: Path) -> str | None:
        value = fields.get(key)
        if value is not None and not isinstance(value, str):
            self.wrong(f"`{key}` is a text, not {_kind(value)}", (*path, key))
            return None
        return value

    def choice(self, fields: dict[str, Any], key: str, path: Path, allowed: tuple[str, ...]) -> str:
        value = fields.get(key, allowed[0])
        if value not in allowed:
            self.wrong(f"`{key}` is one of {', '.join(allowed)}", (*path, key))
        return str(value)

    def names(self, value: Any, path: Path, what: str) -> tuple[str, ...]:
        if value is None:
            return ()
        many = [value] if isinstance(value, str) else value
        if not isinstance(many, list) or not all(isinstance(each, str) for each in many):
            self.wrong(f"`{what}` is a name or a list of names", path)
            return ()
        return tuple(many)

    def template(
        self, fields: dict[str, Any], key: str, path: Path, *, condition: bool = False
    ) -> Template | None:
        if fields.get(key) is None:
            return None
        return self.compiled(fields[key], (*path, key), condition=condition)

    def compiled(self, value: Any, path: Path, *, condition: bool = False) -> Template:
        try:
            return Template(value, lambda inner: self.at((*path, *inner)), condition=condition)
        except TemplateError as error:
            position = error.position or self.at(path)
            self.problems.append(Problem(f"{error.message} in {error.expression}", position))
            return Template(None)

    def pairs(self, value: Any, path: Path, what: str) -> tuple[tuple[str, Template], ...]:
        return tuple(
            (name, template)
            for name, template in self.publishes(value, path, what)
            if template is not None
        )

    def publishes(
        self, value: Any, path: Path, what: str
    ) -> tuple[tuple[str, Template | None], ...]:
        if value is None:
            return ()
        if isinstance(value, dict):
            return tuple((key, self.compiled(each, (*path, key))) for key, each in value.items())
        if not isinstance(value, list):
            self.wrong(f"`{what}` is a map, or a list of single-key maps", path)
            return ()
        found: list[tuple[str, Template | None]] = []
        for at, each in enumerate(value):
            if isinstance(each, str) and what == "publish":
                found.append((each, None))
            elif isinstance(each, dict) and len(each) == 1:
                ((key, inner),) = each.items()
                found.append((key, self.compiled(inner, (*path, at, key))))
            else:
                self.wrong(f"an entry of `{what}` is one key and its value", (*path, at))
        return tuple(found)

    def parameters(self, value: Any, path: Path) -> dict[str, Any] | None:
        if value is None:
            return None
        if not isinstance(value, dict):
            self.wrong(f"`parameters` is a map of names, not {_kind(value)}", path)
            return None
        if value.get("type") == "object" and isinstance(value.get("properties"), dict):
            return value
        for name, spec in value.items():
            if not isinstance(spec, dict):
                self.wrong(f"parameter `{name}` is a map such as {{type: string}}", (*path, name))
            elif spec.get("secret"):
                self.wrong("`secret` is not supported yet by this version", (*path, name, "secret"))
            else:
                self.parameter_type(spec, (*path, name))
        return value

    def parameter_type(self, spec: dict[str, Any], path: Path) -> None:
        known = ("string", "number", "integer", "boolean", "array", "object", "any")
        kind = spec.get("type", "any")
        if kind not in known:
            hint = nearest(str(kind), known) or f"; known: {', '.join(known)}"
            self.wrong(f"unknown parameter type `{kind}`{hint}", (*path, "type"))

    def tasks(self, value: Any, path: Path) -> tuple[Task, ...]:
        if isinstance(value, dict):
            named = [
                ({"name": key, **each}, (*path, key))
                for key, each in value.items()
                if isinstance(each, dict)
            ]
            if len(named) < len(value):
                self.wrong("each task is a map", path)
        elif isinstance(value, list):
            named = [(each, (*path, at)) for at, each in enumerate(value)]
        else:
            self.wrong(f"`tasks` is a list of tasks, not {_kind(value)}", path)
            return ()
        if not named:
            self.wrong("`tasks` is empty; a workflow needs at least one task", path)
        found = [task for each, at in named if (task := self.task(each, at)) is not None]
        seen: dict[str, Task] = {}
        for task in found:
            if task.name in seen and task.position:
                other = seen[task.name].position
                line = other.line if other else "?"
                message = f"two tasks are named `{task.name}` (the other on line {line})"
                self.problems.append(Problem(message, task.position))
            seen.setdefault(task.name, task)
        return tuple(found)

    def task(self, data: Any, path: Path) -> Task | None:
        fields = self.fields(data, path, _TASK_KEYS, "a task", "task")
        if fields is None:
            return None
        name, action = self.text(fields, "name", path), self.text(fields, "action", path)
        if not name:
            self.wrong("a task needs a `name`", path)
            return None
        if name in RESERVED:
            self.wrong(f"`{name}` is reserved; name the task otherwise", (*path, "name"))
        if fields.get("type", "action") != "action":
            self.wrong("only `type: action` is supported yet by this version", (*path, "type"))
        elif not action:
            self.wrong(f"task `{name}` needs an `action`", path)
        return Task(
            name=name,
            action=action or "",
            input=self.input(fields, path),
            when=self.template(fields, "when", path, condition=True),
            with_items=self.items(fields, path),
            concurrency=self.concurrency(fields, path),
            retry=self.retry(fields.get("retry"), (*path, "retry")),
            join=self.join(fields.get("join"), (*path, "join")),
            next=self.transitions(fields.get("next"), (*path, "next")),
            position=self.at((*path, "name")),
            action_position=self.at((*path, "action")),
            input_positions={
                key: self.document.at_key((*path, "input", key))
                for key in (
                    fields.get("input") or {} if isinstance(fields.get("input"), dict) else {}
                )
            },
        )

    def input(self, fields: dict[str, Any], path: Path) -> Template:
        value = fields.get("input") or {}
        if not isinstance(value, dict):
            self.wrong(f"`input` is a map of arguments, not {_kind(value)}", (*path, "input"))
            value = {}
        return self.compiled(value, (*path, "input"))

    def items(self, fields: dict[str, Any], path: Path) -> Template | None:
        value = fields.get("with_items")
        if value is not None and not isinstance(value, list) and "{{" not in str(value):
            self.wrong(
                f"`with_items` is a list, or a template that gives one, not {_kind(value)}",
                (*path, "with_items"),
            )
        return self.template(fields, "with_items", path)

    def concurrency(self, fields: dict[str, Any], path: Path) -> Template | None:
        value = fields.get("concurrency")
        templated = isinstance(value, str) and "{{" in value
        if value is not None and not templated and not _whole(value, 1):
            self.wrong("`concurrency` is a whole number of 1 or more", (*path, "concurrency"))
        return self.template(fields, "concurrency", path)

    def join(self, value: Any, path: Path) -> str | int | None:
        if value is not None and value != "all" and not _whole(value, 1):
            self.wrong("`join` is `all` or a whole number of 1 or more", path)
            return None
        return value  # type: ignore[no-any-return]

    def retry(self, value: Any, path: Path) -> Retry | None:
        if value is None:
            return None
        fields = self.fields(value, path, _RETRY_KEYS, "`retry`")
        if fields is None:
            return None
        count: Any = fields.get("count")
        delay, most = fields.get("delay", 0), fields.get("max_delay")
        if not _whole(count, 1) or count > _MOST_RETRIES:
            self.wrong(
                f"`retry.count` is a whole number from 1 to {_MOST_RETRIES}", (*path, "count")
            )
            return None
        for key, seconds in (("delay", delay), ("max_delay", most or 0)):
            if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0:
                self.wrong(f"`retry.{key}` is a number of seconds, 0 or more", (*path, key))
                return None
        return Retry(
            count=count,
            delay=float(delay),
            backoff=self.choice(fields, "backoff", path, ("constant", "linear", "exponential")),
            max_delay=None if most is None else float(most),
            on_error=self.names(fields.get("on_error"), (*path, "on_error"), "on_error"),
        )

    def transitions(self, value: Any, path: Path) -> tuple[Transition, ...]:
        if value is None:
            return ()
        if not isinstance(value, list):
            self.wrong(f"`next` is a list of transitions, not {_kind(value)}", path)
            return ()
        found = []
        for at, each in enumerate(value):
            here = (*path, at)
            fields = self.fields(each, here, _TRANSITION_KEYS, "a transition")
            if fields is None:
                continue
            targets = self.names(fields.get("do"), (*here, "do"), "do")
            alone = isinstance(fields.get("do"), str)
            found.append(
                Transition(
                    when=self.template(fields, "when", here, condition=True),
                    publish=self.publishes(fields.get("publish"), (*here, "publish"), "publish"),
                    do=targets,
                    do_positions=tuple(
                        self.at((*here, "do") if alone else (*here, "do", number))
                        for number in range(len(targets))
                    ),
                )
            )
        return tuple(found)


def _whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _kind(value: Any) -> str:
    names = {dict: "a map", list: "a list", str: "a text", type(None): "nothing"}
    return names.get(type(value), f"`{value}`")
