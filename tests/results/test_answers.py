"""Who answered the questions of a run, and when."""

import pandas as pd
from support.outcomes import wait_until

import attune_nb

ASK = """
tasks:
  - {name: approve, action: core.ask, input: {prompt: May it go?, response_schema: {type: boolean}}}
  - {name: why, action: core.ask, input: {prompt: Why?}}
"""


def start():
    """Start a run, and wait until its questions are open."""
    run = attune_nb.loads(ASK).run(background=True)
    wait_until(lambda: len(run.questions) == 2)
    return run


def test_the_answers_are_a_frame():
    run = start()
    run.answer("approve", value=True, by="Ada")
    wait_until(lambda: run.tasks["status"].tolist() == ["succeeded", "waiting"])
    frame = run.answers

    assert frame["task"].tolist() == ["approve", "why"]
    assert frame["prompt"].tolist() == ["May it go?", "Why?"]
    assert frame["response"].tolist() == [True, None]
    assert frame["by"].tolist() == ["Ada", None]
    assert (frame["answered"] >= frame["asked"]).tolist() == [True, False]
    assert str(frame["answered"].dtype) == "datetime64[ns, UTC]"
    assert pd.isna(frame["answered"][1])

    run.cancel()
    assert run.wait(60)


def test_the_summary_says_what_is_asked_and_who_answered():
    run = start()
    run.answer("approve", value=False, by="Ada")
    wait_until(run.describe_answers)
    text = repr(run)

    assert "`why` asks: Why?" in text
    assert "`approve` was answered by Ada: false" in text
    assert "`approve` was answered by Ada: false" in run._repr_html_()

    run.cancel()
    assert run.wait(60)


def test_the_user_of_the_process_is_the_one_who_answers(monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_USER", "grace")
    run = start()
    run.answer("approve", value=True)
    run.answer("why", "because")

    assert run.wait(60)
    assert run.answers["by"].tolist() == ["grace", "grace"]


def test_a_run_without_questions_has_an_empty_frame():
    run = attune_nb.loads("tasks: [{name: a, action: core.noop}]").run()

    assert list(run.answers.columns) == [
        "task", "visit", "prompt", "response", "by", "asked", "answered",
    ]  # fmt: skip
    assert len(run.answers) == 0
