"""The parameters of runs that a server starts, as they come in a request."""

import pytest

import attune_nb
from attune_nb.server.starts.values import encode_values, read_values
from attune_nb.server.web.problems import StartRefused

WORKFLOW = attune_nb.loads("""
parameters:
  count: {type: integer, required: true, minimum: 1}
  mode: {enum: [fast, slow], default: fast}
  tags: {type: array}
  token: {type: string, secret: true, minLength: 8}
tasks: [{name: a, action: core.echo}]
""")


@pytest.mark.parametrize(
    ("parameters", "entered", "values"),
    [
        ({"count": 3}, None, {"count": 3}),
        ({}, {"count": "3", "mode": 1}, {"count": 3, "mode": "slow"}),
        (
            {},
            {"count": "3", "mode": 0, "tags": "[a, b]"},
            {"count": 3, "mode": "fast", "tags": ["a", "b"]},
        ),
        ({"tags": [1], "mode": "slow"}, {"count": "3"}, {"count": 3, "mode": "slow", "tags": [1]}),
    ],
)
def test_values_are_typed_or_entered_in_a_form(parameters, entered, values):
    assert read_values(WORKFLOW, parameters, entered) == values


@pytest.mark.parametrize(
    ("parameters", "entered", "fields"),
    [
        ({}, None, ["count"]),
        ({"count": "3"}, None, ["count"]),
        ({"count": 0}, None, ["count"]),
        ({"count": 3, "cuont": 3}, None, []),
        ({}, {}, ["count", "mode"]),
        ({}, {"count": "three", "mode": 0, "tags": "[a"}, ["count", "tags"]),
        ({}, {"count": "3", "mode": 7}, ["mode"]),
        ({}, {"count": "3", "mode": 0, "other": "x"}, ["other"]),
        ({"count": 3, "token": "hush"}, None, ["token"]),
        ({}, {"count": "3", "mode": 0, "token": "hush"}, ["token"]),
    ],
)
def test_each_value_that_cannot_be_used_is_named(parameters, entered, fields):
    with pytest.raises(StartRefused) as caught:
        read_values(WORKFLOW, parameters, entered)
    assert caught.value.status == 422
    assert sorted(problem.field for problem in caught.value.problems) == fields
    assert all(problem.message for problem in caught.value.problems)
    # a secret is not shown again
    assert "hush" not in str(caught.value) + str(caught.value.problems)


def test_values_are_sent_as_json():
    assert encode_values({"x": "\u20ac"}) == b'{"x": "\\u20ac"}'
    assert encode_values({}) == b""


def test_a_number_that_json_lacks_is_not_sent():
    with pytest.raises(StartRefused, match="its numbers finite"):
        encode_values({"x": float("inf")})
