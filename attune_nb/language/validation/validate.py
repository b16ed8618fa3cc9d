"""Validate values against a JSON Schema, in bounded time.

References that lead out of the schema are not followed.
"""

from __future__ import annotations

import itertools
import json
import math
import numbers
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

import referencing.exceptions
import referencing.jsonschema
import regex

from attune_nb.errors import TemplateError
from attune_nb.language.validation.formats import jsonschema
from attune_nb.language.validation.plain_schemas import is_plain_schema
from attune_nb.language.validation.plain_values import fits_surely
from attune_nb.templates.library.to_text import compile_pattern
from attune_nb.values.describe import describe
from attune_nb.values.guard import error_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["SchemaValidator", "find_schema_error", "is_local_reference"]

# Characters of the library's message that are shown.
MAX_MESSAGE_LENGTH = 200
# Errors that the library may find before the best of them is chosen.
MAX_ERRORS = 20
# Seconds for all patterns of one load or run together.
PATTERN_SECONDS = 0.5
# Seconds that a single search may always take: a million short ones are fine.
MIN_PATTERN_SECONDS = 0.00002

# Keys of a schema that refuse no value.
_NOTES = frozenset({"title", "description", "default", "examples", "$comment", "deprecated"})
# with these a schema asks for no more than a type
_TYPE_KEYS = _NOTES | {"type"}

_ValidationError: Any = jsonschema.ValidationError


def find_schema_error(schema: Mapping[str, Any]) -> tuple[tuple[str | int, ...], str] | None:
    """Return where a value is not JSON Schema, as a path, and why; or None."""
    if is_plain_schema(schema):
        return None
    try:
        error = _best_error(_META_VALIDATOR.iter_errors(schema))
    except RecursionError:
        return (), "nested too deeply"
    if error is None:
        return None

    message = error.message.replace("is not a 'regex'", "is not a pattern")
    return tuple(error.absolute_path), _shorten(message)


def is_local_reference(reference: str, schema: Mapping[str, Any]) -> bool:
    """Return whether a `$ref` leads to a part of the schema itself. Nothing is fetched."""
    root = referencing.jsonschema.DRAFT202012.create_resource(schema)
    registry: Any = referencing.Registry()
    try:
        registry.resolver_with_root(root).lookup(reference)
    except referencing.exceptions.Unresolvable:
        return False
    except (ValueError, TypeError, AttributeError):
        # the reference is not a URI, or the schema is not a schema
        return False
    return True


def _best_error(errors: Iterator[Any]) -> Any:
    return jsonschema.exceptions.best_match(itertools.islice(errors, MAX_ERRORS))


def _shorten(message: str) -> str:
    if len(message) <= MAX_MESSAGE_LENGTH:
        return message
    return f"{message[:MAX_MESSAGE_LENGTH]} …"


def _add_article(type_name: str) -> str:
    if type_name == "null":
        return type_name
    article = "an" if type_name[0] in "aeio" else "a"
    return f"{article} {type_name}"


def _describe(value: Any) -> str:
    if isinstance(value, range):
        return "an array"

    description = describe(value)
    if description.startswith("a value of type"):
        return f"{description} (declare `type: any` to take any object)"
    return description


