"""The problems of a pack's files: the message, the file, the line and the column."""

import pytest
from support.pack_folders import problems_of_pack, write_pack

from attune_nb.errors import WorkflowError
from attune_nb.packs.reading.read_pack import read_pack

_START = "ref: demo.run\nentry_point: run.sh\n"


def _problem_of(folder, text, **options):
    """Return the one problem of a pack with an action of this text."""
    (problem,) = problems_of_pack(write_pack(folder, {"actions/run.yaml": text}, **options))
    return problem


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("enabeld: true", 1, "unknown key `enabeld` in an action; did you mean `enabled`?"),
        ("runner_type: pyhton", 14, "`runner_type` must be one of shell, bash, sh, python"),
        ("runner_type: 3", 14, "python3, nodejs, node, node.js, native, builtin, standalone, not"),
        ("runtime_version: new", 18, "`runtime_version`: `new` is no range of versions"),
        ("parameter_delivery: env", 21, "`parameter_delivery` must be one of stdin, file"),
        ("output_format: xml", 16, "`output_format` must be one of text, json, yaml, jsonl"),
        ("timeout_seconds: 0", 18, "`timeout_seconds` must be a number of seconds, more than 0"),
        ("enabled: 'yes'", 10, "`enabled` must be true or false, not"),
        ("tags: {a: 1}", 7, "`tags` must be a name or an array of names"),
        ("label: 3", 8, "`label` must be a string, not"),
        ("parameters: [a]", 13, "`parameters` must be an object of names, not"),
        ("parameters: {a: {type: text}}", 24, "unknown parameter type `text`"),
        ("parameters: {a: {tpye: string}}", 18, "unknown key `tpye` in parameter `a`"),
        ("parameters: {a: {minimum: x}}", 27, "parameter `a`"),
        ("output: {a: {type: text}}", 20, "unknown parameter type `text`"),
        (
            "workflow_file: flow.yaml",
            16,
            "an action has `entry_point` or `workflow_file`, not both",
        ),
    ],
)
def test_a_key_has_a_problem(tmp_path, line, column, message):
    write_pack(tmp_path, {"actions/run.yaml": f"{_START}{line}\n", "actions/flow.yaml": ""})

    problems = problems_of_pack(tmp_path)

    in_line = [problem for problem in problems if problem[1] == ("actions/run.yaml", 3, column)]
    assert in_line
    assert in_line[0][0] == "error"
    assert message in in_line[0][2]
    assert "demo.run" in read_pack(tmp_path).refused


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("output_schema: {}", "nothing reads `output_schema`; write `output`"),
        ("timeout: 60", "nothing reads `timeout`; write `timeout_seconds`"),
        ("examples: []", "nothing reads `examples`"),
        ("name: Run", "nothing reads `name`; the action's name is its `ref`"),
    ],
)
def test_a_key_that_nothing_reads_is_a_hint(tmp_path, line, message):
    severity, place, text = _problem_of(tmp_path, f"{_START}{line}\n")

    assert (severity, place) == ("hint", ("actions/run.yaml", 3, 1))
    assert message in text
    assert "demo.run" in read_pack(tmp_path).actions


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("other.run", "`other.run` is a ref of another pack, `other`; this is pack `demo`"),
        ("run", "a ref is `pack.name`; write `demo.run`"),
        ("demo.a.b", "is not `pack.name`"),
        ("demo.", "is not `pack.name`"),
        ("3", "`ref` must be a string"),
    ],
)
def test_a_ref_names_the_pack_and_the_action(tmp_path, ref, message):
    severity, place, text = _problem_of(tmp_path, f"ref: {ref}\nentry_point: run.sh\n")

    assert (severity, place) == ("error", ("actions/run.yaml", 1, 6))
    assert message in text
    assert read_pack(tmp_path).actions == {}


def test_an_action_needs_a_ref_and_an_entry_point(tmp_path):
    write_pack(tmp_path, {"actions/run.yaml": "label: Run\n"})

    (_, _, ref_message), (_, _, file_message) = problems_of_pack(tmp_path)

    assert ref_message == "an action needs `ref`: write `ref: demo.NAME`"
    assert file_message == (
        "an action needs `entry_point`: write the script below `actions/`, such as "
        "`entry_point: check.sh`; or `workflow_file` for a workflow"
    )


def test_two_actions_cannot_share_a_ref(tmp_path):
    write_pack(tmp_path, {"actions/a.yaml": _START, "actions/b.yaml": _START})

    assert problems_of_pack(tmp_path) == [
        ("error", ("actions/b.yaml", 1, 6), "`demo.run` is the ref of `a.yaml`, too; use another")
    ]
    assert list(read_pack(tmp_path).actions) == ["demo.run"]


