"""The commands that read the record of runs."""

import json

import pytest
from support.command_line import GREET, attune

pytestmark = pytest.mark.slow


def test_a_recorded_run_is_listed_shown_and_drawn(tmp_path):
    file = tmp_path / "good.yaml"
    file.write_text(GREET)
    store = str(tmp_path / "runs.db")
    outcome = json.loads(attune("run", str(file), "--json", "--store", store).stdout)

    runs = attune("runs", "--store", store)
    assert runs.stdout.split()[0] == outcome["run_id"]
    assert "succeeded" in runs.stdout

    show = attune("show", outcome["run_id"][:6], "--store", store, "--json")
    assert json.loads(show.stdout) == outcome

    image = tmp_path / "timeline.png"
    timeline = attune("timeline", outcome["run_id"], "--store", store, "-o", str(image))
    assert timeline.returncode == 0, timeline.stderr
    assert image.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("command", [["runs"], ["show", "abc"]])
def test_a_missing_store_is_refused_with_the_way_to_name_one(command):
    process = attune(*command, "--store", "none")
    assert process.returncode == 2
    assert "ATTUNE_NB_STORE" in process.stderr
