"""The JSON Schema by which an editor checks a workflow's text while it is written."""

import json

import jsonschema
import pytest
from support.workflow_texts import WORKFLOW_TEXTS

import attune_nb
from attune_nb.errors import WorkflowError
from attune_nb.language import load
from attune_nb.language.model import ATTUNE_KEYS, ATTUNE_TRANSITION_KEYS
from attune_nb.language.reading import legacy_syntax, read_tasks
from attune_nb.language.reading.yaml_source import parse
from attune_nb.running.workflow import Workflow

SCHEMA = Workflow.json_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

TASK = "tasks: [{name: a, action: core.noop%s}]"
NAMED = "tasks: [{name: %s, action: core.noop}]"
ASK = "tasks: [{name: a, action: core.ask, %s}]"
PARALLEL = "tasks: [{name: p, type: parallel%s}]"
INNER = PARALLEL % ", tasks: [{name: a, action: core.noop%s}]"
STEP = TASK % ", next: [%s]"
TOP = "%s\ntasks: [{name: a, action: core.noop}]"


def accepts(text):
    return VALIDATOR.is_valid(parse(text).data)


def loads(text):
    try:
        attune_nb.loads(text)
    except WorkflowError:
        return False
    return True


def test_the_schema_is_a_valid_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_it_is_plain_json():
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


def test_every_call_returns_a_schema_of_its_own():
    Workflow.json_schema()["$defs"]["task"]["properties"]["name"].clear()
    assert Workflow.json_schema() == SCHEMA


@pytest.mark.parametrize("text", WORKFLOW_TEXTS)
def test_it_accepts_every_workflow_of_the_tests(text):
    VALIDATOR.validate(parse(text).data)


@pytest.mark.parametrize("text", WORKFLOW_TEXTS)
def test_it_accepts_exported_workflows(text):
    VALIDATOR.validate(parse(attune_nb.loads(text).to_yaml()).data)


@pytest.mark.parametrize(
    "text",
    [
        "workflow: {%s}" % (TASK % ""),
        "tasks: {a: {action: core.noop}}",
        "tasks: {a: {name: a, action: core.noop}}",
        TOP % "vars: [{a: 1}, {b: 2}]",
        TOP % "vars: {a: 1, b: 2}",
        TOP % "tags: one",
        TOP % "tags: [one, two]",
        TOP % "version: 1.10",
        TOP % "version: 1.2.3",
        TOP % "timeout: 0.5",
        TOP % "output_map: {}",
        TOP % "output-map: {}",
        TOP % "output: {any: thing}",
        TOP % "cancellation-policy: cancel_running",
        TOP % "ref:\nlabel:\ndescription:\ntags:\nversion:\nparameters:\nvars:\noutput_map:",
        TOP % "parameters: {}",
        TOP % "parameters: {a: {}}",
        TOP % "parameters: {a: {type: any, required: true, secret: true, default: [1]}}",
        TOP % "parameters: {a: {type: object, required: [x], properties: {x: {type: string}}}}",
        TOP % "parameters: {a: {type: [string, 'null'], pattern: x, minLength: 1}}",
        TOP
        % "parameters: {a: {enum: [1, 2], 'x-ours': 1, title: A, $comment: b, uniqueItems: true}}",
        TOP % "parameters: {type: {type: string}}",
        TOP % "parameters: {type: object, properties: {a: {type: string}}, required: [a]}",
        TOP % "parameters: {type: object, properties: {}, additionalProperties: false}",
        TASK % ", when: config.go",
        TASK % ", when: true",
        TASK % ", with_items: [1, {a: 2}]",
        TASK % ', with-items: "{{ range(3) }}", concurrency: 5, batch-size: 2',
        TASK % ', with_items: [1], concurrency: "{{ 3 }}", batch_size: 1',
        TASK % ", retry: {count: 1}",
        TASK % ", retry: {count: 100, delay: 0, backoff: linear, max-delay: 1.5, on_error: [x]}",
        TASK % ", retry: {count: 3, on-error: Timeout, max_delay: null}",
        TASK % ", with_items: [1], max_failures: 0, rate_limit: 100/s",
        TASK % ", with-items: [1], max-failures: 100%, rate-limit: ' 2.5 / m '",
        TASK % ", with_items: [1], max_failures: '{{ 2 }}', rate_limit: {count: 1, per: 0.5}",
        TASK % ", rate_limit: {count: 1}, max_failures: , start: true",
        TASK % ", with_items: [1], report_every: 1",
        TASK % ", with-items: [1], report-every: 20",
        TASK % ", timeout: 0.1, delay: 0",
        TASK % ", input: {a: [1, '{{ 1 }}']}, timeout: , delay: , retry: , join: , next: ",
        TASK % ", worker_selector: {a: b}, permission-set-refs: [x], __chart_meta__: {x: 1}",
        TASK % ", type: workflow",
        TASK % ", on-success: noop",
        TASK % ", on_failure: [noop, fail]",
        TASK % ", on_complete: [{when: 'true', do: noop, publish: [x]}, fail]",
        TASK % ", on_timeout: fail, publish: {a: 1}",
        TASK % ", decision: [{when: 1 < 2, next: noop}, {default: fail}], next: []",
        TASK % ", decision: [{default: true, next: [noop]}], publish: [a, {b: 1}]",
        STEP % "{}",
        STEP % "{do: noop}",
        STEP % "{when: 'failed()', do: [noop, fail], publish: [a, {b: null}]}",
        STEP % "{publish: {a: 1, b: 2}}, {publish: a}",
        PARALLEL % ", tasks: {a: {action: core.noop}}",
        PARALLEL % ", tasks: [{name: q, type: parallel, tasks: [{name: a, action: core.noop}]}]",
        INNER % ", with_items: [1], retry: {count: 1}, timeout: 1, delay: 1, join: ",
    ],
)
def test_it_accepts_every_form_that_the_loader_accepts(text):
    assert loads(text)
    VALIDATOR.validate(parse(text).data)


