"""The errors of tasks as the page lists them."""

import attune_nb
from attune_nb.explore.failures import build_failures

CHECKS = """
tasks:
  - name: check
    action: check
    with_items: "{{ range(40) }}"
    input: {n: "{{ item }}"}
"""


def run_checks(check):
    workflow = attune_nb.loads(CHECKS)
    return workflow.run(actions={"check": check}, progress=False)


def refuse_most(n):
    if n % 10 == 7:
        raise TimeoutError("no answer")
    if n % 10 == 8:
        raise ValueError(f"host {n} refused")
    return n


def test_items_with_the_same_error_are_one_group():
    groups = build_failures(run_checks(refuse_most).failed_tasks())["check"]

    assert (groups[0]["count"], groups[0]["index"]) == (4, 7)
    assert groups[0]["title"].startswith("TimeoutError: no answer")
    assert "refuse_most" in groups[0]["details"]
    assert [group["count"] for group in groups[1:]] == [1, 1, 1, 1]


def test_groups_beyond_the_limit_are_only_counted():
    def refuse(n):
        raise ValueError(f"host {n} refused")

    groups = build_failures(run_checks(refuse).failed_tasks())["check"]

    assert len(groups) == 31
    assert groups[-1] == {"hidden": 10}


def test_a_long_traceback_keeps_its_beginning_and_its_end():
    def refuse(n):
        raise ValueError("x" * 100_000)

    (group,) = build_failures(run_checks(refuse).failed_tasks())["check"]

    assert len(group["title"]) < 1_000
    assert len(group["details"]) < 10_000
    assert group["details"].startswith("Traceback")


def test_control_characters_are_left_out():
    def refuse(n):
        raise ValueError("red \x1b[31m\u202e")

    (group,) = build_failures(run_checks(refuse).failed_tasks())["check"]

    assert "\x1b" not in group["title"] + group["details"]
