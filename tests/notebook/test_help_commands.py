"""`%attune help` and `%attune actions NAME`, in IPython."""

import re

import pytest
from IPython.core.error import UsageError

DEFINE_ACTION = '''
def check_server(url: str, tries: int = 2):
    """Check one server.

    Args:
        url: Its address.
        tries: How often to ask.
    """
'''
DEPLOY = """
description: Deploys to one region.
parameters:
  region: {type: string, required: true, description: The region.}
tasks: [{name: a, action: core.noop}]
"""


@pytest.fixture(scope="module")
def shell(ipython):
    ipython.run_cell(DEFINE_ACTION)
    ipython.run_cell_magic("attune", "deploy --define", DEPLOY)
    return ipython


def show(shell, line):
    """Return the text of a command's output."""
    return repr(shell.run_line_magic("attune", line))


def test_help_without_a_word_lists_topics_and_words(shell):
    text = show(shell, "help")

    assert re.search(r"^failures +`retry` makes failed attempts again", text, re.MULTILINE)
    assert re.search(r"^keys of a task +name, action", text, re.MULTILINE)


def test_help_explains_a_key_with_an_example(shell):
    text = show(shell, "help with_items")

    assert "with_items, a key of a task" in text
    assert 'with_items: "{{ parameters.names }}"' in text
    assert "See also: `concurrency`" in text


def test_help_explains_a_word_that_is_a_command_too(shell):
    text = show(shell, "help retry")

    assert "retry, a key of a task" in text
    assert "`%attune retry` is a command" in text


@pytest.mark.parametrize(
    ("word", "heading"),
    [
        ("attempt_ms", "attempt_ms, a column of a table"),
        ("run.failures", "run.failures, a table"),
        ("StoreError", "StoreError, an error"),
        ("conductor", "conductor, a term"),
        ("failed item", "failed item, a term"),
        ("ATTUNE_NB_STORE", "ATTUNE_NB_STORE, an environment variable"),
        ("--retry-failed", "--retry-failed [RUN], an option"),
        ("retry-failed", "--retry-failed [RUN], an option"),
        ("raise_on_failure", "AttuneMagics.raise_on_failure, a setting"),
    ],
)
def test_help_explains_results_options_and_terms(shell, word, heading):
    assert show(shell, f"help {word}").startswith(heading)


def test_help_of_an_option_names_the_commands_that_take_it(shell):
    text = " ".join(show(shell, "help out").split())

    assert "-o, --out VAR, an option" in text
    assert "Of `%%attune`, `%attune resume`, " in text
    assert "AttuneMagics.out, a setting" in text


def test_two_words_name_a_key_of_a_key(shell):
    text = show(shell, "help retry delay")

    assert text.startswith("delay, a key of retry")
    assert "a key of a task" not in text


def test_help_of_a_command_shows_its_options(shell):
    text = show(shell, "help timeline")

    assert "--dark" in text


@pytest.mark.parametrize("command", ["help", "actions"])
def test_the_arguments_of_a_function_are_shown(shell, command):
    text = show(shell, f"{command} check_server")

    assert "Check one server." in text
    assert re.search(r"^tries +int; default 2. How often to ask.$", text, re.MULTILINE)


@pytest.mark.parametrize("command", ["help", "actions"])
def test_the_arguments_of_a_core_action_are_shown(shell, command):
    text = show(shell, f"{command} core.http_request")

    assert re.search(r"^url +a string; required. The address", text, re.MULTILINE)
    assert "action: core.http_request" in text
    assert text.count("Arguments in `input`:") == 1


def test_the_parameters_of_a_workflow_are_its_arguments(shell):
    text = show(shell, "actions deploy")

    assert "Deploys to one region." in text
    assert re.search(r"^region +string; required. The region.$", text, re.MULTILINE)


def test_an_imported_function_is_shown_if_imports_are_allowed(shell):
    with pytest.raises(UsageError, match="`json:loads` would be imported; allow that"):
        show(shell, "actions json:loads")

    shell.run_line_magic("config", "AttuneMagics.allow_imports = True")
    try:
        text = show(shell, "actions json:loads")
        with pytest.raises(UsageError, match="cannot import `json:nothing`"):
            show(shell, "actions json:nothing")
    finally:
        shell.run_line_magic("config", "AttuneMagics.allow_imports = False")
    assert re.search(r"^s +required", text, re.MULTILINE)


def test_the_list_of_actions_says_how_to_see_one(shell):
    text = show(shell, "actions")

    assert re.search(r"^check_server +Check one server.$", text, re.MULTILINE)
    assert re.search(r"^core.ask +Ask a person, and wait for the answer", text, re.MULTILINE)
    assert re.search(r"^deploy +Deploys to one region.$", text, re.MULTILINE)
    assert text.endswith("`%attune actions NAME` shows the arguments of one")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("help retyr", "there is no help for `retyr`; did you mean `retry`?"),
        ("help timelime", "there is no help for `timelime`; did you mean `timeline`?"),
        ("help chek_server", "there is no help for `chek_server`; did you mean `check_server`?"),
        ("help qqqq", "there is no help for `qqqq`; `%attune help` lists all words"),
        ("actions core.ecko", "there is no action `core.ecko`; did you mean `core.echo`?"),
        ("actions qqqq", "there is no action `qqqq`; `%attune actions` lists them"),
    ],
)
def test_an_unknown_word_gets_the_nearest_one(shell, line, message):
    with pytest.raises(UsageError) as caught:
        shell.run_line_magic("attune", line)

    assert message in str(caught.value)


def test_help_is_tidy_html_in_a_notebook(shell):
    page = shell.run_line_magic("attune", "help retry")

    markup = page._repr_html_()
    assert markup.startswith('<div class="attune-help"')
    assert "<pre" in markup
    assert "`retry`" not in markup.replace("`%attune", "")
