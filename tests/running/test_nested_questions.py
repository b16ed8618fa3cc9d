"""A nested workflow cannot ask the user."""

import attune_nb

CHILD = "ref: ops.ask\ntasks: [{name: q, action: core.ask, input: {prompt: hm}}]\n"
PARENT = "tasks: [{name: a, action: ops.ask}]\n"


def test_a_nested_question_fails_with_advice():
    run = attune_nb.loads(PARENT).run(actions={"x": attune_nb.loads(CHILD)})
    assert run.status == "failed"
    assert "workflow `ops.ask` asks a question (task `q`)" in run.error
    assert "ask there, and pass the answer as a parameter" in run.error
