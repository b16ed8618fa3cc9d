"""A JSON Schema of a workflow's text, for editors.

It describes the shape: keys, kinds of values, limits. Problems that need the whole workflow
(targets that do not exist, names in expressions) are found only by `attune-nb check`.
"""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any

from attune_nb.language import load
from attune_nb.language.model import ATTUNE_KEYS, ATTUNE_TRANSITION_KEYS, RESERVED_TARGETS
from attune_nb.language.reading import legacy_syntax, read_parameters, read_tasks
from attune_nb.reference.entry import explanations, names
from attune_nb.reference.parameter_keys import PARAMETER_KEYS
from attune_nb.reference.workflow_keys import KEYS

if TYPE_CHECKING:
    from attune_nb.reference.entry import Entry, Kind

__all__ = ["json_schema"]

Schema = dict[str, Any]

# A string with an expression.
_TEMPLATE = r"\{\{"
_NULL: Schema = {"type": "null"}
_NO_WAIT = "Only a task that runs one action once, outside of `parallel` tasks, can wait."


def json_schema() -> Schema:
    """Return the schema, by JSON Schema 2020-12; the caller may change it."""
    schema: Schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A workflow of attune_nb",
        "description": "Tasks, how they follow one another, and the data between them.",
        "type": "object",
        "if": {"required": ["workflow"], "maxProperties": 1},
        "then": {
            "properties": {
                "workflow": {"$ref": "#/$defs/workflow", "description": "The workflow itself."}
            }
        },
        "else": {"$ref": "#/$defs/workflow"},
        "$defs": {
            "workflow": _workflow(),
            "parameters": _parameters(),
            "parameter": _parameter(),
            "task": _task(),
            "inner_task": _inner_task(),
            "retry": _object(_RETRY, required=("count",), or_null=True),
            "rate_limit": _rate_limit(),
            "wait_for": _object(_WAIT_FOR, required=("inquiry",), or_null=True),
            "transition": _object(_TRANSITION),
            "branch": {**_object(_BRANCH), "type": ["string", "object"]},
            "choice": {**_object(_CHOICE), **_default_or_next()},
            "names": _names(),
            "pairs": _pairs("object"),
            "publish": _pairs("string", "object"),
            "tasks": _tasks("task"),
            "inner_tasks": _tasks("inner_task", "null"),
        },
    }
    return copy.deepcopy(schema)


def _object(
    fields: dict[str, Schema], required: tuple[str, ...] = (), *, or_null: bool = False
) -> Schema:
    """Return an object of these keys and no others; a key may have `-` for `_`, but not both."""
    properties = dict(fields)
    exclusions: dict[str, Schema] = {}
    for key, field in fields.items():
        hyphenated = key.replace("_", "-")
        if hyphenated != key:
            properties[hyphenated] = field
            exclusions[hyphenated] = {"properties": {key: False}}

    types: Any = ["object", "null"] if or_null else "object"
    return {
        "type": types,
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
        "dependentSchemas": exclusions,
    }


def _choice(*words: str) -> Schema:
    return {"enum": [*words, None], "default": words[0]}


def _seconds(*, above_zero: bool = False) -> Schema:
    limit = "exclusiveMinimum" if above_zero else "minimum"
    return {"type": ["number", "null"], limit: 0}


def _positive_integer_or_string(pattern: str) -> Schema:
    return {**_POSITIVE_INTEGER, "type": ["integer", "string", "null"], "pattern": pattern}


def _refers(definition: str) -> Schema:
    return {"$ref": f"#/$defs/{definition}"}


def _rate_limit() -> Schema:
    limit = _object(_RATE_LIMIT, required=("count",))
    return {
        **limit,
        "type": ["string", "object", "null"],
        "pattern": r"^\s*(?=[^/]*[1-9])[0-9]+(\.[0-9]+)? ?/ ?[smh]\s*$",
    }


def _array(definition: str, *further_types: str) -> Schema:
    items = {"$ref": f"#/$defs/{definition}"}
    return {"type": ["array", *further_types, "null"], "items": items}


def _default_or_next() -> Schema:
    """Return the rule that `next` is required, unless `default` itself names the tasks."""
    names: Schema = {"type": ["string", "array"]}
    return {
        "if": {"required": ["default"], "properties": {"default": names}},
        "then": {"properties": _refused(("when",), "The default has no condition.")},
        "else": {
            "required": ["next"],
            "properties": {"next": {**names, "description": "The tasks to start."}},
        },
    }


def _names() -> Schema:
    return {"type": ["string", "array", "null"], "items": {"type": "string"}}


def _pairs(*entry_types: str) -> Schema:
    types = dict.fromkeys(["array", "null", *entry_types, "object"])
    return {
        "type": list(types),
        "items": {"type": list(entry_types), "minProperties": 1, "maxProperties": 1},
    }


def _tasks(definition: str, *further_types: str) -> Schema:
    task = {"$ref": f"#/$defs/{definition}"}
    return {
        "type": ["array", "object", *further_types],
        "minItems": 1,
        "minProperties": 1,
        "items": {**task, "required": ["name"]},
        "additionalProperties": task,
    }


