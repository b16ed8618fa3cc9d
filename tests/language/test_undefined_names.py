"""Names that an expression cannot know: the message says how the value comes in.

Add a row to add a name: the expression, and words of the message.
"""

import sys

import pytest
from support.problems import line_and_column, load_problems

import attune_nb

A = "tasks:\n  - name: a\n    action: core.noop\n"

FOREIGN = [
    (
        "env.TOKEN",
        "`--secret-env TOKEN=TOKEN` (in Python: `keystore={...}`) and read `{{ keystore.T",
    ),
    ("env['TOKEN']", "an expression reads no environment variables"),
    ("os.environ.TOKEN", "`--secret-env TOKEN=TOKEN`"),
    ("os.getenv('TOKEN')", "`os.getenv()` is no call of the language; an expression reads no env"),
    ("env('TOKEN')", "there is no function `env`; an expression reads no environment variables"),
    ("lookup('env', 'HOME')", "`--secret-env HOME=HOME`"),
    ("env", "`--secret-env NAME=VARIABLE`"),
    ("secrets.TOKEN", "and read `{{ keystore.TOKEN }}`"),
    ("steps.a.outputs.x", "a task's result is read as `{{ task.NAME.KEY }}`"),
    ("ti.xcom_pull('a')", "`ti.xcom_pull()` is no call of the language; a task's result is read"),
    ("inputs.region", "a parameter is read as `{{ parameters.region }}`"),
    ("ctx.total", "a variable is read as `{{ workflow.total }}`"),
    ("ctx('total')", "there is no function `ctx`; a variable is read as `{{ workflow.total }}`"),
    ("matrix.os", "within `with_items`, `{{ item }}` is the item and `{{ index }}` its number"),
    ("ds", "the time is `{{ now() }}`"),
    ("success()", "there is no function `success`; write `succeeded()`"),
    ("str(1)", "there is no function `str`; write `string(...)`"),
]
OUTER = [
    (
        "urls",
        ["a"],
        "declare `parameters: {urls: {type: array}}`, pass it with `run({'urls': urls})`",
    ),
    ("urls", ["a"], "and read `{{ parameters.urls }}`"),
    ("urls", ("a",), "{type: array}"),
    ("urls", {"a": 1}, "{type: object}"),
    ("urls", "a", "{type: string}"),
    ("urls", 1, "{type: integer}"),
    ("urls", 1.5, "{type: number}"),
    ("urls", True, "{type: boolean}"),
    ("urls", {1}, "{type: any}"),
    ("urls", None, "{type: any}"),
    ("api_token", "x", "{type: string, secret: true}"),
]


@pytest.fixture
def outside(monkeypatch):
    """Return a function that sets a variable of the notebook or script."""
    main = sys.modules["__main__"]
    monkeypatch.delattr(main, "get_ipython", raising=False)
    return lambda name, value: monkeypatch.setattr(main, name, value, raising=False)


def problem_of(expression, above=""):
    (problem,) = load_problems(f'{above}{A}    input:\n      x: "{{{{ {expression} }}}}"\n')
    return problem


@pytest.mark.parametrize(("expression", "words"), FOREIGN)
def test_a_name_of_another_tool_is_explained(expression, words):
    problem = problem_of(expression)

    assert words in problem.message
    assert line_and_column(problem) == (5, 10)


@pytest.mark.parametrize(("expression", "words"), FOREIGN)
def test_a_template_by_itself_has_the_same_explanation(expression, words):
    with pytest.raises(attune_nb.TemplateError) as caught:
        attune_nb.Template(f"{{{{ {expression} }}}}").render()
    assert words in str(caught.value)


@pytest.mark.parametrize(("name", "value", "words"), OUTER)
def test_a_variable_of_the_program_is_to_be_declared(outside, name, value, words):
    outside(name, value)
    message = problem_of(name).message

    assert message.startswith(f"`{name}` is undefined; the program has a variable `{name}`: ")
    assert words in message


@pytest.mark.parametrize("space", ["parameters", "workflow"])
def test_a_variable_of_the_program_is_no_parameter_yet(outside, space):
    outside("urls", ["a"])
    message = problem_of(f"{space}.urls").message
    assert f"`{space}` has no `urls`; the program has a variable `urls`: declare" in message


def test_in_a_notebook_the_option_is_named(outside):
    outside("urls", ["a"])
    outside("get_ipython", lambda: None)

    message = problem_of("urls | length").message
    assert "the notebook has a variable `urls`" in message
    assert "pass it with `--set urls` (in Python: `run({'urls': urls})`)" in message


def test_a_value_of_the_program_is_never_shown(outside):
    outside("api_token", "hunter2")
    assert "hunter2" not in problem_of("api_token").message


def test_a_declared_parameter_comes_before_a_variable(outside):
    outside("urls", ["a"])
    message = problem_of("urls", "parameters: {urls: {type: array}}\n").message
    assert message == "`urls` is undefined; did you mean `parameters.urls`?"


def test_a_variable_of_the_workflow_is_not_taken_for_one_of_the_program(outside):
    outside("urls", ["a"])
    attune_nb.loads(f"vars: {{urls: [b]}}\n{A}    when: urls\n")


def test_secrets_are_not_taken_from_a_variable_named_env(outside):
    outside("env", {"TOKEN": "hunter2"})
    assert "--secret-env TOKEN=TOKEN" in problem_of("env.TOKEN").message


@pytest.mark.parametrize("expression", ["parse", "parse(1)"])
def test_a_function_of_the_program_is_an_action(outside, expression):
    outside("parse", lambda text: text)
    assert "a function `parse`" in problem_of(expression).message
    assert "as `action: parse`" in problem_of(expression).message


@pytest.mark.parametrize("name", ["_private", "module", "exit", "In"])
def test_other_names_of_the_program_are_not_offered(outside, name):
    outside(name, sys)
    assert problem_of(name).message == f"`{name}` is undefined"


def test_passed_values_without_a_declaration_show_how_to_declare_them():
    workflow = attune_nb.loads(A)
    with pytest.raises(attune_nb.ParameterError) as caught:
        workflow.run({"urls": [1]}, store="none")

    assert str(caught.value) == (
        "the workflow declares no parameters, but was given `urls`; declare "
        "`parameters: {urls: {type: any}}`"
    )
