"""`jsonschema`, without the second that the grammar of one format takes to be built.

When it is imported, jsonschema imports every checker of formats it can find. One of them,
`rfc3987_syntax`, which Jupyter brings along, builds its grammar as it is imported: some 0.85 s
on the first cell, for the formats `iri` and `iri-reference` alone. Here it is imported when one
of them is first checked; whoever else uses jsonschema in this process finds both as always.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from functools import partial
from typing import Any

__all__ = ["jsonschema"]

_LATE, _INSTEAD = "rfc3987_syntax", "rfc3987"  # the second takes its place where it is installed
_FORMATS = {"iri": "iri", "iri-reference": "iri_reference"}  # and what the grammar calls them
_VERSIONS = ("Draft7Validator", "Draft201909Validator", "Draft202012Validator")


def _is_valid(rule: str, value: object) -> bool:
    found: Any = importlib.import_module(_LATE)
    return not isinstance(value, str) or bool(found.is_valid_syntax(rule, value))


def _is_there(name: str) -> bool:
    return name in sys.modules or importlib.util.find_spec(name) is not None


if "jsonschema" in sys.modules or _LATE in sys.modules or _is_there(_INSTEAD):
    import jsonschema
elif _is_there(_LATE):
    loaded: Any = sys.modules
    loaded[_LATE] = None  # what makes an import of it fail
    try:
        import jsonschema
    finally:
        del loaded[_LATE]
    checkers: list[Any] = [getattr(jsonschema, version).FORMAT_CHECKER for version in _VERSIONS]
    for checker in (jsonschema.FormatChecker, *checkers):
        for name, rule in _FORMATS.items():
            checker.checkers[name] = (partial(_is_valid, rule), ValueError)
else:
    import jsonschema
