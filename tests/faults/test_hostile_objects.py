"""Objects whose methods raise or lie cost one attempt at most: neither the run nor its record.

A new object is a line of `support.hostile_objects`. What never was a fault, with these objects, is
held in `tests/running/test_guarded_objects.py`.
"""

import pytest
from support.hostile_objects import (
    BRANCHES,
    ITEMS,
    ONE,
    REFUSED,
    USED,
    error_of,
    read,
    returning,
    run_branches,
    status_of,
)

import attune_nb
from attune_nb.errors import ActionError, ParameterError

# subclasses of immutable types, which always were taken as what they are
IMMUTABLE = {"a string", "bytes"}
RAISING = {name: make_object for name, make_object in USED.items() if name not in IMMUTABLE}
LYING = {
    name: REFUSED[name]
    for name in (
        "a list without end",
        "a list that raises",
        "says it is a dict",
        "says it is a list",
        "says it is a string",
    )
}


@pytest.mark.parametrize("make_object", RAISING.values(), ids=RAISING)
def test_a_result_whose_methods_raise_is_a_result(make_object, tmp_path):
    run = run_branches(tmp_path, returning(make_object))

    assert status_of(run) == "succeeded"
    assert status_of(run, "after") == "succeeded"


@pytest.mark.parametrize(("make_object", "message"), LYING.values(), ids=LYING)
def test_a_result_that_lies_fails_its_attempt(make_object, message, tmp_path):
    run = run_branches(tmp_path, returning(make_object))

    assert status_of(run) == "failed"
    assert message in error_of(run)


@pytest.mark.parametrize("make_object", RAISING.values(), ids=RAISING)
def test_a_mock_may_return_what_an_action_may(make_object, tmp_path):
    run = run_branches(tmp_path, read, mock={"bad": lambda _: make_object()})

    assert status_of(run) == "succeeded"
    assert status_of(run, "after") == "succeeded"


@pytest.mark.parametrize(("make_object", "message"), LYING.values(), ids=LYING)
def test_a_mock_that_lies_fails_its_attempt(make_object, message, tmp_path):
    run = run_branches(tmp_path, read, mock={"bad": lambda _: make_object()})

    assert status_of(run) == "failed"
    assert message in error_of(run)


@pytest.mark.parametrize("make_object", RAISING.values(), ids=RAISING)
def test_a_mocked_result_may_have_methods_that_raise(make_object, tmp_path):
    """A value that is no function stands for the result itself."""
    run = run_branches(tmp_path, read, mock={"bad": make_object()})

    assert status_of(run) == "succeeded"
    assert status_of(run, "after") == "succeeded"


@pytest.mark.parametrize(("make_object", "message"), REFUSED.values(), ids=REFUSED)
def test_a_parameter_that_lies_is_named_at_once(make_object, message):
    workflow = attune_nb.loads(BRANCHES.replace("INPUT", ONE))

    with pytest.raises(ParameterError) as caught:
        workflow.run({"p": make_object()}, actions={"bad": read, "read": read}, progress=False)

    assert "parameter `p` cannot be used" in str(caught.value)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "make_object",
    [make_object for name, make_object in USED.items() if name != "bytes"],
    ids=[name for name in USED if name != "bytes"],
)
def test_a_parameter_whose_methods_raise_is_passed_on(make_object, tmp_path):
    run = run_branches(tmp_path, read, {"p": make_object()}, ONE)

    assert status_of(run) == "succeeded"


@pytest.mark.parametrize("make_object", RAISING.values(), ids=RAISING)
def test_items_may_return_objects_whose_methods_raise(make_object, tmp_path):
    run = run_branches(tmp_path, lambda x: make_object(), keys=ITEMS)

    assert status_of(run) == "succeeded"


# a class that replaces `__class__` cannot be pickled: worker processes refuse such an action
@pytest.mark.parametrize(
    ("name", "backend"),
    [
        ("an array in itself", "inline"),
        ("an array in itself", "threads"),
        ("an array in itself", "processes"),
        ("its class raises", "inline"),
        ("its class raises", "threads"),
        ("says it is a dict", "inline"),
        ("says it is a dict", "threads"),
    ],
)
def test_data_of_an_error_that_lies_is_left_out(name, backend, tmp_path):
    make_object, _ = REFUSED[name]

    def bad():
        raise ActionError("it failed", data={"value": make_object()})

    run = run_branches(tmp_path, bad, backend=backend)

    error = error_of(run)
    assert status_of(run) == "failed"
    assert error.startswith("it failed")


@pytest.mark.parametrize("backend", ["inline", "processes"])
@pytest.mark.parametrize("name", [name for name in RAISING if name != "an object without an order"])
def test_no_object_ends_the_run_on_other_backends(name, backend, tmp_path):
    run = run_branches(tmp_path, returning(USED[name]), backend=backend)

    assert status_of(run) != "running"


def test_a_list_without_end_ends_no_worker_process(tmp_path):
    make_object, _ = REFUSED["a list without end"]

    run = run_branches(tmp_path, returning(make_object), backend="processes")

    assert status_of(run) == "failed"
