"""The lines of a run's page: all of them, or those that explain failures first."""

import gc
import sys

import pytest
from support.item_runs import run_work

from attune_nb.explore.data import build_data


@pytest.fixture(autouse=True)
def _collected_garbage():
    """Let finalizers of earlier tests run now: they may log, and an attempt would have the line."""
    gc.collect()


def logs_of(work, n=20, **options):
    return build_data(run_work(work, {"n": n}, **options))["logs"]


def test_a_line_is_shown_with_its_item():
    def work(x):
        print(f"item {x}")

    logs = logs_of(work)

    assert logs["totals"]["a"] == len(logs["text"])
    lines = set(zip(logs["index"], logs["text"], strict=True))
    assert lines >= {(index, f"item {index}") for index in range(20)}


def test_of_too_many_lines_those_of_failures_are_kept():
    def work(x):
        for number in range(500):
            print(f"{x} {number} " + "x" * 30)
        print("a warning", file=sys.stderr)
        if x == 37:
            raise ValueError

    logs = logs_of(work, n=40)

    assert logs["totals"]["a"] >= 40 * 501
    assert sum(map(len, logs["text"])) < 300_000
    assert logs["text"].count("a warning") == 40
    last_lines = [text for text in logs["text"] if text.startswith("37 ")]
    assert last_lines[0].startswith("37 451 ")
    assert last_lines[-1].startswith("37 499 ")


def test_a_line_cannot_be_longer_than_the_page():
    def work(x):
        print("x" * 60_000)

    (text,) = logs_of(work, n=1)["text"]
    assert len(text) < 1_100


def test_a_run_without_lines_says_why():
    logs = logs_of(lambda x: x)

    assert logs["totals"] == {}
    assert "its actions have printed and logged nothing" in logs["none"]
