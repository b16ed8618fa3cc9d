"""`start: true`: a run begins with a task although another one leads to it."""

import pytest

import attune_nb

CYCLE = """
vars: {turn: 0}
tasks:
  - name: count
    START
    action: core.noop
    next: [{publish: [{turn: "{{ workflow.turn + 1 }}"}], do: check}]
  - name: check
    action: core.noop
    next:
      - {when: "{{ workflow.turn < 3 }}", do: count}
output_map: {turns: "{{ workflow.turn }}"}
"""


def test_a_workflow_may_begin_with_a_cycle():
    run = attune_nb.loads(CYCLE.replace("START", "start: true")).run()
    assert run.output == {"turns": 3}
    assert run.tasks["task"].tolist() == ["count", "check"] * 3


def test_the_message_without_a_start_shows_the_line_to_write():
    with pytest.raises(attune_nb.WorkflowError) as raised:
        attune_nb.loads(CYCLE.replace("START", "start: false")).run()
    (problem,) = raised.value.problems
    assert "write `start: true` below `name: count` to begin there" in problem.message


def test_a_branch_that_arrives_in_the_first_round_starts_it_no_second_time():
    text = """
tasks:
  - {name: first, action: core.noop, next: [{do: second}]}
  - {name: second, start: true, action: core.noop}
"""
    run = attune_nb.loads(text).run()
    assert run.tasks["task"].tolist() == ["first", "second"]


def test_the_check_allows_reads_of_what_leads_to_a_start():
    text = """
tasks:
  - {name: first, action: core.noop, next: [{do: second}]}
  - {name: second, start: true, action: core.echo, input: {message: "{{ task.first.status }}"}}
"""
    # the other may have ended, so this is no problem that is known before the run
    assert attune_nb.loads(text).check() == []
