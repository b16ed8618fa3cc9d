"""`%attune pack`: packs whose actions and workflows cells can name, in IPython."""

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.error import UsageError
from support.pack_folders import PACKS, write_pack


@pytest.fixture(scope="module")
def shell(ipython):
    ipython.user_ns["packs"] = str(PACKS)
    ipython.run_line_magic("attune", "pack {packs}")
    return ipython


def complete(shell, text):
    """Return the candidates at the end of a text."""
    with provisionalcompleter():
        completions = list(shell.Completer.completions(text, len(text)))
    return [completion.text for completion in completions if completion.type == "attune"]


def test_loading_shows_what_the_packs_hold(shell):
    text = str(shell.run_line_magic("attune", "pack {packs}"))

    assert "pack hostkit 1.0.0: 2 actions" in text
    assert "hostkit.greet" in text
    assert "rollout.rollout" in text


def test_a_cell_runs_the_action_of_a_loaded_pack(shell):
    text = "tasks: [{name: greet, action: hostkit.greet, input: {who: ann}}]"

    shell.run_cell_magic("attune", "greeting --quiet --out run", text)

    assert shell.user_ns["run"].result("greet")["stdout"] == "hello ann\n"


def test_an_action_runs_by_its_ref(shell):
    shell.run_line_magic("attune", "run hostkit.greet who=bo --quiet --out run")

    assert shell.user_ns["run"].output["result"]["stdout"] == "hello bo\n"


def test_a_run_is_retried_with_the_loaded_packs(shell):
    shell.run_line_magic("attune", "run ticketing.ticket_close id=0 --quiet --no-raise")

    run = shell.run_line_magic("attune", "retry ticketing.ticket_close --no-raise")

    assert run.error == "task `ticket_close` failed: no ticket 0"


def test_the_parameters_of_an_action_are_shown(shell):
    text = repr(shell.run_line_magic("attune", "actions hostkit.disk"))

    assert "Free disk" in text
    assert "min_free_percent" in text
    assert "integer" in text


@pytest.mark.parametrize(
    ("text", "candidate"),
    [
        ("%attune run hostkit.g", "hostkit.greet"),
        ("%attune run hostkit.greet wh", "who="),
        ("%attune actions roll", "rollout.rollout"),
        ("%%attune x\ntasks:\n  - name: a\n    action: nodekit.", "nodekit.slug"),
        ("%%attune x\ntasks:\n  - name: a\n    action: hostkit.greet\n    input: {lo", "loud: "),
    ],
)
def test_names_of_packs_are_completed(shell, text, candidate):
    assert candidate in complete(shell, text)


def test_a_misspelled_ref_gets_the_nearest_one(shell):
    with pytest.raises(UsageError, match=r"did you mean `hostkit.greet`\?"):
        shell.run_line_magic("attune", "run hostkit.gret")


def test_a_folder_without_a_pack_is_refused(shell, tmp_path):
    shell.user_ns["folder"] = str(tmp_path)

    with pytest.raises(Exception, match=r"is no pack and holds none"):
        shell.run_line_magic("attune", "pack {folder}")


def test_problems_of_a_pack_are_shown_when_it_is_loaded(shell, tmp_path):
    write_pack(tmp_path, {"actions/run.yaml": "ref: demo.run\nentry_point: gone.sh\n"})
    shell.user_ns["folder"] = str(tmp_path)

    text = str(shell.run_line_magic("attune", "pack {folder}"))

    assert "`gone.sh` does not exist" in text


def test_install_needs_a_folder(shell):
    with pytest.raises(UsageError, match="--install needs the FOLDER"):
        shell.run_line_magic("attune", "pack --install")


def test_a_constraint_needs_install(shell):
    with pytest.raises(UsageError, match="--constraint needs --install"):
        shell.run_line_magic("attune", "pack --constraint attune-sdk==0.3.0")
