"""Import `jsonschema` without the grammar that takes most of a second to build.

On import, jsonschema imports every format checker that it can find. One of them,
`rfc3987_syntax`, which Jupyter installs, builds its grammar on import: about 0.85 s in the first
cell, for the formats `iri` and `iri-reference` alone. Here it is imported when one of them is
first checked. Any other user of jsonschema in this process finds both formats as usual.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from functools import partial
from typing import Any

__all__ = ["jsonschema"]

_SLOW_MODULE = "rfc3987_syntax"
# jsonschema prefers this module if it is installed.
_PREFERRED_MODULE = "rfc3987"
# The grammar's rule for each format.
_RULES = {"iri": "iri", "iri-reference": "iri_reference"}
_VERSIONS = ("Draft7Validator", "Draft201909Validator", "Draft202012Validator")


def _is_valid(rule: str, value: object) -> bool:
    if not isinstance(value, str):
        return True

    grammar: Any = importlib.import_module(_SLOW_MODULE)
    return bool(grammar.is_valid_syntax(rule, value))


def _is_available(name: str) -> bool:
    return name in sys.modules or importlib.util.find_spec(name) is not None


if "jsonschema" in sys.modules or _SLOW_MODULE in sys.modules or _is_available(_PREFERRED_MODULE):
    import jsonschema
elif _is_available(_SLOW_MODULE):
    # None in `sys.modules` makes an import fail
    modules: Any = sys.modules
    modules[_SLOW_MODULE] = None
    try:
        import jsonschema
    finally:
        del modules[_SLOW_MODULE]

    checkers: list[Any] = [getattr(jsonschema, version).FORMAT_CHECKER for version in _VERSIONS]
    for checker in (jsonschema.FormatChecker, *checkers):
        for name, rule in _RULES.items():
            checker.checkers[name] = (partial(_is_valid, rule), ValueError)
else:
    import jsonschema