def test_a_default_that_does_not_fit_is_a_warning(tmp_path):
    text = f"{_START}parameters:\n  n: {{type: integer, default: two}}\n"
    severity, place, message = _problem_of(tmp_path, text)

    assert (severity, place) == ("warning", ("actions/run.yaml", 4, 31))
    assert message.startswith("the default of parameter `n` ")
    assert "demo.run" in read_pack(tmp_path).actions


@pytest.mark.parametrize(
    "spec",
    [
        "{type: [string, 'null'], default: a}",
        "{type: string, enum: [a, b], default: a}",
        "{type: array, items: {type: integer}, default: [1]}",
        "{default: 3}",
        "{type: number, default: 3}",
    ],
)
def test_a_default_that_fits_is_no_problem(tmp_path, spec):
    write_pack(tmp_path, {"actions/run.yaml": f"{_START}parameters:\n  n: {spec}\n"})

    assert problems_of_pack(tmp_path) == []


def test_inner_declarations_may_be_flat_too(tmp_path):
    text = (
        f"{_START}parameters:\n  server:\n    type: object\n    required: true\n"
        "    properties: {host: {type: string, required: true}, port: {type: integer}}\n"
    )
    write_pack(tmp_path, {"actions/run.yaml": text})

    contents = read_pack(tmp_path)

    assert contents.problems == ()
    server = contents.actions["demo.run"].parameters["server"]
    assert server["required"] is True
    assert server["allOf"] == [{"required": ["host"]}]


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("widget: area", "nothing reads `widget` in a declaration"),
        ("items: {secret: true}", "nothing reads `secret` within a declaration"),
    ],
)
def test_an_unread_key_of_a_declaration_is_a_hint(tmp_path, key, message):
    severity, _, text = _problem_of(tmp_path, f"{_START}parameters: {{a: {{{key}}}}}\n")

    assert severity == "hint"
    assert message in text


@pytest.mark.parametrize(
    ("manifest", "line", "message"),
    [
        ("version: 0.1.0\n", 1, "a pack needs `ref`: write the pack's name"),
        ("ref: a b\nversion: 0.1.0\n", 1, "`a b` is not a name for a pack"),
        ("ref: core\nversion: 0.1.0\n", 1, "`core` is the name of the built-in actions"),
        ("- ref: demo\n", 1, "a pack must be an object of names and values, not an array"),
        ("ref: [demo\n", 1, "this bracket is never closed"),
        ("", 1, "a pack cannot be empty"),
    ],
)
def test_a_folder_without_a_valid_ref_is_no_pack(tmp_path, manifest, line, message):
    with pytest.raises(WorkflowError, match="the pack has a problem") as failure:
        read_pack(write_pack(tmp_path, manifest=manifest))

    (problem,) = failure.value.problems
    assert message in problem.message
    assert problem.position.line == line


@pytest.mark.parametrize(
    ("lines", "place", "message"),
    [
        ("ref: demo\n", (1, 1), "a pack needs `version`: write a version"),
        ("ref: demo\nversion: true\n", (2, 10), "`version` must be a string such as 1.0.0"),
        ("ref: demo\nversion: 1\nlable: x\n", (3, 1), "unknown key `lable` in a pack"),
        ("ref: demo\nversion: 1\nmeta: x\n", (3, 7), "`meta` must be an object"),
        (
            "ref: demo\nversion: 1\nlabel: A\nname: B\n",
            (4, 1),
            "`name` is an older spelling of `label`, and their values differ; keep `label`",
        ),
        ("ref: demo\nversion: 1\ndependencies: [demo]\n", (3, 16), "does not depend on itself"),
        ("ref: demo\nversion: 1\ndependencies: [a b]\n", (3, 16), "not the ref of a pack"),
    ],
)
def test_a_manifest_has_a_problem(tmp_path, lines, place, message):
    ((severity, position, text),) = problems_of_pack(write_pack(tmp_path, manifest=lines))

    assert (severity, position) == ("error", ("pack.yaml", *place))
    assert message in text


def test_both_spellings_with_one_value_are_no_problem(tmp_path):
    manifest = "ref: demo\nversion: 1\nlabel: A\nname: A\nauthor: Ann\ndependencies: [core]\n"
    contents = read_pack(write_pack(tmp_path, manifest=manifest))

    assert contents.problems == ()
    assert contents.manifest.dependencies == ()


def test_a_workflow_without_an_action_has_its_own_ref(tmp_path):
    tasks = "tasks: [{name: a, action: core.noop}]\n"
    files = {"workflows/flow.yaml": f"ref: demo.flow\n{tasks}", "workflows/lost.yaml": tasks}
    write_pack(tmp_path, files)

    assert list(read_pack(tmp_path).workflows) == ["demo.flow"]
    ((_, place, message),) = problems_of_pack(tmp_path)
    assert place == ("workflows/lost.yaml", 1, 1)
    assert message.startswith("no action names this workflow with `workflow_file`")
