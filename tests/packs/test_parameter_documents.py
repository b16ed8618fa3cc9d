"""The text of parameters, as the readers of each format understand it."""

import json

import pytest
import yaml

from attune_nb.errors import ActionError
from attune_nb.language.reading import yaml_source
from attune_nb.packs.process.documents import write_document

TEXTS = (
    "no", "yes", "null", "~", "", "1", "1e5", "0o17", "0x1f", "1_000", ".5", "2020-01-01", "1:30",
    "a: b", "- x", "#x", " lead", "trail ", "'", '"', "\\", "{{ x }}", "%", "@", "é", "\t", "\x07",
    "one\ntwo", "one\ntwo\n", "\n", "  a\n b", "a\r\nb", "a\x85b", "a\u2028b", "x" * 200,
)  # fmt: skip


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_yaml_keeps_every_string(text):
    """Readers of YAML 1.1 and 1.2 must not take it for a number, a boolean or a date."""
    parameters = {"value": text, "inner": {text: [text]}}

    document, warnings = write_document(parameters, "yaml")

    assert yaml.safe_load(document) == parameters
    assert yaml_source.parse(document).data == parameters
    assert warnings == []


def test_yaml_is_written_in_blocks():
    document, _ = write_document({"numbers": [1, 2.5], "inner": {"a": [], "b": None}}, "yaml")

    assert document == "numbers:\n- 1\n- 2.5\ninner:\n  a: []\n  b: null\n"


def test_json_is_one_compact_line():
    document, _ = write_document({"b": [1, None, True], "a": {"x": "é\n"}}, "json")

    assert document == '{"b":[1,null,true],"a":{"x":"é\\n"}}\n'


def test_dotenv_is_sorted_flat_and_quoted():
    parameters = {
        "who": "O'Neil",
        "flag": True,
        "none": None,
        "number": 1.5,
        "list": [1, {"a": "b"}],
        "inner": {"b": {"c": "x"}, "empty": {}},
    }

    document, warnings = write_document(parameters, "dotenv")

    assert document.splitlines() == [
        "flag='true'",
        "inner.b.c='x'",
        """list='[1,{"a":"b"}]'""",
        "none=''",
        "number='1.5'",
        "who='O'\\''Neil'",
    ]
    assert warnings == []


@pytest.mark.parametrize("text_format", ["json", "yaml", "dotenv"])
def test_a_value_that_is_no_plain_data_is_named(text_format):
    with pytest.raises(ActionError, match="parameter `data`: a value of type `bytes`"):
        write_document({"name": "a", "data": b"x"}, text_format)


def test_a_lone_surrogate_is_refused():
    with pytest.raises(ActionError, match="the parameters have no text in UTF-8"):
        write_document({"name": "\ud800"}, "json")


def test_a_large_document_is_written_whole():
    parameters = {"rows": [{"name": f"row {number}"} for number in range(20_000)]}

    document, _ = write_document(parameters, "json")

    assert json.loads(document) == parameters
