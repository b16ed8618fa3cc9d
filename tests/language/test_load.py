"""Every row of the language's tables: keys, forms, spellings and defaults.

A row is a text, and the value of one attribute of the loaded workflow, task or transition.
"""

import pytest

import attune_nb
from attune_nb import Template
from attune_nb.language.model import RateLimit, Retry

TASKS = "tasks: [{name: a, action: core.noop}]\n"
A = "tasks:\n  - name: a\n    action: core.noop\n"
B = "  - {name: b, action: core.noop}\n"

WORKFLOW = [
    ("ref: ops.check", "ref", "ops.check"),
    ("label: Check", "label", "Check"),
    ("description: no", "description", "no"),
    ("tags: [x, on]", "tags", ("x", "on")),
    ("tags: x", "tags", ("x",)),
    ("version: 1.10", "version", "1.10"),
    ("version: '1.10'", "version", "1.10"),
    ("version: 2", "version", "2"),
    ("version: 1.2.3", "version", "1.2.3"),
    ("output: {type: object}", "output", {"type": "object"}),
    ("vars: {x: 1, y: '{{ x }}'}", "vars", (("x", Template(1)), ("y", Template("{{ x }}")))),
    ("vars: [{x: 1}, {y: 2}]", "vars", (("x", Template(1)), ("y", Template(2)))),
    ("vars: []", "vars", ()),
    ("output_map: {x: [1]}", "output_map", Template({"x": [1]})),
    ("output-map: {x: [1]}", "output_map", Template({"x": [1]})),
    ("cancellation_policy: cancel_running", "cancellation_policy", "cancel_running"),
    ("cancellation-policy: allow_finish", "cancellation_policy", "allow_finish"),
    ("timeout: 0.5", "timeout", 0.5),
    ("parameters: {p: {type: any}}", "parameters", {"p": {"type": "any"}}),
]
WORKFLOW_DEFAULTS = {
    "ref": None, "label": None, "description": None, "tags": (), "version": "1.0.0",
    "parameters": None, "output": None, "vars": (), "output_map": None,
    "cancellation_policy": "allow_finish", "timeout": None,
}  # fmt: skip
TASK = [
    ("action: no", "action", "no"),
    ("action: m:f", "action", "m:f"),
    ("type: workflow", "type", "workflow"),
    ("type: action", "type", "action"),
    ("input: {x: [1, '{{ 1 + 1 }}']}", "input", Template({"x": [1, "{{ 1 + 1 }}"]})),
    ("when: 1 > 0", "when", Template("1 > 0", condition=True)),
    ("when: '{{ 1 > 0 }}'", "when", Template("{{ 1 > 0 }}", condition=True)),
    ("when: false", "when", Template(False, condition=True)),  # noqa: FBT003
    ("with_items: [1, '{{ 2 }}']", "with_items", Template([1, "{{ 2 }}"])),
    ("with-items: '{{ range(3) }}'", "with_items", Template("{{ range(3) }}")),
    ("concurrency: 5", "concurrency", Template(5)),
    ("concurrency: '{{ 2 + 3 }}'", "concurrency", Template("{{ 2 + 3 }}")),
    ("{with_items: [1], batch_size: 2}", "batch_size", 2),
    ("{with-items: [1], batch-size: 2}", "batch_size", 2),
    ("retry: {count: 1}", "retry", Retry(1, 0.0, "constant", None, ())),
    ("retry: {count: 100, delay: 0.5, backoff: linear, max_delay: 9, on_error: Timeout}", "retry",
     Retry(100, 0.5, "linear", 9.0, ("Timeout",))),
    ("retry: {count: 2, max-delay: 9, on-error: [a, b], backoff: exponential}", "retry",
     Retry(2, 0.0, "exponential", 9.0, ("a", "b"))),
    ("{with_items: [1], max_failures: 0}", "max_failures", Template(0)),
    ("{with_items: [1], max_failures: 2.0}", "max_failures", Template(2)),
    ("{with_items: [1], max-failures: 2.5%}", "max_failures", Template("2.5%")),
    ("{with_items: [1], max_failures: '{{ 2 }}%'}", "max_failures", Template("{{ 2 }}%")),
    ("rate_limit: 100/s", "rate_limit", RateLimit(100, 1)),
    ("rate-limit: 20 / m", "rate_limit", RateLimit(20, 60)),
    ("rate_limit: 0.5/h", "rate_limit", RateLimit(0.5, 3600)),
    ("rate_limit: {count: 3.0, per: 0.5}", "rate_limit", RateLimit(3, 0.5)),
    ("rate_limit: {count: 3}", "rate_limit", RateLimit(3, 1)),
    ("{with_items: [1], report_every: 1}", "report_every", 1),
    ("{with-items: [1], report-every: 20.0}", "report_every", 20),
    ("start: true", "start", True),
    ("start: false", "start", False),
    ("timeout: 0.25", "timeout", 0.25),
    ("delay: 0", "delay", 0.0),
    ("next: []", "next", ()),
    ("permission_set_refs: [x]", "attune_fields", {"permission_set_refs": ["x"]}),
    ("worker-selector: {gpu: 'yes'}", "attune_fields", {"worker_selector": {"gpu": "yes"}}),
    ("worker_tolerations: [x]", "attune_fields", {"worker_tolerations": ["x"]}),
    ("worker_affinity: {x: 1}", "attune_fields", {"worker_affinity": {"x": 1}}),
    ("__chart_meta__: {x: 1}", "attune_fields", {"__chart_meta__": {"x": 1}}),
]  # fmt: skip
TASK_DEFAULTS = {
    "type": "action", "input": Template({}), "when": None, "with_items": None,
    "concurrency": None, "batch_size": None, "retry": None, "timeout": None, "delay": None,
    "join": None, "next": (), "tasks": (), "attune_fields": {}, "max_failures": None,
    "rate_limit": None, "start": False, "report_every": None,
}  # fmt: skip
RESULT = ("x", None)
TRANSITION = [
    ("{do: b}", "do", ("b",)),
    ("{do: [b, c]}", "do", ("b", "c")),
    ("{do: noop}", "do", ("noop",)),
    ("{do: fail}", "do", ("fail",)),
    ("{}", "do", ()),
    ("{do: b}", "when", None),
    ("{when: failed()}", "when", Template("failed()", condition=True)),
    ("{when: true}", "when", Template(True, condition=True)),  # noqa: FBT003
    ("{publish: x}", "publish", (RESULT,)),
    ("{publish: [x]}", "publish", (RESULT,)),
    ("{publish: [{y: 1}, x]}", "publish", (("y", Template(1)), RESULT)),
    ("{publish: {y: 1, z: 2}}", "publish", (("y", Template(1)), ("z", Template(2)))),
    ("{publish: {y: null}}", "publish", (("y", Template(None)),)),
    ("{do: b}", "publish", ()),
]


