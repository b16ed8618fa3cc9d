"""Words of other workflow tools: the message names the key of this language that does the same.

Add a row to add a word: the text, words of the message, line and column.
"""

import pytest
from support.problems import line_and_column, load_problems

from attune_nb.language import load
from attune_nb.language.reading import foreign_keys, legacy_syntax, read_tasks
from attune_nb.reference import parameter_keys
from attune_nb.reference.entry import names

A = "tasks:\n  - name: a\n    action: core.noop\n"
B = "  - name: b\n    action: core.noop\n"

TASK_KEYS = [
    ("    depends_on: a\n", "the earlier task names the later one: write `next: [{do: b}]` in `a`"),
    ("    needs: [a]\n", "write `next: [{do: b}]` in `a`"),
    ("    dependsOn: [a, c]\n", "`next: [{do: b}]` in `a` and in `c`, and `join: all` in `b`"),
    ("    upstream: [a, c, d]\n", "in `a`, `c` and in `d`, and `join: all` in `b`"),
    ("    requires: {x: 1}\n", "write `next: [{do: b}]` in `FIRST`"),
    ("    loop: [1]\n", "write `with_items: ARRAY`, and `{{ item }}` in `input`"),
    ("    foreach: [1]\n", "write `with_items: ARRAY`"),
    ("    for-each: [1]\n    batch_size: 2\n", "write `with_items: ARRAY`"),
    (
        "    with: {x: 1}\n",
        "write `input: {NAME: VALUE}` for arguments, or `with_items",
    ),
    ("    iterate_cache: {namespace: users}\n", "write `with_items: '{{ task.NAME.KEY }}'`"),
    ("    args: {x: 1}\n", "the action's arguments stand in `input: {NAME: VALUE}`"),
    ("    env: {x: 1}\n", "`input: {cmd: ..., env: {...}}`"),
    ("    if: succeeded()\n", "write `when: CONDITION`"),
    ("    unless: x\n", "write `when: not (CONDITION)`"),
    ("    register: x\n    when: x.y\n", "later tasks read a result as `{{ task.NAME.KEY }}`"),
    ("    until: result().ready\n", "a transition leads back for another round"),
    ("    retries: 3\n", "write `retry: {count: N, delay: SECONDS}`"),
    ("    max-attempts: 3\n", "`count` is how many more attempts follow the first"),
    ("    ignore_errors: true\n", "`next: [{when: '{{ failed() }}', do: noop}]`"),
    ("    continue-on-error: true\n", "a failure with a target is handled"),
    ("    on-error: a\n", "write a transition: `next: [{when: '{{ failed() }}', do: NAME}]`"),
    ("    finally: a\n", "write a transition without `when`, which always fires"),
    ("    do: a\n", "write `next: [{do: NAME}]`"),
    ("    switch: []\n", "write a transition for each branch"),
    ("    trigger_rule: all_done\n", "write `join: all` or `join: N`"),
    ("    max_parallel: 3\n", "write `concurrency: N`: how many items run at once"),
    ("    fail-fast: true\n", "write `max_failures: N` (0 for the first failure)"),
    ("    timeout-minutes: 3\n", "write `timeout: SECONDS`"),
    ("    sleep: 3\n", "write `delay: SECONDS`"),
    ("    runs-on: ubuntu\n", "a task runs where the run's backend is (`--backend`)"),
    ("    description: x\n", "write it as a comment of YAML: `# ...`"),
    ("    permissions: x\n", "known keys: name, action, "),
]
ACTION_KEYS = [
    ("run: ls", "write `action: core.shell` and `input: {cmd: ...}`"),
    ("script: [ls]", "write `action: core.shell` and `input: {cmd: ...}`"),
    ("uses: actions/checkout", "write `action: NAME`, and its arguments in `input`"),
    ("python_callable: f", "write `action: NAME`, and its arguments in `input`"),
]
WORKFLOW_KEYS = [
    ("inputs: {x: {}}\n", "write `parameters: {NAME: {type: string}}`"),
    ("env: {TOKEN: x}\n", "`--secret-env NAME=VARIABLE`, read as `{{ keystore.NAME }}`"),
    ("outputs: {x: 1}\n", "write `output_map: {NAME: '{{ task.NAME.KEY }}'}`"),
    ("schedule: daily\n", "a timer such as cron can call that command"),
    ("on: push\n", "a run is started by a cell, by Python or by `attune-nb run FILE`"),
    ("retries: 3\n", "this is a key of a task: write it in `tasks`"),
    ("on_failure: a\n", "this belongs to a task: write it in that task's `next`"),
    ("start_at: a\n", "a run begins with the tasks that no other task points at"),
]
TRANSITION_KEYS = [
    ("if: true", "write `when: CONDITION`"),
    ("goto: b", "write `do: NAME`"),
    ("set: {x: 1}", "write `publish: [{NAME: VALUE}]`"),
    ("else: b", "write another one with the opposite `when`"),
    ("on_failure: b", "write `when: '{{ failed() }}'` and `do: NAME`"),
]
RETRY_KEYS = [
    ("attempts: 3", "write `count: N`, how many more attempts follow the first"),
    ("count: 1, interval: 3", "write `delay: SECONDS`"),
    ("count: 1, multiplier: 3", "write `backoff: constant`, `linear` or `exponential`"),
    ("count: 1, exceptions: [X]", "write `on_error: PATTERN`"),
]
PARAMETER_KEYS = [
    ("choices: [a]", "write `enum: [VALUE, ...]`"),
    ("help: x", "write `description: TEXT`"),
    ("min: 1", "write `minimum: NUMBER`"),
    ("optional: true", "a parameter is optional unless it says `required: true`"),
    ("nullable: true", 'write `type: [string, "null"]`'),
    ("value: 1", "write `default: VALUE`"),
    ("no_log: true", "write `secret: true`"),
    ("minLen: 1", "did you mean `minLength`?"),
]
TYPES = [
    ("list", "write `type: array`"),
    ("dict", "write `type: object`"),
    ("float", "write `type: number`"),
    ("Int", "write `type: integer`"),
    ("str", "write `type: string`"),
    ("bool", "write `type: boolean`"),
    ("date", "write `type: string` and `format: date`"),
    ("datetime", "write `type: string` and `format: date-time`"),
    ("choice", "write `type: string` and `enum: [VALUE, ...]`"),
    ("password", "write `type: string` and `secret: true`"),
    ("strin", "did you mean `string`?"),
]


