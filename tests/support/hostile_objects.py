"""Objects whose methods raise or lie, and a run that one task of it gets them in."""

import sys

import attune_nb

# `other` runs beside the task with the object; the run ends well in any case
BRANCHES = """
parameters: {p: {}}
vars: {v: 1}
tasks:
  - {name: start, action: core.noop, next: [{do: [bad, other]}]}
  - name: bad
    action: bad
    INPUT
    next:
      - {when: "{{ succeeded() }}", publish: {v: "{{ result() }}"}, do: [after]}
      - {when: "{{ failed() }}", do: [recovered]}
  - {name: after, action: read, input: {x: "{{ v }}"}}
  - {name: recovered, action: core.noop}
  - {name: other, action: core.noop, next: [{do: [other_end]}]}
  - {name: other_end, action: core.noop}
"""
ONE = 'input: {x: "{{ parameters.p }}"}'
ITEMS = 'with_items: "{{ range(3) }}"\n    input: {x: "{{ item }}"}'


class HostileError(Exception):
    """An error whose texts raise."""

    def _refuse(self, *_):
        raise RuntimeError("hostile")

    __str__ = __repr__ = _refuse


def refuse(*_, **__):
    raise HostileError


def make(base, *names, **members):
    """Return a new class in which the named methods raise."""
    return type("Hostile", (base,), {**dict.fromkeys(names, refuse), **members})


def exit_here(_):
    sys.exit(3)


def endless(_):
    while True:
        yield 1


def array_in_itself():
    array = [1]
    array.append(array)
    return array


def object_in_itself():
    value = {}
    value["a"] = value
    return value


def tuple_in_itself():
    array = []
    array.append((array,))
    return (array,)


COMPARISONS = ("__eq__", "__ne__", "__hash__", "__lt__", "__bool__", "__repr__", "__str__")

# Objects that are kept as they are, or as the plain data in them: by their faults.
USED = {
    "nbytes raises": make(object, nbytes=property(refuse)),
    "nbytes exits": make(object, nbytes=property(exit_here)),
    "any attribute raises": make(object, "__getattr__"),
    "sizeof raises": make(object, "__sizeof__"),
    "columns raise": make(object, columns=property(refuse), iloc=property(refuse)),
    "len of a table raises": make(object, "__len__", columns=["a"], iloc=[1]),
    "an object without an order": lambda: make(dict, "__iter__", "items", "values", "__len__")(a=1),
    "a string": lambda: make(str, "__len__", "encode", "__iter__", *COMPARISONS)("text"),
    "a tuple": lambda: make(tuple, "__iter__", "__len__", *COMPARISONS)((1, 2)),
    "bytes": lambda: make(bytes, "__iter__", "__len__", *COMPARISONS)(b"text"),
}

# Objects that cannot be used, and words of the message.
REFUSED = {
    "a list without end": (
        lambda: make(list, __iter__=endless)([1]),
        "iterates in a way of its own",
    ),
    "a list that raises": (lambda: make(list, "__iter__", "__len__")([1]), "in a way of its own"),
    "an array in itself": (array_in_itself, "contains itself"),
    "an object in itself": (object_in_itself, "contains itself"),
    "a tuple in itself": (tuple_in_itself, "contains itself"),
    "in another value": (lambda: {"a": [array_in_itself()]}, "contains itself"),
    "says it is a dict": (make(object, __class__=property(lambda _: dict)), "`dict`"),
    "says it is a list": (make(object, __class__=property(lambda _: list)), "`list`"),
    "says it is a string": (make(object, __class__=property(lambda _: str)), "`str`"),
    "its class raises": (make(object, __class__=property(refuse)), "HostileError"),
}


def read(x):
    return type(x) is not None


def returning(make_object):
    """Return an action whose result is a new object."""

    def act():
        return make_object()

    return act


def run_branches(tmp_path, bad, parameters=None, keys="", backend="threads", **options):
    """Run the workflow, check that the other branch and the record are whole, return the run."""
    run = attune_nb.loads(BRANCHES.replace("INPUT", keys)).run(
        parameters,
        actions={"bad": bad, "read": read},
        backend=backend,
        store=tmp_path / "store",
        progress=False,
        **options,
    )

    assert run.status == "succeeded", run.error
    statuses = dict(run.tasks[["task", "status"]].itertuples(index=False))
    assert statuses["other_end"] == "succeeded"
    stored_run = attune_nb.open_run(run.run_id, store=tmp_path / "store")
    assert stored_run.status == "succeeded"
    assert dict(stored_run.tasks[["task", "status"]].itertuples(index=False)) == statuses
    assert run.run_id in repr(run)
    return run


def status_of(run, task="bad"):
    return dict(run.tasks[["task", "status"]].itertuples(index=False))[task]


def error_of(run, task="bad"):
    return dict(run.tasks[["task", "error"]].itertuples(index=False))[task]
