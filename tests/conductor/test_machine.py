"""What a workflow means, by example, on both backends of this process: rules 1 to 7."""

from collections import Counter

import pytest
from support.manual_driver import ByHand
from support.outcomes import ended, names

import attune_nb
from attune_nb.conductor.invariants import violations
from attune_nb.conductor.task_end import MAX_VISITS
from attune_nb.events import RunStarted, TaskEnded


def test_tasks_run_one_after_the_other(go):
    run = go("""
tasks:
  - {name: a, action: core.noop, next: [{do: b}]}
  - {name: b, action: core.noop, next: [{do: c}]}
  - {name: c, action: core.noop}
""")
    assert run.status == "succeeded"
    assert run.error is None
    assert ended(run) == [(name, 1, "succeeded") for name in "abc"]


def test_a_handled_failure_takes_its_branch_and_the_run_succeeds(go):
    run = go("""
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
    assert ended(run) == [("a", 1, "failed"), ("bad", 1, "succeeded")]
    assert run.result("a") == {"error": "it broke", "error_type": "ValueError"}


def test_an_unhandled_failure_fails_the_run(go):
    run = go("""
tasks:
  - {name: a, action: boom, next: [{when: "{{ succeeded() }}", do: b}]}
  - {name: b, action: core.noop}
""")
    assert run.status == "failed"
    assert run.error == "task `a` failed: it broke"
    assert names(run) == ["a"]
    with pytest.raises(attune_nb.RunFailed, match="it broke"):
        run.raise_for_status()


def test_what_is_published_the_next_task_sees(go):
    run = go("""
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


def test_join_all_waits_for_every_branch_and_runs_once(go):
    run = go(FAN.format(c="core.noop", join=", join: all"))
    assert run.status == "succeeded"
    assert names(run)[-1] == "j"
    assert Counter(names(run)) == Counter("sabcj")


def test_join_n_needs_only_n_and_runs_once(go):
    run = go(FAN.format(c="boom", join=", join: 2"))
    assert run.status == "succeeded"
    assert Counter(names(run)) == Counter("sabcj")


def test_an_unmet_join_fails_the_run_and_names_what_it_waited_for(go):
    run = go(FAN.format(c="boom", join=", join: all"))
    assert run.status == "failed"
    assert run.error == "join `j` was never met: it still waited for c"
    assert "j" not in names(run)


def test_without_a_join_a_task_runs_once_a_round(go):
    run = go(FAN.format(c="core.noop", join=""))
    assert run.status == "succeeded"
    assert names(run).count("j") == 1


def test_a_cycle_runs_a_task_three_times(go):
    run = go("""
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
    assert ended(run)[1:] == [("a", visit, "succeeded") for visit in (1, 2, 3)]
    assert run.output == {"n": 3}


def test_fail_fails_the_run_and_noop_handles(go):
    failing = go("tasks:\n  - {name: a, action: core.noop, next: [{do: fail}]}\n")
    assert failing.status == "failed"
    assert failing.error == "task `a` went to `fail`"
    fine = go('tasks:\n  - {name: a, action: boom, next: [{when: "{{ failed() }}", do: noop}]}\n')
    assert fine.status == "succeeded"


def test_a_task_whose_when_is_false_is_skipped_and_its_followers_run(go):
    calls = []
    run = go(
        """
tasks:
  - {name: a, action: note, when: "{{ 1 > 2 }}", next: [{when: "{{ succeeded() }}", do: b}]}
  - {name: b, action: core.noop}
""",
        note=lambda: calls.append(1),
    )
    assert run.status == "succeeded"
    assert ended(run) == [("a", 1, "skipped"), ("b", 1, "succeeded")]
    assert calls == []


def test_results_come_in_the_order_of_the_items(go):
    run = go("""
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
def test_a_failing_attempt_is_made_again_count_times(go, seen, failures, attempts, status):
    def flaky():
        seen.append(1)
        if len(seen) <= failures:
            raise ValueError("flaky")

    run = go("tasks:\n  - {name: a, action: flaky, retry: {count: 2}}\n", flaky=flaky)
    assert (run.status, len(seen)) == (status, attempts)
    last = [e for e in run.events if isinstance(e, TaskEnded)][-1]
    assert last.attempts == attempts
    assert list(run.attempts["attempt"]) == list(range(1, attempts + 1))


def test_a_failing_item_fails_the_task_and_stands_in_its_result(go):
    def odd(x):
        if x % 2 == 0:
            raise ValueError(f"{x} is even")
        return x

    run = go(
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


def test_an_empty_list_succeeds_with_an_empty_result(go):
    run = go("""
tasks:
  - {name: a, action: boom, with_items: "{{ range(0) }}", next: [{do: b}]}
  - {name: b, action: core.noop}
""")
    assert run.status == "succeeded"
    assert run.result("a") == []
    assert names(run) == ["a", "b"]


def test_items_of_text_are_an_error_that_says_so(go):
    run = go("""
vars: [{t: hello}]
tasks:
  - name: a
    action: core.noop
    with_items: "{{ workflow.t }}"
""")
    assert run.status == "failed"
    assert "`with_items` needs an array, not a string" in run.error


def test_output_map_gives_the_output(go):
    run = go("""
tasks:
  - {name: a, action: same, input: {x: [1, 2]}, next: [{publish: [v]}]}
output_map: {v: "{{ workflow.v }}", n: "{{ workflow.v | length }}"}
""")
    assert run.output == {"v": [1, 2], "n": 2}
    with pytest.raises(TypeError, match="read-only"):
        run.output["v"] = 1


def test_an_action_cannot_change_what_other_items_see(go):
    def spoil(shared, n):
        if n == 0:
            shared["k"].append(n)
        return len(shared["k"])

    run = go(
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
    first, *others = run.result("a")
    assert first["error_type"] == "TypeError"
    assert "read-only" in first["error"]
    assert "mutable_input=True" in first["error"]
    assert others == [1, 1]
    assert run.context.variables["shared"] == {"k": [1]}


def test_every_task_that_nothing_points_at_starts(go):
    run = go("""
tasks:
  - {name: a, action: core.noop}
  - {name: b, action: core.noop, next: [{do: c}]}
  - {name: c, action: core.noop}
""")
    assert Counter(names(run)) == Counter("abc")


def test_a_workflow_in_which_nothing_can_start_is_refused():
    with pytest.raises(attune_nb.WorkflowError, match="none can start"):
        attune_nb.loads("""
tasks:
  - {name: a, action: core.noop, next: [{do: b}]}
  - {name: b, action: core.noop, next: [{do: a}]}
""")


def test_every_transition_that_holds_fires_in_order_and_sees_what_came_before(go):
    run = go("""
vars: [{n: 1}, {seen: ""}]
tasks:
  - name: a
    action: core.noop
    next:
      - {publish: [{n: "{{ workflow.n + 1 }}"}, {seen: "{{ workflow.n }}"}], do: b}
      - {when: "{{ workflow.n == 1 }}", do: never}
      - {when: "{{ workflow.n == 2 }}", publish: {n: 7}, do: [c]}
  - {name: b, action: core.noop}
  - {name: c, action: same, input: {x: "{{ workflow.n }}"}}
  - {name: never, action: core.noop}
""")
    assert Counter(names(run)) == Counter("abc")
    assert run.result("c") == 7
    assert run.context.variables["seen"] == 2
    first = next(e for e in run.events if isinstance(e, TaskEnded))
    assert first.fired == (0, 2)


@pytest.mark.parametrize(
    ("action", "status"),
    [("core.noop", "succeeded"), ("boom", "failed"), ("late", "timed_out")],
)
def test_exactly_one_of_three_endings_is_true(go, action, status):
    run = go(f"""
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
    assert ended(run) == [("a", 1, status), (status, 1, "succeeded")]


def test_a_bare_name_publishes_the_result(go):
    run = go("tasks:\n  - {name: a, action: same, input: {x: 3}, next: [{publish: [v]}]}\n")
    assert run.context.variables["v"] == 3


def test_the_second_round_of_a_cycle_joins_again(go):
    run = go("""
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
    assert Counter(names(run)) == {"s": 1, "t": 3, "a": 3, "b": 3, "j": 3}


def test_a_branch_that_arrives_twice_counts_once_at_a_join():
    run = ByHand("""
vars: [{n: 0}]
tasks:
  - {name: a, action: core.noop, next: [{do: j}, {do: j}]}
  - {name: b, action: core.noop, next: [{do: j}]}
  - {name: j, action: core.noop, join: all}
""")
    run.end("a")
    assert "j" not in run.started
    run.end("b")
    assert run.started.count("j") == 1


def test_a_join_takes_a_handled_failure_for_an_arrival(go):
    run = go("""
tasks:
  - {name: a, action: core.noop, next: [{do: j}]}
  - {name: b, action: boom, next: [{do: j}]}
  - {name: j, action: core.noop, join: all}
""")
    assert run.status == "succeeded"
    assert names(run)[-1] == "j"


def test_every_unmet_join_is_named_with_what_it_waited_for(go):
    run = go("""
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


def test_every_unhandled_failure_is_named_and_other_branches_go_on(go):
    run = go("""
tasks:
  - {name: a, action: boom}
  - {name: b, action: late, next: [{when: "{{ succeeded() }}", do: d}]}
  - {name: c, action: core.noop, next: [{do: d}]}
  - {name: d, action: core.noop}
""")
    assert run.status == "failed"
    assert "task `a` failed: it broke" in run.error
    assert "task `b` timed out: too slow" in run.error
    assert ("d", 1, "succeeded") in ended(run)


def test_a_transition_that_only_publishes_does_not_handle_a_failure(go):
    run = go("tasks:\n  - {name: a, action: boom, next: [{publish: [{v: 1}]}]}\n")
    assert run.status == "failed"
    assert run.context.variables["v"] == 1


def test_an_output_is_only_made_when_the_run_succeeds(go):
    run = go("tasks:\n  - {name: a, action: boom}\noutput_map: {x: 1}\n")
    assert (run.status, run.output) == ("failed", None)


def test_a_skipped_task_has_the_status_and_no_result(go):
    run = go("""
tasks:
  - {name: a, action: core.noop, when: "false", next: [{when: "{{ skipped() }}", do: b}]}
  - {name: b, action: same, input: {x: ["{{ task.a.status }}", "{{ task.a.result }}"]}}
""")
    assert run.result("b") == ["skipped", None]


def chain(count, extra=""):
    lines = [
        f"  - {{name: t{n}, action: core.noop{extra}, next: [{{do: t{n + 1}}}]}}"
        for n in range(count - 1)
    ]
    return "\n".join(["tasks:", *lines, f"  - {{name: t{count - 1}, action: core.noop{extra}}}\n"])


@pytest.mark.parametrize("extra", ["", ", when: 'false'", ", with_items: []"])
def test_a_chain_of_a_thousand_tasks(go, extra):
    run = go(chain(1000, extra))
    assert run.status == "succeeded"
    assert len(names(run)) == 1000


@pytest.mark.parametrize("join", ["", ", join: all"])
def test_ten_thousand_edges(join):
    first = ", ".join(f"a{n}" for n in range(100))
    second = ", ".join(f"b{n}" for n in range(100))
    skip = "action: core.noop, when: 'false'"
    lines = ["tasks:", f"  - {{name: s, {skip}, next: [{{do: [{first}]}}]}}"]
    lines += [f"  - {{name: a{n}, {skip}, next: [{{do: [{second}]}}]}}" for n in range(100)]
    lines += [f"  - {{name: b{n}, {skip}{join}}}" for n in range(100)]
    run = ByHand("\n".join(lines) + "\n")
    assert run.state.status == "succeeded"
    assert Counter(name[0] for name, _, _ in run.ended) == {"s": 1, "a": 100, "b": 100}


@pytest.mark.parametrize("join", ["", ", join: 1"])
def test_a_cycle_without_a_way_out_fails_the_run_and_says_so(join):
    run = ByHand(f"""
tasks:
  - {{name: s, action: core.noop, next: [{{do: a}}]}}
  - {{name: a, action: core.noop, when: "false"{join}, next: [{{do: b}}]}}
  - {{name: b, action: core.noop, when: "false", next: [{{do: a}}]}}
""")
    run.end("s")
    assert run.state.status == "failed"
    assert run.state.error == "task `a` ran 10,000 times; its cycle has no way out"
    assert Counter(name for name, _, _ in run.ended) == {"s": 1, "a": MAX_VISITS, "b": MAX_VISITS}


def test_a_run_starts_once():
    run = ByHand("tasks:\n  - {name: a, action: core.noop}\n", {"x": 1})
    before = run.state
    fields = {"run_id": "b", "workflow": "b", "started_at": 0.0, "parameters": {}}
    assert run.feed(RunStarted, **fields) == []
    assert run.state == before


def test_the_invariants_see_what_is_wrong():
    run = ByHand("tasks:\n  - {name: a, action: core.noop}\n")
    state = run.state
    assert violations(state) == []
    wrong = type(state)(
        **{name: getattr(state, name) for name in state.__struct_fields__}
        | {"active": 3, "status": "succeeded", "order": state.order.append(("b", 1))}
    )
    said = "; ".join(violations(wrong))
    assert "3 tasks are counted as open, but 1 are" in said
    assert "the run has ended, but not a" in said
    assert "the order of the executions" in said