@pytest.mark.parametrize(("line", "words"), TASK_KEYS)
def test_a_foreign_key_of_a_task_is_explained(line, words):
    (problem,) = load_problems(A + B + line)

    assert problem.message.startswith(f"unknown key `{line.split(':')[0].strip()}` in a task; ")
    assert words in problem.message
    assert line_and_column(problem) == (6, 5)


@pytest.mark.parametrize(("key", "words"), ACTION_KEYS)
def test_a_foreign_word_for_the_action_is_one_problem(key, words):
    (problem,) = load_problems(f"tasks:\n  - name: a\n    {key}\n")

    assert words in problem.message
    assert line_and_column(problem) == (3, 5)


@pytest.mark.parametrize("key", ["jobs", "steps", "stages", "nodes", "dag"])
def test_a_foreign_word_for_the_tasks_is_one_problem(key):
    (problem,) = load_problems(f"{key}:\n  - name: a\n")

    assert "write `tasks: [{name: ..., action: ..., next: [...]}]`" in problem.message
    assert line_and_column(problem) == (1, 1)


@pytest.mark.parametrize(("line", "words"), WORKFLOW_KEYS)
def test_a_foreign_key_of_a_workflow_is_explained(line, words):
    (problem,) = load_problems(line + A)

    assert words in problem.message
    assert line_and_column(problem) == (1, 1)


@pytest.mark.parametrize(("key", "words"), TRANSITION_KEYS)
def test_a_foreign_key_of_a_transition_is_explained(key, words):
    (problem,) = load_problems(f"{A}    next: [{{{key}}}]\n{B}")

    assert words in problem.message
    assert line_and_column(problem) == (4, 13)


@pytest.mark.parametrize(("keys", "words"), RETRY_KEYS)
def test_a_foreign_key_of_a_retry_is_explained(keys, words):
    (problem,) = load_problems(f"{A}    retry: {{{keys}}}\n")

    assert words in problem.message
    assert problem.position.line == 4


@pytest.mark.parametrize(("key", "words"), PARAMETER_KEYS)
def test_a_foreign_key_of_a_parameter_is_explained(key, words):
    (problem,) = load_problems(f"parameters: {{p: {{{key}}}}}\n{A}")

    assert problem.message.startswith(f"unknown key `{key.split(':')[0]}` in parameter `p`; ")
    assert words in problem.message
    assert line_and_column(problem) == (1, 18)


@pytest.mark.parametrize(("name", "words"), TYPES)
def test_a_foreign_type_of_a_parameter_is_explained(name, words):
    (problem,) = load_problems(f"parameters: {{p: {{type: {name}}}}}\n{A}")

    assert problem.message == f"unknown parameter type `{name}`; {words}"
    assert line_and_column(problem) == (1, 24)


def test_every_foreign_key_leads_to_a_key_of_the_language():
    """A key that became one of the language must leave the table of foreign keys."""
    known_keys = {
        "a workflow": load.WORKFLOW_KEYS,
        "a task": (*read_tasks.TASK_KEYS, *legacy_syntax.LEGACY_KEYS),
        "a transition": read_tasks.TRANSITION_KEYS,
        "`retry`": read_tasks.RETRY_KEYS,
        "a parameter": names(parameter_keys.PARAMETER_KEYS, "parameter key"),
    }
    assert known_keys.keys() == foreign_keys.TABLES.keys()

    for owner, table in foreign_keys.TABLES.items():
        assert {key.meant for key in table.values()} - {""} <= set(known_keys[owner]), owner
        assert table.keys().isdisjoint(known_keys[owner]), owner


def test_an_array_of_tasks_alone_is_to_stand_below_tasks():
    (problem,) = load_problems("- name: a\n  action: core.noop\n")
    assert "not an array; if these are its tasks, write `tasks:` above them" in problem.message


def test_keys_that_only_attune_reads_are_not_listed():
    (problem,) = load_problems(A + "    zzz: 1\n")

    assert "permission_set_refs" not in problem.message
    assert "worker_" not in problem.message
    assert "__chart_meta__" not in problem.message
    assert "on_success" not in problem.message


@pytest.mark.parametrize(
    ("key", "meant"),
    [("on_succes", "on_success"), ("worker_selectr", "worker_selector"), ("decison", "decision")],
)
def test_a_slip_in_a_rare_key_is_still_recognized(key, meant):
    (problem,) = load_problems(A + f"    {key}: {{}}\n")
    assert f"did you mean `{meant}`?" in problem.message
