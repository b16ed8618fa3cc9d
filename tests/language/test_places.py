"""A mistake within a longer text is told in its own line, not in the one where the text begins."""

import pytest

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


def place(text):
    with pytest.raises(attune_nb.WorkflowError) as caught:
        attune_nb.loads(text)
    (problem,) = caught.value.problems
    return problem.position.line, problem.position.column


@pytest.mark.parametrize("style", ["|", "|-", "|2", ">", ">-"])
@pytest.mark.parametrize(
    "mistake", ["{{ nope }}", "{{ 1 + }}", "{{ 9 ** (9 ** 9) }}", "{{ 1", "{% if %}", "{{ 'a }}"]
)
def test_in_a_block(style, mistake):
    assert place(BLOCK.format(style=style, mistake=mistake)) == (9, 14)


@pytest.mark.parametrize("written", ["'{{ nope }}'", '"{{ nope }}"', "'hi {{ nope }}'"])
def test_in_a_text_of_one_line(written):
    text = f"tasks:\n  - name: a\n    action: core.echo\n    input: {{message: {written}}}\n"
    assert place(text) == (4, 26 if "hi" in written else 22)


def test_in_a_text_that_goes_on_in_the_next_line():
    text = (
        "tasks:\n  - name: a\n    action: core.echo\n    input: {message: 'b\n      {{ nope }}'}\n"
    )
    assert place(text) == (5, 7)


def test_an_expression_over_several_lines_has_its_first():
    block = BLOCK.format(style="|", mistake="{{ nope +\n          1 }}")
    assert place(block) == (9, 14)


def test_what_is_nowhere_to_be_found_has_the_place_of_the_text():
    folded = BLOCK.format(style=">", mistake="x").replace("echo x", "echo {{\n        nope }}")
    assert place(folded) == (5, 12)
    escaped = 'tasks: [{name: a, action: core.echo, input: {message: "\\x7b{ nope }}"}}]\n'
    assert place(escaped) == (1, 55)


def test_the_same_mistake_further_down_is_not_meant():
    text = BLOCK.format(style="|", mistake="x").replace("1 + 1", "nope")
    with pytest.raises(attune_nb.WorkflowError) as caught:
        attune_nb.loads(text + FOLLOWING)
    assert [each.position.line for each in caught.value.problems] == [8, 10]


def test_while_running():
    text = BLOCK.format(style="|", mistake="{{ parameters.p.q }}").replace("cmd", "message")
    run = attune_nb.loads("parameters: {p: {}}\n" + text.replace("shell", "echo")).run({"p": {}})
    assert "line 10, column 14" in run.error
