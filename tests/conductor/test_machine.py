"""The meaning of a workflow, by example, on every backend: rules 1 to 7."""

from collections import Counter

import msgspec
import pytest
from support.manual_driver import ManualDriver
from support.outcomes import ended_names, ended_tasks

import attune_nb
from attune_nb.conductor.invariants import violations
from attune_nb.conductor.task_end import MAX_VISITS
from attune_nb.events import RunStarted, TaskEnded


def test_tasks_run_one_after_the_other(runner):
    run = runner.run("""
tasks:
  - {name: a, action: core.noop, next: [{do: b}]}
  - {name: b, action: core.noop, next: [{do: c}]}
  - {name: c, action: core.noop}
""")
    assert run.status == "succeeded"
    assert run.error is None
    assert ended_tasks(run) == [(name, 1, "succeeded") for name in "abc"]


def test_a_handled_failure_takes_its_branch_and_the_run_succeeds(runner):
    run = runner.run("""
tasks:
  - name: a
    action: boom
    next:
      - {when: "{{ succeeded() }}", do: good}
      - {when: "{{ failed() }}", do: bad}
  - {name: good, action: core.noop}
  - {name: bad, action: core.noop}
""")
    assert run.status == "succeeded"
    assert ended_tasks(run) == [("a", 1, "failed"), ("bad", 1, "succeeded")]
    assert run.result("a") == {"error": "it broke", "error_type": "ValueError"}


def test_an_unhandled_failure_fails_the_run(runner):
    run = runner.run("""
tasks:
  - {name: a, action: boom, next: [{when: "{{ succeeded() }}", do: b}]}
  - {name: b, action: core.noop}
""")
    assert run.status == "failed"
    assert run.error == "task `a` failed: it broke"
    assert ended_names(run) == ["a"]
    with pytest.raises(attune_nb.RunFailed, match="it broke"):
        run.raise_for_status()


def test_the_next_task_sees_published_variables(runner):
    run = runner.run("""
tasks:
  - name: a
    action: same
    input: {x: 20}
    next: [{publish: [{v: "{{ result() + 1 }}"}], do: b}]
  - {name: b, action: same, input: {x: "{{ workflow.v }}"}}
""")
    assert run.result("b") == 21
    assert "v" not in run.context_at("a").variables
    assert run.context_at("b").variables["v"] == 21


FAN = """
tasks:
  - {{name: s, action: core.noop, next: [{{do: [a, b, c]}}]}}
  - {{name: a, action: core.noop, next: [{{do: j}}]}}
  - {{name: b, action: core.noop, next: [{{do: j}}]}}
  - {{name: c, action: {c}, next: [{{when: "{{{{ succeeded() }}}}", do: j}}, {{do: noop}}]}}
  - {{name: j, action: core.noop{join}}}
"""


def test_join_all_waits_for_every_branch_and_runs_once(runner):
    run = runner.run(FAN.format(c="core.noop", join=", join: all"))
    assert run.status == "succeeded"
    assert ended_names(run)[-1] == "j"
    assert Counter(ended_names(run)) == Counter("sabcj")


def test_join_n_needs_only_n_and_runs_once(runner):
    run = runner.run(FAN.format(c="boom", join=", join: 2"))
    assert run.status == "succeeded"
    assert Counter(ended_names(run)) == Counter("sabcj")


def test_an_unmet_join_fails_the_run_and_names_its_sources(runner):
    run = runner.run(FAN.format(c="boom", join=", join: all"))
    assert run.status == "failed"
    assert run.error == "join `j` was never met: it still waited for c"
    assert "j" not in ended_names(run)


def test_without_a_join_a_task_runs_once_a_round(runner):
    run = runner.run(FAN.format(c="core.noop", join=""))
    assert run.status == "succeeded"
    assert ended_names(run).count("j") == 1


def test_a_cycle_runs_a_task_three_times(runner):
    run = runner.run("""
vars: [{n: 0}]
tasks:
  - {name: start, action: core.noop, next: [{do: a}]}
  - name: a
    action: same
    input: {x: "{{ workflow.n + 1 }}"}
    next:
      - {publish: [{n: "{{ result() }}"}]}
      - {when: "{{ workflow.n < 3 }}", do: a}
output_map: {n: "{{ workflow.n }}"}
""")
    assert run.status == "succeeded"
    assert ended_tasks(run)[1:] == [("a", visit, "succeeded") for visit in (1, 2, 3)]
    assert run.output == {"n": 3}