@pytest.mark.parametrize(("text", "key", "value"), WORKFLOW)
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_key_of_a_workflow(text, key, value, wrapped):
    text = f"{text}\n{TASKS}"
    if wrapped:
        text = "workflow:\n" + "".join(f"  {line}\n" for line in text.splitlines())
    assert getattr(attune_nb.loads(text), key) == value


@pytest.mark.parametrize("key", WORKFLOW_DEFAULTS)
@pytest.mark.parametrize("written", [False, True])
def test_a_key_of_a_workflow_left_out_or_empty(key, written):
    text = f"{key}:\n{TASKS}" if written else TASKS
    workflow = attune_nb.loads(text)

    assert getattr(workflow, key) == WORKFLOW_DEFAULTS[key]


@pytest.mark.parametrize(
    "tasks", ["[{name: a, action: x}, {name: b, action: y}]", "{a: {action: x}, b: {action: y}}"]
)
def test_tasks_are_an_array_or_an_object_of_names(tasks):
    loaded = attune_nb.loads(f"tasks: {tasks}\n").tasks

    assert [(task.name, task.action) for task in loaded] == [("a", "x"), ("b", "y")]
    assert all(task.positions.name.line == 1 for task in loaded)


def test_the_name_of_a_task_in_an_object_stands_at_its_key():
    text = "tasks:\n  a:\n    action: x\n  b:\n    name: b\n    action: y\n"
    positions = [task.positions.name for task in attune_nb.loads(text).tasks]

    assert [(position.line, position.column) for position in positions] == [(2, 3), (5, 11)]


@pytest.mark.parametrize(("text", "key", "value"), TASK)
def test_a_key_of_a_task(text, key, value):
    fields = text.strip("{}") if text.startswith("{") else text
    action = "" if key == "action" else ", action: x"

    (task,) = attune_nb.loads(f"tasks: [{{name: a{action}, {fields}}}]\n").tasks

    assert getattr(task, key) == value


@pytest.mark.parametrize("key", TASK_DEFAULTS)
@pytest.mark.parametrize("written", [False, True])
def test_a_key_of_a_task_left_out_or_empty(key, written):
    is_empty = written and key not in ("tasks", "attune_fields")
    field = f", {key}: " if is_empty else ""

    (task,) = attune_nb.loads(f"tasks: [{{name: a, action: x{field}}}]\n").tasks

    assert getattr(task, key) == TASK_DEFAULTS[key]


