"""`%attune cancel RUN` and so on, for a run that another notebook or program has begun."""

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.utils.capture import capture_output
from support.outcomes import wait_until
from support.steered_runs import asking_run, held_run

from attune_nb.errors import CommandRefused


@pytest.fixture
def store(ipython, tmp_path, monkeypatch):
    path = tmp_path / "runs.db"
    monkeypatch.setenv("ATTUNE_NB_STORE", str(path))
    return path


def run_line(shell, text):
    with capture_output():
        return shell.run_line_magic("attune", text)


def test_a_run_elsewhere_is_paused_resumed_and_cancelled(ipython, store):
    with held_run(store) as held:
        run_id = held.recorded.run_id
        run_line(ipython, f"pause {run_id}")
        wait_until(lambda: held.run.status == "paused")
        run_line(ipython, f"resume {run_id}")
        wait_until(lambda: held.run.status == "running")
        run_line(ipython, f"cancel {run_id} --force")
        assert held.run.wait(60)
    assert held.run.status == "cancelled"


def test_a_question_elsewhere_is_answered(ipython, store):
    with asking_run(store) as run:
        run_line(ipython, f"answer {run.run_id} approve yes")
        assert run.wait(60)
    assert run.result("approve") == {"response": True}


def test_resume_takes_the_answer_for_a_run_elsewhere(ipython, store):
    with asking_run(store) as run:
        text = repr(run_line(ipython, f"resume {run.run_id} --answer approve=no"))
        assert run.wait(60)
    assert "`asking` continues in its own process" in text
    assert run.result("approve") == {"response": False}


def test_a_refusal_names_its_reason(ipython, store):
    with held_run(store) as held:
        line = f"rerun {held.recorded.run_id} first[2]"
        with pytest.raises(CommandRefused, match="no such attempt of `first` is in doubt"):
            run_line(ipython, line)


def test_tab_offers_the_runs_elsewhere(ipython, store):
    with held_run(store) as held, provisionalcompleter():
        text = "%attune cancel "
        completions = list(ipython.Completer.completions(text, len(text)))
    assert held.run.run_id in {completion.text for completion in completions}