def test_fail_fails_the_run_and_noop_handles(runner):
    failing = runner.run("tasks:\n  - {name: a, action: core.noop, next: [{do: fail}]}\n")
    assert failing.status == "failed"
    assert failing.error == "task `a` went to `fail`"

    fine = runner.run(
        'tasks:\n  - {name: a, action: boom, next: [{when: "{{ failed() }}", do: noop}]}\n'
    )
    assert fine.status == "succeeded"


def test_a_task_with_a_false_when_is_skipped_and_left(runner):
    calls = []
    run = runner.run(
        """
tasks:
  - {name: a, action: note, when: "{{ 1 > 2 }}", next: [{when: "{{ succeeded() }}", do: b}]}
  - {name: b, action: core.noop}
""",
        note=lambda: calls.append(1),
    )

    assert run.status == "succeeded"
    assert ended_tasks(run) == [("a", 1, "skipped"), ("b", 1, "succeeded")]
    assert calls == []


def test_results_come_in_the_order_of_the_items(runner):
    run = runner.run("""
tasks:
  - name: a
    action: same
    with_items: "{{ range(50) }}"
    concurrency: 8
    input: {x: ["{{ index }}", "{{ item * 2 }}"]}
""")
    assert run.status == "succeeded"
    assert run.result("a") == [[n, n * 2] for n in range(50)]


@pytest.mark.parametrize(
    ("failures", "attempts", "status"),
    [
        (0, 1, "succeeded"),
        (2, 3, "succeeded"),
        (9, 3, "failed"),
    ],
)
def test_a_failed_attempt_is_repeated_count_times(runner, calls, failures, attempts, status):
    def flaky():
        calls.append(1)
        if len(calls) <= failures:
            raise ValueError("flaky")

    run = runner.run("tasks:\n  - {name: a, action: flaky, retry: {count: 2}}\n", flaky=flaky)
    assert (run.status, len(calls)) == (status, attempts)

    (end,) = [event for event in run.events if isinstance(event, TaskEnded)]
    assert end.attempts == attempts
    assert list(run.attempts()["attempt"]) == list(range(1, attempts + 1))


def test_a_failed_item_fails_the_task_and_is_in_its_result(runner):
    def odd(x):
        if x % 2 == 0:
            raise ValueError(f"{x} is even")
        return x

    run = runner.run(
        """
tasks:
  - {name: a, action: odd, with_items: [1, 2, 3, 4], concurrency: 2, input: {x: "{{ item }}"}}
""",
        odd=odd,
    )
    assert run.status == "failed"

    even = [{"error": f"{n} is even", "error_type": "ValueError"} for n in (2, 4)]
    assert run.result("a") == [1, even[0], 3, even[1]]
    assert run.error == "task `a` failed: 2 of 4 items failed; the first, index 1: 2 is even"


def test_an_empty_array_succeeds_with_an_empty_result(runner):
    run = runner.run("""
tasks:
  - {name: a, action: boom, with_items: "{{ range(0) }}", next: [{do: b}]}
  - {name: b, action: core.noop}
""")
    assert run.status == "succeeded"
    assert run.result("a") == []
    assert ended_names(run) == ["a", "b"]


def test_a_string_as_items_is_an_error(runner):
    run = runner.run("""
vars: [{t: hello}]
tasks:
  - name: a
    action: core.noop
    with_items: "{{ workflow.t }}"
""")
    assert run.status == "failed"
    assert "`with_items` needs an array, not a string" in run.error


def test_output_map_gives_the_output(runner):
    run = runner.run("""
tasks:
  - {name: a, action: same, input: {x: [1, 2]}, next: [{publish: [v]}]}
output_map: {v: "{{ workflow.v }}", n: "{{ workflow.v | length }}"}
""")
    assert run.output == {"v": [1, 2], "n": 2}
    with pytest.raises(TypeError, match="read-only"):
        run.output["v"] = 1


def test_an_action_cannot_change_what_other_items_see(runner):
    def spoil(shared, n):
        if n == 0:
            shared["k"].append(n)
        return len(shared["k"])

    run = runner.run(
        """
vars: [{shared: {k: [1]}}]
tasks:
  - name: a
    action: spoil
    with_items: [0, 1, 2]
    input: {shared: "{{ workflow.shared }}", n: "{{ item }}"}
""",
        spoil=spoil,
    )
    assert run.status == "failed"

    first, *later = run.result("a")
    assert first["error_type"] == "TypeError"
    assert "read-only" in first["error"]
    assert "mutable_input=True" in first["error"]
    assert later == [1, 1]
    assert run.context.variables["shared"] == {"k": [1]}


def test_every_task_without_a_source_starts(runner):
    run = runner.run("""
tasks:
  - {name: a, action: core.noop}
  - {name: b, action: core.noop, next: [{do: c}]}
  - {name: c, action: core.noop}
""")
    assert Counter(ended_names(run)) == Counter("abc")


