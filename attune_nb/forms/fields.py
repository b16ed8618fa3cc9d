"""The fields of a form, described from JSON Schema: plain data that any page can draw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from attune_nb.language.parameter_specs import required_names, specs_by_name
from attune_nb.values.frozen import thaw
from attune_nb.values.secrets import is_secret_schema

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FieldKind", "FormField", "field_of", "fields_of_object", "fields_of_parameters"]

FieldKind = Literal["text", "integer", "number", "boolean", "choice", "yaml"]
"""The kind of input: `yaml` is the text of an array, an object, or of any value."""

# keys of JSON Schema that a page can pass on to its own fields
_LIMIT_KEYS = (
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
    "minLength", "maxLength", "pattern", "format", "minItems", "maxItems",
)  # fmt: skip

_KINDS: dict[Any, FieldKind] = {
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
}


class FormField(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a form.

    Attributes:
        name: The name of the parameter, or of the property of an answer.
        kind: The kind of input.
        label: A short name for people.
        hint: Its purpose, for people.
        types: The types of JSON Schema that its value may have; empty if any.
        is_required: Whether it must have a value.
        is_secret: Whether the value must not be shown. Then neither the default nor the choices
            are part of the description.
        is_nullable: Whether null is one of several types.
        has_default: Whether a value is filled in if none is entered.
        default: That value.
        choices: The only values that it may have.
        limits: The keys of JSON Schema that limit its value, such as `minimum`.
        keys: The keys that an object has by its schema.
    """

    name: str
    kind: FieldKind
    label: str
    hint: str = ""
    types: tuple[str, ...] = ()
    is_required: bool = False
    is_secret: bool = False
    is_nullable: bool = False
    has_default: bool = False
    default: Any = None
    choices: tuple[Any, ...] = ()
    limits: dict[str, Any] = {}
    keys: tuple[str, ...] = ()

    @property
    def may_be_empty(self) -> bool:
        """Whether the field may be left without a value, so that there is none."""
        return not self.is_required and not self.has_default


def fields_of_parameters(declared: Mapping[str, Any] | None) -> list[FormField]:
    """Return the fields for the parameters that a workflow declares, in their order.

    A parameter with a `position` comes before those without.
    """
    if not declared:
        return []

    specs = specs_by_name(declared)
    required = required_names(declared)
    names = sorted(specs, key=lambda name: _position(specs[name]))
    return [field_of(name, specs[name], is_required=name in required) for name in names]


def fields_of_object(schema: Mapping[str, Any]) -> list[FormField]:
    """Return the fields for the properties of an answer, in their order."""
    required = schema.get("required", ())
    return [
        field_of(name, inner, is_required=name in required)
        for name, inner in schema["properties"].items()
    ]


def field_of(name: str, schema: Any, *, is_required: bool) -> FormField:
    """Return the field of one value.

    Args:
        name: The value's name.
        schema: Its JSON Schema; anything else than an object takes every value.
        is_required: Whether it must have a value.
    """
    if not isinstance(schema, dict):
        schema = {}

    types = _types_of(schema)
    is_secret = is_secret_schema(schema)
    choices = () if is_secret else _choices_of(schema)
    kind: FieldKind = "choice" if choices else _kind_of(schema, types)
    has_default = "default" in schema
    default = None
    if has_default and not is_secret:
        default = thaw(schema["default"])
    return FormField(
        name=name,
        kind=kind,
        label=_label_of(name, schema),
        hint=_text_of(schema.get("description")),
        types=types,
        is_required=is_required,
        is_secret=is_secret,
        is_nullable="null" in types and len(types) > 1,
        has_default=has_default,
        default=default,
        choices=choices,
        limits={key: thaw(schema[key]) for key in _LIMIT_KEYS if key in schema},
        keys=_keys_of(schema),
    )


def _types_of(schema: Mapping[str, Any]) -> tuple[str, ...]:
    types = schema.get("type", ())
    if isinstance(types, str):
        types = (types,)
    if "any" in types:
        return ()
    return tuple(types)


def _kind_of(schema: Mapping[str, Any], types: tuple[str, ...]) -> FieldKind:
    """Return the kind of input: that of the only type besides null, else `yaml`."""
    main_types = [name for name in types if name != "null"]
    if len(main_types) == 1:
        return _KINDS.get(main_types[0], "yaml")
    if not types and is_secret_schema(schema):
        # a secret is a text if nothing else is said
        return "text"
    return "yaml"


def _choices_of(schema: Mapping[str, Any]) -> tuple[Any, ...]:
    choices = schema.get("enum")
    if isinstance(choices, list):
        return tuple(thaw(choice) for choice in choices)
    if "const" in schema:
        return (thaw(schema["const"]),)
    return ()


def _label_of(name: str, schema: Mapping[str, Any]) -> str:
    for key in ("title", "label"):
        label = _text_of(schema.get(key))
        if label.strip():
            return label
    return name


def _keys_of(schema: Mapping[str, Any]) -> tuple[str, ...]:
    properties = schema.get("properties")
    return tuple(properties) if isinstance(properties, dict) else ()


def _text_of(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _position(schema: Any) -> float:
    position = schema.get("position") if isinstance(schema, dict) else None
    return position if isinstance(position, int) else float("inf")
