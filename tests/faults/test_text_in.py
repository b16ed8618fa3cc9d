"""Texts that come in: workflows, files of values, options of a line. A value means one thing."""

import pytest
from IPython.utils.capture import capture_output
from support.echo_runs import ALIAS_BOMB, check_output, is_same, run_echo
from support.pattern_texts import cpu_limit

import attune_nb
from attune_nb.errors import AttuneError

ECHO = """
parameters: {v: {}, no: {}, s: {type: string}}
tasks: [{name: a, action: core.noop}]
output_map: {v: "{{ parameters.v }}", s: "{{ parameters.s | default('') }}"}
"""
LONG_KEY = "k" * 2_000


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ATTUNE_NB_STORE", "none")
    (tmp_path / "echo.yaml").write_text(ECHO)
    return tmp_path


def read_input(value):
    """Return the value of an input of a workflow, written like this in YAML."""
    text = f"tasks:\n  - name: a\n    action: core.echo\n    input:\n      message: {value}\n"
    run = attune_nb.loads(text).run(progress=False)
    assert run.status == "succeeded"
    return run.result("a")["message"]


# a value in YAML, and its meaning by the core schema of YAML 1.2
YAML_WORDS = {
    "True": True,
    "TRUE": True,
    "False": False,
    "FALSE": False,
    "Null": None,
    "NULL": None,
    "0o17": 15,
    "0x1F": 31,
    "[True, False, NULL]": [True, False, None],
}


@pytest.mark.parametrize(("text", "value"), YAML_WORDS.items(), ids=YAML_WORDS)
def test_a_word_of_yaml_has_its_value(text, value):
    assert is_same(read_input(text), value)


def test_a_condition_of_false_does_not_take_its_branch():
    text = """
    tasks:
      - {name: check, action: core.echo, input: {message: False}, next: [
          {when: "{{ result().message }}", do: [dangerous]}]}
      - {name: dangerous, action: core.noop}
    """
    run = attune_nb.loads(text).run(progress=False)

    succeeded = run.tasks[run.tasks["status"] == "succeeded"]
    assert succeeded["task"].tolist() == ["check"]


# a block of text that holds one expression
BLOCKS = {
    "literal": "message: |\n        {{ [1, 2] }}\n",
    "folded": "message: >\n        {{ [1, 2] }}\n",
    "kept": "message: |+\n        {{ [1, 2] }}\n\n",
    "blanks": 'message: "  {{ [1, 2] }}  "\n',
}


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
def test_an_expression_in_a_block_keeps_its_value(block):
    text = f"tasks:\n  - name: a\n    action: core.echo\n    input:\n      {block}"
    run = attune_nb.loads(text).run(progress=False)

    assert run.result("a")["message"] == [1, 2]


PLACES = {
    "publish": (
        "tasks:\n  - name: a\n    action: core.noop\n    next:\n      - publish:\n"
        "          - x: |\n              {{ [1, 2] }}\n        do: [noop]\n"
        'output_map: {x: "{{ workflow.x }}"}\n'
    ),
    "vars": (
        "vars:\n  - x: |\n      {{ [1, 2] }}\ntasks: [{name: a, action: core.noop}]\n"
        'output_map: {x: "{{ workflow.x }}"}\n'
    ),
    "output_map": (
        "tasks: [{name: a, action: core.noop}]\noutput_map:\n  x: >\n    {{ [1, 2] }}\n"
    ),
}


@pytest.mark.parametrize("text", PLACES.values(), ids=PLACES)
def test_a_block_keeps_its_value_in_every_place(text):
    run = attune_nb.loads(text).run(progress=False)

    assert run.output == {"x": [1, 2]}


# a text of a workflow, and a part of its message
FOREIGN = {
    "a format of docker": ("\"docker ps --format '{{.Names}}'\"", "{{ '{{.Names}}' }}"),
    "an expression of Orquesta": ('"<% ctx().x %>"', "YAQL"),
    "an expression of Orquesta in a text": ('"echo <% $.x %> end"', "YAQL"),
    "a digit of another script": ('"{{ 1e\u0663 }}"', ""),
}


