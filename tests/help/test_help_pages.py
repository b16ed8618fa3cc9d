"""Pages of help: a word's meaning, an action's arguments, as text, HTML and Markdown."""

import re

import pytest

from attune_nb.actions.registry import CORE
from attune_nb.help.describe_action import (
    action_page,
    describe_function,
    describe_workflow,
    summarize_action,
)
from attune_nb.help.describe_error import describe_attributes
from attune_nb.help.lookup import GROUPS, explain_word, known_words, overview, suggest_word
from attune_nb.help.options import Option, find_options, option_blocks
from attune_nb.help.page import Code, Heading, Page, Paragraph, Table
from attune_nb.help.signatures import format_call
from attune_nb.reference.table import ENTRIES, find_entries

DOCSTRING = """Check a server.

It asks twice:

    first, second

Args:
    url: The address
        of the server.
    tries (int): How often.

Returns:
    Its answer.
"""


def check(url: str, tries: int = 3, *, deep=False, **others):
    pass


check.__doc__ = DOCSTRING


def argument_of(action, name):
    (argument,) = [argument for argument in action.arguments if argument.name == name]
    return argument


# --- words -----------------------------------------------------------------------------------


@pytest.mark.parametrize("word", known_words())
def test_every_word_has_a_page_with_its_example(word):
    text = repr(explain_word(word))

    for entry in find_entries(word) if word not in dict(GROUPS) else []:
        assert entry.example.partition("\n")[0] in text
        assert " ".join(entry.explanation.split()) in " ".join(text.split())


def test_a_page_has_all_meanings_of_a_word():
    text = repr(explain_word("count"))

    assert "count, a key of retry" in text
    assert "count, a function in expressions" in text
    assert "count, a method of arrays in expressions" in text


def test_the_usual_meaning_comes_before_an_older_form():
    text = repr(explain_word("publish"))

    assert text.index("a key of a transition") < text.index("a key of a task")


def test_a_function_is_shown_with_its_parameters():
    text = repr(explain_word("slice"))

    assert "Call: `slice(values, start[, end])`" in text
    assert re.search(r"^end +an integer or null; may be left out$", text, re.MULTILINE)
    assert "Call: `value|slice(slices[, fill_with])`" in text


@pytest.mark.parametrize(
    ("word", "call"),
    [
        ("now", "now()"),
        ("upper", "upper(text)"),
        ("dictsort", "value|dictsort([case_sensitive][, by][, reverse])"),
        ("title", "value|title"),
        ("odd", "value is odd"),
        ("divisibleby", "value is divisibleby(num)"),
        ("rsplit", "text.rsplit([sep][, maxsplit])"),
        ("index", ""),
        ("map", "value|map(filter[, arguments...]), value|map(attribute=path[, default=value])"),
    ],
)
def test_a_call_is_written_as_in_an_expression(word, call):
    assert format_call(find_entries(word)[0]) == call


def test_every_word_that_is_called_has_a_call():
    kinds = {"function", "filter", "test", "string method", "array method", "object method"}

    for entry in ENTRIES:
        assert bool(format_call(entry)) == (entry.kind in kinds), entry.name


def test_a_word_of_another_tool_leads_to_the_key():
    text = repr(explain_word("foreach"))

    assert text.startswith("There is no key `foreach`; write `with_items: ARRAY`")
    assert "with_items, a key of a task" in text


@pytest.mark.parametrize("heading", [
        "functions", "filters", "tests", "methods", "statuses", "tables", "errors", "metrics",
        "environment variables",
    ],
)  # fmt: skip
def test_a_group_lists_its_words_with_their_meaning(heading):
    text = repr(explain_word(heading))

    kinds = dict(GROUPS)[heading]
    entries = [entry for entry in ENTRIES if entry.kind in kinds]
    assert text.startswith(heading)
    assert len(entries) > 10
    for entry in entries:
        assert entry.name in text
        assert " ".join(entry.explanation.split()[:3]) in " ".join(text.split())


def test_a_column_has_a_row_for_each_table():
    text = repr(explain_word("attempts"))

    for table in ("run.tasks", "run.items", "run.failures"):
        assert re.search(rf"^{table} +The number of attempts", text, re.MULTILINE)


def test_a_table_lists_its_columns():
    text = repr(explain_word("run.logs"))

    assert re.search(r"^level +`stdout`, `stderr`", text, re.MULTILINE)


def test_an_error_has_its_attributes_and_those_of_its_bases():
    text = repr(explain_word("HTTPStatusError"))

    assert re.search(r"^data +Values that the action had", text, re.MULTILINE)
    assert "Attributes" not in repr(explain_word("StoreError"))
    # `message` is an argument of its constructor alone
    assert set(describe_attributes("CommandRefused")) == {"reason"}


def test_an_option_is_found_by_any_of_its_names():
    option = Option("attune-nb run", ("-o", "--log-file"), "FILE", "the file", "run.log")
    argument = Option("attune-nb run", ("FILE",), "FILE", "the workflow")

    for word in ("-o", "o", "--log-file", "log_file"):
        assert find_options(word, [option, argument]) == [option]
    assert find_options("FILE", [option, argument]) == []
    text = repr(Page(option_blocks([option])))
    assert text.startswith("-o, --log-file FILE, an option")
    assert "Of `attune-nb run`: the file; default run.log." in text


