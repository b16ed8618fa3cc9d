"""A JSON Schema of a workflow's text, for editors.

It describes the shape: keys, kinds of values, limits. Problems that need the whole workflow
(targets that do not exist, names in expressions) are found only by `attune-nb check`.
"""

from __future__ import annotations

import copy
from typing import Any

from attune_nb.language import load
from attune_nb.language.model import ATTUNE_KEYS, RESERVED_TARGETS
from attune_nb.language.reading import legacy_syntax, read_parameters, read_tasks

__all__ = ["json_schema"]

Schema = dict[str, Any]

# A string with an expression.
_TEMPLATE = r"\{\{"
_NULL: Schema = {"type": "null"}


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


def _string(description: str) -> Schema:
    return {"description": description, "type": ["string", "null"]}


def _choice(description: str, *words: str) -> Schema:
    return {"description": description, "enum": [*words, None], "default": words[0]}


def _seconds(description: str, *, above_zero: bool = False) -> Schema:
    limit = "exclusiveMinimum" if above_zero else "minimum"
    return {"description": description, "type": ["number", "null"], limit: 0}


def _positive_integer(description: str) -> Schema:
    return {"description": description, "type": ["integer", "null"], "minimum": 1}


def _positive_integer_or_string(description: str, pattern: str) -> Schema:
    schema = _positive_integer(description)
    return {**schema, "type": ["integer", "string", "null"], "pattern": pattern}


def _mapping(description: str) -> Schema:
    return {"description": description, "type": ["object", "null"]}


def _refers(definition: str, description: str) -> Schema:
    return {"description": description, "$ref": f"#/$defs/{definition}"}


def _array(definition: str, description: str, *further_types: str) -> Schema:
    items = {"$ref": f"#/$defs/{definition}"}
    return {"description": description, "type": ["array", *further_types, "null"], "items": items}


def _condition(description: str) -> Schema:
    types = ["string", "boolean", "null"]
    return {"description": description, "type": types, "pattern": r"\S"}


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
        "patternProperties": {f"^({'|'.join(_RARER)}|x-.*)$": {}},
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
            {
                "if": {"properties": {"batch_size": _NULL, "batch-size": _NULL}},
                "else": {"anyOf": [{"required": [key]} for key in ("with_items", "with-items")]},
            },
        ],
    }


def _inner_task() -> Schema:
    reason = "This stands on the `parallel` task, not on the tasks within."
    return {
        "$ref": "#/$defs/task",
        "properties": _refused(read_tasks.KEYS_NOT_FOR_INNER_TASKS, reason),
    }


def _refused(keys: tuple[str, ...], reason: str) -> Schema:
    refused: Schema = {}
    for key in keys:
        refused[key] = {**_NULL, "description": reason}
        refused[key.replace("_", "-")] = {**_NULL, "description": reason}
    return refused


_WORKFLOW: dict[str, Schema] = {
    "ref": _string("The name for other workflows and Attune: `pack.name`."),
    "label": _string("A short name for people."),
    "description": _string("The purpose of the workflow."),
    "tags": _refers("names", "Words for searches."),
    "version": {
        "description": "The version of this workflow; quote it.",
        "type": ["string", "number", "null"],
        "default": "1.0.0",
    },
    "parameters": _refers(
        "parameters", "The values that a run needs: names, each with its declaration."
    ),
    "output": _mapping("A schema of the output; for readers only."),
    "vars": _refers("pairs", "Variables and their first values, read as `workflow.NAME`."),
    "tasks": _refers("tasks", "The steps. A run starts with those that no other task points at."),
    "output_map": _mapping("The output: names and values, with `{{ expressions }}`."),
    "cancellation_policy": _choice(
        "The effect of cancelling on tasks that are running.", *load.CANCELLATION_POLICIES
    ),
    "timeout": _seconds("The time limit of the whole run, in seconds.", above_zero=True),
}

