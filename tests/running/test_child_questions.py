"""Questions of child runs are asked and answered by their path from the outermost run."""

import pytest
from support.item_runs import until

import attune_nb

CHILD = """
ref: ops.ask
parameters: {host: {type: string}}
tasks:
  - name: approve
    action: core.ask
    input: {prompt: "deploy to {{ parameters.host }}?", response_schema: {type: boolean}}
    next: [{do: act}]
  - {name: act, action: act, input: {said: "{{ task.approve.result.response }}"}}
output_map: {said: "{{ task.act.result }}"}
"""
ITEMS = """
tasks:
  - name: deploy
    action: ops.ask
    with_items: [a, b]
    concurrency: 2
    input: {host: "{{ item }}"}
"""
SINGLE = "tasks: [{name: deploy, action: ops.ask, input: {host: x}}]\n"


def start(text, **options):
    actions = {"ask": attune_nb.loads(CHILD), "act": lambda said: said}
    return attune_nb.loads(text).run(actions=actions, progress=False, **options)


YES = True
NO = False


def paths_of(run):
    return sorted(question.task for question in run.questions)


def test_a_question_of_a_child_is_answered_by_its_path():
    run = start(ITEMS, background=True)
    until(lambda: paths_of(run) == ["deploy[0]/approve", "deploy[1]/approve"])
    assert run.has_only_questions

    run.answer("deploy[1]/approve", NO)
    run.answer("deploy[0]/approve", YES)
    assert run.wait(60)
    assert run.result("deploy") == [{"said": True}, {"said": False}]


def test_a_child_answers_its_own_question():
    run = start(SINGLE, background=True)
    until(lambda: paths_of(run) == ["deploy/approve"])
    run.child("deploy").answer("approve", YES)
    assert run.wait(60)
    assert run.result("deploy") == {"said": True}


def test_an_answer_in_advance_is_for_all_items():
    run = start(ITEMS, answers={"deploy/approve": True})
    assert run.result("deploy") == [{"said": True}, {"said": True}]


def test_an_answer_in_advance_may_be_for_one_item():
    run = start(ITEMS, answers={"deploy/approve": True, "deploy[1]/approve": False})
    assert run.result("deploy") == [{"said": True}, {"said": False}]


def test_an_answer_for_no_task_is_refused():
    with pytest.raises(attune_nb.ParameterError, match="`deplyo/approve`"):
        start(SINGLE, answers={"deplyo/approve": True})


def test_an_answer_that_does_not_fit_is_refused():
    run = start(SINGLE, background=True)
    until(lambda: paths_of(run) == ["deploy/approve"])
    with pytest.raises(attune_nb.ParameterError, match="boolean"):
        run.answer("deploy/approve", "perhaps")
    run.cancel()
    assert run.wait(60)


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"deploy[1]/approve": "perhaps"}, r"`deploy\[1\]/approve`: .*boolean"),
        ({"deploy/aprove": True}, r"`deploy/aprove`: .* did you mean `deploy/approve`"),
        ({"deploy/act": True}, "`deploy/act`: the task asks no question"),
    ],
    ids=["misfit", "typo", "no question"],
)
def test_an_answer_in_advance_is_checked_first(answers, message):
    """A child run that began would fail by it."""
    with pytest.raises(attune_nb.ParameterError, match=message):
        start(ITEMS, answers=answers)


def test_a_dry_run_leaves_out_answers_for_child_runs():
    run = start(SINGLE, answers={"deploy/approve": True}, dry_run=True)
    assert run.status == "succeeded"


def test_an_unattended_run_is_paused_and_resumed_with_an_answer(tmp_path):
    store = tmp_path / "runs.db"
    with pytest.raises(attune_nb.QuestionOpen, match=r"--answer deploy/approve=") as raised:
        start(SINGLE, store=store)
    run = raised.value.run
    assert run.status == "paused"
    run.answer("deploy/approve", YES)
    assert run.wait(60)
    assert run.result("deploy") == {"said": True}


def test_a_check_finds_no_fault_in_a_nested_question():
    problems = attune_nb.loads(SINGLE).check(
        actions={"ask": attune_nb.loads(CHILD), "act": lambda said: said}
    )
    assert problems == []
