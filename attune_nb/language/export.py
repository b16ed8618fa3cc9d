"""Write a `WorkflowSpec` as text: in the canonical form, or as the two files of an Attune pack.

The canonical form has one spelling for everything: tasks as an array, `next` for every
transition, conditions within braces, no defaults, keys in the order of the language's tables.
Loading it gives the same workflow. No string in it looks like a number, a boolean or a date to
a YAML 1.1 reader.
"""

from __future__ import annotations

import logging
import math
import re
import uuid
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from attune_nb.errors import Problem, WorkflowError
from attune_nb.language import limits, parameter_specs
from attune_nb.language.platform_limits import find_platform_limits
from attune_nb.language.reading.yaml_source import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from attune_nb.language.model import RateLimit, Retry, Task, Transition, WorkflowSpec
    from attune_nb.templates.template import Template

__all__ = ["find_pack_name", "to_record", "to_yaml", "write_pack"]

_log = logging.getLogger(__name__)

MANIFEST_FILE = "pack.yaml"

DEFAULT_VERSION = "1.0.0"

# Warnings that an export logs.
_MAX_WARNINGS = 20

# Above this, a float may stand for another integer than the one that it looks like.
MAX_EXACT_FLOAT = 2**53

# Keys whose values are names: hiding a part of one would make another workflow.
_NAME_KEYS = ("action", "backoff", "cancellation_policy", "do", "join", "name", "ref", "type")

# Keys of the graph's file in a pack, after `version`.
_GRAPH_KEYS = ("vars", "tasks", "output_map", "cancellation_policy")

_NAME = "[A-Za-z0-9_][A-Za-z0-9_-]{0,99}"
_REF = re.compile(rf"(?P<pack>{_NAME})\.(?P<name>{_NAME})")

# Strings that a YAML 1.1 reader may take for another value.
_AMBIGUOUS = re.compile(
    r"(?i:true|false|yes|no|on|off|y|n|null|~|=|<<|[-+]?\.(?:inf|nan))?|[-+]?\.?[0-9][\w.:+-]*"
)
_UNUSUAL_BREAK = re.compile("[\r\x85\u2028\u2029]")

# Strings that can stand in a literal block.
_BLOCK = re.compile(
    r"(?=\S)[\t\n -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]*"
    r"(?<=\S)\n*"
)


def to_yaml(workflow: WorkflowSpec) -> str:
    """Return a workflow's canonical text.

    Loading it gives an equal workflow. So it holds everything that the text held, also the
    `default` of a secret parameter, which `repr` hides.

    Raises:
        WorkflowError: The workflow was made by hand, and holds values that are not plain data.
    """
    return _dump(_document(workflow))