WRONG = [
    # a workflow
    "[]",
    "a: 1",
    "workflow: {}",
    "workflow: []",
    "workflow: {%s, more: 1}" % (TASK % ""),
    "ref: p.n",
    "tasks: []",
    "tasks: {}",
    "tasks:",
    "tasks: one",
    "tasks: [one]",
    "tasks: {a: core.noop}",
    *(
        TOP % line
        for line in (
            "task: {}", "ref: 1", "ref: [a]", "label: {}", "description: 1", "tags: 1", "tags: {}",
            "tags: [1]", "version: [1]", "version: true", "vars: 1", "vars: text", "vars: [x]",
            "vars: [{a: 1, b: 2}]", "vars: [{}]", "output_map: []", "output_map: text",
            "cancellation_policy: stop", "cancellation_policy: true", "timeout: 0", "timeout: -1",
            "timeout: '1'", "timeout: true", "output_map: {}\noutput-map: {}", "max_visits: 1",
        )
    ),
    # parameters
    *(
        TOP % f"parameters: {declared}"
        for declared in (
            "[]", "text", "{a: string}", "{a: []}", "{a: {type: text}}", "{a: {type: 1}}",
            "{a: {type: [string, text]}}", "{a: {required: 1}}", "{a: {required: 'yes'}}",
            "{a: {secret: 1}}", "{a: {enum: x}}", "{a: {minimum: x}}", "{a: {pattern: 1}}",
            "{a: {minLength: -1}}", "{a: {defualt: 1}}", "{a: {type: []}}", "{a: {description: 1}}",
            "{type: object, properties: {a: string}}",
            "{type: object, properties: {a: {type: text}}}",
        )
    ),
    # a task
    "tasks: [{action: core.noop}]",
    "tasks: [{name: a}]",
    "tasks: [{name: a, action: ''}]",
    "tasks: [{name: a, action: }]",
    "tasks: [{name: a, type: workflow}]",
    *(
        NAMED % name
        for name in ("1", "true", "[a]", "''", "' a'", "'a '", "a/b", "noop", "fail", "a" * 101)
    ),
    *(
        TASK % f", {line}"
        for line in (
            "inputs: {}", "with: {}", "with_item: [1]", "action_: x", "type: other", "type: 1",
            "input: []", "input: text", "when: [1]", "when: ' '",
            "with_items: text", "with_items: 3",
            "with_items: {a: 1}", "with_items: true", "with_items: [1], with-items: [1]",
            "concurrency: 0", "concurrency: -1", "concurrency: 1.5", "concurrency: true",
            "concurrency: many", "concurrency: [1]", "with_items: [1], batch_size: 0",
            "with_items: [1], batch_size: '2'", "with_items: [1], batch_size: 1.5",
            "batch_size: 2", "batch-size: 2", "report_every: 2", "report-every: 2",
            "with_items: [1], report_every: 0", "with_items: [1], report_every: '2'",
            "with_items: [1], report_every: 1.5",
            "max_failures: 2", "max-failures: 2", "with_items: [1], max_failures: -1",
            "with_items: [1], max_failures: 1.5", "with_items: [1], max_failures: 200%",
            "with_items: [1], max_failures: many", "with_items: [1], max_failures: true",
            "with_items: [1], max_failures: [1]", "rate_limit: fast", "rate_limit: 0/s",
            "rate_limit: 0.0/s", "rate_limit: 5", "rate_limit: 5/d", "rate_limit: -5/s",
            "rate_limit: true", "rate_limit: [5/s]", "rate_limit: {count: 0}", "rate_limit: {}",
            "rate_limit: {count: 1, per: 0}", "rate_limit: {count: '1'}", "rate_limit: {per: 1}",
            "rate_limit: {count: 1, every: 2}", "start: 1", "start: 'true'", "start: [true]",
            "start: true, join: 1",
            "timeout: 0", "timeout: -1", "timeout: text",
            "timeout: true", "delay: -1", "delay: '1'", "delay: [1]", "join: 0", "join: -1",
            "join: any", "join: 1.5", "join: true", "join: [1]", "tasks: [{name: b, action: c}]",
            "retry: 3", "retry: {}", "retry: []", "retry: {count: 0}", "retry: {count: 101}",
            "retry: {count: 1.5}", "retry: {count: true}", "retry: {count: '3'}",
            "retry: {count: }", "retry: {count: 1, wait: 1}", "retry: {count: 1, delay: -1}",
            "retry: {count: 1, delay: x}", "retry: {count: 1, backoff: fast}",
            "retry: {count: 1, max_delay: -1}", "retry: {count: 1, max_delay: 1, max-delay: 1}",
            "retry: {count: 1, on_error: 1}", "retry: {count: 1, on_error: [1]}",
        )
    ),
    *(
        ASK % line
        for line in (
            "with_items: [1]", "with-items: [1]", "concurrency: 2", "retry: {count: 1}",
            "max_failures: 1", "rate_limit: 1/s", "report_every: 1",
        )
    ),
    # transitions and older forms
    *(
        STEP % line
        for line in (
            "a", "1", "{then: a}", "{do: 1}", "{do: [1]}", "{do: {}}", "{when: [1]}",
            "{publish: 1}", "{publish: [1]}", "{publish: [{}]}", "{publish: [{a: 1, b: 2}]}",
        )
    ),
    *(
        TASK % f", {line}"
        for line in (
            "next: noop", "next: {do: noop}", "on_success: 1", "on_success: {do: noop}",
            "on_success: [1]", "on-failure: [{next: noop}]", "on_complete: [{do: 1}]",
            "on_timeout: true", "decision: noop", "decision: {default: noop}",
            "decision: [{do: noop}]", "decision: [noop]", "decision: [{default: 1}]",
            "decision: [{when: 'true'}]", "decision: [{default: true}]", "decision: [{next: }]",
            "decision: [{default: noop, when: 'true'}]",
            "publish: 1", "publish: [1]", "publish: [{a: 1, b: 2}]",
            "next: [{do: noop}], on_success: noop", "next: [{do: noop}], on-success: noop",
            "next: [{do: noop}], publish: [a]", "next: [{do: noop}], decision: []",
        )
    ),
    # parallel tasks
    PARALLEL % "",
    PARALLEL % ", tasks: []",
    PARALLEL % ", tasks: ",
    *(
        PARALLEL % f", tasks: [{{name: a, action: b}}], {line}"
        for line in (
            "action: core.noop", "input: {}", "with_items: [1]", "with-items: [1]", "timeout: 1",
            "retry: {count: 1}", "concurrency: 1", "batch_size: 1", "max_failures: 1",
            "rate-limit: 1/s", "report_every: 1",
        )
    ),
    *(
        INNER % f", {line}"
        for line in (
            "join: all", "next: [{do: noop}]", "next: []", "on_success: noop", "on-success: noop",
            "publish: [x]", "inputs: {}", "concurrency: 0", "retry: {count: 0}", "start: true",
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_it_rejects_what_the_loader_rejects(text):
    assert not loads(text)
    assert not accepts(text)


def properties(schema, name):
    return set(schema["$defs"][name]["properties"])


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("workflow", load.WORKFLOW_KEYS),
        ("task", (*read_tasks.TASK_KEYS, *legacy_syntax.LEGACY_KEYS, *ATTUNE_KEYS)),
        ("retry", read_tasks.RETRY_KEYS),
        ("transition", (*read_tasks.TRANSITION_KEYS, *ATTUNE_TRANSITION_KEYS)),
        ("branch", ("when", "do", "publish")),
        ("choice", ("when", "next", "default")),
    ],
)
def test_it_has_the_keys_of_the_loader_in_both_spellings(name, keys):
    assert properties(SCHEMA, name) == {*keys, *(key.replace("_", "-") for key in keys)}


def walk_keys(schema, path=()):
    """Yield the path and the schema of every key."""
    if isinstance(schema, list):
        for index, inner in enumerate(schema):
            yield from walk_keys(inner, (*path, index))
    if not isinstance(schema, dict):
        return

    properties = schema.get("properties", {})
    for key, inner in properties.items():
        if isinstance(inner, dict) and set(inner) != {"const"} and inner != {"type": "null"}:
            yield (*path, key), inner

    for key, inner in schema.items():
        if key not in ("if", "properties"):
            yield from walk_keys(inner, (*path, key))
    for key, inner in properties.items():
        yield from walk_keys(inner, (*path, key))


def test_every_key_has_a_description():
    schemas = dict(walk_keys(SCHEMA))

    assert len(schemas) > 80
    for path, schema in schemas.items():
        assert schema.get("description", "").endswith("."), path


def test_every_reference_leads_to_a_definition():
    for _, schema in walk_keys(SCHEMA):
        target = schema.get("$ref", "#/$defs/task").removeprefix("#/$defs/")
        assert target in SCHEMA["$defs"]


def test_a_misspelt_key_is_named():
    (error,) = VALIDATOR.iter_errors(parse(TASK % ", inputs: {}").data)

    assert "'inputs' was unexpected" in error.message