def _workflow() -> Schema:
    return _object(_WORKFLOW, required=("tasks",))


def _parameters() -> Schema:
    """Return the schema of both forms; the loader distinguishes them in the same way."""
    specs = {"type": "object", "additionalProperties": {"$ref": "#/$defs/parameter"}}
    return {
        "type": ["object", "null"],
        "if": {
            "required": ["type"],
            "properties": {"type": {"const": "object"}},
        },
        "then": {
            "properties": {
                "properties": {**specs, "description": "The parameters, by name."},
                "required": {
                    "description": "The names of the parameters that a run needs.",
                    "type": "array",
                    "items": {"type": "string"},
                },
            }
        },
        "else": specs,
    }


def _parameter() -> Schema:
    return {
        "type": "object",
        "properties": _PARAMETER,
        "patternProperties": {f"^({'|'.join(_RARE_KEYS)}|x-.*)$": {}},
        "additionalProperties": False,
    }


def _task() -> Schema:
    parallel = {"required": ["type"], "properties": {"type": {"const": "parallel"}}}
    return {
        **_object(_TASK),
        "allOf": [
            {
                "if": parallel,
                "then": {
                    "required": ["tasks"],
                    "properties": {
                        "tasks": {"type": ["array", "object"], "description": "The tasks to run."},
                        **_refused(
                            read_tasks.KEYS_NOT_FOR_PARALLEL,
                            "This stands on the tasks within a `parallel` task.",
                        ),
                        **_refused(("wait_for",), _NO_WAIT),
                    },
                },
                "else": {
                    "required": ["action"],
                    "properties": {
                        "action": {"type": "string", "description": "The action to run."},
                        **_refused(("tasks",), "This needs `type: parallel`."),
                    },
                },
            },
            {
                "if": {"required": ["next"], "properties": {"next": {"minItems": 1}}},
                "then": {
                    "properties": _refused(
                        legacy_syntax.LEGACY_KEYS, "An older form cannot stand beside `next`."
                    )
                },
            },
            {
                "if": {"properties": {"action": {"const": "core.ask"}}, "required": ["action"]},
                "then": {
                    "properties": _refused(
                        read_tasks.KEYS_NOT_FOR_ASK,
                        "`core.ask` asks one person once.",
                    )
                },
            },
            *_item_rules(),
            {
                "if": {"required": ["start"], "properties": {"start": {"const": True}}},
                "then": {
                    "properties": _refused(
                        ("join",), "A task that waits for others does not start by itself."
                    )
                },
            },
        ],
    }


def _item_rules() -> list[Schema]:
    """Return the rules about `with_items`."""
    return [
        {
            "if": {"properties": _nulls(read_tasks.KEYS_FOR_ITEMS)},
            "else": {"anyOf": [{"required": [key]} for key in ("with_items", "with-items")]},
        },
        {
            "if": {"not": {"properties": _nulls(("with_items",))}},
            "then": {"properties": _refused(("wait_for",), _NO_WAIT)},
        },
    ]


def _inner_task() -> Schema:
    reason = "This stands on the `parallel` task, not on the tasks within."
    return {
        "$ref": "#/$defs/task",
        "properties": {
            **_refused(read_tasks.KEYS_NOT_FOR_INNER_TASKS, reason),
            **_refused(("wait_for",), _NO_WAIT),
        },
    }


def _nulls(keys: tuple[str, ...]) -> Schema:
    nulls: Schema = {}
    for key in keys:
        nulls[key] = _NULL
        nulls[key.replace("_", "-")] = _NULL
    return nulls


def _refused(keys: tuple[str, ...], reason: str) -> Schema:
    refused: Schema = {}
    for key in keys:
        refused[key] = {**_NULL, "description": reason}
        refused[key.replace("_", "-")] = {**_NULL, "description": reason}
    return refused


def _describe(
    entries: tuple[Entry, ...], kind: Kind, fields: dict[str, Schema]
) -> dict[str, Schema]:
    """Return the schemas of keys with the explanations of the reference."""
    texts = explanations(entries, kind)
    return {key: {"description": texts[key], **schema} for key, schema in fields.items()}


_STRING: Schema = {"type": ["string", "null"]}
_OBJECT: Schema = {"type": ["object", "null"]}
_POSITIVE_INTEGER: Schema = {"type": ["integer", "null"], "minimum": 1}
_CONDITION: Schema = {"type": ["string", "boolean", "null"], "pattern": r"\S"}
_COUNT: Schema = {"type": "integer", "minimum": 0}

