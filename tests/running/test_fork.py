"""Forks and retries: runs that reuse results of another run."""

import threading
import tracemalloc
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import attune_nb
from attune_nb.errors import AttuneError, LookupFailed, ParameterError
from attune_nb.events import AttemptsEnded

TEXT = """
parameters: {n: {type: integer, default: 10}, k: {type: integer, default: 1}}
tasks:
  - name: fetch
    action: act
    with_items: "{{ range(parameters.n) }}"
    concurrency: 4
    input: {task: fetch, item: "{{ item }}"}
    next: [{do: [check, aside], publish: [{total: "{{ result() | sum }}"}]}]
  - {name: aside, action: act, input: {task: aside, item: 1}}
  - name: check
    action: act
    with_items: "{{ range(20) }}"
    retry: {count: 1}
    input: {task: check, item: "{{ item * parameters.k }}"}
    next: [{when: "{{ succeeded() }}", do: report}]
  - {name: report, action: act, input: {task: report, item: "{{ workflow.total }}"}}
output_map: {total: "{{ task.report.result }}", checked: "{{ task.check.result | sum }}"}
"""


class Acts:
    """Counts the calls of an action, and fails for the items in `bad`."""

    def __init__(self):
        self.calls = Counter()
        self.bad = set()

    def __call__(self, task, item):
        self.calls[task] += 1
        if (task, item) in self.bad:
            raise ValueError(f"{task} {item}")
        return item

    def taken(self):
        calls = dict(self.calls)
        self.calls = Counter()
        return calls


@pytest.fixture
def acts():
    return Acts()


def act_of(acts):
    def act(task, item):
        return acts(task, item)

    return {"act": act}


def first(acts, text=TEXT, parameters=None, **options):
    run = attune_nb.loads(text).run(parameters or {}, actions=act_of(acts), **options)
    acts.taken()
    return run


def batches(run):
    return [event.batch for event in run.events if isinstance(event, AttemptsEnded)]


def test_a_fork_runs_a_task_and_its_successors(acts):
    run = first(acts)
    fork = run.fork("check", {"k": 2})

    assert acts.taken() == {"check": 20, "report": 1}
    assert fork.output == {"total": 45, "checked": 380}
    assert fork.run_id != run.run_id
    assert run.output == {"total": 45, "checked": 190}
    assert fork.alerts == []


def test_a_fork_at_the_end_runs_the_end(acts):
    run = first(acts)
    fork = run.fork(at="report")

    assert acts.taken() == {"report": 1}
    assert fork.output == run.output
    assert fork.fork("report").output == run.output


def test_a_fork_at_the_start_runs_all(acts):
    assert first(acts).fork("fetch").output == {"total": 45, "checked": 190}
    assert acts.taken() == {"fetch": 10, "aside": 1, "check": 20, "report": 1}


def test_a_parallel_branch_that_ended_later_is_reused(acts):
    gate = threading.Event()

    def act(task, item):
        if task == "aside":
            gate.wait(90)
        if task == "report":
            gate.set()
        return acts(task, item)

    run = attune_nb.loads(TEXT).run(actions={"act": act})
    acts.taken()

    assert run.fork("check").output == run.output
    assert acts.taken() == {"check": 20, "report": 1}


def test_reused_results_are_shared_and_not_copied(acts):
    run = first(acts, parameters={"n": 1_000})
    fork = run.fork("report")
    shared = {id(batch) for batch in batches(run)}

    assert [id(batch) in shared for batch in batches(fork)].count(False) == 1
    assert fork.result("fetch") == run.result("fetch")


def test_a_fork_takes_no_memory_for_reused_results():
    text = TEXT.replace("{{ result() | sum }}", "{{ result() | length }}")
    quick = {"act": lambda task, item: 0}

    def traced_memory(size):
        large = {"act": lambda task, item: "x" * size if task == "fetch" else 0}
        run = attune_nb.loads(text).run({"n": 100}, actions=large)
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        fork = run.fork("report", actions=quick)
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert fork.result("fetch")[7] == "x" * size
        return after - before

    traced_memory(10)

    # a hundredth of the reused results
    assert abs(traced_memory(100_000) - traced_memory(10)) < 100_000


