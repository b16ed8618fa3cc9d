"""How many items of a task ran at once, and why not as many as could."""

from __future__ import annotations

import time

import attune_nb
from attune_nb.charts.timeline_chart.lane_names import describe_peak
from attune_nb.charts.timeline_chart.read_lanes import read_lanes

WORKFLOW = """
tasks:
  - name: check
    action: check
    with_items: "{{{{ range({count}) }}}}"
    concurrency: 8
    input: {{n: "{{{{ item }}}}"}}
    {keys}
"""


def peak_lines(count, keys="", backend="threads"):
    """Return the lines about the peak of a real run of items that take a hundredth of a second."""

    def check(n):
        time.sleep(0.01)

    text = WORKFLOW.format(count=count, keys=keys)
    run = attune_nb.loads(text).run(backend=backend, actions={"check": check})
    [lane] = read_lanes(run)
    return describe_peak(lane, run)


def test_few_items_are_the_reason_for_a_low_peak():
    assert peak_lines(3)[1:] == ["only 3 items"]


def test_a_rate_limit_is_the_reason_for_a_low_peak():
    assert peak_lines(7, "rate_limit: 50/s")[1:] == ["rate limit 50/s"]
    assert peak_lines(7, "rate_limit: {count: 10, per: 0.2}")[1:] == ["rate limit 10 in 200 ms"]


def test_an_unknown_reason_is_not_named():
    assert peak_lines(10, backend="inline") == ["peak 1 of 8 at once"]


def test_short_items_are_the_reason_for_a_low_peak():
    text = WORKFLOW.format(count=20, keys="")
    run = attune_nb.loads(text).run(backend="inline", actions={"check": lambda n: n})
    [lane] = read_lanes(run)

    first_line, reason = describe_peak(lane, run)
    assert first_line == "peak 1 of 8 at once:"
    assert reason.startswith("items take ")
    assert reason.endswith(("s", "ms", "µs"))
