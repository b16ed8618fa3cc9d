"""The list of runs: its order, its filters, and what it says about each run."""

from datetime import UTC, date, datetime, timedelta

import pytest

import attune_nb
from attune_nb.errors import LookupFailed, ParameterError
from attune_nb.running.latest import LatestRun

TEXT = """
tasks:
  - {name: work, action: act, with_items: "{{ [1, 2] }}", input: {n: "{{ item }}"}}
"""


def run(store, name="health", act=lambda n: n, **options):
    """Run the workflow with a record."""
    workflow = attune_nb.loads(TEXT)
    return workflow.run(actions={"act": act}, store=store, name=name, progress=False, **options)


def fail(n):
    raise ValueError(f"{n} is broken")


@pytest.fixture
def store(tmp_path):
    return tmp_path / "runs.db"


def test_the_newest_run_is_the_first(store):
    ids = [run(store).run_id for _ in range(3)]
    assert attune_nb.runs(store)["run_id"].tolist() == ids[::-1]
    assert attune_nb.runs(store, limit=2)["run_id"].tolist() == [ids[2], ids[1]]


def test_runs_are_chosen_by_status_and_workflow(store):
    good = run(store)
    bad = run(store, act=fail)
    other = run(store, "other")

    assert attune_nb.runs(store, status="failed")["run_id"].tolist() == [bad.run_id]
    both = attune_nb.runs(store, status=["failed", "succeeded"], workflow="health")
    assert both["run_id"].tolist() == [bad.run_id, good.run_id]
    assert attune_nb.runs(store, workflow="other")["run_id"].tolist() == [other.run_id]
    assert attune_nb.runs(store, status="cancelled").empty


@pytest.mark.parametrize(
    "since",
    ["2h", "1.5d", "90s", timedelta(hours=1), datetime.now(UTC) - timedelta(minutes=30)],
    ids=["hours", "days", "seconds", "timedelta", "datetime"],
)
def test_recent_runs_are_chosen_by_their_start(store, since):
    recorded = run(store)
    assert attune_nb.runs(store, since=since)["run_id"].tolist() == [recorded.run_id]


@pytest.mark.parametrize(
    "since",
    ["2999-12-24", "2999-12-24 18:30", date(2999, 12, 24), timedelta(0)],
    ids=["date text", "date and time", "date", "just now"],
)
def test_runs_before_a_date_are_left_out(store, since):
    run(store)
    assert attune_nb.runs(store, since=since).empty


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"status": "faild"}, r"`status` must be one of .*failed.*`faild`; did you mean `failed`"),
        ({"status": ["failed", 3]}, "`status` must be one of .* not the integer `3`"),
        ({"workflow": 3}, "`workflow` must be the name of a workflow, not the integer `3`"),
        ({"since": "yesterday"}, "`since` must be a date .* 2d or 1w, not the string `yesterday`"),
        ({"since": "3 parsecs"}, "`since` must be a date"),
        ({"since": 3}, "`since` must be a date .* not the integer `3`"),
        ({"limit": 0}, "`limit` must be an integer of 1 or more, not the integer `0`"),
        ({"limit": True}, "`limit` must be an integer of 1 or more, not the boolean `true`"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_filter_that_cannot_be_used_is_refused(store, arguments, message):
    with pytest.raises(ParameterError, match=message):
        attune_nb.runs(store, **arguments)


def test_the_list_says_how_a_run_came_about(store):
    plain = run(store)
    dry = run(store, dry_run=True)
    rehearsed = run(store, mock={"work": 1})
    mocked = run(store, mock={"work": 1}, dry_run=False)
    fork = plain.fork("work", progress=False)
    retry = run(store, act=fail).retry(actions={"act": lambda n: n}, progress=False)

    kinds = attune_nb.runs(store).set_index("run_id")["kind"]
    assert kinds[plain.run_id] == ""
    assert kinds[dry.run_id] == "dry run"
    assert kinds[rehearsed.run_id] == "dry run, mocked"
    assert kinds[mocked.run_id] == "mocked"
    assert kinds[fork.run_id] == f"fork of {plain.run_id}"
    assert kinds[retry.run_id].startswith("retry of ")


def test_runs_within_a_run_are_folded_into_a_number(store):
    inner = attune_nb.loads("tasks: [{name: ping, action: core.noop}]")
    outer = attune_nb.loads("""
tasks:
  - {name: deploy, action: inner, with_items: [a, b], next: [{do: check}]}
  - {name: check, action: inner}
""")
    outer_run = outer.run(actions={"inner": inner}, store=store, name="outer", progress=False)

    (row,) = attune_nb.runs(store).to_dict("records")
    assert (row["run_id"], row["children"]) == (outer_run.run_id, 3)

    frame = attune_nb.runs(store, children=True).set_index("parent")
    assert frame.loc[""]["run_id"] == outer_run.run_id
    places = [f"{outer_run.run_id}/{place}" for place in ("deploy[0]", "deploy[1]", "check[0]")]
    assert set(frame.index) == {"", *places}
    assert frame.loc[places, "workflow"].tolist() == ["inner"] * 3
    assert attune_nb.runs(store, children=True, workflow="inner", limit=2).shape[0] == 2


@pytest.mark.parametrize("is_on_record", [False, True], ids=["this process", "on record"])
def test_a_run_shows_what_kind_it_is(store, is_on_record):
    shown = run(store, dry_run=True)
    if is_on_record:
        shown = attune_nb.open_run(shown.run_id, store)

    assert shown.kind == "dry run"
    assert "health (dry run): succeeded" in repr(shown)
    assert "health (dry run): succeeded" in shown._repr_html_()


def test_a_fork_of_a_dry_run_is_a_dry_run(store):
    dry = run(store, dry_run=True)
    assert dry.fork("work", progress=False).kind == f"dry run, fork of {dry.run_id}"


def test_the_last_run_of_a_process_is_at_hand(store):
    run(store)
    second = run(store, act=fail)
    assert attune_nb.last_run() is second


def test_without_any_run_there_is_no_last_one(monkeypatch):
    monkeypatch.setattr("attune_nb.running.history.LATEST", LatestRun())
    with pytest.raises(LookupFailed, match=r"no workflow has run in this process; .*runs\(\)"):
        attune_nb.last_run()
