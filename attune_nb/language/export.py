"""A `Workflow` back to text: the canonical form, and the two files of an Attune pack.

The canonical form has one spelling for everything: tasks as a list, `next` for every way on,
conditions within braces, defaults left out, keys in the order of the language's tables. What
our own loader reads from it is the same workflow; and no text in it looks like a number, a
boolean or a date to a YAML 1.1 reader.
"""

from __future__ import annotations

import math
import re
import uuid
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from attune_nb.errors import Problem, WorkflowError
from attune_nb.language import parameter_specs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from attune_nb.language.model import Retry, Task, Transition, WorkflowSpec
    from attune_nb.templates.template import Template

__all__ = ["to_record", "to_yaml", "write_pack"]

DEFAULT_VERSION = "1.0.0"
MOST_EXACT = 2**53  # above it, a float is not known to be the whole number it looks like

_STRUCTURE = ("action", "backoff", "cancellation_policy", "do", "join", "name", "ref", "type")
"""Keys whose values are names: to hide a part of one would make another workflow."""

_REF = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,99}\.(?P<name>[A-Za-z0-9_][A-Za-z0-9_-]{0,99})")
_AMBIGUOUS = re.compile(
    r"(?i:true|false|yes|no|on|off|y|n|null|~|=|<<|[-+]?\.(?:inf|nan))?|[-+]?\.?[0-9][\w.:+-]*"
)
_ODD_BREAK = re.compile("[\r\x85\u2028\u2029]")
_BLOCK = re.compile(
    r"(?=\S)[\t\n -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]*"
    r"(?<=\S)\n*"
)


def to_yaml(workflow: WorkflowSpec) -> str:
    """Give a workflow's canonical text.

    Loading it gives an equal workflow, so it holds all that the text held: also the `default` of
    a secret parameter, which `repr` hides.

    Raises:
        WorkflowError: The workflow was made by hand, and holds what is not plain data.
    """
    return _dump(_document(workflow))


