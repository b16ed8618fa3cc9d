"""An option that is not what it can be is refused before anything runs."""

import pytest

import attune_nb

A = "tasks: [{name: a, action: core.noop}]\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"actions": [1]}, "`actions` is a map of names, not list"),
        ({"actions": 5}, "`actions` is a map of names, not int"),
        ({"mock": [1]}, "`mock` is a map of names, not list"),
        ({"mock": {1: 2}}, "a name is text, not 1"),
        ({"config": 5}, "`config` is a map of names, not int"),
        ({"keystore": "abc"}, "`keystore` is a map of names, not str"),
        ({"keystore": [1]}, "`keystore` is a map of names, not list"),
        ({"readers": 5}, "`readers` is a list of functions, not 5"),
        ({"readers": [5]}, "`readers` is a list of functions"),
        ({"parameters": [1]}, "parameters are a map of names to values, not list"),
    ],
)
def test_of_a_run(options, said):
    with pytest.raises(attune_nb.ParameterError, match=said):
        attune_nb.loads(A).run(**options)


def test_of_a_check():
    with pytest.raises(attune_nb.ParameterError, match="`actions` is a map of names"):
        attune_nb.loads(A).check([1])


def test_a_number_of_any_length_is_a_number():
    text = "parameters: {x: {type: number}}\n" + A
    assert attune_nb.loads(text).run({"x": 10**400}).status == "succeeded"


@pytest.mark.parametrize(("folder", "ref"), [(5, "a.b"), (None, "a.b"), ("p", 5), ("a\0b", "a.b")])
def test_of_an_export(folder, ref):
    with pytest.raises(attune_nb.WorkflowError, match=r"not (int|NoneType)|null (byte|character)"):
        attune_nb.loads(A).export(folder, ref=ref)