@pytest.mark.parametrize(("text", "part"), FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_template_is_refused_with_advice(text, part):
    workflow = f"tasks:\n  - name: a\n    action: core.echo\n    input:\n      message: {text}\n"
    with pytest.raises(AttuneError) as raised:
        attune_nb.loads(workflow)

    assert part in str(raised.value)
    assert "line 5" in str(raised.value)


# a file of parameters: its name, its text, the value of `v` or a part of the message
FILES = {
    "yaml: no": ("p.yaml", "v: no", "no"),
    "yaml: on": ("p.yaml", "v: on", "on"),
    "yaml: a number with a zero": ("p.yaml", "v: 010", "010"),
    "yaml: a time": ("p.yaml", "v: 12:30", "12:30"),
    "yaml: a date": ("p.yaml", "v: 2024-01-01", "2024-01-01"),
    "yaml: an exponent": ("p.yaml", "v: 1e3", 1000.0),
    "yaml: a key": ("p.yaml", "v: 1\nno: 2", 1),
    "yaml: an infinite number": ("p.yaml", "v: .inf", AttuneError("is not finite")),
    "yaml: a key twice": ("p.yaml", "v: 1\nv: 2", AttuneError("stands twice")),
    "yaml: a merge key": ("p.yaml", "v: {<<: {a: 1}}", AttuneError("merge key")),
    "yaml: a tag": ("p.yaml", "v: !!binary aGk=", AttuneError("tags such as")),
    "yaml: an alias bomb": ("p.yaml", ALIAS_BOMB, AttuneError("values (each alias counts")),
    "yaml: deep": ("p.yaml", "v: " + "[" * 5_000, AttuneError("nested deeper than")),
    "json: a small number": ("p.json", '{"v": 1e-05}', 1e-05),
    "json: tabs": ("p.json", '{\n\t"v": 1\n}', 1),
    "json: a long key": ("p.json", f'{{"v": {{"{LONG_KEY}": 1}}}}', {LONG_KEY: 1}),
    "json: a key twice": ("p.json", '{"v": 1, "v": 2}', AttuneError("stands twice")),
    "json: no number": ("p.json", '{"v": NaN}', AttuneError("is not finite")),
    "json: a comment": ("p.json", '{"v": 1} # one', AttuneError("text follows")),
    "json: deep": ("p.json", '{"v": ' + "[" * 5_000, AttuneError("nested deeper than")),
    "json: yaml": ("p.json", "v: 1", AttuneError("line 1, column 1")),
}


@pytest.mark.parametrize(("name", "text", "expected"), FILES.values(), ids=FILES)
def test_a_file_of_parameters_is_read_as_a_workflow(folder, name, text, expected):
    (folder / name).write_text(text)
    with cpu_limit(20):
        value, message = run_echo("--params", name)

    check_output(value, message, expected)


# a value after `--set v=`, and its meaning
LINE_VALUES = {
    '{"a": 1, "a": 2}': AttuneError("the key `a` stands twice"),
    "{'a': 1, 'a': 2}": AttuneError("a key stands twice"),
    "[NaN]": "[NaN]",
    "[1, 1e999]": AttuneError("is not finite"),
}


@pytest.mark.parametrize(("text", "expected"), LINE_VALUES.items(), ids=LINE_VALUES)
def test_a_value_of_a_line_is_strict(folder, text, expected):
    value, message = run_echo("--set", f"v={text}")

    check_output(value, message, expected)


# a value after `--set v=` in a cell, and its meaning
CELL_VALUES = {
    "2024-12-24": "2024-12-24",
    "10/24": "10/24",
    "1-2": "1-2",
}


@pytest.mark.parametrize(("text", "value"), CELL_VALUES.items(), ids=CELL_VALUES)
def test_a_date_in_a_cell_is_a_text(folder, ipython, text, value):
    with capture_output():
        run = ipython.run_cell_magic("attune", f"--set v={text}", ECHO)

    assert run.output["v"] == value