def test_an_unknown_word_has_no_page_but_a_suggestion():
    assert explain_word("retyr") is None
    assert suggest_word("retyr") == "; did you mean `retry`?"
    assert suggest_word("timelin", ["timeline"]) == "; did you mean `timeline`?"


def test_the_overview_names_every_topic_and_usual_word():
    text = repr(overview("%attune help"))

    assert text.startswith("`%attune help WORD` explains")
    kinds = {kind for _, group in GROUPS for kind in group} - {"metric", "environment variable"}
    for entry in ENTRIES:
        if entry.form == "usual" and entry.kind in kinds:
            assert entry.name in text, entry.name
    assert "worker_tolerations" not in text


def test_the_overview_has_a_group_for_every_kind_of_usual_words():
    kinds = {entry.kind for entry in ENTRIES if entry.form == "usual"}

    grouped = [kind for _, group in GROUPS for kind in group]
    assert sorted(grouped) == sorted(kinds - {"topic", "column", "span attribute", "term"})


# --- actions ---------------------------------------------------------------------------------


def test_a_function_is_described_by_its_signature_and_docstring():
    action = describe_function("check", check)

    assert argument_of(action, "url") == ("url", "str", None, "The address of the server.", ())
    assert argument_of(action, "tries") == ("tries", "int", "3", "How often.", ())
    assert argument_of(action, "deep").choices == ("true", "false")
    assert action.takes_any
    assert summarize_action(action) == "Check a server."


def test_the_page_of_a_function_has_its_arguments_and_text():
    text = repr(action_page(describe_function("check", check)))

    assert re.search(r"^url +str; required. The address of the server.$", text, re.MULTILINE)
    assert "    first, second" in text
    assert "Its answer." in text
    assert "Args:" not in text
    assert "arguments of any other name" in text


@pytest.mark.parametrize("name", CORE)
def test_every_argument_of_a_core_action_is_explained(name):
    action = describe_function(name, CORE[name].function)

    for argument in action.arguments:
        assert argument.kind, argument
        assert argument.description.endswith("."), argument
    assert "cancel" not in [argument.name for argument in action.arguments]


def test_a_core_action_offers_the_values_of_a_choice():
    action = describe_function("core.http_request", CORE["core.http_request"].function)

    assert argument_of(action, "auth_type").choices == ("none", "basic", "bearer")
    assert argument_of(action, "verify_ssl").choices == ("true", "false")


def test_a_docstring_in_the_style_of_sphinx_is_read():
    def fetch(url, tries):
        """Fetch a page.

        :param url: The address
            of the page.
        :param int tries: How often.
        :returns: The page.
        """

    action = describe_function("fetch", fetch)

    assert argument_of(action, "url").description == "The address of the page."
    assert argument_of(action, "tries").description == "How often."
    assert action.text == "Fetch a page.\n\n:returns: The page."


def test_a_workflow_is_described_by_its_parameters():
    parameters = {
        "region": {"type": "string", "required": True, "description": "The region."},
        "size": {"enum": ["low", "high"], "default": "low"},
        "dry": {"type": "boolean"},
        "token": {"type": ["string", "null"], "secret": True, "default": "abc"},
    }

    text = repr(action_page(describe_workflow("deploy", "Deploys.", parameters)))

    assert re.search(r"^region +string; required. The region.$", text, re.MULTILINE)
    assert re.search(r'^size +one of low, high; default "low".$', text, re.MULTILINE)
    assert re.search(r"^dry +boolean; may be left out.$", text, re.MULTILINE)
    assert re.search(r"^token +string or null; default \*\*\*.$", text, re.MULTILINE)


def test_a_workflow_without_parameters_takes_no_arguments():
    text = repr(action_page(describe_workflow("deploy", None, None)))

    assert "It takes no arguments." in text


def test_a_function_without_a_signature_is_described():
    action = describe_function("dict", dict)

    assert action.takes_any


# --- pages -----------------------------------------------------------------------------------

PAGE = Page(
    [
        Heading("`a`, a word"),
        Paragraph("The key `a|b` is <b>."),
        Code("a: <1>"),
        Table((("`a`", "one | two"),)),
    ]
)


def test_a_page_escapes_its_text_in_html():
    markup = PAGE._repr_html_()

    assert ">a|b</code> is &lt;b&gt;." in markup
    assert "a: &lt;1&gt;" in markup
    assert "<b>" not in markup


def test_a_page_in_html_has_no_colour_of_one_theme():
    colours = re.findall(r"(?:^|[;\"])color:([^;\"]+)", PAGE._repr_html_())

    assert colours
    assert set(colours) <= {"inherit", "var(--jp-ui-font-color1,inherit)"}


def test_a_page_as_text_fits_a_terminal():
    for word in known_words():
        for line in repr(explain_word(word)).splitlines():
            assert len(line) <= 100, line


def test_a_page_as_markdown_escapes_bars():
    assert "| `a` | one \\| two |" in PAGE.to_markdown()
    assert "```yaml\na: <1>\n```" in PAGE.to_markdown()