def test_a_changed_task_that_is_reused_has_an_alert(acts):
    run = first(acts)
    edited = attune_nb.loads(TEXT.replace("{{ item * parameters.k }}", "{{ item }}"))
    fork = run.fork("report", workflow=edited)

    assert acts.taken() == {"report": 1}

    alert = "task `check` changed since, but the earlier results are reused; fork at `check`"
    assert alert in fork.alerts[0]
    assert alert in repr(fork)
    assert run.fork("check", workflow=edited).alerts == []


def test_a_reused_task_publishes_anew(acts):
    run = first(acts)
    edited = attune_nb.loads(TEXT.replace("{{ result() | sum }}", "{{ result() | length }}"))
    fork = run.fork("report", workflow=edited)

    assert fork.output["total"] == 10
    assert fork.alerts == []
    assert acts.taken() == {"report": 1}


def test_a_new_task_after_the_fork_runs(acts):
    run = first(acts)
    text = TEXT.replace('item: "{{ workflow.total }}"}}', "item: 1}, next: [{do: more}]}")
    edited = attune_nb.loads(
        text.replace(
            "output_map", "  - {name: more, action: act, input: {task: more, item: 2}}\noutput_map"
        )
    )

    assert run.fork("report", workflow=edited).status == "succeeded"
    assert acts.taken() == {"report": 1, "more": 1}


def test_a_changed_parameter_of_a_reused_task_has_an_alert(acts):
    run = first(acts)
    fork = run.fork("report", {"k": 5})
    assert fork.alerts == [
        "task `check` reads `parameters.k`, which changed, but the earlier results are reused"
    ]


def test_a_changed_parameter_with_a_default_has_an_alert(acts):
    run = first(acts, TEXT.replace("parameters.k", "parameters.k | default(2)"))
    fork = run.fork("report", {"k": 5})
    assert fork.alerts == [
        "task `check` reads `parameters.k`, which changed, but the earlier results are reused"
    ]


def test_a_task_whose_items_changed_runs_again(acts):
    """The tasks that follow from it run again too."""
    run = first(acts)
    fork = run.fork("report", {"n": 12})

    assert fork.output["total"] == sum(range(12))
    assert acts.taken() == {"fetch": 12, "aside": 1, "check": 20, "report": 1}
    assert fork.alerts == ["task `fetch` runs again, because the items changed"]


def test_a_retry_runs_failed_items_and_the_tasks_after(acts):
    acts.bad = {("check", 3), ("check", 7)}
    run = first(acts)

    assert (run.status, run.tasks.set_index("task").loc["check", "attempts"]) == ("failed", 22)

    acts.bad = set()
    again = run.retry()

    assert acts.taken() == {"check": 2, "report": 1}
    assert (again.status, again.output) == ("succeeded", {"total": 45, "checked": 190})
    assert list(again.items("check")["attempts"]) == [1] * 20


def test_a_retry_may_fail_again_and_be_tried_again(acts):
    acts.bad = {("check", 3), ("check", 7)}
    run = first(acts)
    acts.bad = {("check", 3)}
    again = run.retry()

    assert (again.status, acts.taken()) == ("failed", {"check": 3})

    acts.bad = set()
    assert again.retry().status == "succeeded"
    assert acts.taken() == {"check": 1, "report": 1}


def test_a_retry_of_all_is_a_new_run(acts):
    run = first(acts)
    assert run.retry(failed_only=False).output == run.output
    assert acts.taken() == {"fetch": 10, "aside": 1, "check": 20, "report": 1}


def test_a_run_without_failures_cannot_be_retried(acts):
    with pytest.raises(LookupFailed, match="nothing has failed in run"):
        first(acts).retry()


