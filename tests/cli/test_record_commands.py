"""The commands that read the record of runs."""

import json

import numpy as np
import pytest
from support.command_line import GREET, attune, attune_here

import attune_nb

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

    # by default in the current folder, with the run's id
    timeline = attune("timeline", "--store", store, cwd=tmp_path)
    assert timeline.stdout == f"timeline-{outcome['run_id']}.svg\n"
    assert (tmp_path / timeline.stdout.strip()).read_text().startswith("<?xml")


def test_a_recorded_run_is_written_as_a_page(tmp_path):
    store = tmp_path / "runs.db"
    run = attune_nb.loads(GREET, "greet").run(store=store, progress=False)

    page = tmp_path / "page.html"
    explore = attune("explore", run.run_id, "--store", str(store), "-o", str(page))
    assert explore.stdout == f"{page}\n"
    assert run.run_id in page.read_text()

    # by default in the current folder, with the run's id
    explore = attune("explore", "--store", str(store), "--dark", cwd=tmp_path)
    assert explore.stdout == f"explore-{run.run_id}.html\n"
    assert 'data-theme="dark"' in (tmp_path / explore.stdout.strip()).read_text()


def test_a_page_that_cannot_be_written_is_one_clear_error(tmp_path):
    store = tmp_path / "runs.db"
    attune_nb.loads(GREET, "greet").run(store=store, progress=False)

    explore = attune("explore", "--store", str(store), "-o", str(tmp_path / "none" / "page.html"))
    assert explore.returncode == 2
    assert "No such file or directory" in explore.stderr
    assert "Traceback" not in explore.stderr


def test_without_an_id_the_latest_run_is_shown_and_drawn(tmp_path):
    store = tmp_path / "runs.db"
    workflow = attune_nb.loads(GREET, "greet")
    workflow.run(store=store, name="first", progress=False)
    latest = workflow.run(store=store, name="second", progress=False)

    show = attune("show", "--store", str(store), "--json")
    assert json.loads(show.stdout)["run_id"] == latest.run_id

    image = tmp_path / "timeline.svg"
    assert attune("timeline", "-o", str(image), "--store", str(store)).returncode == 0
    assert "<svg" in image.read_text()


def test_without_any_run_the_way_to_name_a_record_is_shown(tmp_path):
    store = tmp_path / "runs.db"
    attune_nb.loads(GREET, "greet").run(store=store, progress=False)
    attune_nb.forget([attune_nb.runs(store)["run_id"].iloc[0]], store=store)

    show = attune("show", "--store", str(store))
    assert show.returncode == 2
    assert show.stderr.rstrip() == (
        "no run is on record here: name another record with `--store FILE`"
    )


@pytest.mark.parametrize("command", [["runs"], ["show", "abc"]])
def test_a_missing_store_is_refused_with_the_way_to_name_one(command):
    process = attune(*command, "--store", "none")
    assert process.returncode == 2
    assert "ATTUNE_NB_STORE" in process.stderr


def test_the_list_is_filtered_and_says_what_kind_a_run_is(tmp_path):
    store = tmp_path / "runs.db"
    workflow = attune_nb.loads(GREET, "greet")
    workflow.run(store=store, name="real", progress=False)
    dry = workflow.run(store=store, name="trial", dry_run=True, progress=False)

    trials = attune("runs", "--store", str(store), "--workflow", "trial", "--since", "1h")
    assert [line.split()[0] for line in trials.stdout.splitlines()] == [dry.run_id]
    assert trials.stdout.rstrip().endswith("(dry run)")

    newest = attune("runs", "--store", str(store), "--limit", "1")
    [line] = newest.stdout.splitlines()
    assert line.startswith(dry.run_id)
    assert newest.stderr.rstrip() == "these are the newest 1; `--limit` shows more"

    shown = json.loads(attune("show", dry.run_id, "--store", str(store), "--json").stdout)
    assert shown["kind"] == "dry run"


def test_a_run_within_a_run_is_listed_and_shown_by_its_path(tmp_path):
    store = tmp_path / "runs.db"
    inner = attune_nb.loads(GREET)
    outer = attune_nb.loads("tasks: [{name: deploy, action: inner, with_items: [a, b]}]")
    run = outer.run(actions={"inner": inner}, store=store, name="outer", progress=False)

    [line] = attune_here("runs", "--store", str(store)).stdout.splitlines()
    assert line.endswith("2 items, 2 runs within it")
    lines = attune_here("runs", "--all", "--store", str(store)).stdout.splitlines()
    assert len(lines) == 3
    assert lines[0].endswith(f"0 items, in {run.run_id}/deploy[1]")

    path = f"{run.run_id[:8]}/deploy[1]"
    shown = json.loads(attune_here("show", path, "--store", str(store), "--json").stdout)
    assert shown["run_id"] == run.child("deploy", index=1).run_id
    latest = attune_here("show", "/deploy[1]", "--store", str(store)).stdout
    assert f"this is a child run: `{run.run_id}/deploy[1]`" in latest
    refused = attune_here("show", f"{run.run_id}/deplo[1]", "--store", str(store))
    assert "did you mean `deploy`?" in refused.stderr
    assert refused.exit_code == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["runs", "--status", "faild"], "did you mean `failed`"),
        (["runs", "--limit", "0"], "`limit` must be an integer of 1 or more"),
        (["forget"], "forget takes RUN..., or --older: one of the two"),
        (["forget", "abc"], "there is no run `abc`"),
    ],
)
def test_a_wrong_word_gets_one_clear_error(tmp_path, words, message):
    store = tmp_path / "runs.db"
    attune_nb.loads(GREET, "greet").run(store=store, progress=False)
    process = attune(*words, "--store", str(store))
    assert process.returncode == 2
    assert message in process.stderr
    assert "Traceback" not in process.stderr


def test_runs_are_forgotten(tmp_path):
    store = tmp_path / "runs.db"
    run = attune_nb.loads(GREET, "greet").run(store=store, progress=False)
    process = attune("forget", run.run_id, "--store", str(store))
    assert process.returncode == 0, process.stderr
    assert process.stdout.startswith("1 run forgotten, ")
    assert attune_nb.runs(store).empty
    assert attune("runs", "--store", str(store)).stderr == "no run is on record\n"


def test_a_missing_table_is_an_error_of_one_line(tmp_path):
    store = tmp_path / "runs.db"
    workflow = attune_nb.loads("""
tasks: [{name: load, action: load}]
output_map: {table: "{{ task.load.result }}"}
""")
    actions = {"load": lambda: np.arange(3)}
    workflow.run(actions=actions, store=store, progress=False)
    (path,) = (tmp_path / "runs.db.tables").iterdir()
    path.unlink()

    show = attune("show", "--store", str(store))
    assert show.returncode == 2
    remedy = "put it back from a copy, or fork the run at the task that made it"
    assert show.stderr == f"the file {path} is missing; {remedy}\n"
