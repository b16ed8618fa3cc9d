"""Write a `WorkflowSpec` as text, in the canonical form.

The canonical form has one spelling for everything: tasks as an array, `next` for every
transition, conditions within braces, no defaults, keys in the order of the language's tables.
Loading it gives the same workflow. No string in it looks like a number, a boolean or a date to
a YAML 1.1 reader.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import yaml

from attune_nb.errors import Problem, WorkflowError
from attune_nb.language import limits, parameter_specs

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune_nb.language.model import RateLimit, Retry, Task, Transition, WorkflowSpec
    from attune_nb.templates.template import Template

__all__ = ["DEFAULT_VERSION", "make_document", "to_record", "to_yaml", "write_yaml"]


DEFAULT_VERSION = "1.0.0"

# Above this, a float may stand for another integer than the one that it looks like.
MAX_EXACT_FLOAT = 2**53

# Keys whose values are names: hiding a part of one would make another workflow.
_NAME_KEYS = ("action", "backoff", "cancellation_policy", "do", "join", "name", "ref", "type")

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
    return write_yaml(make_document(workflow))


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
    document = make_document(replace(workflow, parameters=parameters))
    return write_yaml(hide_in(document))


def make_document(workflow: WorkflowSpec) -> dict[str, Any]:
    """Return a workflow as data, without the values that are defaults."""
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


def write_yaml(data: Any) -> str:
    """Return data as YAML in which no string looks like another value.

    Raises:
        WorkflowError: It holds values that are not plain data.
    """
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