def to_record(workflow: WorkflowSpec, hide: Callable[[str], str]) -> str:
    """Give a workflow's canonical text to be kept: no value of a secret is in it.

    Args:
        workflow: What ran.
        hide: Takes the texts of secrets out of a text.
    """

    def hidden(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: hidden(each, name) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return [hidden(each, key) for each in value]
        return hide(value) if isinstance(value, str) and key not in _STRUCTURE else value

    kept = replace(workflow, parameters=parameter_specs.remove_secrets(workflow.parameters))
    return _dump(hidden(_document(kept)))


def write_pack(workflow: WorkflowSpec, folder: str | Path, ref: str | None) -> tuple[Path, Path]:
    """Write `actions/NAME.yaml` and `actions/workflows/NAME.workflow.yaml`; give their paths.

    The first is the action: `ref`, `label`, `description`, `workflow_file`, `parameters` (flat,
    as Attune wants them), `output`, `tags`, and the workflow's `timeout` as `timeout_seconds`,
    rounded up. It has no `enabled`, so that loading the pack again leaves alone what an operator
    has set. The second is the graph: `version` (Attune wants it stated), `vars`, `tasks` with
    `join: all` as a number and without `keep_results`, `output_map`, and `cancellation_policy`,
    which Attune reads there.

    Args:
        workflow: What to write.
        folder: The pack's folder; it is made if need be, and nothing is written outside it.
        ref: `pack.name`.

    Raises:
        WorkflowError: The ref is not `pack.name`, or the files cannot be written.
    """
    name = _name_of(ref)
    root = Path(folder)
    actions, workflows = root / "actions", root / "actions" / "workflows"
    graph_name = f"{name}.workflow.yaml"
    files = {
        workflows / graph_name: _dump(_graph(workflow)),
        actions / f"{name}.yaml": _dump(_action(workflow, ref, f"workflows/{graph_name}")),
    }
    try:
        for place in (actions, workflows):
            if not place.resolve().is_relative_to(root.resolve()):
                raise WorkflowError([Problem(f"`{place}` is a link that leads out of the pack")])
        workflows.mkdir(parents=True, exist_ok=True)
        _write(files)
    except (OSError, ValueError) as error:  # a NUL in the name is a ValueError
        message = f"cannot write to {str(root)!r}: {getattr(error, 'strerror', None) or error}"
        raise WorkflowError([Problem(message)]) from None
    graph, action = files
    return action, graph


def _name_of(ref: str | None) -> str:
    if not ref:
        message = "a pack needs the workflow's `ref`: put `ref: pack.name` in it, or give one"
        raise WorkflowError([Problem(message)])
    found = _REF.fullmatch(ref)
    if found is None:
        message = (
            f"`{ref[:80]}` is no ref for a pack; write `pack.name`, each of letters, digits, "
            "`_` and `-`, and of at most 100 characters"
        )
        raise WorkflowError([Problem(message)])
    return found["name"]


def _write(files: Mapping[Path, str]) -> None:
    """Write beside each file first; only what is complete takes a file's place."""
    written: dict[Path, Path] = {}
    try:
        for path, text in files.items():
            beside = path.with_name(f".{uuid.uuid4().hex}.tmp")
            with beside.open("x", encoding="utf-8", newline="\n") as file:
                written[beside] = path
                file.write(text)
        for beside, path in written.items():
            beside.replace(path)
    finally:
        for beside in written:
            beside.unlink(missing_ok=True)


def _document(workflow: WorkflowSpec) -> dict[str, Any]:
    policy = workflow.cancellation_policy
    return _given(
        ref=workflow.ref,
        label=workflow.label,
        description=workflow.description,
        tags=list(workflow.tags) or None,
        version=None if workflow.version == DEFAULT_VERSION else workflow.version,
        parameters=workflow.parameters,
        output=workflow.output,
        vars=_vars(workflow) or None,
        tasks=[_task(each) for each in workflow.tasks],
        output_map=_source(workflow.output_map),
        cancellation_policy=None if policy == "allow_finish" else policy,
        timeout=_seconds(workflow.timeout),
    )


def _vars(workflow: WorkflowSpec) -> dict[str, Any] | list[dict[str, Any]]:
    """Give the first values of the variables; a name that has several keeps them, in a list."""
    values = {name: template.source for name, template in workflow.vars}
    if len(values) == len(workflow.vars):
        return values
    return [{name: template.source} for name, template in workflow.vars]


def _action(workflow: WorkflowSpec, ref: str | None, graph: str) -> dict[str, Any]:
    return _given(
        ref=ref,
        label=workflow.label,
        description=workflow.description,
        workflow_file=graph,
        timeout_seconds=None if workflow.timeout is None else math.ceil(workflow.timeout),
        parameters=_flat(workflow.parameters),
        output=workflow.output,
        tags=list(workflow.tags) or None,
    )


def _graph(workflow: WorkflowSpec) -> dict[str, Any]:
    counted = tuple(
        replace(each, join=len(workflow.sources(each.name))) if each.join == "all" else each
        for each in map(_of_attune, workflow.tasks)
    )
    whole = _document(replace(workflow, tasks=counted))
    kept = ("vars", "tasks", "output_map", "cancellation_policy")
    return {"version": workflow.version, **{key: whole[key] for key in kept if key in whole}}


def _of_attune(task: Task) -> Task:
    """Leave out what only this engine knows: a wish about where results are kept."""
    return replace(task, keep_results="run", tasks=tuple(map(_of_attune, task.tasks)))


def _flat(declared: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Give parameters in Attune's flat form, where nothing is lost by it."""
    if not declared or set(declared) - {"type", "properties", "required"}:
        return declared
    specs, wanted = declared.get("properties"), declared.get("required", [])
    if declared.get("type") != "object" or not isinstance(specs, dict):
        return declared
    if not set(wanted) <= set(specs) or any(
        specs[name].get("required", True) is not True for name in wanted
    ):
        return declared
    return {
        name: {**spec, "required": True} if name in wanted else spec for name, spec in specs.items()
    }


def _task(task: Task) -> dict[str, Any]:
    given = _given(
        name=task.name,
        action=task.action,
        type=None if task.type == "action" else task.type,
        input=_source(task.input) or None,
        when=_condition(task.when),
        with_items=_source(task.with_items),
        concurrency=_source(task.concurrency),
        batch_size=task.batch_size,
        retry=_retry(task.retry),
        timeout=_seconds(task.timeout),
        delay=_seconds(task.delay),
        join=task.join,
        keep_results=None if task.keep_results == "run" else task.keep_results,
        next=[_transition(each) for each in task.next] or None,
        tasks=[_task(each) for each in task.tasks] or None,
    )
    return given | dict(task.attune_fields)


def _retry(retry: Retry | None) -> dict[str, Any] | None:
    if retry is None:
        return None
    return _given(
        count=retry.count,
        delay=_seconds(retry.delay) or None,
        backoff=None if retry.backoff == "constant" else retry.backoff,
        max_delay=_seconds(retry.max_delay),
        on_error=list(retry.on_error) or None,
    )


def _transition(transition: Transition) -> dict[str, Any]:
    published = [
        name if template is None else {name: template.source}
        for name, template in transition.publish
    ]
    return _given(
        when=_condition(transition.when),
        publish=published or None,
        do=list(transition.do) or None,
    )


def _given(**fields: Any) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}


def _source(template: Template | None) -> Any:
    return None if template is None else template.source


def _condition(template: Template | None) -> Any:
    """Give a condition within braces; one that has them already stays as it is."""
    source = _source(template)
    if not isinstance(source, str) or "{{" in source or not source.strip():
        return source
    return "{{ " + source.strip() + " }}"


def _seconds(value: float | None) -> float | None:
    if value is not None and value.is_integer() and value < MOST_EXACT:
        return int(value)
    return value


def _dump(data: dict[str, Any]) -> str:
    try:
        text: str = yaml.dump(data, Dumper=_Dumper, allow_unicode=True, width=2**31)
    except RecursionError:
        raise WorkflowError([Problem("a value is nested too deeply, or contains itself")]) from None
    return text


class _Dumper(yaml.SafeDumper):
    """PyYAML's writer, with our own eye for what must be quoted, and without aliases."""

    def represent_data(self, data: Any) -> yaml.Node:
        match data:
            case str():
                return self._text(data)
            case dict():
                pairs = [
                    (self._text(key, key=True), self.represent_data(each))
                    for key, each in data.items()
                ]
                return yaml.MappingNode("tag:yaml.org,2002:map", pairs, flow_style=False)
            case list() | tuple():
                parts = [self.represent_data(each) for each in data]
                return yaml.SequenceNode("tag:yaml.org,2002:seq", parts, flow_style=False)
            case None | bool():
                word = {None: "null", True: "true", False: "false"}[data]
                kind = "null" if data is None else "bool"
                return yaml.ScalarNode(f"tag:yaml.org,2002:{kind}", word)
            case int():
                return yaml.ScalarNode("tag:yaml.org,2002:int", str(int(data)))
            case float() if math.isfinite(data):
                return yaml.ScalarNode("tag:yaml.org,2002:float", _decimal(data))
        raise WorkflowError([Problem(f"`{data!r:.80}` is no plain data, so no YAML can hold it")])

    def _text(self, text: Any, *, key: bool = False) -> yaml.ScalarNode:
        if not isinstance(text, str):
            raise WorkflowError([Problem(f"the key `{text!r:.80}` is not text")])
        style = '"' if _AMBIGUOUS.fullmatch(text) or _ODD_BREAK.search(text) else None
        if "\n" in text:
            style = '"' if key or not _BLOCK.fullmatch(text) else "|"
        return yaml.ScalarNode("tag:yaml.org,2002:str", str(text), style=style)

    def analyze_scalar(self, scalar: str) -> Any:
        """Allow a literal block for what one can hold; PyYAML gives up at the first tab."""
        analysis = super().analyze_scalar(scalar)
        analysis.allow_block = _BLOCK.fullmatch(scalar) is not None
        return analysis

    def choose_scalar_style(self) -> str:
        """Quote expressions; prefer double quotes, as documents do, where nothing is escaped."""
        style, analysis = super().choose_scalar_style(), self.analysis
        if analysis is None:
            return style
        text = analysis.scalar
        if not style and "{{" in text and analysis.allow_single_quoted:
            style = "'"
        plain = '"' not in text and "\\" not in text and max(text, default="") <= "\ufffd"
        return '"' if style == "'" and plain else style

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        """Indent the items of a list under its key."""
        super().increase_indent(flow, indentless=False)


def _decimal(number: float) -> str:
    """Give a float's digits, with the dot that YAML 1.1 wants before an exponent."""
    digits = repr(float(number))
    return digits if "." in digits else digits.replace("e", ".0e")
