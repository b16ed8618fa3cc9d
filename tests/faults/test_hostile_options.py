"""Options whose code raises, lies or never ends: an error names them, and nothing hangs.

A new case is a line of a table. Objects as values are in `test_hostile_objects.py`.
"""

from collections import deque
from collections.abc import Mapping
from unittest.mock import Mock

import pytest
from support.hostile_objects import endless, make, refuse, run_branches, status_of

import attune_nb
from attune_nb.errors import BackendError, ParameterError, StoreError


class Key(str):  # noqa: SLOT000 - it has an attribute
    """A string that can be hashed once: to become a key."""

    hashed = False
    __eq__ = refuse

    def __hash__(self):
        if self.hashed:
            refuse()
        self.hashed = True
        return 1


def endless_mapping():
    return make(Mapping, "__getitem__", __len__=lambda _: 1, __iter__=endless)()


# In place of the object of parameters, or of another option, and words of the message.
OPTIONS = {
    "says it is a dict": (make(object, __class__=property(lambda _: dict)), "must be an object"),
    "its class raises": (make(object, __class__=property(refuse)), "must be an object"),
    "a mapping without end": (endless_mapping, "more names than its length says"),
    "a mapping that raises": (make(Mapping, "__getitem__", "__len__", "__iter__"), "HostileError"),
    "a key that raises": (lambda: {Key("p"): 1}, "HostileError"),
    "a dict without items": (make(dict, "__len__", __iter__=endless), "pass `dict(value)`"),
}


@pytest.mark.parametrize("name", ["parameters", "config", "keystore", "actions", "mock", "answers"])
@pytest.mark.parametrize(("make_object", "message"), OPTIONS.values(), ids=OPTIONS)
def test_an_option_that_lies_is_named_at_once(make_object, message, name):
    workflow = attune_nb.loads("tasks: [{name: a, action: core.noop}]")

    with pytest.raises(ParameterError) as caught:
        workflow.run(**{name: make_object()}, progress=False)

    assert name in str(caught.value)
    assert message in str(caught.value)


def test_an_object_with_methods_of_its_own_is_read_as_it_is():
    workflow = attune_nb.loads(
        "parameters: {p: {}}\ntasks: [{name: a, action: core.noop}]\n"
        'output_map: {p: "{{ parameters.p }}"}'
    )
    parameters = make(dict, "__iter__", items=endless, keys=endless)(p=1)

    run = workflow.run(parameters, config=parameters, progress=False)
    assert run.status == "succeeded"
    assert run.output == {"p": 1}


# arguments that are no objects of names and values, and the error
ARGUMENTS = {
    "backend": BackendError,
    "store": StoreError,
    "name": ParameterError,
    "readers": ParameterError,
}


@pytest.mark.parametrize(("name", "error"), ARGUMENTS.items(), ids=ARGUMENTS)
def test_an_argument_that_lies_is_named_at_once(name, error):
    workflow = attune_nb.loads("tasks: [{name: a, action: core.noop}]")
    value = make(object, __class__=property(refuse))()

    with pytest.raises(error, match=f"`{name}` must be .*, not a value of type `Hostile`"):
        workflow.run(**{name: value}, progress=False)


# Collections whose own iteration has no end, where the engine reads them by itself.
ENDLESS = {
    "list": make(list, __iter__=endless),
    "set": make(set, __iter__=endless),
    "frozenset": make(frozenset, __iter__=endless),
    "deque": make(deque, __iter__=endless),
    "bytearray": make(bytearray, __iter__=endless),
}


@pytest.mark.parametrize("make_object", ENDLESS.values(), ids=ENDLESS)
def test_an_action_may_refer_to_what_has_no_end(make_object, tmp_path):
    """The code of an action has a fingerprint, in which the objects that it uses are."""
    value = make_object(b"a")

    run = run_branches(tmp_path, lambda: len(value))
    assert status_of(run) == "succeeded"


@pytest.mark.parametrize("kind", [kind for kind in ENDLESS if kind != "list"])
def test_a_secret_may_iterate_without_end(kind):
    workflow = attune_nb.loads("tasks: [{name: a, action: core.noop}]")

    run = workflow.run(keystore={"k": ENDLESS[kind](b"a")}, progress=False)
    assert run.status == "succeeded"


@pytest.mark.parametrize(
    ("backend", "message"),
    [
        (Mock(), "which has an attribute of any name, as a mock does"),
        (Mock(spec=["poll", "start", "retry", "stop"]), "which lacks `set_paused`, `release`, "),
    ],
    ids=["a mock of anything", "a part of a backend"],
)
def test_an_object_that_is_no_backend_is_named_at_once(backend, message):
    workflow = attune_nb.loads("tasks: [{name: a, action: core.noop}]")
    with pytest.raises(BackendError, match=f"not a value of type `Mock`, {message}"):
        workflow.run(backend=backend, progress=False)
