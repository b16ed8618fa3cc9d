"""A JSON Schema of a workflow's text, for the editors of people who write one.

It knows the shape: keys, kinds of values, limits. What needs the whole workflow (targets that
exist, names in expressions) only `attune-nb check` can tell.
"""

from __future__ import annotations

import copy
from typing import Any

from attune_nb.language import load
from attune_nb.language.model import ATTUNE_KEYS, RESERVED_TARGETS
from attune_nb.language.reading import legacy_syntax, read_parameters, read_tasks

__all__ = ["json_schema"]

Schema = dict[str, Any]

_TEMPLATE = r"\{\{"  # a text is one thing or the other: only one with braces is a template
_NOTHING: Schema = {"type": "null"}


def json_schema() -> Schema:
    """Give the schema, in the words of JSON Schema 2020-12; the caller may change it."""
    whole: Schema = {
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
            "retry": _map(_RETRY, required=("count",), or_nothing=True),
            "transition": _map(_TRANSITION),
            "branch": {**_map(_BRANCH), "type": ["string", "object"]},
            "choice": {**_map(_CHOICE), **_default_or_next()},
            "names": _names(),
            "pairs": _pairs("object"),
            "publish": _pairs("string", "object"),
            "tasks": _tasks("task"),
            "inner_tasks": _tasks("inner_task", "null"),
        },
    }
    return copy.deepcopy(whole)


def _map(
    described: dict[str, Schema], required: tuple[str, ...] = (), *, or_nothing: bool = False
) -> Schema:
    """Give a map of these keys and no others; each may have `-` for `_`, but stands once."""
    spelt = {key: key.replace("_", "-") for key in described}
    twice = {key: dash for key, dash in spelt.items() if key != dash}
    return {
        "type": ["object", "null"] if or_nothing else "object",
        "properties": described | {dash: described[key] for key, dash in twice.items()},
        "required": list(required),
        "additionalProperties": False,
        "dependentSchemas": {dash: {"properties": {key: False}} for key, dash in twice.items()},
    }


def _text(description: str, **more: Any) -> Schema:
    return {"description": description, "type": ["string", "null"], **more}


def _choice(description: str, *words: str) -> Schema:
    return {"description": description, "enum": [*words, None], "default": words[0]}


def _seconds(description: str, **more: Any) -> Schema:
    return {"description": description, "type": ["number", "null"], **(more or {"minimum": 0})}


def _whole(description: str, **more: Any) -> Schema:
    """Give a whole number of 1 or more, and the texts that may stand in its place."""
    kinds = ["integer", "string", "null"] if more else ["integer", "null"]
    return {"description": description, "type": kinds, "minimum": 1, **more}


def _mapping(description: str) -> Schema:
    return {"description": description, "type": ["object", "null"]}


def _refers(definition: str, description: str) -> Schema:
    return {"description": description, "$ref": f"#/$defs/{definition}"}


def _listed(definition: str, description: str, *kinds: str) -> Schema:
    items = {"$ref": f"#/$defs/{definition}"}
    return {"description": description, "type": ["array", *kinds, "null"], "items": items}


def _condition(description: str) -> Schema:
    kinds = ["string", "boolean", "null"]
    return {"description": description, "type": kinds, "pattern": r"\S"}


def _default_or_next() -> Schema:
    """Want `next`, unless `default` itself names the tasks."""
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


def _pairs(*kinds: str) -> Schema:
    return {
        "type": ["array", "null", *dict.fromkeys([*kinds, "object"])],
        "items": {"type": list(kinds), "minProperties": 1, "maxProperties": 1},
    }


def _tasks(definition: str, *kinds: str) -> Schema:
    task = {"$ref": f"#/$defs/{definition}"}
    return {
        "type": ["array", "object", *kinds],
        "minItems": 1,
        "minProperties": 1,
        "items": {**task, "required": ["name"]},
        "additionalProperties": task,
    }


def _workflow() -> Schema:
    return _map(_WORKFLOW, required=("tasks",))


