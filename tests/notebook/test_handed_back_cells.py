"""A cell that has returned for a question of its run, which another process then answers."""

import threading

import pytest
from support.item_runs import until

import attune_nb as attune
from attune_nb.notebook.cell_runner import _failure_of

ASK = """
tasks:
  - name: approve
    action: core.ask
    input: {prompt: Ship it?}
    next: [{do: ship}]
  - name: ship
    action: ship
"""


@pytest.fixture
def answered_run():
    """Yield a run that goes on after its question was answered."""
    gate = threading.Event()
    run = attune.loads(ASK).run(
        actions={"ship": lambda: gate.wait(60)}, store="none", background=True
    )
    until(lambda: run.questions)
    run.answer("approve", "yes")
    until(lambda: "ship" in list(run.tasks["task"]))
    yield run
    gate.set()
    run.wait()


def test_a_cell_is_fine_whose_question_was_answered_at_once(answered_run):
    answered_run.is_handed_back = True

    assert _failure_of(answered_run, "run") is None


def test_a_cell_that_was_interrupted_is_not(answered_run):
    assert "the run was interrupted" in str(_failure_of(answered_run, "run"))
