"""Packs on the command line: `--pack`, `--pass-env`, and a ref in place of a file."""

import json

from support.command_line import attune_here
from support.pack_folders import PACKS, write_pack

ENV_ACTION = "ref: demo.run\nentry_point: env.sh\n"


def run_ref(*arguments):
    return attune_here("run", *arguments, "--no-progress", "--json", "--store", "none")


def test_an_action_of_a_pack_runs_by_its_ref():
    outcome = run_ref("hostkit.greet", "--set", "who=ann", "--pack", str(PACKS))

    assert outcome.exit_code == 0, outcome.stderr
    result = json.loads(outcome.stdout)["output"]["result"]
    assert (result["exit_code"], result["stdout"]) == (0, "hello ann\n")


def test_a_workflow_of_a_pack_runs_with_its_questions_answered():
    outcome = run_ref(
        "rollout.rollout", "--pack", str(PACKS), "--set", 'hosts=["a", "b"]',
        "--set", "version=1.2.0", "--answer", 'ask_owner={"ok": true}',
    )  # fmt: skip

    assert outcome.exit_code == 0, outcome.stderr
    assert json.loads(outcome.stdout)["output"] == {"approved": True, "ticket": 14}


def test_a_failed_action_fails_the_command_with_its_own_words():
    outcome = run_ref("ticketing.ticket_close", "--set", "id=0", "--pack", str(PACKS))

    assert outcome.exit_code == 1
    assert json.loads(outcome.stdout)["error"] == "task `ticket_close` failed: no ticket 0"


def test_a_parameter_that_is_missing_is_named():
    outcome = run_ref("hostkit.greet", "--pack", str(PACKS))

    assert outcome.exit_code == 2
    assert outcome.stderr == "the run needs the parameter `who`\n"


def test_an_unknown_ref_gets_the_nearest_one():
    outcome = run_ref("hostkit.gret", "--pack", str(PACKS))

    assert outcome.exit_code == 2
    assert outcome.stderr == (
        "pack `hostkit` has no action `hostkit.gret`; did you mean `hostkit.greet`?\n"
    )


def test_a_ref_without_a_pack_says_how_to_name_one():
    outcome = run_ref("hostkit.greet")

    assert outcome.exit_code == 2
    assert "there is no file `hostkit.greet`" in outcome.stderr
    assert "`--pack FOLDER`" in outcome.stderr


def test_a_file_uses_the_actions_of_a_pack(tmp_path):
    file = tmp_path / "flow.yaml"
    file.write_text("tasks:\n  - {name: greet, action: hostkit.greet, input: {who: ann}}\n")

    outcome = run_ref(str(file), "--pack", str(PACKS / "hostkit"))

    assert outcome.exit_code == 0, outcome.stderr


def test_variables_are_passed_on_by_name(tmp_path, monkeypatch):
    monkeypatch.setenv("REGION_A", "north")
    monkeypatch.setenv("OTHER", "hidden")
    script = 'echo "$REGION_A-$OTHER"\n'
    write_pack(tmp_path, {"actions/run.yaml": ENV_ACTION, "actions/env.sh": script})

    outcome = run_ref("demo.run", "--pack", str(tmp_path), "--pass-env", "REGION_*")

    assert json.loads(outcome.stdout)["output"]["result"]["stdout"] == "north-\n"


def test_a_variable_is_passed_on_without_a_value():
    outcome = run_ref(
        "hostkit.greet", "--set", "who=ann", "--pack", str(PACKS), "--pass-env", "PROXY=pw",
    )  # fmt: skip

    assert outcome.exit_code == 2
    assert outcome.stderr == (
        "`pass_env` takes the name of a variable without its value: 'PROXY'; the process gets the "
        "value that the variable has here\n"
    )


def test_a_retried_run_is_given_its_packs_again(tmp_path):
    store = str(tmp_path / "runs.db")
    failed = attune_here(
        "run", "ticketing.ticket_close", "--set", "id=0", "--pack", str(PACKS),
        "--no-progress", "--store", store,
    )  # fmt: skip

    without = attune_here("retry", "--store", store)
    again = attune_here("retry", "--pack", str(PACKS), "--store", store)

    assert f"--pack {PACKS}" in failed.stderr
    assert (
        "does not hold the pack `ticketing` (`packs=`, in a shell `--pack`; it was in"
        in without.stderr
    )
    assert "hostkit" not in without.stderr
    assert again.exit_code == 1
    assert "no ticket 0" in again.stdout