def _parameters() -> Schema:
    """Tell the flat form from an object schema, as the loader does."""
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
                    "description": "The names of those that a run must be given.",
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
        **_map(_TASK),
        "allOf": [
            {
                "if": parallel,
                "then": {
                    "required": ["tasks"],
                    "properties": {
                        "tasks": {"type": ["array", "object"], "description": "What runs."},
                        **_refused(
                            read_tasks.KEYS_NOT_FOR_PARALLEL,
                            "This stands on the tasks within a `parallel` task.",
                        ),
                    },
                },
                "else": {
                    "required": ["action"],
                    "properties": {
                        "action": {"type": "string", "description": "What runs."},
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
                "if": {"properties": {"batch_size": _NOTHING, "batch-size": _NOTHING}},
                "else": {"anyOf": [{"required": [key]} for key in ("with_items", "with-items")]},
            },
        ],
    }


def _inner_task() -> Schema:
    why = "This stands on the `parallel` task, not on the tasks within."
    return {
        "$ref": "#/$defs/task",
        "properties": _refused(read_tasks.KEYS_NOT_FOR_INNER_TASKS, why),
    }


def _refused(keys: tuple[str, ...], why: str) -> Schema:
    both = [spelt for key in keys for spelt in dict.fromkeys((key, key.replace("_", "-")))]
    return {key: {**_NOTHING, "description": why} for key in both}


_WORKFLOW: dict[str, Schema] = {
    "ref": _text("How other workflows and Attune call it: `pack.name`."),
    "label": _text("A short name for people."),
    "description": _text("What the workflow is for."),
    "tags": _refers("names", "Words to find it by."),
    "version": {
        "description": "The version of this workflow; quote it.",
        "type": ["string", "number", "null"],
        "default": "1.0.0",
    },
    "parameters": _refers("parameters", "What a run is given: names, each with its declaration."),
    "output": _mapping("A schema of what the workflow gives; for readers only."),
    "vars": _refers("pairs", "Variables and their first values, read as `workflow.NAME`."),
    "tasks": _refers("tasks", "The steps. Those that nothing points at start."),
    "output_map": _mapping("What the workflow gives: names and values, with `{{ expressions }}`."),
    "cancellation_policy": _choice(
        "What cancelling does to tasks under way.", *load.CANCELLATION_POLICIES
    ),
    "timeout": _seconds("The most seconds for the whole run.", exclusiveMinimum=0),
}

_TASK: dict[str, Schema] = {
    "name": {
        "description": "The name that `do`, `task.NAME` and messages use; no two tasks share it.",
        "type": "string",
        "maxLength": read_tasks.MAX_NAME_LENGTH,
        "pattern": r"^[^\s/]([^/]*[^\s/])?$",
        "not": {"enum": list(RESERVED_TARGETS)},
    },
    "action": {
        "description": "What runs: `pack.name`, a registered name, `module:function`, a workflow.",
        "type": ["string", "null"],
        "minLength": 1,
    },
    "type": _choice("What kind of task it is.", *read_tasks.TASK_TYPES),
    "input": _mapping("The action's arguments, with `{{ expressions }}`."),
    "when": _condition("Where this is false, the task is skipped."),
    "with_items": {
        "description": "Run once for each item of a list; `item` and `index` stand in `input`.",
        "type": ["array", "string", "null"],
        "pattern": _TEMPLATE,
    },
    "concurrency": _whole("How many items run at once.", pattern=_TEMPLATE),
    "batch_size": _whole("Give each run a list of up to that many items."),
    "retry": _refers("retry", "How often a failed attempt is tried again."),
    "timeout": _seconds("The most seconds for one attempt.", exclusiveMinimum=0),
    "delay": _seconds("Seconds to wait before the task starts."),
    "join": _whole("Wait for `all` tasks that point here, or for so many.", pattern="^all$"),
    "keep_results": _choice(
        "Where results stay: with the run, or on the cluster that made them (dask).",
        *read_tasks.RESULT_LOCATIONS,
    ),
    "next": _listed("transition", "What follows; every transition whose `when` holds fires."),
    "tasks": _refers("inner_tasks", "The tasks that a `parallel` task runs together."),
    "on_success": _listed("branch", "Older form: where to go on success.", "string"),
    "on_failure": _listed("branch", "Older form: where to go on failure.", "string"),
    "on_complete": _listed("branch", "Older form: where to go however it ended.", "string"),
    "on_timeout": _listed("branch", "Older form: where to go on a timeout.", "string"),
    "decision": _listed("choice", "Older form: go where the condition holds."),
    "publish": _refers("publish", "Older form: variables to set on success."),
    **{key: {"description": "Kept for Attune; it changes nothing here."} for key in ATTUNE_KEYS},
    "worker_selector": {
        "description": "What a worker must have, and how much: a resource of Dask's each.",
        "type": ["object", "null"],
        "additionalProperties": {"not": {"type": "number", "maximum": 0}},
    },
}

_RETRY: dict[str, Schema] = {
    "count": {
        "description": "How many attempts more after the first.",
        "type": "integer",
        "minimum": 1,
        "maximum": read_tasks.MAX_RETRIES,
    },
    "delay": _seconds("Seconds to wait before another attempt."),
    "backoff": _choice("How the wait grows.", *read_tasks.BACKOFFS),
    "max_delay": _seconds("The longest wait, in seconds."),
    "on_error": _refers(
        "names", "Regular expressions; an error is tried again if one is in its type or message."
    ),
}

_TRANSITION: dict[str, Schema] = {
    "when": _condition("Whether it fires, such as `{{ succeeded() }}`; always if absent."),
    "publish": _refers("publish", "Variables to set; a bare name is set to `result()`."),
    "do": _refers("names", "The tasks to start; `noop` does nothing, `fail` fails the run."),
}

_BRANCH: dict[str, Schema] = {
    **_TRANSITION,
    "when": _condition("A condition besides how the task ended."),
}

_CHOICE: dict[str, Schema] = {
    "when": _condition("Where this holds, go to `next`."),
    "next": _refers("names", "The tasks to start."),
    "default": {
        "description": "Where no other branch fires: true (then go to `next`), or the tasks.",
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
        "description": "Whether a run must be given it; of an object, the keys it must have.",
        "type": ["boolean", "array"],
        "items": {"type": "string"},
    },
    "default": {"description": "Its value where a run is given none."},
    "secret": {"description": "Whether its value is never shown.", "type": "boolean"},
    "description": {"description": "What it is for.", "type": "string"},
    "enum": {"description": "The only values it may have.", "type": "array"},
    "items": {"description": "A schema of an array's items.", "type": ["object", "boolean"]},
    "properties": {"description": "Schemas of an object's keys.", "type": "object"},
    "minimum": {"description": "The least number.", "type": "number"},
    "maximum": {"description": "The greatest number.", "type": "number"},
    "minLength": {"description": "The fewest characters.", "type": "integer", "minimum": 0},
    "maxLength": {"description": "The most characters.", "type": "integer", "minimum": 0},
    "minItems": {"description": "The fewest items.", "type": "integer", "minimum": 0},
    "maxItems": {"description": "The most items.", "type": "integer", "minimum": 0},
    "pattern": {"description": "A regular expression that a text matches.", "type": "string"},
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
