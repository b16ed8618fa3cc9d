"""A mistake in a long string has its own line, not the line where the string begins."""

import pytest
from support.problems import line_and_column, load_problems

import attune_nb

BLOCK = """\
tasks:
  - name: a
    action: core.shell
    input:
      cmd: {style}
        set -e

          echo {{{{ 1 + 1 }}}}
        echo {mistake}
"""
FOLLOWING = "  - {name: b, action: core.noop, when: '{{ nope }}'}\n"


def find_position(text):
    (problem,) = load_problems(text)
    return line_and_column(problem)


@pytest.mark.parametrize("style", ["|", "|-", "|2", ">", ">-"])
@pytest.mark.parametrize(
    "mistake", ["{{ nope }}", "{{ 1 + }}", "{{ 9 ** (9 ** 9) }}", "{{ 1", "{% if %}", "{{ 'a }}"]
)
def test_in_a_block(style, mistake):
    assert find_position(BLOCK.format(style=style, mistake=mistake)) == (9, 14)


@pytest.mark.parametrize("written", ["'{{ nope }}'", '"{{ nope }}"', "'hi {{ nope }}'"])
def test_in_a_string_of_one_line(written):
    column = 26 if "hi" in written else 22
    text = f"tasks:\n  - name: a\n    action: core.echo\n    input: {{message: {written}}}\n"
    assert find_position(text) == (4, column)


def test_in_a_string_of_two_lines():
    text = (
        "tasks:\n  - name: a\n    action: core.echo\n    input: {message: 'b\n      {{ nope }}'}\n"
    )
    assert find_position(text) == (5, 7)


def test_an_expression_of_two_lines_has_its_first_line():
    block = BLOCK.format(style="|", mistake="{{ nope +\n          1 }}")
    assert find_position(block) == (9, 14)


def test_an_expression_that_yaml_changed_has_the_strings_line():
    folded = BLOCK.format(style=">", mistake="x").replace("echo x", "echo {{\n        nope }}")
    assert find_position(folded) == (5, 12)
    escaped = 'tasks: [{name: a, action: core.echo, input: {message: "\\x7b{ nope }}"}}]\n'
    assert find_position(escaped) == (1, 55)


def test_two_equal_mistakes_have_their_own_lines():
    text = BLOCK.format(style="|", mistake="x").replace("1 + 1", "nope")
    problems = load_problems(text + FOLLOWING)
    assert [problem.position.line for problem in problems] == [8, 10]


def test_in_an_error_of_the_run():
    text = BLOCK.format(style="|", mistake="{{ parameters.p.q }}").replace("cmd", "message")
    run = attune_nb.loads("parameters: {p: {}}\n" + text.replace("shell", "echo")).run({"p": {}})
    assert "line 10, column 14" in run.error
