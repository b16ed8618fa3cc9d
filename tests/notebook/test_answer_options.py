"""The values of `--answer` on a line of a notebook."""

import pytest

ASK = "tasks:\n  - {name: q, action: core.ask, input: {prompt: Well?, response_schema: SCHEMA}}\n"
VARIABLES = {"choice": "now", "flag": True, "yes": "a variable", "how_many": 3}


@pytest.fixture
def answer_with(ipython):
    """Return a function that runs a cell with an answer, and returns the answer that arrived."""
    ipython.user_ns.update(VARIABLES)

    def run(option, schema="null"):
        cell = ASK.replace("SCHEMA", schema)
        ipython.run_cell_magic("attune", f"asking --quiet --out answered {option}", cell)
        return ipython.user_ns["answered"].result("q")["response"]

    yield run
    for name in (*VARIABLES, "answered"):
        ipython.user_ns.pop(name, None)


@pytest.mark.parametrize(
    ("option", "schema", "answer"),
    [
        ("--answer q=choice", "{enum: [now, later]}", "now"),
        ("--answer q={choice}", "null", "now"),
        ("--answer q=$flag", "{type: boolean}", True),
        ("--answer q=how_many", "{type: integer}", 3),
        # the words for true and false are never variables
        ("--answer q=yes", "{type: boolean}", True),
        ("--answer q=later", "{enum: [now, later]}", "later"),
        ("--answer q='two words'", "null", "two words"),
        ("--answer q={a: now}", "{type: object}", {"a": "now"}),
    ],
)
def test_a_variable_gives_its_value_and_any_other_word_itself(answer_with, option, schema, answer):
    assert answer_with(option, schema) == answer
