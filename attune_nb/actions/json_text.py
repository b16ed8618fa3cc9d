"""JSON that a command or a server has sent."""

from __future__ import annotations

import json
import sys
from typing import Any

from attune_nb.values.strict_json import STRICT_JSON

__all__ = ["parse_json"]

_DECODER = json.JSONDecoder(**STRICT_JSON)

# Levels of nesting. A result may have 200, and this value becomes a part of it.
_DEEPEST = 190


def parse_json(text: str) -> tuple[Any, str | None]:
    """Parse strict JSON; return the value, and why JSON has none.

    The value is None for any other text, without a reason.
    """
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        return None, _too_deep()
    except json.JSONDecodeError:
        return None, None
    except ValueError as error:
        return None, _explain_number(error)

    # only a text with that many brackets can be so deep
    if text.count("[") + text.count("{") > _DEEPEST and _is_deeper(value, _DEEPEST):
        return None, _too_deep()
    return value, None


def _is_deeper(value: Any, levels: int) -> bool:
    """Return whether arrays and objects are nested in more levels."""
    layer = [value]
    for _ in range(levels + 1):
        inner_layer: list[Any] = []
        for container in layer:
            if isinstance(container, dict):
                inner_layer.extend(container.values())
            elif isinstance(container, list):
                inner_layer.extend(container)
        if not inner_layer:
            return False
        layer = inner_layer
    return True


def _explain_number(error: ValueError) -> str:
    """Return why a number of a text cannot be read."""
    text = str(error)
    if "digits" in text:
        # the message of Python advises a setting of the interpreter
        return f"the JSON holds an integer of more than {sys.get_int_max_str_digits():,} digits"
    return f"the JSON cannot be read: {text}"


def _too_deep() -> str:
    return f"the JSON is nested deeper than {_DEEPEST} levels"