def test_a_retry_continues_a_cancelled_run(acts):
    gate, reached = threading.Event(), threading.Event()

    def act(task, item):
        if task == "check" and item == 5 and not gate.is_set():
            reached.set()
            gate.wait(90)
        return acts(task, item)

    run = attune_nb.loads(TEXT).run(actions={"act": act}, background=True)

    assert reached.wait(60)

    run.cancel()
    while run.status != "cancelling":
        run.wait(0.01)
    gate.set()

    assert run.wait(60)
    assert run.status == "cancelled"

    checked = acts.taken()["check"]
    again = run.retry()

    assert again.output == {"total": 45, "checked": 190}
    assert acts.taken() == {"check": 20 - checked, "report": 1}


def test_a_failed_expression_is_retried_after_an_edit(acts):
    text = TEXT.replace("{{ item * parameters.k }}", "{{ item.name }}")
    run = first(acts, text)

    assert run.status == "failed"
    assert run.retry(workflow=attune_nb.loads(TEXT)).output["checked"] == 190
    assert acts.taken() == {"check": 20, "report": 1}


PARALLEL = """
tasks:
  - name: both
    type: parallel
    tasks:
      - {name: a, action: act, input: {task: a, item: 1}}
      - {name: b, action: act, input: {task: b, item: 2}}
    next: [{do: after}]
  - {name: after, action: act, input: {task: after, item: "{{ task.both.result.b }}"}}
"""


def test_an_inner_task_is_forked_alone(acts):
    run = first(acts, PARALLEL)
    run.fork("both/b")

    assert acts.taken() == {"b": 1, "after": 1}

    run.fork("both")
    assert acts.taken() == {"a": 1, "b": 1, "after": 1}


def test_a_failed_inner_task_is_retried_alone(acts):
    acts.bad = {("b", 2)}
    run = first(acts, PARALLEL.replace("do: after", 'when: "{{ succeeded() }}", do: after'))
    acts.bad = set()

    assert run.retry().status == "succeeded"
    assert acts.taken() == {"b": 1, "after": 1}


def test_a_fork_in_a_cycle_is_at_its_first_round(acts):
    text = """
vars: [{n: 0}]
tasks:
  - {name: start, action: act, input: {task: start, item: 0}, next: [{do: turn}]}
  - name: turn
    action: act
    input: {task: turn, item: "{{ workflow.n }}"}
    next: [{when: "{{ workflow.n < 3 }}", publish: [{n: "{{ workflow.n + 1 }}"}], do: turn}]
output_map: {n: "{{ workflow.n }}"}
"""
    run = first(acts, text)

    assert run.fork("turn").output == {"n": 3}
    assert acts.taken() == {"turn": 4}


def test_a_running_run_can_be_forked(acts):
    gate = threading.Event()

    def act(task, item):
        if task == "check" and not gate.is_set():
            gate.wait(90)
        return acts(task, item)

    run = attune_nb.loads(TEXT).run(actions={"act": act}, background=True)
    while acts.calls["fetch"] != 10 or not acts.calls["aside"]:
        run.wait(0.01)
    run.wait(0.2)
    fork = run.fork("check", background=True)
    gate.set()

    assert run.wait(60)
    assert fork.wait(60)
    assert run.output == fork.output
    assert acts.taken() == {"fetch": 10, "aside": 1, "check": 40, "report": 2}


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        ("there is no task `chekc`; did you mean `check`?", {"at": "chekc"}),
        ("`parameters` must be an object, not an integer", {"at": "check", "parameters": 5}),
        ("`actions` must be an object, not an array", {"at": "check", "actions": []}),
        (
            "`workflow` must be a Workflow, as `load` returns it",
            {"at": "a", "workflow": "x"},
        ),
        ("there is no option `actoins`; did you mean `actions`?", {"at": "check", "actoins": {}}),
        ("takes no parameter|unknown|`nn`", {"at": "check", "parameters": {"nn": 1}}),
    ],
)
def test_a_wrong_argument_is_refused(acts, message, arguments):
    with pytest.raises(AttuneError, match=message.replace("?", r"\?")):
        first(acts).fork(**arguments)


def test_a_task_that_was_not_reached_cannot_be_forked(acts):
    acts.bad = {("check", 3)}
    run = first(acts)
    with pytest.raises(LookupFailed, match="task `report` has not run in run"):
        run.fork("report")


