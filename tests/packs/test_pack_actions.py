"""Every action of the sample packs, with good and with bad parameters, as a real process."""

import pytest
from support.packs import call_action, failure_of

DISK = "hostkit.disk"


def test_a_shell_action_reads_json_and_prints_json():
    envelope = call_action(DISK, {"path": "/", "min_free_percent": 0})

    assert envelope["data"]["path"] == "/"
    assert 0 <= envelope["data"]["free_percent"] <= 100
    assert envelope["exit_code"] == 0
    assert envelope["succeeded"] is True
    assert envelope["duration_ms"] >= 0
    assert set(envelope) == {"exit_code", "duration_ms", "succeeded", "data", "stderr"}


def test_defaults_are_applied_before_the_process_starts():
    assert call_action(DISK, {"min_free_percent": 0})["data"]["path"] == "/"


def test_the_exit_code_and_stderr_of_a_failed_action():
    failure = failure_of(DISK, {"path": "/no/such/folder"})

    assert "/no/such/folder" in failure.message
    assert failure.data["succeeded"] is False
    assert failure.data["exit_code"] != 0
    assert failure.data["error"] == failure.message
    assert "/no/such/folder" in failure.data["stderr"]


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"who": "Ann"}, "hello Ann\n"),
        ({"who": "Ann", "loud": True}, "HELLO ANN\n"),
        ({"who": "O'Neil"}, "hello O'Neil\n"),
        ({"who": "a=b 'c' \\ \"d\""}, "hello a=b 'c' \\ \"d\"\n"),
    ],
    ids=["plain", "a boolean", "an apostrophe", "other marks"],
)
def test_a_shell_action_reads_dotenv_and_prints_text(parameters, text):
    envelope = call_action("hostkit.greet", parameters)

    assert envelope["stdout"] == text
    assert "data" not in envelope


def test_one_script_serves_the_actions_of_a_pack():
    opened = call_action("ticketing.ticket_open", {"title": "disk"})
    closed = call_action("ticketing.ticket_close", {"id": 4})

    assert opened["data"] == {"id": 4, "state": "open", "priority": "low"}
    assert closed["data"] == {"id": 4, "state": "closed"}


def test_the_error_of_a_json_object_is_the_message():
    failure = failure_of("ticketing.ticket_close", {"id": 0})

    assert failure.message == "no ticket 0"
    assert failure.data["exit_code"] == 1
    assert failure.data["stdout"] == '{"ok": false, "error": "no ticket 0"}\n'


def test_lines_of_json_skip_the_other_lines():
    assert call_action("reporting.lines", {"n": 3})["data"] == [{"i": 1}, {"i": 2}, {"i": 3}]


def test_a_file_of_yaml_and_an_output_of_yaml():
    envelope = call_action("reporting.summary", {"numbers": [1, 2.5], "token": "s3cr3t-token"})

    assert envelope["data"] == {"count": 2, "total": 3.5, "has_token": True}


def test_a_node_action():
    envelope = call_action("nodekit.slug", {"titles": ["Roll out 1.2", "Ünder"]})

    assert envelope["data"] == {"slugs": ["roll-out-1-2", "-nder"]}


def test_a_python_action_writes_to_stderr_beside_its_result():
    envelope = call_action("alerts.note", {"host": "web-1", "free": None})

    assert envelope["data"] == {"noted": "web-1", "free": None}
    assert envelope["stderr"] == "noting web-1\n"


@pytest.mark.parametrize(
    ("ref", "parameters", "message"),
    [
        (DISK, {"min_free_percent": 101}, "parameter `min_free_percent` does not fit"),
        (DISK, {"min_free_percent": "5"}, "parameter `min_free_percent` "),
        (DISK, {"pat": "/"}, "there is no parameter `pat`; did you mean `path`?"),
        ("hostkit.greet", {}, "the parameter `who` must be given"),
        ("hostkit.greet", {"who": None}, "parameter `who` "),
        ("ticketing.ticket_open", {"title": "a", "priority": "urgent"}, "parameter `priority` "),
        ("ticketing.ticket_close", {"id": "4"}, "parameter `id` "),
        ("reporting.summary", {"numbers": 1}, "parameter `numbers` "),
        ("nodekit.slug", {"titles": ["a", 2]}, "parameter `titles` does not fit at [1]"),
        ("alerts.note", {"host": "a", "free": 1.5}, "parameter `free` "),
    ],
)
def test_bad_parameters_are_named_before_anything_runs(ref, parameters, message):
    failure = failure_of(ref, parameters)

    assert failure.message.startswith(f"action `{ref}`: {message}")
    assert failure.data == {}


def test_a_secret_that_does_not_fit_is_not_shown():
    failure = failure_of("reporting.summary", {"numbers": [1], "token": 5551234})

    assert "parameter `token` is not of the declared kind" in failure.message
    assert "5551234" not in failure.message