@pytest.mark.parametrize("join", ["all", 1, 2])
def test_join_is_all_or_a_number(join):
    text = f"{A}    next: [{{do: c}}]\n  - {{name: b, action: x, next: [{{do: c}}]}}\n"
    workflow = attune_nb.loads(f"{text}  - {{name: c, action: x, join: {join}}}\n")

    assert workflow.task("c").join == join


def test_inner_tasks_are_found_by_their_path():
    workflow = attune_nb.loads(
        "tasks:\n  - {name: p, type: parallel, tasks: {x: {action: core.noop}}}\n"
    )

    assert (workflow.task("p").type, workflow.task("p").action) == ("parallel", None)
    assert workflow.task("p/x").action == "core.noop"
    assert workflow.run(mock={"x": 3}, backend="inline").result("p") == {"x": 3}


@pytest.mark.parametrize(("text", "key", "value"), TRANSITION)
def test_a_transition(text, key, value):
    source = f"{A}    next: [{text}]\n{B}  - {{name: c, action: core.noop}}\n"
    (transition,) = attune_nb.loads(source).task("a").next

    assert getattr(transition, key) == value


def test_a_bare_name_publishes_the_result():
    run = attune_nb.loads(A + "    next: [{publish: [x, {y: '{{ x + 1 }}'}]}]\n").run(
        mock={"a": 5}, backend="inline"
    )

    assert (run.context.variables["x"], run.context.variables["y"]) == (5, 6)


@pytest.mark.parametrize(
    ("target", "status"), [("noop", "succeeded"), ("fail", "failed"), ("[]", "failed")]
)
def test_a_reserved_target_decides_what_a_failure_means(target, status):
    run = attune_nb.loads(f"{A}    next: [{{when: failed(), do: {target}}}]\n").run(
        mock={"a": ValueError("no")}, backend="inline"
    )

    assert run.status == status


def test_after_a_skipped_task_its_transitions_fire():
    run = attune_nb.loads(
        A + "    when: false\n    next: [{when: skipped() and succeeded(), do: b}]\n" + B
    ).run(mock={}, backend="inline")

    assert dict(zip(run.tasks["task"], run.tasks["status"], strict=True)) == {
        "a": "skipped",
        "b": "succeeded",
    }


def test_a_batch_is_an_array_with_the_number_of_the_batch():
    text = A + "    with_items: [1, 2, 3]\n    batch_size: 2\n"
    run = attune_nb.loads(text + "    input: {i: '{{ item }}', n: '{{ index }}'}\n").run(
        mock={"a": lambda arguments: [arguments["n"], *arguments["i"]]}, backend="inline"
    )

    assert run.result("a") == [[0, 1, 2], [1, 3]]


FLAT = """parameters:
  n: {type: integer, required: true, minimum: 1}
  kind: {type: string, enum: [small, large], default: small}
  key: {type: string, secret: true, default: s3cret}
  note: {type: string, default: null, x-ours: 1}
"""
SCHEMA = """parameters:
  type: object
  properties:
    n: {type: integer, minimum: 1}
    kind: {$ref: '#/$defs/kind', default: small}
    key: {type: string, secret: true, default: s3cret}
    note: {type: [string, 'null'], default: null}
  required: [n]
  $defs: {kind: {type: string, enum: [small, large]}}
"""
SHOWN = (
    "output_map: {n: '{{ parameters.n }}', all: '{{ parameters.kind }} {{ parameters.note }}'}\n"
)


@pytest.mark.parametrize("declared", [FLAT, SCHEMA], ids=["flat", "schema"])
class TestParameters:
    def test_defaults_fill_missing_values(self, declared):
        run = attune_nb.loads(declared + SHOWN + TASKS).run({"n": 2}, backend="inline")

        assert run.output == {"n": 2, "all": "small "}

    @pytest.mark.parametrize("values", [{}, {"n": 0}, {"n": "2"}, {"n": 2, "kind": "x"}])
    def test_values_that_do_not_fit_are_refused(self, declared, values):
        with pytest.raises(attune_nb.ParameterError):
            attune_nb.loads(declared + TASKS).run(values, backend="inline")

    def test_a_secret_is_not_shown(self, declared):
        text = declared + "output_map: {k: '{{ parameters.key }}'}\n" + TASKS
        run = attune_nb.loads(text).run({"n": 2, "key": "hunter22"}, backend="inline")
        assert "hunter22" not in f"{run.output} {run!r} {run.events}"

        with pytest.raises(attune_nb.ParameterError) as caught:
            attune_nb.loads(text).run({"n": 2, "key": 12345678}, backend="inline")
        assert "12345678" not in str(caught.value)


