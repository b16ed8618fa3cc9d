"""Read the older forms of a task's transitions as entries of `next`.

Each function returns the transitions with the position in the text that they came from, in the
order `on_success`, `on_failure`, `on_complete`, `on_timeout`, `decision`. A task's own `publish`
goes with the first transition that fires on success.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.reference.entry import names
from attune_nb.reference.workflow_keys import KEYS
from attune_nb.values.describe import describe_with_value

if TYPE_CHECKING:
    from attune_nb.language.reading.field_reader import FieldReader
    from attune_nb.language.reading.yaml_source import KeyPath

    # The data of each transition, and its path.
    Transitions = list[tuple[Any, KeyPath]]

__all__ = ["LEGACY_KEYS", "read_transitions"]

# The condition that each key stands for.
_CONDITIONS = {
    "on_success": "succeeded()",
    "on_failure": "failed()",
    "on_complete": None,
    "on_timeout": "timed_out()",
}
LEGACY_KEYS = names(KEYS, "task key", "older")
_BRANCH_KEYS = names(KEYS, "branch key", "older")
_DECISION_KEYS = names(KEYS, "decision key", "older")


def read_transitions(reader: FieldReader, fields: dict[str, Any], path: KeyPath) -> Transitions:
    """Return the transitions that a task's older forms stand for, each with its path."""
    transitions: Transitions = []
    for key, condition in _CONDITIONS.items():
        if fields.get(key) is not None:
            transitions += _read_ending(reader, fields[key], (*path, key), condition)

    if fields.get("decision") is not None:
        transitions += _read_decision(reader, fields["decision"], (*path, "decision"))
    if fields.get("publish") is not None:
        publish_path = (*path, "publish")
        return _add_publish(reader, transitions, fields["publish"], publish_path)
    return transitions


def _read_ending(
    reader: FieldReader, value: Any, path: KeyPath, condition: str | None
) -> Transitions:
    key = str(path[-1])
    if _is_name_or_names(value):
        transition_path = (*path, "*")
        reader.written[transition_path] = path
        reader.written[(*transition_path, "do")] = path
        return [({**_make_when(condition), "do": value}, transition_path)]

    if not isinstance(value, list):
        message = f"`{key}` must be a task's name, an array of names, or an array of branches"
        reader.add_problem(message, path)
        return []

    transitions: Transitions = []
    for index, branch in enumerate(value):
        branch_path = (*path, index)
        if isinstance(branch, str):
            reader.written[(*branch_path, "do")] = branch_path
            branch_data: Any = {"do": branch}
        else:
            branch_data = branch

        fields = reader.read_object(branch_data, branch_path, _BRANCH_KEYS, f"a branch of `{key}`")
        if fields is not None:
            own_condition = _read_expression(reader, fields, branch_path)
            fields.pop("when", None)
            transition = {**fields, **_make_when(condition, own_condition)}
            transitions.append((transition, branch_path))
    return transitions


def _is_name_or_names(value: Any) -> bool:
    if isinstance(value, str):
        return True
    return isinstance(value, list) and all(isinstance(entry, str) for entry in value)


def _read_decision(reader: FieldReader, value: Any, path: KeyPath) -> Transitions:
    if not isinstance(value, list):
        message = f"`decision` must be an array of branches, not {describe_with_value(value)}"
        reader.add_problem(message, path)
        return []

    transitions: Transitions = []
    conditions: list[str | None] = []
    default: tuple[Any, KeyPath] | None = None
    for index, branch in enumerate(value):
        branch_path = (*path, index)
        fields = reader.read_object(branch, branch_path, _DECISION_KEYS, "a branch of `decision`")
        if fields is None:
            continue

        is_default = fields.get("default")
        if is_default is None or is_default is False:
            _require_next(reader, fields, branch_path)
            reader.written[(*branch_path, "do")] = (*branch_path, "next")
            condition = _read_expression(reader, fields, branch_path)
            conditions.append(condition)
            transition = {"do": fields.get("next"), **_make_when(condition)}
            transitions.append((transition, branch_path))
        elif default is not None:
            reader.add_problem("`decision` has two defaults", branch_path)
        else:
            default = _read_default(reader, fields, branch_path)

    if default is not None:
        targets, default_path = default
        reader.derived.add(default_path)
        transition = {"do": targets, **_make_default_when(conditions)}
        transitions.append((transition, default_path))
    return transitions


def _read_default(
    reader: FieldReader, fields: dict[str, Any], path: KeyPath
) -> tuple[Any, KeyPath]:
    """Return the targets of the branch that fires if no other one does, and its path."""
    key = "default"
    if fields["default"] is True:
        key = "next"
        _require_next(reader, fields, path)

    reader.written[(*path, "do")] = (*path, key)
    if "when" in fields:
        reader.add_problem("the default of a `decision` has no `when`", (*path, "when"))
    return fields.get(key), path


def _require_next(reader: FieldReader, fields: dict[str, Any], path: KeyPath) -> None:
    if fields.get("next") is None:
        reader.add_missing_key("a branch of `decision` needs `next`", path, "next")


def _make_default_when(conditions: list[str | None]) -> dict[str, str]:
    """Return the `when` that is true if none of the conditions is."""
    if not conditions:
        return {}

    # a branch without a condition always fires
    alternatives = [f"({condition})" if condition else "(true)" for condition in conditions]
    return {"when": _add_braces(f"not ({' or '.join(alternatives)})")}


def _add_publish(
    reader: FieldReader, transitions: Transitions, publish: Any, path: KeyPath
) -> Transitions:
    on_success = _add_braces("succeeded()")

    # only the first transition can take it: those before a later one may read the variables
    if transitions:
        first, first_path = transitions[0]
        if first.get("when") == on_success and first.get("publish") is None:
            reader.written[(*first_path, "publish")] = path
            return [({**first, "publish": publish}, first_path), *transitions[1:]]

    publish_path = (*path, "*")
    reader.written[publish_path] = path
    reader.written[(*publish_path, "publish")] = path
    return [({"when": on_success, "publish": publish}, publish_path), *transitions]


def _make_when(*conditions: str | None) -> dict[str, str]:
    """Return the `when` that is true if all of the conditions are."""
    expressions = [condition for condition in conditions if condition is not None]
    if not expressions:
        return {}
    if len(expressions) == 1:
        return {"when": _add_braces(expressions[0])}

    operands = [f"({text})" if " " in text else text for text in expressions]
    return {"when": _add_braces(" and ".join(operands))}


def _add_braces(expression: str) -> str:
    return "{{ " + expression + " }}"


def _read_expression(reader: FieldReader, fields: dict[str, Any], path: KeyPath) -> str | None:
    """Return a condition without its braces, or None if there is none that can be used."""
    when = reader.read_condition(fields, path)
    if isinstance(when, bool):
        return "true" if when else "false"
    if when is None:
        return None

    # compiled on its own, so that a message quotes the text and not the combined condition
    problem_count = len(reader.problems)
    reader.compile_value(when, (*path, "when"), condition=True)
    if len(reader.problems) > problem_count:
        return None

    text = str(when).strip()
    if text.startswith("{{"):
        return text[2:-2].strip()
    return text
