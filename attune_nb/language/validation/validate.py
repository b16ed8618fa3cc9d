"""Whether a value fits a JSON Schema, in bounded time and with no reach out of the text."""

from __future__ import annotations

import itertools
import json
import math
import numbers
import time
from typing import TYPE_CHECKING, Any

import referencing.exceptions
import referencing.jsonschema
import regex

from attune_nb.errors import TemplateError
from attune_nb.language.validation.formats import jsonschema
from attune_nb.templates.library.to_text import compile_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["SchemaValidator", "find_schema_error", "is_local_reference"]

LONGEST = 200  # characters of the library's message
MOST_ERRORS = 20  # that the library may find before the best of them is told
PATTERN_SECONDS = 0.5
LEAST_SECONDS = 0.00002  # what a search may take beyond that: a million short ones are fine

_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "a boolean"),
    (str, "a string"),
    (int, "an integer"),
    (float, "a number"),
    (dict, "an object"),
    ((list, tuple, range), "an array"),
)
_Error: Any = jsonschema.ValidationError


def find_schema_error(schema: Mapping[str, Any]) -> tuple[tuple[str | int, ...], str] | None:
    """Say where something is no JSON Schema, and why; or None."""
    try:
        error = _best(_META.iter_errors(schema))
    except RecursionError:
        return (), "nested too deeply"
    if error is None:
        return None
    message = error.message.replace("is not a 'regex'", "is not a pattern")
    return tuple(error.absolute_path), _shortened(message)


def is_local_reference(reference: str, schema: Mapping[str, Any]) -> bool:
    """Tell whether a `$ref` leads to something within the schema; nothing is fetched."""
    root = referencing.jsonschema.DRAFT202012.create_resource(schema)
    registry: Any = referencing.Registry()
    try:
        registry.resolver_with_root(root).lookup(reference)
    except referencing.exceptions.Unresolvable:
        return False
    except (ValueError, TypeError, AttributeError):  # no URI, or a schema that is none
        return False
    return True


def _best(errors: Iterator[Any]) -> Any:
    return jsonschema.exceptions.best_match(itertools.islice(errors, MOST_ERRORS))


def _shortened(message: str) -> str:
    return message if len(message) <= LONGEST else f"{message[:LONGEST]} …"


def _with_article(kind: str) -> str:
    return kind if kind == "null" else f"a{'n' * (kind[0] in 'aeio')} {kind}"


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    found = next((name for kind, name in _KINDS if isinstance(value, kind)), None)
    return found or f"a {type(value).__name__} (declare `type: any` to take any object)"


def _number(_: Any, value: Any) -> bool:
    real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return real and (isinstance(value, numbers.Integral) or math.isfinite(value))


def _integer(_: Any, value: Any) -> bool:
    if isinstance(value, float):
        return value.is_integer()
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _unique(judge: Any, wanted: Any, value: Any, _schema: Any) -> Iterator[Any]:
    """Compare by text: the library's own way is quadratic where items have no order."""
    if wanted and judge.is_type(value, "array"):
        texts = {json.dumps(each, sort_keys=True, default=repr) for each in value}
        if len(texts) < len(value):
            yield _Error("the items are not all different")


class SchemaValidator:
    """Judges the values of one load or one run; all patterns together have a bounded time."""

    def __init__(self) -> None:
        self.seconds = PATTERN_SECONDS
        extend: Any = jsonschema.validators.extend
        self._validator = extend(_BASE, {"pattern": self._pattern})

    def explain_misfit(self, value: Any, schema: Mapping[str, Any]) -> str | None:
        """Say how a value does not fit (what follows its name in a message), or None."""
        if isinstance(value, float) and not math.isfinite(value):
            return f"is {value}, which is no finite number"
        validator = self._validator(schema)
        wanted = schema.get("type")
        many = wanted if isinstance(wanted, list) else [wanted]
        if wanted is not None and not any(validator.is_type(value, each) for each in many):
            return f"is to be {' or '.join(map(_with_article, many))}, not {_kind(value)}"
        try:
            error = _best(validator.iter_errors(value))
        except RecursionError:
            return "does not fit: it, or its declaration, contains itself or is nested too deeply"
        except (TypeError, ValueError, AttributeError, ArithmeticError) as failure:
            return f"cannot be judged: {_shortened(str(failure))}"
        if error is None:
            return None
        where = "".join(f"[{part!r}]" for part in error.absolute_path)
        return f"does not fit{' at ' + where if where else ''}: {_shortened(error.message)}"

    def _pattern(self, validator: Any, pattern: str, value: Any, _schema: Any) -> Iterator[Any]:
        if not validator.is_type(value, "string"):
            return
        began = time.perf_counter()
        try:
            found = compile_pattern(pattern).search(value, timeout=max(self.seconds, LEAST_SECONDS))
        except TimeoutError:
            yield _Error(f"the pattern {pattern!r} takes too long over this text")
        except (TemplateError, regex.error) as error:
            yield _Error(str(error))
        else:
            if not found:
                yield _Error(f"{value[:60]!r} does not match the pattern {pattern!r}")
        self.seconds -= max(0.0, time.perf_counter() - began - LEAST_SECONDS)


def _base() -> Any:
    """Give the validator: ranges and tuples are arrays too, numbers of NumPy are numbers."""
    base: Any = jsonschema.Draft202012Validator
    kinds = base.TYPE_CHECKER.redefine_many(
        {
            "array": lambda _, value: isinstance(value, list | tuple | range),
            "number": _number,
            "integer": _integer,
        }
    )
    extend: Any = jsonschema.validators.extend
    return extend(base, {"uniqueItems": _unique}, type_checker=kinds)


_BASE = _base()
_META: Any = jsonschema.Draft202012Validator(
    jsonschema.Draft202012Validator.META_SCHEMA,
    format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
)