def test_rules_over_several_parameters_of_a_schema_hold():
    text = "parameters: {type: object, properties: {a: {}, b: {}}, dependentRequired: {a: [b]}}\n"
    workflow = attune_nb.loads(text + TASKS)

    assert workflow.run({"a": 1, "b": 2}, backend="inline").status == "succeeded"
    with pytest.raises(attune_nb.ParameterError, match="'b' is a dependency of 'a'"):
        workflow.run({"a": 1}, backend="inline")


@pytest.mark.parametrize(
    "declared",
    [
        "{n: {required: true, default: 3}}",
        "{type: object, required: [n], properties: {n: {default: 3}}}",
    ],
)
def test_a_parameter_with_a_default_may_be_missing(declared):
    text = f"parameters: {declared}\noutput_map: {{n: '{{{{ parameters.n }}}}'}}\n{TASKS}"
    assert attune_nb.loads(text).run(backend="inline").output == {"n": 3}


def test_all_problems_of_parameters_are_reported_at_once():
    with pytest.raises(attune_nb.ParameterError) as caught:
        attune_nb.loads(FLAT + TASKS).run({"kind": "x", "nope": 1}, backend="inline")

    assert [line[2:12] for line in str(caught.value).splitlines()[1:]] == [
        "the run ne", "parameter ", "there is n",
    ]  # fmt: skip


SEED = """\
# This would cause OOM with 100 prior tasks
workflow:
  tasks:
    # ... 100 tasks that produce results ...
    - name: process_list
      with-items: "{{ task.data.items }}"  # 1000 items
      # Each item cloned 1MB context = 1GB total!
"""


def test_the_seeds_snippet_has_only_two_gaps():
    with pytest.raises(attune_nb.WorkflowError) as caught:
        attune_nb.loads(SEED)

    problems = caught.value.problems
    assert [(problem.message, problem.position.line) for problem in problems] == [
        ("task `process_list` needs an `action`", 5),
        ("`task` has no `data`", 6),
    ]


def test_the_seeds_snippet_runs_with_the_gaps_filled():
    text = SEED.replace(
        "    # ... 100 tasks that produce results ...\n",
        "    - {name: data, action: site.data, next: [{do: process_list}]}\n",
    ).replace("    - name: process_list\n", "    - name: process_list\n      action: site.one\n")
    items = list(range(1000))

    run = attune_nb.loads(text).run(
        mock={"data": {"items": items}, "process_list": "done"}, backend="inline"
    )

    assert run.status == "succeeded"
    assert run.result("process_list") == ["done"] * 1000


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_line_ends_bom_and_trailing_spaces_do_not_matter(line_end, bom):
    text = bom + (A + "    when: 2024-1-2 > 0  \n").replace("\n", line_end)
    assert attune_nb.loads(text).task("a").when == Template("2024-1-2 > 0", condition=True)


@pytest.mark.parametrize("name", ["no", "on", "a.b", "_x", "$x^{$", "<script>", "é", "😀", "a b"])
def test_a_task_may_be_named(name):
    assert attune_nb.loads(f"tasks: [{{name: '{name}', action: x}}]\n").tasks[0].name == name


def test_words_of_yaml_1_1_stay_strings():
    (task,) = attune_nb.loads("tasks: [{name: no, action: on, input: {a: 010, b: 12:30}}]\n").tasks
    assert (task.name, task.action, task.input.source) == ("no", "on", {"a": "010", "b": "12:30"})


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        (None, "null"),
        (5, "an integer"),
        (b"", "a value of type `bytes`"),
        (b"tasks:\n", "a value of type `bytes`"),
        (["tasks:\n"], "an array"),
    ],
)
@pytest.mark.parametrize("load", [attune_nb.load, attune_nb.loads, attune_nb.load_file])
def test_only_a_string_or_a_path_can_be_loaded(load, source, kind):
    with pytest.raises(attune_nb.WorkflowError, match=f", not {kind}$"):
        load(source)


def test_a_text_of_one_line_gets_a_hint_at_loads():
    with pytest.raises(attune_nb.WorkflowError, match="`loads` reads text of one line"):
        attune_nb.load("tasks: [{name: a, action: core.noop}]")
    with pytest.raises(attune_nb.WorkflowError, match="nothing to run"):
        attune_nb.load("")