def test_a_workflow_in_which_no_task_can_start_is_refused():
    with pytest.raises(attune_nb.WorkflowError, match="none can start"):
        attune_nb.loads("""
tasks:
  - {name: a, action: core.noop, next: [{do: b}]}
  - {name: b, action: core.noop, next: [{do: a}]}
""")


def test_transitions_fire_in_order_and_see_earlier_variables(runner):
    run = runner.run("""
vars: [{n: 1}, {before: ""}]
tasks:
  - name: a
    action: core.noop
    next:
      - {publish: [{n: "{{ workflow.n + 1 }}"}, {before: "{{ workflow.n }}"}], do: b}
      - {when: "{{ workflow.n == 1 }}", do: never}
      - {when: "{{ workflow.n == 2 }}", publish: {n: 7}, do: [c]}
  - {name: b, action: core.noop}
  - {name: c, action: same, input: {x: "{{ workflow.n }}"}}
  - {name: never, action: core.noop}
""")
    assert Counter(ended_names(run)) == Counter("abc")
    assert run.result("c") == 7
    assert run.context.variables["before"] == 2

    ends = [event for event in run.events if isinstance(event, TaskEnded)]
    assert ends[0].fired == (0, 2)


@pytest.mark.parametrize(
    ("action", "status"),
    [("core.noop", "succeeded"), ("boom", "failed"), ("late", "timed_out")],
)
def test_exactly_one_of_three_endings_is_true(runner, action, status):
    run = runner.run(f"""
tasks:
  - name: a
    action: {action}
    next:
      - {{when: "{{{{ succeeded() }}}}", do: succeeded}}
      - {{when: "{{{{ failed() }}}}", do: failed}}
      - {{when: "{{{{ timed_out() }}}}", do: timed_out}}
      - {{when: "{{{{ skipped() }}}}", do: skipped}}
  - {{name: succeeded, action: core.noop}}
  - {{name: failed, action: core.noop}}
  - {{name: timed_out, action: core.noop}}
  - {{name: skipped, action: core.noop}}
""")
    assert run.status == "succeeded"
    assert ended_tasks(run) == [("a", 1, status), (status, 1, "succeeded")]


def test_a_bare_name_publishes_the_result(runner):
    run = runner.run("tasks:\n  - {name: a, action: same, input: {x: 3}, next: [{publish: [v]}]}\n")
    assert run.context.variables["v"] == 3


def test_the_second_round_of_a_cycle_joins_again(runner):
    run = runner.run("""
vars: [{n: 0}]
tasks:
  - {name: s, action: core.noop, next: [{do: t}]}
  - {name: t, action: core.noop, next: [{do: [a, b]}]}
  - {name: a, action: core.noop, next: [{do: j}]}
  - {name: b, action: core.noop, next: [{do: j}]}
  - name: j
    action: core.noop
    join: all
    next:
      - {publish: [{n: "{{ workflow.n + 1 }}"}]}
      - {when: "{{ workflow.n < 3 }}", do: t}
""")
    assert run.status == "succeeded"
    assert Counter(ended_names(run)) == {"s": 1, "t": 3, "a": 3, "b": 3, "j": 3}


def test_a_branch_that_arrives_twice_counts_once_at_a_join():
    run = ManualDriver("""
vars: [{n: 0}]
tasks:
  - {name: a, action: core.noop, next: [{do: j}, {do: j}]}
  - {name: b, action: core.noop, next: [{do: j}]}
  - {name: j, action: core.noop, join: all}
""")
    run.end("a")
    assert "j" not in run.started_tasks

    run.end("b")
    assert run.started_tasks.count("j") == 1


def test_a_handled_failure_arrives_at_a_join(runner):
    run = runner.run("""
tasks:
  - {name: a, action: core.noop, next: [{do: j}]}
  - {name: b, action: boom, next: [{do: j}]}
  - {name: j, action: core.noop, join: all}
""")
    assert run.status == "succeeded"
    assert ended_names(run)[-1] == "j"


def test_every_unmet_join_is_named_with_its_sources(runner):
    run = runner.run("""
tasks:
  - {name: a, action: core.noop, next: [{do: [j, k]}]}
  - {name: b, action: core.noop, next: [{when: "{{ failed() }}", do: [j, k]}]}
  - {name: c, action: core.noop, next: [{when: "{{ failed() }}", do: k}]}
  - {name: j, action: core.noop, join: all}
  - {name: k, action: core.noop, join: 2}
""")
    assert run.status == "failed"
    assert "join `j` was never met: it still waited for b" in run.error
    assert "join `k` was never met: it still waited for b, c" in run.error


