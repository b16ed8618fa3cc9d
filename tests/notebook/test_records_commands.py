"""`%attune runs` and `%attune forget`: the runs of a session and those on record."""

import pytest
from IPython.core.error import UsageError
from IPython.utils.capture import capture_output

import attune_nb

DOUBLE = """
tasks:
  - {name: double, action: double, with_items: "{{ [1, 2] }}", input: {n: "{{ item }}"}}
"""


@pytest.fixture
def shell(ipython, monkeypatch, tmp_path):
    """A shell without earlier runs, with a store of its own and an action."""
    monkeypatch.setenv("ATTUNE_NB_STORE", str(tmp_path / "runs.db"))
    session = ipython.magics_manager.registry["AttuneMagics"].session
    session.drop_runs(list(session.runs))
    ipython.run_cell("def double(n):\n    return 2 * n")
    return ipython


def run_cell(shell, line, text):
    """Run a cell, and return its Run."""
    with capture_output():
        return shell.run_cell_magic("attune", line, text)


def run_line(shell, text):
    """Return the value of a line with `%attune`."""
    with capture_output():
        return shell.run_line_magic("attune", text)


def listed(shell, line="runs"):
    """Return the ids of the listed runs, in order."""
    lines = str(run_line(shell, line)).splitlines()
    return [line.split()[0] for line in lines[1:]]


def test_runs_are_listed_newest_first(shell):
    ids = [run_cell(shell, name, DOUBLE).run_id for name in ("one", "two", "one")]
    assert listed(shell) == ids[::-1]


def test_runs_of_an_earlier_session_are_listed_too(shell):
    workflow = attune_nb.loads(DOUBLE)
    earlier = workflow.run(actions={"double": lambda n: n}, progress=False, name="one")
    here = run_cell(shell, "one", DOUBLE)
    assert listed(shell) == [here.run_id, earlier.run_id]


def test_the_list_names_dry_runs_and_forks(shell):
    run = run_cell(shell, "one --out run", DOUBLE)
    run_cell(shell, "one --dry-run", DOUBLE)
    run_line(shell, "fork run --at double")

    text = str(run_line(shell, "runs"))
    assert "kind" in text.splitlines()[0]
    assert "dry run" in text
    assert f"fork of {run.run_id}" in text
    assert f"fork of {run.run_id}" in run_line(shell, "runs")._repr_html_()


def test_the_list_is_short_unless_more_is_wanted(shell):
    ids = [run_cell(shell, "one", DOUBLE).run_id for _ in range(3)]
    view = run_line(shell, "runs --limit 2")
    assert str(view).splitlines()[-1] == "these are the newest 2; `--limit` shows more"
    assert "these are the newest 2" in view._repr_html_()
    assert listed(shell, "runs --limit 3") == ids[::-1]


def test_the_list_is_filtered(shell):
    one = run_cell(shell, "one", DOUBLE)
    two = run_cell(shell, "two", DOUBLE)
    assert listed(shell, "runs --workflow one") == [one.run_id]
    assert listed(shell, "runs --status succeeded --since 1h") == [two.run_id, one.run_id]
    assert str(run_line(shell, "runs --status failed")) == "no run matches"
    assert str(run_line(shell, "runs --since 2999-12-24")) == "no run matches"


def test_a_run_within_a_run_is_found_by_its_path(shell):
    run_cell(shell, "inner --define", DOUBLE)
    outer = run_cell(shell, "outer", "tasks: [{name: deploy, action: inner, with_items: [a, b]}]")
    child = outer.child("deploy", index=1)

    text = str(run_line(shell, "runs"))
    assert "children" in text.splitlines()[0]
    assert set(listed(shell)) == {outer.run_id}
    assert f"{outer.run_id}/deploy[1]" in str(run_line(shell, "runs --all"))
    assert child.run_id in listed(shell, "runs --all")

    for word in ("outer", outer.run_id, outer.run_id[:8], ""):
        assert run_line(shell, f"status {word}/deploy[1]").run_id == child.run_id
    assert run_line(shell, "results outer/deploy[1] double")["result"].tolist() == [2, 4]
    with pytest.raises(UsageError, match="task `deploy` has no child run for index 7"):
        run_line(shell, "status outer/deploy[7]")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("runs --status faild", "%attune runs: `status` must be .*; did you mean `failed`"),
        ("runs --since soon", "%attune runs: `since` must be a date .* not the string `soon`"),
        ("runs --limit 0", "%attune runs: `limit` must be an integer of 1 or more"),
        ("runs --limit many", "%attune runs: argument --limit: invalid int value: 'many'"),
        ("forget", "%attune forget takes RUN..., or --older"),
        ("forget one --older 3d", "%attune forget takes RUN..., or --older"),
        ("forget --older soon", "%attune forget: `older` must be a date"),
        ("forget zzz", "%attune forget: there is no run `zzz`"),
    ],
)
def test_a_wrong_line_gets_one_clear_error(shell, line, message):
    run_cell(shell, "one", DOUBLE)
    with pytest.raises(UsageError, match=message):
        run_line(shell, line)


def test_a_run_is_forgotten_by_variable_name_or_id(shell):
    run_cell(shell, "one --out run", DOUBLE)
    run_cell(shell, "two", DOUBLE)
    third = run_cell(shell, "three", DOUBLE)

    text = str(run_line(shell, f"forget run two {third.run_id[:6]}"))
    assert text.startswith("3 runs forgotten, ")
    assert attune_nb.runs().empty
    assert str(run_line(shell, "runs")) == "nothing has run yet"


def test_old_runs_are_forgotten(shell):
    run_cell(shell, "one", DOUBLE)
    assert str(run_line(shell, "forget --older 30d")) == "0 runs forgotten"
    assert str(run_line(shell, "forget --older 0s")).startswith("1 run forgotten, ")