_WORKFLOW = _describe(
    KEYS,
    "workflow key",
    {
        "name": {
            "type": ["string", "null"],
            "maxLength": read_tasks.MAX_NAME_LENGTH,
            "pattern": r"^(?!core\.)\S(.*\S)?$",
        },
        "ref": _STRING,
        "label": _STRING,
        "description": _STRING,
        "tags": _refers("names"),
        "version": {"type": ["string", "number", "null"], "default": "1.0.0"},
        "parameters": _refers("parameters"),
        "output": _OBJECT,
        "vars": _refers("pairs"),
        "tasks": _refers("tasks"),
        "output_map": _OBJECT,
        "cancellation_policy": _choice(*load.CANCELLATION_POLICIES),
        "timeout": _seconds(above_zero=True),
    },
)

_TASK = _describe(
    KEYS,
    "task key",
    {
        "name": {
            "type": "string",
            "maxLength": read_tasks.MAX_NAME_LENGTH,
            "pattern": r"^[^\s/]([^/]*[^\s/])?$",
            "not": {"enum": list(RESERVED_TARGETS)},
        },
        "action": {"type": ["string", "null"], "minLength": 1},
        "type": _choice(*read_tasks.TASK_TYPES),
        "input": _OBJECT,
        "when": _CONDITION,
        "with_items": {"type": ["array", "string", "null"], "pattern": _TEMPLATE},
        "concurrency": _positive_integer_or_string(_TEMPLATE),
        "batch_size": _POSITIVE_INTEGER,
        "retry": _refers("retry"),
        "max_failures": {
            "type": ["integer", "string", "null"],
            "minimum": 0,
            "pattern": rf"{_TEMPLATE}|^\s*([0-9]{{1,2}}(\.[0-9]+)?|100(\.0+)?) ?%\s*$",
        },
        "rate_limit": _refers("rate_limit"),
        "wait_for": _refers("wait_for"),
        "report_every": _POSITIVE_INTEGER,
        "timeout": _seconds(above_zero=True),
        "delay": _seconds(),
        "join": _positive_integer_or_string("^all$"),
        "keep_results": _choice(*read_tasks.RESULT_LOCATIONS),
        "next": _array("transition"),
        "tasks": _refers("inner_tasks"),
        "start": {"type": ["boolean", "null"], "default": False},
        "on_success": _array("branch", "string"),
        "on_failure": _array("branch", "string"),
        "on_complete": _array("branch", "string"),
        "on_timeout": _array("branch", "string"),
        "decision": _array("choice"),
        "publish": _refers("publish"),
        **{key: {} for key in ATTUNE_KEYS},
        "worker_selector": {
            "type": ["object", "null"],
            "additionalProperties": {"not": {"type": "number", "maximum": 0}},
        },
    },
)

_RETRY = _describe(
    KEYS,
    "retry key",
    {
        "count": {"type": "integer", "minimum": 1, "maximum": read_tasks.MAX_RETRIES},
        "delay": _seconds(),
        "backoff": _choice(*read_tasks.BACKOFFS),
        "max_delay": _seconds(),
        "on_error": _refers("names"),
    },
)

_ABOVE_ZERO: Schema = {"type": "number", "exclusiveMinimum": 0}

_RATE_LIMIT = _describe(
    KEYS,
    "rate limit key",
    {
        "count": _ABOVE_ZERO,
        "per": {**_ABOVE_ZERO, "default": read_tasks.DEFAULT_RATE_PERIOD},
    },
)

_WAIT_FOR = _describe(
    KEYS,
    "wait for key",
    {"inquiry": {"type": ["integer", "string"], "minimum": 1, "pattern": _TEMPLATE}},
)

_TRANSITION = _describe(
    KEYS,
    "transition key",
    {
        "when": _CONDITION,
        "publish": _refers("publish"),
        "do": _refers("names"),
        **{key: {} for key in ATTUNE_TRANSITION_KEYS},
    },
)

_BRANCH = _describe(
    KEYS,
    "branch key",
    {"when": _CONDITION, "publish": _refers("publish"), "do": _refers("names")},
)

_CHOICE = _describe(
    KEYS,
    "decision key",
    {
        "when": _CONDITION,
        "next": _refers("names"),
        "default": {
            "type": ["boolean", "string", "array", "null"],
            "items": {"type": "string"},
        },
    },
)

_TYPE_NAME: Schema = {"enum": [*read_parameters.PARAMETER_TYPES, "null"]}

_PARAMETER = _describe(
    PARAMETER_KEYS,
    "parameter key",
    {
        "type": {"anyOf": [_TYPE_NAME, {"type": "array", "items": _TYPE_NAME, "minItems": 1}]},
        "required": {"type": ["boolean", "array"], "items": {"type": "string"}},
        "default": {},
        "secret": {"type": "boolean"},
        "description": {"type": "string"},
        "enum": {"type": "array"},
        "items": {"type": ["object", "boolean"]},
        "properties": {"type": "object"},
        "minimum": {"type": "number"},
        "maximum": {"type": "number"},
        "minLength": _COUNT,
        "maxLength": _COUNT,
        "minItems": _COUNT,
        "maxItems": _COUNT,
        "pattern": {"type": "string"},
        "format": {"type": "string"},
    },
)

_RARE_KEYS = [re.escape(name) for name in names(PARAMETER_KEYS, "parameter key", "rare")]
