"""A nested workflow cannot ask the user."""

import attune_nb

CHILD = "ref: ops.ask\ntasks: [{name: q, action: core.ask, input: {prompt: hm}}]\n"
PARENT = "tasks: [{name: a, action: ops.ask}]\n"


def test_a_nested_question_fails_with_advice():
    run = attune_nb.loads(PARENT).run(actions={"x": attune_nb.loads(CHILD)})
    assert run.status == "failed"
    assert "workflow `ops.ask` asks a question (task `q`)" in run.error
    assert "ask there, and pass the answer as a parameter" in run.error


def test_a_check_warns_of_a_nested_question():
    problems = attune_nb.loads(PARENT).check(actions={"x": attune_nb.loads(CHILD)})
    (warning,) = [problem for problem in problems if problem.severity == "warning"]

    assert "workflow `ops.ask` asks a question (task `q`)" in warning.message
    assert (warning.position.line, warning.position.column) == (1, 27)
