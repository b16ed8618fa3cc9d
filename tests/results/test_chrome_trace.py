"""The trace file that a run writes."""

import json

import attune_nb

TEXT = "tasks: [{name: a, action: core.noop, with_items: [1, 2, 3]}]"


def test_a_run_writes_its_trace(tmp_path):
    run = attune_nb.loads(TEXT).run()
    path = run.to_chrome_trace(tmp_path / "run.json")

    trace = json.loads(path.read_text())
    slices = [event for event in trace["traceEvents"] if event["ph"] == "X"]
    assert "a" in [event["name"] for event in slices]
