"""Options with a wrong value are refused before anything runs."""

import pytest

import attune_nb

A = "tasks: [{name: a, action: core.noop}]\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"actions": [1]}, "`actions` must be an object, not an array"),
        ({"actions": 5}, "`actions` must be an object, not an integer"),
        ({"mock": [1]}, "`mock` must be an object, not an array"),
        ({"mock": {1: 2}}, "the names in `mock` must be strings, not the integer `1`"),
        ({"config": 5}, "`config` must be an object, not an integer"),
        ({"keystore": "abc"}, "`keystore` must be an object, not a string"),
        ({"keystore": [1]}, "`keystore` must be an object, not an array"),
        ({"readers": 5}, "`readers` must be an array of functions, not an integer"),
        ({"readers": [5]}, "`readers` must be functions, not an integer"),
        ({"parameters": [1]}, "the parameters must be an object of names and values, not an array"),
    ],
)
def test_a_wrong_option_of_a_run_is_refused(options, message):
    with pytest.raises(attune_nb.ParameterError, match=message):
        attune_nb.loads(A).run(**options)


def test_a_wrong_option_of_a_check_is_refused():
    with pytest.raises(attune_nb.ParameterError, match="`actions` must be an object"):
        attune_nb.loads(A).check([1])


def test_a_number_may_have_any_length():
    text = "parameters: {x: {type: number}}\n" + A
    assert attune_nb.loads(text).run({"x": 10**400}).status == "succeeded"


@pytest.mark.parametrize(("folder", "ref"), [(5, "a.b"), (None, "a.b"), ("p", 5), ("a\0b", "a.b")])
def test_a_wrong_option_of_an_export_is_refused(folder, ref):
    with pytest.raises(
        attune_nb.WorkflowError, match=r"not (an integer|null)|null (byte|character)"
    ):
        attune_nb.loads(A).export(folder, ref=ref)