def test_every_unhandled_failure_is_named(runner):
    run = runner.run("""
tasks:
  - {name: a, action: boom}
  - {name: b, action: late, next: [{when: "{{ succeeded() }}", do: d}]}
  - {name: c, action: core.noop, next: [{do: d}]}
  - {name: d, action: core.noop}
""")
    assert run.status == "failed"
    assert "task `a` failed: it broke" in run.error
    assert "task `b` timed out: too slow" in run.error
    assert ("d", 1, "succeeded") in ended_tasks(run)


def test_a_transition_without_targets_handles_no_failure(runner):
    run = runner.run("tasks:\n  - {name: a, action: boom, next: [{publish: [{v: 1}]}]}\n")
    assert run.status == "failed"
    assert run.context.variables["v"] == 1


def test_only_a_run_that_succeeds_has_an_output(runner):
    run = runner.run("tasks:\n  - {name: a, action: boom}\noutput_map: {x: 1}\n")
    assert (run.status, run.output) == ("failed", None)


def test_a_skipped_task_has_its_status_and_no_result(runner):
    run = runner.run("""
tasks:
  - {name: a, action: core.noop, when: "false", next: [{when: "{{ skipped() }}", do: b}]}
  - {name: b, action: same, input: {x: ["{{ task.a.status }}", "{{ task.a.result }}"]}}
""")
    assert run.result("b") == ["skipped", None]


def chain(count, extra=""):
    """Return a workflow whose tasks run one after the other."""
    lines = ["tasks:"]
    for number in range(count - 1):
        following = number + 1
        lines.append(
            f"  - {{name: t{number}, action: core.noop{extra}, next: [{{do: t{following}}}]}}"
        )
    lines.append(f"  - {{name: t{count - 1}, action: core.noop{extra}}}\n")
    return "\n".join(lines)


@pytest.mark.parametrize("extra", ["", ", when: 'false'", ", with_items: []"])
def test_a_chain_of_a_thousand_tasks(runner, extra):
    run = runner.run(chain(1000, extra))
    assert run.status == "succeeded"
    assert len(ended_names(run)) == 1000


@pytest.mark.parametrize("join", ["", ", join: all"])
def test_ten_thousand_edges(join):
    first_names = [f"a{number}" for number in range(100)]
    second_names = [f"b{number}" for number in range(100)]
    first = ", ".join(first_names)
    second = ", ".join(second_names)
    skip = "action: core.noop, when: 'false'"
    lines = ["tasks:", f"  - {{name: s, {skip}, next: [{{do: [{first}]}}]}}"]
    lines += [f"  - {{name: {name}, {skip}, next: [{{do: [{second}]}}]}}" for name in first_names]
    lines += [f"  - {{name: {name}, {skip}{join}}}" for name in second_names]

    run = ManualDriver("\n".join(lines) + "\n")

    assert run.state.status == "succeeded"
    assert Counter(name[0] for name, _, _ in run.ended_tasks) == {"s": 1, "a": 100, "b": 100}


@pytest.mark.slow
@pytest.mark.parametrize("join", ["", ", join: 1"])
def test_a_cycle_without_a_way_out_fails_the_run(join):
    run = ManualDriver(f"""
tasks:
  - {{name: s, action: core.noop, next: [{{do: a}}]}}
  - {{name: a, action: core.noop, when: "false"{join}, next: [{{do: b}}]}}
  - {{name: b, action: core.noop, when: "false", next: [{{do: a}}]}}
""")
    run.end("s")

    assert run.state.status == "failed"
    assert run.state.error == "task `a` ran 10,000 times; its cycle has no way out"
    assert Counter(name for name, _, _ in run.ended_tasks) == {
        "s": 1,
        "a": MAX_VISITS,
        "b": MAX_VISITS,
    }


def test_a_run_starts_once():
    run = ManualDriver("tasks:\n  - {name: a, action: core.noop}\n", {"x": 1})
    before = run.state
    fields = {"run_id": "b", "workflow": "b", "started_at": 0.0, "parameters": {}}

    assert run.feed(RunStarted, **fields) == []
    assert run.state == before


def test_violated_invariants_are_found():
    run = ManualDriver("tasks:\n  - {name: a, action: core.noop}\n")
    state = run.state
    assert violations(state) == []

    order = state.order.append(("b", 1))
    broken = msgspec.structs.replace(state, active=3, status="succeeded", order=order)
    messages = "; ".join(violations(broken))

    assert "3 tasks are counted as open, but 1 are" in messages
    assert "the run has ended, but not a" in messages
    assert "the order of the executions" in messages