def test_a_fork_keeps_mocks_and_secrets(acts):
    text = TEXT.replace("k: {type", "key: {secret: true}, k: {type").replace(
        'item: "{{ workflow.total }}"', 'item: "{{ parameters.key }}"'
    )
    run = first(acts, text, {"key": "open-sesame"}, mock={"fetch": 4, "aside": 1}, dry_run=False)
    items = []
    fork = run.fork("report", actions={"act": lambda task, item: items.append(item)})

    assert items == ["open-sesame"]
    assert fork.result("fetch") == [4] * 10


def test_a_recorded_run_is_forked_and_retried(acts, tmp_path):
    store = tmp_path / "runs.db"
    acts.bad = {("check", 3)}
    run = first(acts, store=store)
    acts.bad = set()
    stored = attune_nb.open_run(run.run_id, store)
    again = stored.retry(actions=act_of(acts))

    assert (again.status, acts.taken()) == ("succeeded", {"check": 1, "report": 1})

    fork = attune_nb.open_run(again.run_id, store).fork("report", actions=act_of(acts))
    assert acts.taken() == {"report": 1}
    assert set(attune_nb.runs(store)["run_id"]) == {run.run_id, again.run_id, fork.run_id}

    reopened = attune_nb.open_run(fork.run_id, store)
    assert reopened.events == fork.events
    assert reopened.output == fork.output


def test_a_recorded_run_needs_its_secrets_again(acts, tmp_path):
    store = tmp_path / "runs.db"
    text = TEXT.replace("k: {type", "key: {secret: true}, k: {type")
    run = first(acts, text, {"key": "open-sesame"}, store=store)
    stored = attune_nb.open_run(run.run_id, store)

    with pytest.raises(ParameterError, match="does not hold the secret parameter `key`"):
        stored.fork("report", actions=act_of(acts))

    fork = stored.fork("report", {"key": "open-sesame"}, actions=act_of(acts))
    assert fork.status == "succeeded"


@st.composite
def graphs(draw):
    """Draw a workflow of a few tasks, each of which leads to later ones."""
    count = draw(st.integers(2, 6))
    tasks = []
    for number in range(count):
        items = draw(st.integers(1, 3))
        later = [f"t{other_number}" for other_number in range(number + 1, count)]
        chosen = draw(st.lists(st.sampled_from(later), unique=True, max_size=2)) if later else []
        tasks.append(
            f'  - {{name: t{number}, action: act, with_items: "{{{{ range({items}) }}}}", '
            f'input: {{task: t{number}, item: "{{{{ item }}}}"}}, '
            f'next: [{{publish: [{{v{number}: "{{{{ result() }}}}"}}], '
            f"do: [{', '.join(chosen)}]}}]}}"
        )
    return "\n".join(["tasks:", *tasks])


def story(run):
    frame = run.tasks[["task", "visit", "status", "items", "attempts"]]
    return sorted(map(tuple, frame.to_numpy().tolist())), run.status, dict(run.context.variables)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(graphs(), st.data())
def test_a_fork_anywhere_ends_as_the_run_did(text, data):
    acts = Acts()
    run = attune_nb.loads(text).run(actions=act_of(acts), backend="inline")
    acts.taken()
    tasks = sorted(set(run.attempts()["task"]))
    task = data.draw(st.sampled_from(tasks))
    fork = run.fork(task)

    assert story(fork) == story(run)
    assert task in acts.taken()


def test_an_edited_action_that_is_reused_has_an_alert(acts, tmp_path):
    def edited(task, item):
        return acts(task, item) + 0

    store = tmp_path / "runs.db"
    run = first(acts, store=store)
    fork = run.fork("report", actions={"act": edited})
    alert = "tasks `aside`, `check`, `fetch` changed since, but the earlier results are reused"

    assert alert in fork.alerts[0]
    assert run.fork("report", actions=act_of(acts)).alerts == []

    stored = attune_nb.open_run(run.run_id, store)
    assert alert in stored.fork("report", actions={"act": edited}).alerts[0]
    assert stored.fork("fetch", actions={"act": edited}).alerts == []
