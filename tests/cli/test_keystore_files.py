"""A file of `--keystore` is read by the rules of a workflow, and no message shows its text."""

import pytest
from support.echo_runs import ALIAS_BOMB, check_output, run_echo
from support.pattern_texts import cpu_limit

from attune_nb.errors import AttuneError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ATTUNE_NB_STORE", "none")
    return tmp_path


# a keystore of one name, and the length of its value or a part of the message
KEYSTORES = {
    "a number with a zero": ("k.yaml", "pin: 010", 3),
    "a date": ("k.yaml", "pin: 2024-01-01", 10),
    "yes": ("k.yaml", "pin: yes", 3),
    "a time": ("k.yaml", "pin: 12:30:45", 8),
    "a key": ("k.yaml", "pin: abc\nno: def", 3),
    "a key twice": ("k.json", '{"pin": "abc", "pin": "defg"}', AttuneError("line 1")),
    "an alias bomb": ("k.yaml", ALIAS_BOMB, AttuneError("as a workflow can have it")),
    "no number": ("k.json", '{"pin": NaN}', AttuneError("line 1")),
}


@pytest.mark.parametrize(("name", "text", "expected"), KEYSTORES.values(), ids=KEYSTORES)
def test_a_keystore_is_read_as_a_workflow(folder, name, text, expected):
    (folder / name).write_text(text)
    (folder / "echo.yaml").write_text("""
tasks: [{name: a, action: core.noop}]
output_map: {v: "{{ keystore.pin | string | length }}"}
""")
    with cpu_limit(20):
        value, message = run_echo("--keystore", name)

    check_output(value, message, expected)


def test_a_message_about_a_keystore_shows_no_text_of_it(folder):
    (folder / "echo.yaml").write_text("tasks: [{name: a, action: core.noop}]")
    (folder / "k.json").write_text('{"pin": opensesame7}')
    _, message = run_echo("--keystore", "k.json")

    assert "k.json, line 1: this is not JSON" in message
    assert "opensesame7" not in message
