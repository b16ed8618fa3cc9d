"""What a workflow means, by example, on both backends of this process."""

import re
from collections import Counter

import pytest

import attune_nb
from attune_nb.events import TaskEnded


@pytest.fixture(params=["inline", "threads"])
def go(request):
    def run(text, **actions):
        given = {"boom": boom, "same": same, **actions}
        return attune_nb.loads(text).run(actions=given, backend=request.param)

    return run


def boom():
    raise ValueError("it broke")


def same(x):
    return x


def ended(run):
    return [(e.task, e.visit, e.status) for e in run.events if isinstance(e, TaskEnded)]


def names(run):
    return [name for name, _, _ in ended(run)]


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
def test_a_failing_attempt_is_made_again_count_times(go, failures, attempts, status):
    calls = []

    def flaky():
        calls.append(1)
        if len(calls) <= failures:
            raise ValueError("flaky")

    run = go("tasks:\n  - {name: a, action: flaky, retry: {count: 2}}\n", flaky=flaky)
    assert (run.status, len(calls)) == (status, attempts)
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
    assert run.error == "task `a` failed: 2 of 4 items failed; the first: 2 is even"


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
    assert "`with_items` needs a list, not a text" in run.error


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


def test_a_template_error_in_when_fails_the_run_where_it_stands(go):
    run = go("""
vars: [{m: {}}]
tasks:
  - name: a
    action: core.noop
    when: "{{ workflow.m.nothing > 1 }}"
""")
    assert run.status == "failed"
    (error,) = run.failures()
    assert error.type == "TemplateError"
    assert error.position.line == 6
    assert re.search(r"nothing", run.error)
