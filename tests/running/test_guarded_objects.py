"""Objects whose methods raise or lie, where the engine never asked them anything.

`tests/faults/test_hostile_objects.py` has the cases that once failed.
"""

import pytest
from support.hostile_objects import (
    ITEMS,
    ONE,
    REFUSED,
    USED,
    HostileError,
    error_of,
    read,
    returning,
    run_branches,
    status_of,
)

IMMUTABLE = {name: USED[name] for name in ("a string", "bytes")}
IN_ITSELF = {name: row for name, row in REFUSED.items() if "contains itself" in row[1]}


@pytest.mark.parametrize("make_object", IMMUTABLE.values(), ids=IMMUTABLE)
def test_a_result_of_a_plain_class_is_that_value(make_object, tmp_path):
    run = run_branches(tmp_path, returning(make_object))

    assert status_of(run) == "succeeded"
    assert status_of(run, "after") == "succeeded"


@pytest.mark.parametrize("make_object", IMMUTABLE.values(), ids=IMMUTABLE)
def test_items_of_a_plain_class_are_such_values(make_object, tmp_path):
    run = run_branches(tmp_path, lambda x: make_object(), keys=ITEMS)

    assert status_of(run) == "succeeded"


def test_bytes_of_another_class_are_passed_on(tmp_path):
    assert status_of(run_branches(tmp_path, read, {"p": USED["bytes"]()}, ONE)) == "succeeded"


@pytest.mark.parametrize(
    ("make_object", "message"),
    [*IN_ITSELF.values(), REFUSED["its class raises"]],
    ids=[*IN_ITSELF, "its class raises"],
)
def test_a_result_without_an_end_fails_its_attempt(make_object, message, tmp_path):
    run = run_branches(tmp_path, returning(make_object))

    assert status_of(run) == "failed"
    assert message in error_of(run)


@pytest.mark.parametrize("make_object", USED.values(), ids=USED)
def test_an_error_may_hold_objects_whose_methods_raise(make_object, tmp_path):
    def bad():
        raise HostileError(make_object())

    assert status_of(run_branches(tmp_path, bad)) == "failed"


@pytest.mark.parametrize("backend", ["inline", "processes"])
@pytest.mark.parametrize("name", ["an object without an order", *IMMUTABLE, *REFUSED])
def test_a_run_goes_on_beside_such_a_result(name, backend, tmp_path):
    make_object = USED.get(name)
    if make_object is None:
        make_object, _ = REFUSED[name]

    assert status_of(run_branches(tmp_path, returning(make_object), backend=backend)) != "running"
