"""Templates of other tools in a workflow's text: each is refused, with the way out.

Add a row to add one: the text, words of the message, line and column.
"""

import pytest
from support.problems import line_and_column, load_problems

import attune_nb
from attune_nb.language.load import load_workflow

A = "tasks:\n  - name: a\n    action: core.noop\n"

YAQL = [
    (A + "    when: <% succeeded() %>\n", "write `{{ succeeded() }}`", 4, 11),
    (A + "    when: '<% ctx().ok %>'\n",
     "write `{{ workflow.ok }}`, or `{{ parameters.ok }}`", 4, 11),
    (A + "    with_items: <% ctx(hosts) %>\n", "write `{{ workflow.hosts }}`", 4, 17),
    (A + "    with_items: <% $.hosts %>\n", "write `{{ workflow.hosts }}`", 4, 17),
    (A + "    concurrency: <% ctx(n) %>\n", "write `{{ workflow.n }}`", 4, 18),
    (A + "    input: {host: <% item(host) %>}\n", "write `{{ item }}`", 4, 19),
    (A + "    input:\n      cmd: |\n        ls\n        cat <% ctx().x.where($ > 1) %>\n",
     "`<% ctx().x.where($ > 1) %>` is an expression of Orquesta (YAQL)", 7, 13),
    (A + "    next: [{publish: [{x: <% result() %>}], do: noop}]\n", "`{{ result() }}`", 4, 27),
    ("vars: [{x: <% ctx().y %>}]\n" + A, "write `{{ workflow.y }}`", 1, 12),
    ("output_map: {x: '{{ 1 }} <% ctx().y %>'}\n" + A, "is an expression of Orquesta", 1, 26),
    ("parameters: {x: {default: <% ctx().y %>}}\n" + A, "for these very characters write", 1, 27),
    ("description: see <% ctx().y %>\n" + A, "is an expression of Orquesta", 1, 18),
]  # fmt: skip
GO = [
    ("docker ps --format '{{.Names}}'", "write it as a string: `{{ '{{.Names}}' }}`"),
    ("docker ps --format '{{ .ID }}: {{.Names}}'", "`{{ '{{ .ID }}' }}`"),
    ("docker inspect -f '{{json .State}}' x", "`{{ '{{json .State}}' }}`"),
    ("docker inspect -f '{{range .Mounts}}x{{end}}' x", "`{{ '{{range .Mounts}}' }}`"),
    ("docker inspect -f '{{index .Config 'a'}}' x", "`{{ \"{{index .Config 'a'}}\" }}`"),
    ("kubectl get pods -o go-template='{{- .items }}'", "`{{ '{{- .items }}' }}`"),
    ("docker ps --format '{{.}}'", "this is a template of Go (docker, kubectl)"),
]
STATEMENTS = [
    ("{% raw %}{{.Names}}{% endraw %}", "`{% raw %}`", "write braces as a string, `{{ '{{.N"),
    ("{% if x %}a{% endif %}", "`{% if %}`", "use an expression `{{ a if b else c }}`"),
    ("{%- for x in y %}a{% endfor %}", "`{% for %}`", "use `with_items`"),
    ("{% set x = 1 %}", "`{% set %}`", "use `vars` or `publish`"),
    ("{% include 'x' %}", "`{% include %}`", "or `{{ '{%' }}` for these very characters"),
    ("a {%", "`{% %}`", "or `{{ '{%' }}` for these very characters"),
]


@pytest.mark.parametrize(("text", "words", "line", "column"), YAQL)
def test_an_expression_of_orquesta_is_refused_anywhere(text, words, line, column):
    (problem,) = load_problems(text)

    assert words in problem.message
    assert line_and_column(problem) == (line, column)


@pytest.mark.parametrize("text", ["{{ '<% ctx().x %>' }}", "<%= name %>", "<%- x -%>", "a <% b"])
def test_text_that_is_no_expression_of_orquesta_is_kept(text):
    workflow = attune_nb.loads(f"{A}    input:\n      text: |-\n        {text}\n")
    assert workflow.task("a").input.source == {"text": text}


def test_a_record_of_an_earlier_version_may_hold_such_text():
    workflow = load_workflow(A + "    input: {text: <% ctx().x %>}\n", is_recorded=True)
    assert workflow.task("a").input.render() == {"text": "<% ctx().x %>"}


@pytest.mark.parametrize(("cmd", "words"), GO)
def test_a_template_of_docker_is_refused_with_the_way_out(cmd, words):
    (problem,) = load_problems(f"{A}    input:\n      cmd: |\n        {cmd}\n")

    assert words in problem.message
    assert problem.position.line == 6


@pytest.mark.parametrize(("cmd", "words"), GO[:6])
def test_the_way_out_gives_the_very_template(cmd, words):
    way_out = words[words.index("`") + 1 : -1]
    written = way_out[4:-4]

    assert attune_nb.Template(way_out).render() == written


@pytest.mark.parametrize(("text", "shown", "words"), STATEMENTS)
def test_a_statement_is_refused_with_what_to_write(text, shown, words):
    (problem,) = load_problems(f"{A}    input:\n      cmd: |\n        {text}\n")

    assert f"statements ({shown}) are not part of the language" in problem.message
    assert words in problem.message
    assert problem.position.line == 6
