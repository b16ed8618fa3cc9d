"""Previews of items on a page: which ones, how long, and without secrets."""

import pytest
from support.item_runs import run_work

import attune_nb
from attune_nb.explore.data import build_data

SECRET = "hunter2-" * 3
TEXT = """
parameters: {key: {type: string, secret: true}}
tasks:
  - name: a
    action: work
    with_items: ["{{ parameters.key }}", plain]
    input: {x: "{{ item }}"}
"""


def previews_of(run):
    """Return the previews of a run of one task: index -> (item, result)."""
    previews = build_data(run)["previews"]
    rows = zip(previews["item"], previews["result"], strict=True)
    return dict(zip(previews["index"], rows, strict=True))


def fail_on_odd(x):
    if x % 2:
        raise ValueError(f"{x} is odd")
    return {"half": x // 2}


def test_a_preview_has_the_item_and_the_result():
    assert previews_of(run_work(fail_on_odd))[4] == ("4", "{'half': 2}")


def test_items_that_failed_come_first():
    previews = build_data(run_work(fail_on_odd))["previews"]
    assert previews["index"] == [*range(1, 20, 2), *range(0, 20, 2)]


def test_of_many_items_all_failures_and_a_sample_have_one():
    data = build_data(run_work(fail_on_odd, {"n": 1_200}))
    assert data["previews"]["failed"] == 600
    assert data["previews"]["others"] == 400
    assert data["notes"] == [
        "Of 600 items that did not fail, 400 have a preview of item and result."
    ]


def test_the_result_of_a_failed_item_is_the_data_of_its_error():
    def leave_data(x):
        raise attune_nb.ActionError("broken", data={"exit_code": 3})

    assert previews_of(run_work(leave_data, {"n": 1}))[0] == ("0", "{'exit_code': 3}")


@pytest.mark.parametrize("length", [10_000, 10_000_000])
def test_a_long_text_is_cut(length):
    item, result = previews_of(run_work(lambda x: "y" * length, {"n": 1}))[0]
    assert item == "0"
    assert result.endswith("…")
    assert len(result) == 600


def test_a_secret_is_in_no_part_of_the_data():
    def fail(x):
        raise ValueError(f"no such key: {x}")

    run = attune_nb.loads(TEXT).run({"key": SECRET}, actions={"work": fail}, progress=False)
    data = build_data(run)
    assert SECRET not in repr(data)
    assert data["previews"]["item"] == ["'***'", "'plain'"]
