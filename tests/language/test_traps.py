"""Warnings about valid workflows that probably mean something else.

Add a row to add a case.
"""

import pytest
from support.problems import line_and_column

import attune_nb

ABOVE = """
parameters:
  host: {type: string, default: a}
  count: {type: integer, default: 1}
  size: {enum: [small, large]}
  odd: {enum: [small, "very large"]}
  any: {}
vars:
  - branch: main
  - motto: don't
  - region: {name: eu-west-1}
  - host: a
tasks:
  - name: a
    action: core.noop
    next: [{publish: [{host: "{{ result() }}"}], do: shell}]
  - name: shell
    action: core.shell
"""
ITEMS = "    with_items: [{name: a, n: 1}, {name: b, n: 2, path: /my files}]\n"

UNQUOTED = [
    ("ping {{ parameters.host }}", "{{ parameters.host }}", "{{ parameters.host | quote }}"),
    ("ping {{ parameters.any }}", "{{ parameters.any }}", "{{ parameters.any | quote }}"),
    ("make {{ parameters.odd }}", "{{ parameters.odd }}", "{{ parameters.odd | quote }}"),
    ("cat {{ item.path }}", "{{ item.path }}", "{{ item.path | quote }}"),
    ("cat {{ item['path'] }}", "{{ item['path'] }}", "{{ item['path'] | quote }}"),
    ("cat {{ item }}", "{{ item }}", "{{ item | quote }}"),
    ("echo {{ workflow.motto }}", "{{ workflow.motto }}", "{{ workflow.motto | quote }}"),
    ("echo {{ host }}", "{{ host }}", "{{ host | quote }}"),
    ("echo {{ task.a.stdout }}", "{{ task.a.stdout }}", "{{ task.a.stdout | quote }}"),
    ("curl -H {{ keystore.t }} x", "{{ keystore.t }}", "{{ keystore.t | quote }}"),
    ("x {{ 'a' ~ host }}", "{{ 'a' ~ host }}", "{{ ('a' ~ host) | quote }}"),
    ("x {{ host | upper }}", "{{ host | upper }}", "{{ (host | upper) | quote }}"),
    ("x {{ host if index else 1 }}", "{{ host if index else 1 }}",
     "{{ (host if index else 1) | quote }}"),
    ("x {{ [host] | map('upper') | join(' ') }}", "{{ [host] | map('upper') | join(' ') }}",
     "{{ ([host] | map('upper') | join(' ')) | quote }}"),
]  # fmt: skip
HARMLESS = [
    "ping -c 3 localhost",
    "ping {{ parameters.host | quote }}",
    "ping {{ [parameters.host, host] | quote }}",
    "ping {{ [host] | map('quote') | join(' ') }}",
    "head -n {{ parameters.count }} x",
    "head -n {{ parameters.count + 1 }} x",
    "make {{ parameters.size }}",
    "cat {{ item.name }}-{{ item.n }}-{{ index }}",
    "git checkout {{ workflow.branch }}",
    "git checkout {{ branch }}",
    "echo {{ 'a b' }}",
    "aws --region {{ workflow.region.name }}",
    "exit {{ task.a.exit_code }}",
    "echo {{ task.a.status }} {{ host | length }} {{ length(host) }} {{ now() }} {{ uuid() }}",
    "echo {{ 'v' if host == 'a b' else 'w' }} {{ 'a' ~ 1 }} {{ 3 }} {{ true }}",
    "curl 'http://x/?q={{ host | urlencode }}'",
    "echo {{ system.execution_id }}",
]
DEFAULTS = [
    ("{d: {default: '{{ now() }}'}}", '`vars: {d: "{{ now() }}"}`', 27),
    ("{d: {default: 'a {{ x }} b'}}", '`vars: {d: "a {{ x }} b"}`', 27),
    ("{d: {default: ['{{ x }}']}}", "`vars: {d: ...}`", 27),
    ("{d: {secret: true, default: '{{ x }}'}}", "`vars: {d: ...}`", 41),
    ("{type: object, properties: {d: {default: '{{ x }}'}}}", '`vars: {d: "{{ x }}"}`', 54),
]


def find_warnings(text):
    warnings = attune_nb.loads(text).warnings()
    assert [problem for problem in attune_nb.loads(text).check() if problem.severity == "warning"]
    return warnings


def with_command(command):
    return f"{ABOVE}{ITEMS}    input:\n      cmd: |\n        set -e\n        {command}\n"


@pytest.mark.parametrize(("command", "shown", "advice"), UNQUOTED)
def test_a_value_in_a_command_is_to_be_quoted(command, shown, advice):
    (problem,) = find_warnings(with_command(command))

    assert problem.message.startswith(f"`{shown}` becomes a part of the shell's command: ")
    assert f"write `{advice}`, or pass the words as `argv`" in problem.message
    assert line_and_column(problem) == (23, 9 + command.index("{{"))


@pytest.mark.parametrize("command", HARMLESS)
def test_a_value_that_can_do_no_harm_is_let_pass(command):
    assert attune_nb.loads(with_command(command)).warnings() == []


def test_one_task_has_one_warning():
    (problem,) = find_warnings(with_command("scp {{ item.path }} {{ host }}:{{ host }}"))
    assert "`{{ item.path }}` (and 2 more) becomes a part" in problem.message


@pytest.mark.parametrize("quote", ["'", '"'])
def test_quotes_of_the_command_are_to_be_left_out(quote):
    (problem,) = find_warnings(with_command(f"cat {quote}{{{{ host }}}}{quote}"))
    assert "write `{{ host | quote }}`, without quotes around it" in problem.message


def test_words_in_an_array_need_no_quotes():
    text = f"{ABOVE}    input: {{argv: [ping, '{{{{ parameters.host }}}}']}}\n"
    assert attune_nb.loads(text).warnings() == []


def test_a_command_that_is_one_value_is_not_to_be_quoted():
    text = f"{ABOVE}    input:\n      cmd: >\n        {{{{ parameters.any }}}}\n"
    assert attune_nb.loads(text).warnings() == []


def test_other_actions_have_no_command():
    text = (
        "tasks:\n  - {name: a, action: core.noop, input: {cmd: 'x {{ now() }} {{ workflow }}'}}\n"
    )
    assert attune_nb.loads(text).warnings() == []


@pytest.mark.parametrize(("declared", "advice", "column"), DEFAULTS)
def test_a_default_that_looks_like_an_expression_is_used_as_it_is(declared, advice, column):
    (problem,) = find_warnings(
        f"parameters: {declared}\ntasks:\n  - {{name: a, action: core.noop}}\n"
    )

    assert (
        "the default of parameter `d` looks like an expression, but it is used" in problem.message
    )
    assert f"to compute it in each run, write {advice} instead" in problem.message
    assert line_and_column(problem) == (1, column)


@pytest.mark.parametrize("default", ["{ x }", "{{.Names}}", "{% raw %}", "{{", "{{ x y }}"])
def test_a_default_without_an_expression_has_no_warning(default):
    text = (
        f"parameters: {{d: {{default: '{default}'}}}}\ntasks:\n  - {{name: a, action: core.noop}}\n"
    )
    assert attune_nb.loads(text).warnings() == []
