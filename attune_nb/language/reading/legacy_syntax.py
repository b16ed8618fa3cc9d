"""Older ways to say where a workflow goes next, as the one canonical way.

Each gives transitions as `next` would hold them, and the place in the text that each came
from: `on_success`, `on_failure`, `on_complete`, `on_timeout`, then `decision`; a task's own
`publish` goes with the first transition that fires on success.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.language.describe import kind_of

if TYPE_CHECKING:
    from attune_nb.language.reading.field_reader import FieldReader

    Path = tuple[str | int, ...]
    Found = list[tuple[Any, Path]]

__all__ = ["LEGACY_KEYS", "read_transitions"]

_ENDINGS = {
    "on_success": "succeeded()",
    "on_failure": "failed()",
    "on_complete": None,
    "on_timeout": "timed_out()",
}
LEGACY_KEYS = (*_ENDINGS, "decision", "publish")
_BRANCH_KEYS = ("when", "do", "publish")
_DECISION_KEYS = ("when", "next", "default")


def read_transitions(reader: FieldReader, fields: dict[str, Any], path: Path) -> Found:
    """Give the transitions that a task's older forms stand for, and where each stands."""
    found: Found = []
    for key, ending in _ENDINGS.items():
        if fields.get(key) is not None:
            found += _ending(reader, fields[key], (*path, key), ending)
    if fields.get("decision") is not None:
        found += _decision(reader, fields["decision"], (*path, "decision"))
    if fields.get("publish") is not None:
        return _with_publish(reader, found, fields["publish"], (*path, "publish"))
    return found


def _ending(reader: FieldReader, value: Any, path: Path, ending: str | None) -> Found:
    key = str(path[-1])
    plain: dict[str, Any] = {} if ending is None else {"when": _braced(ending)}
    if isinstance(value, str) or (
        isinstance(value, list) and all(isinstance(each, str) for each in value)
    ):
        here = (*path, "*")
        reader.written[here] = path
        reader.written[(*here, "do")] = path
        return [({**plain, "do": value}, here)]
    if not isinstance(value, list):
        reader.add_problem(
            f"`{key}` is a task's name, a list of names, or a list of branches", path
        )
        return []
    found: Found = []
    for at, each in enumerate(value):
        here = (*path, at)
        branch = {"do": each} if isinstance(each, str) else each
        if isinstance(each, str):
            reader.written[(*here, "do")] = here
        fields = reader.read_object(branch, here, _BRANCH_KEYS, f"a branch of `{key}`")
        if fields is not None:
            condition = _expression(reader, fields, here)
            kept = {name: each for name, each in fields.items() if name != "when"}
            found.append(({**kept, **_when(" and ", ending, condition)}, here))
    return found


def _decision(reader: FieldReader, value: Any, path: Path) -> Found:
    if not isinstance(value, list):
        reader.add_problem(f"`decision` is a list of branches, not {kind_of(value)}", path)
        return []
    found: Found = []
    conditions: list[str | None] = []
    default: tuple[Any, Path] | None = None
    for at, each in enumerate(value):
        here = (*path, at)
        fields = reader.read_object(each, here, _DECISION_KEYS, "a branch of `decision`")
        if fields is None:
            continue
        otherwise = fields.get("default")
        if otherwise is None or otherwise is False:
            _need_next(reader, fields, here)
            reader.written[(*here, "do")] = (*here, "next")
            conditions.append(_expression(reader, fields, here))
            found.append(({"do": fields.get("next"), **_when("", conditions[-1])}, here))
        elif default is not None:
            reader.add_problem("`decision` has two defaults", here)
        else:
            where = "next" if otherwise is True else "default"
            if otherwise is True:
                _need_next(reader, fields, here)
            reader.written[(*here, "do")] = (*here, where)
            default = (fields.get(where), here)
            if "when" in fields:
                reader.add_problem("the default of a `decision` has no `when`", (*here, "when"))
    if default is not None:
        reader.derived.add(default[1])
        found.append(_default(default, conditions))
    return found


def _need_next(reader: FieldReader, fields: dict[str, Any], path: Path) -> None:
    if fields.get("next") is None:
        reader.add_missing_key("a branch of `decision` needs `next`", path, "next")


def _default(default: tuple[Any, Path], conditions: list[str | None]) -> tuple[Any, Path]:
    """Give the branch that fires when no other does."""
    target, here = default
    told = [each or "true" for each in conditions]
    when = {"when": _braced(f"not ({' or '.join(f'({each})' for each in told)})")} if told else {}
    return {"do": target, **when}, here


def _with_publish(reader: FieldReader, found: Found, publish: Any, path: Path) -> Found:
    on_success = _braced("succeeded()")
    if found:  # a later one will not do: those before it may read what is published
        branch, place = found[0]
        if branch.get("when") == on_success and branch.get("publish") is None:
            reader.written[(*place, "publish")] = path
            return [({**branch, "publish": publish}, place), *found[1:]]
    here = (*path, "*")
    reader.written[here] = path
    reader.written[(*here, "publish")] = path
    return [({"when": on_success, "publish": publish}, here), *found]


def _when(joint: str, *conditions: str | None) -> dict[str, str]:
    told = [each for each in conditions if each is not None]
    if not told:
        return {}
    if len(told) == 1:
        return {"when": _braced(told[0])}
    return {"when": _braced(joint.join(f"({each})" if " " in each else each for each in told))}


def _braced(expression: str) -> str:
    return "{{ " + expression + " }}"


def _expression(reader: FieldReader, fields: dict[str, Any], path: Path) -> str | None:
    """Give a condition without its braces, or None where there is none that can be used."""
    when = reader.read_condition(fields, path)
    if isinstance(when, bool):
        return "true" if when else "false"
    if when is None:
        return None
    count = len(reader.problems)
    reader.compile_value(when, (*path, "when"), condition=True)
    if len(reader.problems) > count:
        return None  # told in the words of the text, not in ours
    text = str(when).strip()
    return text[2:-2].strip() if text.startswith("{{") else text
