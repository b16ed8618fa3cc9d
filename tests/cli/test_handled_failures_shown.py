"""A handled failure in what the command line prints: of a run, and of its record."""

import json

import pytest
from support.command_line import attune

pytestmark = pytest.mark.slow

WORKFLOW = """
tasks:
  - name: check
    action: check
    with_items: [a, b, c]
    input: {host: "{{ item }}"}
    next: [{when: "{{ failed() }}", do: noop}]
"""
ACTIONS = """def check(host):
    return httpx.get(host)
"""
REASON = (
    "`check` 3 of 3 items failed, all with NameError: name 'httpx' is not defined "
    "(actions.py, line 2)"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("handled")
    (folder / "health.yaml").write_text(WORKFLOW)
    (folder / "actions.py").write_text(ACTIONS)
    return folder


def attune_in(folder, *words):
    process = attune(*words, "--store", "runs.db", cwd=folder)
    assert process.returncode == 0, process.stderr
    return process.stdout


def test_a_run_and_its_record_name_the_users_line(folder):
    printed = attune_in(folder, "run", "health.yaml", "--actions", "actions.py")
    shown = attune_in(folder, "show")

    for text in (printed, shown):
        assert f"1 failure handled: {REASON}\n" in text
        assert "note: the failure of `check` looks like a mistake in the code" in text


def test_the_json_lists_failures_and_alerts(folder):
    printed = attune_in(folder, "run", "health.yaml", "--actions", "actions.py", "--json")
    outcome = json.loads(printed)

    assert outcome["status"] == "succeeded"
    assert outcome["failures"] == [REASON]
    assert [alert.split(" looks like")[0] for alert in outcome["alerts"]] == [
        "the failure of `check`"
    ]
