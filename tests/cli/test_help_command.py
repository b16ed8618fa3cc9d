"""`attune-nb help`."""

import re

import pytest
from support.command_line import attune_here

ACTIONS = '''
def check_server(url: str, tries: int = 2):
    """Check one server.

    Args:
        url: Its address.
        tries: How often to ask.
    """
'''


def test_help_without_a_word_lists_topics_and_words():
    outcome = attune_here("help")

    assert outcome.exit_code == 0
    assert outcome.stdout.startswith("`attune-nb help WORD` explains")
    assert re.search(r"^keys of a task +name, action", outcome.stdout, re.MULTILINE)


def test_help_explains_a_key():
    outcome = attune_here("help", "with_items")

    assert outcome.exit_code == 0
    assert "with_items, a key of a task" in outcome.stdout


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["conductor"], "conductor, a term"),
        (["duration_ms"], "duration_ms, a column of a table"),
        (["store"], "--store FILE|none, an option"),
        (["--store"], "Of `attune-nb run`, `attune-nb runs`"),
        (["environment", "variables"], "ATTUNE_NB_STORE"),
    ],
)
def test_help_explains_results_options_and_terms(words, text):
    outcome = attune_here("help", *words)

    assert outcome.exit_code == 0
    assert text in outcome.stdout


def test_two_words_name_a_key_of_a_key():
    outcome = attune_here("help", "retry", "delay")

    assert outcome.stdout.startswith("delay, a key of retry")


def test_help_explains_a_core_action():
    outcome = attune_here("help", "core.shell")

    assert re.search(r"^cwd +a string; may be left out.", outcome.stdout, re.MULTILINE)


def test_help_explains_an_action_of_a_file(tmp_path):
    file = tmp_path / "actions.py"
    file.write_text(ACTIONS)

    outcome = attune_here("help", "check_server", "--actions", str(file))

    assert "Check one server." in outcome.stdout
    assert re.search(r"^tries +int; default 2. How often to ask.$", outcome.stdout, re.MULTILINE)


def test_help_leads_to_the_options_of_a_command():
    outcome = attune_here("help", "resume")

    assert "`attune-nb resume --help` shows the options" in outcome.stdout


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("retyr", "there is no help for `retyr`; did you mean `retry`?"),
        ("publsh", "there is no help for `publsh`; did you mean `publish`?"),
        ("qqqq", "there is no help for `qqqq`; `attune-nb help` lists all words"),
    ],
)
def test_an_unknown_word_gets_the_nearest_one(word, message):
    outcome = attune_here("help", word)

    assert outcome.exit_code == 2
    assert message in outcome.stderr.replace("\n", " ")
