"""Mocks and dry runs: a workflow runs without its actions."""

import pytest

import attune_nb

TEXT = """
parameters:
  servers: {type: array, default: [a, b, c]}
tasks:
  - name: check
    action: fleet.check
    with_items: "{{ parameters.servers }}"
    retry: {count: 1, delay: 3600}
    input: {server: "{{ item }}", at: "{{ index }}"}
    next:
      - {when: "{{ succeeded() }}", do: report}
      - {when: "{{ failed() }}", do: page}
      - {when: "{{ timed_out() }}", do: slow}
  - {name: report, action: fleet.report, delay: 3600, input: {all: "{{ task.check.result }}"}}
  - {name: page, action: pager.page}
  - {name: slow, action: pager.slow}
"""


def counted(all):  # noqa: A002 - the argument's name in the workflow
    return len(all)


def run_mocked(mock, **options):
    return attune_nb.loads(TEXT).run(mock=mock, **options)


def statuses(run):
    return dict(zip(run.tasks["task"], run.tasks["status"], strict=True))


def test_a_value_is_the_result_and_no_mock_means_null():
    run = run_mocked({"check": {"ok": True}})
    assert run.status == "succeeded"
    assert run.result("check") == [{"ok": True}] * 3
    assert run.result("report") is None
    assert statuses(run)["page"] == "pending"


def test_an_exception_is_the_failure():
    run = run_mocked({"check": ValueError("down")})
    assert statuses(run) | {"report": "pending"} == statuses(run)
    assert statuses(run)["page"] == "succeeded"
    assert run.result("check")[0] == {"error": "down", "error_type": "ValueError"}


@pytest.mark.parametrize("timeout", [attune_nb.Timeout, attune_nb.Timeout("too slow")])
def test_timeout_is_a_timeout(timeout):
    run = run_mocked({"check": timeout})
    assert statuses(run)["check"] == "timed_out"
    assert statuses(run)["slow"] == "succeeded"


def test_a_callable_is_called_for_each_attempt():
    """It gets the rendered input."""
    calls = []

    def check(rendered):
        calls.append((rendered["server"], rendered["at"]))
        if rendered["server"] == "b":
            raise ValueError("no")
        return rendered["server"].upper()

    run = run_mocked({"check": check}, backend="inline")

    assert sorted(calls) == [("a", 0), ("b", 1), ("b", 1), ("c", 2)]
    assert run.result("check")[0] == "A"
    assert list(run.items("check")["attempts"]) == [1, 2, 1]


def test_no_action_runs_and_none_has_to_exist():
    assert attune_nb.loads(TEXT).run(dry_run=True).status == "succeeded"
    with pytest.raises(attune_nb.WorkflowError, match=r"no action `fleet\.check`"):
        attune_nb.loads(TEXT).run()


def test_without_a_dry_run_other_tasks_run():
    actions = {"fleet.report": counted, "pager.page": print, "pager.slow": print}
    text = TEXT.replace("delay: 3600, ", "").replace(", delay: 3600", "")
    run = attune_nb.loads(text).run(mock={"check": 1}, dry_run=False, actions=actions)

    assert run.result("report") == 3


def test_a_mock_of_an_unknown_task_is_refused():
    with pytest.raises(attune_nb.ParameterError, match="did you mean `check`"):
        run_mocked({"chekc": 1})


def test_a_question_that_is_mocked_is_not_asked():
    text = "tasks:\n  - {name: q, action: core.ask, input: {prompt: sure?}}\n"
    run = attune_nb.loads(text).run(mock={"q": {"response": "yes"}})
    assert run.result("q") == {"response": "yes"}


PARALLEL = """
tasks:
  - name: p
    type: parallel
    tasks: [{name: x, action: u.v}, {name: y, type: parallel, tasks: [{name: z, action: u.v}]}]
output_map: {p: "{{ task.p.result }}"}
"""


@pytest.mark.parametrize(
    ("mock", "output"),
    [
        ({"p": {"x": 7}}, {"x": 7}),
        ({"p/y": 5}, {"x": None, "y": 5}),
        ({"y": 5, "x": 6}, {"x": 6, "y": 5}),
        ({"z": 5}, {"x": None, "y": {"z": 5}}),
    ],
)
def test_a_parallel_task_is_mocked_as_a_whole_or_in_part(mock, output):
    run = attune_nb.loads(PARALLEL).run(mock=mock)
    assert run.output == {"p": output}


def test_a_parallel_task_may_be_mocked_to_fail():
    assert attune_nb.loads(PARALLEL).run(mock={"p": ValueError("no")}).status == "failed"

    inputs = []
    attune_nb.loads(PARALLEL).run(mock={"p": inputs.append})

    assert inputs == [{}]
