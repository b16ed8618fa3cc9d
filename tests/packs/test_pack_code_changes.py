"""A fork of a run says which actions of a pack have changed since."""

from support.packs import write_action

import attune_nb

TEXT = "tasks: [{name: act, action: kit.act, next: [{do: again}]}, {name: again, action: kit.act}]"


def fork_after(change, folder, path):
    """Run a workflow, change its pack, and run the second task again; return the fork's alerts."""
    run = attune_nb.loads(TEXT).run(packs=[folder], store=path)
    change()
    return attune_nb.open_run(run.run_id, path).fork("again", packs=[folder]).alerts


def test_a_changed_script_is_noticed(tmp_path):
    folder = write_action(tmp_path / "kit", "echo one")

    alerts = fork_after(lambda: write_action(folder, "echo two"), folder, tmp_path / "runs.db")

    (alert,) = alerts
    assert alert == (
        "task `act` changed since, but the earlier results are reused; "
        "fork at `act` to run it again"
    )


def test_a_changed_module_of_the_pack_is_noticed(tmp_path):
    script = "import helper; print(helper.NAME)"
    folder = write_action(tmp_path / "kit", script, name="act.py", runner_type="python")
    (folder / "lib").mkdir()
    module = folder / "lib" / "helper.py"
    module.write_text("NAME = 1\n")

    alerts = fork_after(lambda: module.write_text("NAME = 22\n"), folder, tmp_path / "runs.db")

    assert len(alerts) == 1
    assert "task `act` changed since" in alerts[0]


def test_an_unchanged_pack_is_not_noticed(tmp_path):
    folder = write_action(tmp_path / "kit", "echo one")

    assert fork_after(lambda: None, folder, tmp_path / "runs.db") == []
