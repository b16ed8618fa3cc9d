"""The list of runs names the runs that need a person, their metrics, and their notebooks."""

import threading

import pytest
from support.item_runs import until
from support.kernel_conversations import kernel_conversation

import attune_nb
from attune_nb.store.reading import run_of

ASK = """
tasks:
  - name: first
    action: core.ask
    input: {prompt: "Ship it?", response_schema: {type: boolean}}
  - name: second
    action: core.ask
    input: {prompt: "Where?"}
"""
PARENT = "tasks: [{name: deploy, action: inner, with_items: [a, b], concurrency: 2}]"
WORK = "tasks: [{name: work, action: act, with_items: [1, 2, 3]}]"


@pytest.fixture
def store(tmp_path):
    return tmp_path / "runs.db"


@pytest.fixture
def begin(store):
    """Return a function that begins a run in the background, which is ended after the test."""
    begun = []

    def begin(text, **options):
        workflow = attune_nb.loads(text)
        run = workflow.run(store=store, background=True, progress=False, **options)
        begun.append(run)
        return run

    yield begin
    for run in begun:
        run.cancel(force=True)
        run.wait(60)


def needs(store, run):
    """Return why a run on record needs a person, and how many questions it has."""
    frame = attune_nb.runs(store)
    rows = frame[frame["run_id"] == run.run_id]
    return next(zip(rows["attention"], rows["questions"], strict=True), None)


def test_an_open_question_is_listed_until_its_answer(store, begin):
    run = begin(ASK)
    until(lambda: needs(store, run) == ("question", 2))
    run.answer("first", value=True)
    until(lambda: needs(store, run) == ("question", 1))
    run.answer("second", "here")
    run.wait(60)
    assert needs(store, run) == ("", 0)


def test_a_question_of_a_child_run_is_one_of_its_parent(store, begin):
    run = begin(PARENT, actions={"inner": attune_nb.loads(ASK)})
    until(lambda: needs(store, run) == ("question", 4))
    assert len(attune_nb.runs(store)) == 1


def test_a_paused_run_is_listed_as_one(store, begin):
    gate = threading.Event()
    run = begin(WORK, actions={"act": gate.wait})
    run.pause()
    until(lambda: needs(store, run) == ("paused", 0))
    gate.set()
    run.resume()
    run.wait(60)
    assert needs(store, run) == ("", 0)


def test_a_cancelled_run_needs_nobody(store, begin):
    run = begin(ASK)
    until(lambda: needs(store, run) == ("question", 2))
    run.cancel()
    run.wait(60)
    assert needs(store, run) == ("", 0)


def test_a_timed_out_question_is_no_longer_open(store):
    text = "tasks: [{name: ask, action: core.ask, input: {prompt: 'Now?'}, timeout: 0.01}]"
    run = attune_nb.loads(text).run(store=store, background=True, progress=False)
    run.wait(60)
    assert needs(store, run) == ("", 0)


def test_the_run_itself_says_what_its_row_says(store, begin):
    run = begin(ASK)
    until(lambda: needs(store, run) == ("question", 2))
    assert run.attention == "question"
    run.cancel()
    run.wait(60)
    assert run.attention == ""


def test_the_metrics_of_an_ended_run_are_on_record(store, begin):
    run = begin(WORK, actions={"act": lambda: 1})
    run.wait(60)
    metrics = run_of(store, run.run_id).metrics
    assert metrics == run.metrics
    assert metrics["workflow.context.clone_count"] == 3


def test_a_run_outside_of_jupyter_has_no_kernel(store, begin):
    run = begin(WORK, actions={"act": lambda: 1})
    run.wait(60)
    assert run_of(store, run.run_id).jupyter == {}


@pytest.mark.slow
def test_a_run_in_a_kernel_names_kernel_and_notebook(store, tmp_path):
    workflow = f"attune_nb.loads({WORK!r})"
    with kernel_conversation(tmp_path / "kernel-4f9c.json") as kernel:
        kernel.execute("import os, attune_nb; os.environ['JPY_SESSION_NAME'] = 'work/health.ipynb'")
        kernel.execute(f"run = {workflow}.run(actions={{'act': lambda: 1}}, store={str(store)!r})")
    (run_id,) = attune_nb.runs(store)["run_id"]
    assert run_of(store, run_id).jupyter == {"kernel": "4f9c", "notebook": "work/health.ipynb"}
