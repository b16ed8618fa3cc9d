"""A run as a trace file, by its own method."""

import json

import attune_nb

TEXT = "tasks: [{name: a, action: core.noop, with_items: [1, 2, 3]}]"


def test_a_run_writes_its_trace(tmp_path):
    run = attune_nb.loads(TEXT).run()
    path = run.to_chrome_trace(tmp_path / "run.json")
    told = json.loads(path.read_text())
    names = [each["name"] for each in told["traceEvents"] if each["ph"] == "X"]
    assert "a" in names