def _is_number(_checker: Any, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return False
    return isinstance(value, numbers.Integral) or math.isfinite(value)


def _is_integer(_checker: Any, value: Any) -> bool:
    if isinstance(value, float):
        return value.is_integer()
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _is_array(_checker: Any, value: Any) -> bool:
    return isinstance(value, list | tuple | range)


def _check_unique_items(validator: Any, unique: Any, value: Any, _schema: Any) -> Iterator[Any]:
    """Compare items by their JSON: the library's way is quadratic if items have no order."""
    if not unique or not validator.is_type(value, "array"):
        return

    texts = {json.dumps(item, sort_keys=True, default=repr) for item in value}
    if len(texts) < len(value):
        yield _ValidationError("the items are not all different")


# the names of the types of values that need no library to be judged
_PLAIN_TYPES: dict[type, tuple[str, ...]] = {
    bool: ("boolean",),
    int: ("integer", "number"),
    float: ("number",),
    str: ("string",),
    type(None): ("null",),
}


class SchemaValidator:
    """Validates the values of one load or one run. All patterns share a bounded time."""

    def __init__(self) -> None:
        self.seconds = PATTERN_SECONDS

    @cached_property
    def _validator(self) -> Any:
        """The validator class: it takes 1 ms to make, and plain declarations need none."""
        extend: Any = jsonschema.validators.extend
        return extend(_BASE_VALIDATOR, {"pattern": self._check_pattern})

    def explain_misfit(self, value: Any, schema: Mapping[str, Any]) -> str | None:
        """Return how a value does not fit a schema, or None if it fits.

        The text is the end of a sentence that begins with the value's name.
        """
        if isinstance(value, float) and not math.isfinite(value):
            return f"is {value}, which is not a finite number"
        if schema.keys() <= _NOTES:
            # any value fits, and none needs to be looked at
            return None
        if _is_of_plain_type(value, schema):
            return None

        seconds = self.seconds
        if fits_surely(value, schema, self.matches):
            return None
        # what the patterns took is not taken from the time for the explanation
        self.seconds = seconds

        validator = self._validator(schema)
        type_problem = _check_type(validator, value, schema)
        if type_problem:
            return type_problem

        try:
            error = _best_error(validator.iter_errors(value))
        except RecursionError:
            return "does not fit: it, or its declaration, contains itself or is nested too deeply"
        except referencing.exceptions.Unresolvable:
            # a fault of the schema, not of the value
            raise
        except Exception as failure:  # noqa: BLE001 - the keys of an object, say, may raise anything
            return f"cannot be validated: {_shorten(error_text(failure))}"
        if error is None:
            return None

        path = "".join(f"[{part!r}]" for part in error.absolute_path)
        place = f" at {path}" if path else ""
        return f"does not fit{place}: {_shorten(error.message)}"

    def _check_pattern(
        self, validator: Any, pattern: str, value: Any, _schema: Any
    ) -> Iterator[Any]:
        if not validator.is_type(value, "string"):
            return

        try:
            if not self._search(pattern, value):
                yield _ValidationError(f"{value[:60]!r} does not match the pattern {pattern!r}")
        except TimeoutError:
            yield _ValidationError(f"the pattern {pattern!r} takes too long over this text")
        except (TemplateError, regex.error) as error:
            yield _ValidationError(str(error))

    def matches(self, pattern: str, text: str) -> bool:
        """Return whether a pattern surely matches a text, in the time that is left."""
        try:
            return self._search(pattern, text)
        except (TimeoutError, TemplateError, regex.error):
            return False

    def _search(self, pattern: str, text: str) -> bool:
        """Return whether a pattern matches a text, and take the time from what is left."""
        started = time.perf_counter()
        timeout = max(self.seconds, MIN_PATTERN_SECONDS)
        try:
            return compile_pattern(pattern).search(text, timeout=timeout) is not None
        finally:
            elapsed = time.perf_counter() - started
            self.seconds -= max(0.0, elapsed - MIN_PATTERN_SECONDS)


def _is_of_plain_type(value: Any, schema: Mapping[str, Any]) -> bool:
    """Return whether a schema asks for a type alone, and a value is exactly of that type."""
    if not schema.keys() <= _TYPE_KEYS:
        return False
    name = schema.get("type")
    return isinstance(name, str) and name in _PLAIN_TYPES.get(type(value), ())


def _check_type(validator: Any, value: Any, schema: Mapping[str, Any]) -> str | None:
    types = schema.get("type")
    if types is None:
        return None

    if not isinstance(types, list):
        types = [types]
    if any(validator.is_type(value, type_name) for type_name in types):
        return None
    return f"must be {' or '.join(map(_add_article, types))}, not {_describe(value)}"


def _make_base_validator() -> Any:
    """Return a validator class that accepts ranges and tuples as arrays, and NumPy's numbers."""
    base: Any = jsonschema.Draft202012Validator
    type_checker = base.TYPE_CHECKER.redefine_many(
        {"array": _is_array, "number": _is_number, "integer": _is_integer}
    )
    extend: Any = jsonschema.validators.extend
    return extend(base, {"uniqueItems": _check_unique_items}, type_checker=type_checker)


_BASE_VALIDATOR = _make_base_validator()
_META_VALIDATOR: Any = jsonschema.Draft202012Validator(
    jsonschema.Draft202012Validator.META_SCHEMA,
    format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
)
