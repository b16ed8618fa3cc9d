"""The differences between two runs, as a person reads them."""

import pytest

import attune_nb

TEXT = """
parameters: {factors: {type: array}}
tasks:
  - name: scale
    action: scale
    with_items: "{{ parameters.factors }}"
    input: {factor: "{{ item }}"}
    next: [{do: list}]
  - {name: list, action: list, input: {values: "{{ task.scale.result }}"}}
"""


def run(factors, scale=lambda factor: 2 * factor):
    actions = {"scale": scale, "list": lambda values: [*values, 0]}
    return attune_nb.loads(TEXT).run({"factors": factors}, actions=actions, progress=False)


def differences(before, after):
    """Return before and after by the subject of each difference, without the times."""
    rows = before.diff(after).to_dict("records")
    return {row["what"]: (row["before"], row["after"]) for row in rows if "time" not in row["what"]}


def test_items_with_the_same_change_are_named_together():
    changes = differences(run([2, 2, 2]), run([2, 2, 2], lambda factor: 5 * factor))
    assert changes["task `scale`: item 0, 1, 2"] == ("4", "10")
    assert changes["task `list`: element 0, 1, 2"] == ("4", "10")


def test_items_with_different_changes_are_told_apart():
    changes = differences(run([1, 2, 3]), run([1, 2, 3], lambda factor: factor * factor + factor))
    assert "task `scale`: item 0" not in changes
    assert changes["task `scale`: item 1"] == ("4", "6")
    assert changes["task `scale`: item 2"] == ("6", "12")


def test_many_items_are_shortened():
    changes = differences(run([1] * 30), run([1] * 30, lambda factor: 7))
    assert changes["task `scale`: item 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 20 more"] == ("2", "7")


def test_many_changes_are_shortened():
    changes = differences(run(list(range(30))), run(list(range(30)), lambda factor: -factor - 1))
    assert changes["task `scale`: item 9"] == ("18", "-10")
    assert "task `scale`: item 10" not in changes
    assert changes["task `scale`: 20 more items, the first"] == ("20", "-11")


@pytest.mark.parametrize(("before", "after"), [([1], [1, 1]), ([], [1])])
def test_another_number_of_items_is_one_difference(before, after):
    changes = differences(run(before), run(after))
    assert "task `scale`: result" in changes
    assert changes["task `scale`: items"] == (str(len(before)), str(len(after)))


def test_a_failed_item_is_its_error():
    def fail(factor):
        raise ValueError(f"{factor} is too large")

    changes = differences(run([5], fail), run([5]))
    assert changes["task `scale`: item 0"] == ("ValueError: 5 is too large", "10")


def test_of_objects_with_the_same_keys_the_fields_that_differ_are_shown():
    def check(status):
        return lambda factor: {"host": f"web-{factor}", "status": status}

    changes = differences(run([1, 1], check(200)), run([1, 1], check(503)))
    assert changes["task `scale`: item 0, 1"] == ("status: 200", "status: 503")