_TASK: dict[str, Schema] = {
    "name": {
        "description": "The name that `do`, `task.NAME` and messages use; it is unique.",
        "type": "string",
        "maxLength": read_tasks.MAX_NAME_LENGTH,
        "pattern": r"^[^\s/]([^/]*[^\s/])?$",
        "not": {"enum": list(RESERVED_TARGETS)},
    },
    "action": {
        "description": "The action: `pack.name`, a registered name, `module:function`, a workflow.",
        "type": ["string", "null"],
        "minLength": 1,
    },
    "type": _choice("The kind of task.", *read_tasks.TASK_TYPES),
    "input": _mapping("The action's arguments, with `{{ expressions }}`."),
    "when": _condition("If this is false, the task is skipped."),
    "with_items": {
        "description": "Run once for each item of an array; `input` can read `item` and `index`.",
        "type": ["array", "string", "null"],
        "pattern": _TEMPLATE,
    },
    "concurrency": _positive_integer_or_string("How many items run at once.", _TEMPLATE),
    "batch_size": _positive_integer("Pass an array of up to that many items to each run."),
    "retry": _refers("retry", "How often a failed attempt is retried."),
    "timeout": _seconds("The time limit of one attempt, in seconds.", above_zero=True),
    "delay": _seconds("Seconds to wait before the task starts."),
    "join": _positive_integer_or_string(
        "Wait for `all` tasks that point at this one, or for that many.", "^all$"
    ),
    "keep_results": _choice(
        "The place of results: with the run, or on the cluster that computed them (dask).",
        *read_tasks.RESULT_LOCATIONS,
    ),
    "next": _array("transition", "The transitions; every one whose `when` is true fires."),
    "tasks": _refers("inner_tasks", "The tasks that a `parallel` task runs together."),
    "on_success": _array("branch", "Older form: the tasks to start on success.", "string"),
    "on_failure": _array("branch", "Older form: the tasks to start on failure.", "string"),
    "on_complete": _array("branch", "Older form: the tasks to start after any end.", "string"),
    "on_timeout": _array("branch", "Older form: the tasks to start on a timeout.", "string"),
    "decision": _array(
        "choice", "Older form: start the tasks of the branch whose condition is true."
    ),
    "publish": _refers("publish", "Older form: variables to set on success."),
    **{key: {"description": "Kept for Attune; it changes nothing here."} for key in ATTUNE_KEYS},
    "worker_selector": {
        "description": "The Dask resources that a worker must have, and how much of each.",
        "type": ["object", "null"],
        "additionalProperties": {"not": {"type": "number", "maximum": 0}},
    },
}

_RETRY: dict[str, Schema] = {
    "count": {
        "description": "How many more attempts after the first.",
        "type": "integer",
        "minimum": 1,
        "maximum": read_tasks.MAX_RETRIES,
    },
    "delay": _seconds("Seconds to wait before another attempt."),
    "backoff": _choice("How the wait grows.", *read_tasks.BACKOFFS),
    "max_delay": _seconds("The longest wait, in seconds."),
    "on_error": _refers(
        "names", "Regular expressions; an error is retried if one is found in its type or message."
    ),
}

_TRANSITION: dict[str, Schema] = {
    "when": _condition("Whether it fires, such as `{{ succeeded() }}`; always if absent."),
    "publish": _refers("publish", "Variables to set; a bare name is set to `result()`."),
    "do": _refers("names", "The tasks to start; `noop` does nothing, `fail` fails the run."),
}

_BRANCH: dict[str, Schema] = {
    **_TRANSITION,
    "when": _condition("A further condition, besides how the task ended."),
}

_CHOICE: dict[str, Schema] = {
    "when": _condition("If this is true, start the tasks of `next`."),
    "next": _refers("names", "The tasks to start."),
    "default": {
        "description": "If no other branch fires: true (start the tasks of `next`), or the tasks.",
        "type": ["boolean", "string", "array", "null"],
        "items": {"type": "string"},
    },
}

_PARAMETER: dict[str, Schema] = {
    "type": {
        "description": "The kind of value.",
        "anyOf": [
            {"enum": [*read_parameters.PARAMETER_TYPES, "null"]},
            {
                "type": "array",
                "items": {"enum": [*read_parameters.PARAMETER_TYPES, "null"]},
                "minItems": 1,
            },
        ],
    },
    "required": {
        "description": "Whether a run needs it; of an object, the keys that it must have.",
        "type": ["boolean", "array"],
        "items": {"type": "string"},
    },
    "default": {"description": "Its value if a run passes none."},
    "secret": {"description": "Whether its value is never shown.", "type": "boolean"},
    "description": {"description": "Its purpose.", "type": "string"},
    "enum": {"description": "The only values it may have.", "type": "array"},
    "items": {"description": "A schema of an array's items.", "type": ["object", "boolean"]},
    "properties": {"description": "Schemas of an object's keys.", "type": "object"},
    "minimum": {"description": "The least number.", "type": "number"},
    "maximum": {"description": "The greatest number.", "type": "number"},
    "minLength": {"description": "The fewest characters.", "type": "integer", "minimum": 0},
    "maxLength": {"description": "The most characters.", "type": "integer", "minimum": 0},
    "minItems": {"description": "The fewest items.", "type": "integer", "minimum": 0},
    "maxItems": {"description": "The most items.", "type": "integer", "minimum": 0},
    "pattern": {"description": "A regular expression that a string matches.", "type": "string"},
    "format": {"description": "Such as `date` or `uri`; for readers only.", "type": "string"},
}

_RARER = (
    "title", "label", "examples", "deprecated", "readOnly", "writeOnly", "position", "const",
    "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "uniqueItems", "minContains",
    "maxContains", "minProperties", "maxProperties", "dependentRequired", "contains", "not", "if",
    "then", "else", "propertyNames", "additionalProperties", "unevaluatedItems",
    "unevaluatedProperties", "allOf", "anyOf", "oneOf", "prefixItems", "definitions",
    "dependentSchemas", r"\$ref", r"\$defs", r"\$comment", r"\$schema",
)  # fmt: skip
