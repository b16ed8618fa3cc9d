"""The parameters of one attempt: defaults applied, and judged by the action's flat schema."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attune_nb.errors import ActionError, nearest
from attune_nb.language.parameter_specs import import_validation, to_json_schema
from attune_nb.templates.compiler.parse import has_template
from attune_nb.values.describe import describe

if TYPE_CHECKING:
    from attune_nb.packs.model import PackAction

__all__ = ["ParameterJudge"]

# Names that a message lists.
_MAX_NAMES = 20


class ParameterJudge:
    """The flat schema of an action's parameters, ready to judge many inputs.

    Args:
        action: The action.
    """

    def __init__(self, action: PackAction) -> None:
        self._ref = action.ref
        self._specs = action.parameters
        self._schemas = {name: to_json_schema(spec, top=True) for name, spec in self._specs.items()}

    def bind(self, values: Any) -> dict[str, Any]:
        """Return the values, and the defaults of those that are missing.

        An action that declares no parameters takes all values. Null fits every parameter that is
        not required.

        Raises:
            ActionError: A value is missing, is not declared or does not fit; with each problem.
        """
        if not isinstance(values, Mapping):
            message = f"the input must be an object of parameters, not {describe(values)}"
            raise ActionError(f"action `{self._ref}`: {message}")
        if not self._specs:
            return dict(values)

        problems = self._find_problems(values)
        if problems:
            raise ActionError(f"action `{self._ref}`: {'; '.join(problems)}")

        parameters = {}
        for name, spec in self._specs.items():
            if name in values:
                parameters[name] = values[name]
            elif "default" in spec:
                parameters[name] = spec["default"]
        return parameters

    def find_misfits(self, written: Mapping[str, Any]) -> list[tuple[str | None, str]]:
        """Return the parameters that do not fit, in the input as a workflow's text has it.

        A value with a template is not known before it is rendered: it is not judged.

        Returns:
            Pairs of the parameter (None for missing ones) and the message.
        """
        if not self._specs:
            return []

        misfits: list[tuple[str | None, str]] = []
        hinted = set()
        for name, value in written.items():
            if name not in self._specs:
                misfits.append((name, self._describe_unknown(name)))
                hinted.update(set(self._specs) & set(_nearest_names(name, self._specs)))
                continue
            if _is_certain(value):
                misfit = self._explain(name, value)
                if misfit is not None:
                    misfits.append((name, misfit))

        # a misspelled parameter is reported once: as misspelled, not as missing
        missing = [name for name in self._find_missing(written) if name not in hinted]
        if missing:
            misfits.append((None, _describe_missing(missing)))
        return misfits

    def _find_problems(self, values: Mapping[str, Any]) -> list[str]:
        problems = []
        missing = self._find_missing(values)
        if missing:
            problems.append(_describe_missing(missing))

        for name, value in values.items():
            if name not in self._specs:
                problems.append(self._describe_unknown(name))
                continue
            misfit = self._explain(name, value)
            if misfit is not None:
                problems.append(misfit)
        return problems

    def _find_missing(self, values: Mapping[str, Any]) -> list[str]:
        names = []
        for name, spec in self._specs.items():
            if spec.get("required") is True and "default" not in spec and name not in values:
                names.append(name)
        return names

    def _describe_unknown(self, name: Any) -> str:
        hint = nearest(str(name), self._specs)
        if not hint:
            hint = f"; declared: {', '.join(list(self._specs)[:_MAX_NAMES])}"
        return f"there is no parameter `{name}`{hint}"

    def _explain(self, name: str, value: Any) -> str | None:
        """Return why a value does not fit its parameter, or None."""
        spec = self._specs[name]
        if value is None and spec.get("required") is not True:
            return None

        schema = self._schemas[name]
        if _fits_plainly(value, schema):
            return None

        validator = import_validation().SchemaValidator()
        misfit = validator.explain_misfit(value, schema)
        if misfit is None:
            return None
        if spec.get("secret") is True:
            misfit = "is not of the declared kind (it is secret, so it is not shown)"
        return f"parameter `{name}` {misfit}"


# The types of values that surely fit a type of a schema, as far as the type goes.
_PLAIN_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}
# Keys that do not restrict the value.
_NOTES = frozenset({"title", "description", "default", "examples", "position"})
_STRING_KEYS = _NOTES | {"type", "enum"}
_NUMBER_KEYS = _NOTES | {"type", "minimum", "maximum"}


def _fits_plainly(value: Any, schema: Mapping[str, Any]) -> bool:
    """Return whether a plain value surely fits: the library needs 0.3 ms to judge one.

    If False is returned, the library decides.
    """
    kind = schema.get("type")
    if kind is None:
        return schema.keys() <= _NOTES
    if not isinstance(kind, str) or type(value) not in _PLAIN_TYPES.get(kind, ()):
        return False

    if type(value) is str:
        is_listed = "enum" not in schema or value in schema["enum"]
        return is_listed and schema.keys() <= _STRING_KEYS
    if type(value) is bool:
        return schema.keys() - {"type"} <= _NOTES
    # infinity and not-a-number are in no range
    least = schema.get("minimum", -sys.float_info.max)
    most = schema.get("maximum", sys.float_info.max)
    return schema.keys() <= _NUMBER_KEYS and bool(least <= value <= most)


def _is_certain(value: Any) -> bool:
    """Return whether a value of a workflow's text has no template in it."""
    if isinstance(value, str):
        return not has_template(value)
    if isinstance(value, Mapping):
        return all(_is_certain(key) and _is_certain(inner) for key, inner in value.items())
    if isinstance(value, list | tuple):
        return all(_is_certain(element) for element in value)
    return True


def _describe_missing(names: list[str]) -> str:
    noun = "parameter" if len(names) == 1 else "parameters"
    return f"the {noun} `{'`, `'.join(names)}` must be given"


def _nearest_names(name: Any, names: Mapping[str, Any]) -> list[str]:
    """Return the names that the hint for a misspelled one offers."""
    hint = nearest(str(name), names)
    return [candidate for candidate in names if f"`{candidate}`" in hint]