def to_record(workflow: WorkflowSpec, hide: Callable[[str], str]) -> str:
    """Return a workflow's canonical text for the record, without the values of secrets.

    Args:
        workflow: The workflow of the run.
        hide: A function that removes secrets from a string.
    """

    def hide_in(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: hide_in(inner, name) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [hide_in(element, key) for element in value]
        if isinstance(value, str) and key not in _NAME_KEYS:
            return hide(value)
        return value

    parameters = parameter_specs.remove_secrets(workflow.parameters)
    document = _document(replace(workflow, parameters=parameters))
    return _dump(hide_in(document))


def write_pack(workflow: WorkflowSpec, folder: str | Path, ref: str | None) -> tuple[Path, Path]:
    """Write `actions/NAME.yaml` and `actions/workflows/NAME.workflow.yaml`; return their paths.

    The first file is the action: `ref`, `label`, `description`, `workflow_file`, `parameters`
    (flat, as Attune expects them), `output`, `tags`, and the workflow's `timeout` as
    `timeout_seconds`, rounded up. It has no `enabled`, so loading the pack again does not change
    the setting of an operator. The second file is the graph: `version` (Attune requires it),
    `vars`, `tasks` with `join: all` as a number, `output_map`, and `cancellation_policy`, which
    Attune reads there. A folder without `pack.yaml` gets one.

    The two files together mean the same as the workflow. What the platform does not know in them
    is logged as a warning.

    Args:
        workflow: The workflow to write.
        folder: The pack's folder. It is created if need be, and nothing is written outside it.
        ref: `pack.name`.

    Raises:
        WorkflowError: The ref is not `pack.name`, it is that of another pack than the folder's, or
            the files cannot be written.
    """
    pack, name = _parse_ref(ref)
    root = Path(folder)
    manifest = root / MANIFEST_FILE
    actions = root / "actions"
    workflows = actions / "workflows"
    graph_name = f"{name}.workflow.yaml"
    graph_path = workflows / graph_name
    action_path = actions / f"{name}.yaml"
    texts = {
        graph_path: _dump(_graph(workflow)),
        action_path: _dump(_action(workflow, ref, name, f"workflows/{graph_name}")),
    }

    pack_of_folder = find_pack_name(root)
    if pack_of_folder is None and not manifest.exists():
        texts[manifest] = _dump({"ref": pack, "label": pack, "version": DEFAULT_VERSION})
    elif pack_of_folder not in (None, pack):
        message = (
            f"{str(manifest)!r} is of the pack `{pack_of_folder}`, not of `{pack}`: pass "
            f"`ref='{pack_of_folder}.{name}'`, or another folder"
        )
        raise WorkflowError([Problem(message)])

    try:
        for path in (actions, workflows):
            if not path.resolve().is_relative_to(root.resolve()):
                raise WorkflowError([Problem(f"`{path}` is a link that leads out of the pack")])
        workflows.mkdir(parents=True, exist_ok=True)
        _write_files(texts)
    except (OSError, ValueError) as error:
        # a ValueError is raised for a NUL in the name
        reason = getattr(error, "strerror", None)
        if not reason:
            reason = str(error)
        message = f"cannot write to {str(root)!r}: {reason}"
        raise WorkflowError([Problem(message)]) from None

    _warn_of_limits(workflow)
    return action_path, graph_path


def find_pack_name(folder: str | Path) -> str | None:
    """Return the ref of the pack in a folder, or None if the folder has no readable `pack.yaml`."""
    try:
        document = parse((Path(folder) / MANIFEST_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, WorkflowError):
        return None

    ref = document.data.get("ref") if isinstance(document.data, dict) else None
    return ref if isinstance(ref, str) else None


def _warn_of_limits(workflow: WorkflowSpec) -> None:
    """Log what the platform does not know in an exported workflow."""
    problems = find_platform_limits(workflow)
    for problem in problems[:_MAX_WARNINGS]:
        _log.warning("exported, but: %s", problem)
    if len(problems) > _MAX_WARNINGS:
        _log.warning("and %d more", len(problems) - _MAX_WARNINGS)


def _parse_ref(ref: str | None) -> tuple[str, str]:
    """Return the pack and the name of a ref."""
    if not ref:
        message = "a pack needs the workflow's `ref`: write `ref: pack.name` in it, or pass one"
        raise WorkflowError([Problem(message)])

    match = _REF.fullmatch(ref)
    if match is None:
        message = (
            f"`{ref[:80]}` is not a ref for a pack; write `pack.name`, both of letters, digits, "
            "`_` and `-`, and of at most 100 characters"
        )
        raise WorkflowError([Problem(message)])
    return match["pack"], match["name"]


def _write_files(texts: Mapping[Path, str]) -> None:
    """Write each text to a temporary file, and replace the files when all are complete."""
    paths: dict[Path, Path] = {}
    try:
        for path, text in texts.items():
            temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
            with temporary.open("x", encoding="utf-8", newline="\n") as file:
                paths[temporary] = path
                file.write(text)

        for temporary, path in paths.items():
            temporary.replace(path)
    finally:
        for temporary in paths:
            temporary.unlink(missing_ok=True)


def _document(workflow: WorkflowSpec) -> dict[str, Any]:
    return _without_nulls(
        name=workflow.own_name,
        ref=workflow.ref,
        label=workflow.label,
        description=workflow.description,
        tags=_null_if_empty(list(workflow.tags)),
        version=_null_if(workflow.version, DEFAULT_VERSION),
        parameters=workflow.parameters,
        output=workflow.output,
        vars=_null_if_empty(_vars(workflow)),
        tasks=[_task(task) for task in workflow.tasks],
        output_map=_source(workflow.output_map),
        cancellation_policy=_null_if(workflow.cancellation_policy, "allow_finish"),
        timeout=_seconds(workflow.timeout),
    )


def _vars(workflow: WorkflowSpec) -> dict[str, Any] | list[dict[str, Any]]:
    """Return the first values of the variables; in an array if a name has several values."""
    values = {name: template.source for name, template in workflow.vars}
    if len(values) == len(workflow.vars):
        return values
    return [{name: template.source} for name, template in workflow.vars]


def _action(workflow: WorkflowSpec, ref: str | None, name: str, graph_file: str) -> dict[str, Any]:
    timeout = None
    if workflow.timeout is not None:
        timeout = math.ceil(workflow.timeout)
    # the platform requires one
    labels = [workflow.label, workflow.own_name, name]

    fields = _without_nulls(
        ref=ref,
        label=next(filter(None, labels)),
        description=workflow.description,
        workflow_file=graph_file,
        timeout_seconds=timeout,
        parameters=_flatten_parameters(workflow.parameters),
        output=workflow.output,
        tags=_null_if_empty(list(workflow.tags)),
    )
    return fields | dict(workflow.attune_fields)


def _graph(workflow: WorkflowSpec) -> dict[str, Any]:
    tasks = []
    for task in workflow.tasks:
        graph_task = task
        if task.join == "all":
            graph_task = replace(task, join=len(workflow.sources(task.name)))
        tasks.append(graph_task)

    document = _document(replace(workflow, tasks=tuple(tasks)))
    graph = {key: document[key] for key in _GRAPH_KEYS if key in document}
    return {"version": workflow.version, **graph}


def _flatten_parameters(declared: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return parameters in Attune's flat form, if nothing is lost by it."""
    if not declared or not declared.keys() <= {"type", "properties", "required"}:
        return declared
    specs = declared.get("properties")
    if declared.get("type") != "object" or not isinstance(specs, dict):
        return declared

    required = declared.get("required", [])
    for name in required:
        if name not in specs or specs[name].get("required", True) is not True:
            return declared

    flat = dict(specs)
    for name in required:
        flat[name] = {**specs[name], "required": True}
    return flat


def _task(task: Task) -> dict[str, Any]:
    fields = _without_nulls(
        name=task.name,
        start=_null_if_empty(task.start),
        action=task.action,
        type=_null_if(task.type, "action"),
        input=_null_if_empty(_source(task.input)),
        when=_condition(task.when),
        with_items=_source(task.with_items),
        concurrency=_source(task.concurrency),
        batch_size=task.batch_size,
        retry=_retry(task.retry),
        wait_for=_wait_for(task.wait_for),
        max_failures=_source(task.max_failures),
        rate_limit=_rate_limit(task.rate_limit),
        report_every=task.report_every,
        timeout=_seconds(task.timeout),
        delay=_seconds(task.delay),
        join=task.join,
        keep_results=_null_if(task.keep_results, "run"),
        next=_null_if_empty([_transition(transition) for transition in task.next]),
        tasks=_null_if_empty([_task(inner) for inner in task.tasks]),
    )
    return fields | dict(task.attune_fields)


def _retry(retry: Retry | None) -> dict[str, Any] | None:
    if retry is None:
        return None
    return _without_nulls(
        count=retry.count,
        delay=_null_if(_seconds(retry.delay), 0),
        backoff=_null_if(retry.backoff, "constant"),
        max_delay=_seconds(retry.max_delay),
        on_error=_null_if_empty(list(retry.on_error)),
    )


def _wait_for(inquiry: Template | None) -> dict[str, Any] | None:
    return None if inquiry is None else {"inquiry": inquiry.source}


def _rate_limit(rate_limit: RateLimit | None) -> str | dict[str, Any] | None:
    if rate_limit is None:
        return None
    text = limits.format_rate(rate_limit)
    if text is not None:
        return text
    return {"count": rate_limit.count, "per": rate_limit.per}


def _transition(transition: Transition) -> dict[str, Any]:
    publish: list[Any] = []
    for name, template in transition.publish:
        if template is None:
            publish.append(name)
        else:
            publish.append({name: template.source})

    fields = _without_nulls(
        when=_condition(transition.when),
        publish=_null_if_empty(publish),
        do=_null_if_empty(list(transition.do)),
    )
    return fields | dict(transition.attune_fields)


def _without_nulls(**fields: Any) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}


def _null_if(value: Any, default: Any) -> Any:
    return None if value == default else value


def _null_if_empty(value: Any) -> Any:
    if not value:
        return None
    return value


def _source(template: Template | None) -> Any:
    return None if template is None else template.source


def _condition(template: Template | None) -> Any:
    """Return a condition within braces; one that has them already is unchanged."""
    source = _source(template)
    if not isinstance(source, str) or "{{" in source or not source.strip():
        return source
    return "{{ " + source.strip() + " }}"


def _seconds(value: float | None) -> float | None:
    if value is not None and value.is_integer() and value < MAX_EXACT_FLOAT:
        return int(value)
    return value


def _dump(data: dict[str, Any]) -> str:
    try:
        text: str = yaml.dump(data, Dumper=_Dumper, allow_unicode=True, width=2**31)
    except RecursionError:
        raise WorkflowError([Problem("a value is nested too deeply, or contains itself")]) from None
    return text


class _Dumper(yaml.SafeDumper):
    """PyYAML's dumper with its own rule for strings that need quotes, and without aliases."""

    def represent_data(self, data: Any) -> yaml.Node:
        match data:
            case str():
                return self._represent_string(data)
            case dict():
                return self._represent_object(data)
            case list() | tuple():
                elements = [self.represent_data(element) for element in data]
                return yaml.SequenceNode("tag:yaml.org,2002:seq", elements, flow_style=False)
            case None:
                return yaml.ScalarNode("tag:yaml.org,2002:null", "null")
            case bool():
                return yaml.ScalarNode("tag:yaml.org,2002:bool", str(data).lower())
            case int():
                return yaml.ScalarNode("tag:yaml.org,2002:int", str(int(data)))
            case float() if math.isfinite(data):
                return yaml.ScalarNode("tag:yaml.org,2002:float", _format_float(data))

        message = f"`{data!r:.80}` is not plain data, so YAML cannot hold it"
        raise WorkflowError([Problem(message)])

    def _represent_object(self, data: dict[Any, Any]) -> yaml.MappingNode:
        pairs = []
        for key, value in data.items():
            pairs.append((self._represent_key(key), self.represent_data(value)))
        return yaml.MappingNode("tag:yaml.org,2002:map", pairs, flow_style=False)

    def _represent_key(self, key: Any) -> yaml.ScalarNode:
        if not isinstance(key, str):
            raise WorkflowError([Problem(f"the key `{key!r:.80}` is not a string")])
        return self._represent_string(key, is_key=True)

    def _represent_string(self, text: str, *, is_key: bool = False) -> yaml.ScalarNode:
        style = None
        if _AMBIGUOUS.fullmatch(text) or _UNUSUAL_BREAK.search(text):
            style = '"'
        if "\n" in text:
            style = '"' if is_key or not _BLOCK.fullmatch(text) else "|"
        return yaml.ScalarNode("tag:yaml.org,2002:str", str(text), style=style)

    def analyze_scalar(self, scalar: str) -> Any:
        """Allow a literal block for every text that one can hold, also with tabs."""
        analysis = super().analyze_scalar(scalar)
        analysis.allow_block = _BLOCK.fullmatch(scalar) is not None
        return analysis

    def choose_scalar_style(self) -> str:
        """Quote expressions; prefer double quotes if they need no escapes."""
        style = super().choose_scalar_style()
        analysis = self.analysis
        if analysis is None:
            return style

        text = analysis.scalar
        if not style and "{{" in text and analysis.allow_single_quoted:
            style = "'"
        if style == "'" and not _needs_escapes(text):
            return '"'
        return style

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - PyYAML's signature
        """Indent the elements of an array under its key."""
        super().increase_indent(flow, indentless=False)


def _needs_escapes(text: str) -> bool:
    """Return whether a text needs escapes in double quotes."""
    return '"' in text or "\\" in text or max(text, default="") > "\ufffd"


def _format_float(number: float) -> str:
    """Return a float's digits, with the dot that YAML 1.1 needs before an exponent."""
    digits = repr(float(number))
    if "." in digits:
        return digits
    return digits.replace("e", ".0e")
