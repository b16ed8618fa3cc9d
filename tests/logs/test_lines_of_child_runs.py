"""The lines of child runs are among those of their run, with their path."""

import sqlite3

import pytest
from support.command_line import attune_here

import attune_nb

INNER = attune_nb.loads("""
tasks:
  - {name: ping, action: speak, with_items: [a, b], concurrency: 1, input: {x: "{{ item }}"}}
""")
MIDDLE = attune_nb.loads("""
tasks:
  - {name: first, action: speak, input: {x: first}, next: [{do: go_on}]}
  - {name: go_on, action: inner}
""")
OUTER = attune_nb.loads("""
tasks:
  - {name: own, action: speak, input: {x: own}, next: [{do: deploy}]}
  - {name: deploy, action: middle, with_items: [1, 2], concurrency: 1}
""")


def speak(x):
    print(x)


def run_outer(**options):
    """Run a workflow whose child runs have child runs."""
    actions = {"speak": speak, "middle": MIDDLE, "inner": INNER}
    return OUTER.run(actions=actions, **options)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Return such a run, opened from its record."""
    store = tmp_path_factory.mktemp("store") / "runs.db"
    run = run_outer(store=store, logs="none")
    return attune_nb.open_run(run.run_id, store)


@pytest.fixture(scope="module", params=["memory", "record"])
def run(request, recorded):
    """Return such a run, without a record or from it."""
    if request.param == "record":
        return recorded
    return run_outer(store="none", logs="none")


def lines_of(frame):
    """Return the task, the index and the text of each line, sorted.

    Each run has a clock of its own, and a busy machine may read two of them at odd moments.
    """
    return sorted(frame[["task", "index", "text"]].itertuples(index=False, name=None))


def test_lines_have_the_path_of_their_task(run):
    assert lines_of(run.logs()) == [
        ("deploy[0]/first", 0, "first"),
        ("deploy[0]/go_on/ping", 0, "a"),
        ("deploy[0]/go_on/ping", 1, "b"),
        ("deploy[1]/first", 0, "first"),
        ("deploy[1]/go_on/ping", 0, "a"),
        ("deploy[1]/go_on/ping", 1, "b"),
        ("own", 0, "own"),
    ]
    assert run.log_counts.lines == 7


def test_those_of_one_item_are_selected(run):
    frame = run.logs("deploy", index=1)
    assert set(frame["task"]) == {"deploy[1]/first", "deploy[1]/go_on/ping"}
    assert len(frame) == 3
    assert run.logs("own")["text"].tolist() == ["own"]


@pytest.mark.parametrize(
    ("path", "options", "lines"),
    [
        ("deploy[1]", {}, 3),
        ("deploy[1]/first", {}, 1),
        ("deploy/first", {}, 2),
        ("deploy[0]/go_on/ping", {"index": 1}, 1),
        ("deploy/go_on/ping[1]", {}, 2),
        ("deploy/go_on/ping", {"level": "stderr"}, 0),
    ],
)
def test_a_task_may_be_a_path_as_lines_have_it(run, path, options, lines):
    frame = run.logs(path, **options)
    assert len(frame) == lines
    assert all(task.startswith("deploy[") for task in frame["task"])


@pytest.mark.parametrize(
    ("path", "options", "message"),
    [
        ("deploy[1]/frist", {}, "there is no task `frist`; did you mean `first`"),
        ("deploy[9]/first", {}, "has no child run for index 9"),
        ("own/first", {}, "task `own` has no child runs"),
        ("deploy[1]", {"index": 0}, r"`deploy\[1\]` names an item, and `index` another one"),
    ],
)
def test_a_path_to_no_lines_is_refused(run, path, options, message):
    with pytest.raises(attune_nb.AttuneError, match=message):
        run.logs(path, **options)


def test_all_child_runs_are_read_by_one_connection(recorded, monkeypatch):
    """To open one for each takes most of the time if there are a thousand."""
    paths = []

    def connect(path, **options):
        paths.append(path)
        return sqlite3_connect(path, **options)

    sqlite3_connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", connect)
    assert len(recorded.logs()) == 7
    assert len(paths) == 1


def test_a_path_without_lines_is_named(recorded):
    options = ["--level", "stderr", "--store", recorded.store]
    result = attune_here("logs", recorded.run_id, "deploy[1]/go_on/ping", *options)
    assert "of task `deploy[1]/go_on/ping`, stderr" in result.stderr


def test_a_child_run_has_its_own_lines(run):
    child = run.child("deploy", index=1)
    assert [task for task, _, _ in lines_of(child.logs())] == ["first", "go_on/ping", "go_on/ping"]
    assert child.log_counts.lines == 3
    assert child.child("go_on").logs()["text"].tolist() == ["a", "b"]


def test_a_command_prints_them(recorded):
    words = ["deploy", "--index", "0", "--store", str(recorded.store)]
    outcome = attune_here("logs", recorded.run_id, *words)
    lines = [line.split(" ", 2)[2] for line in outcome.stdout.splitlines()]
    assert sorted(lines) == [
        "deploy[0]/first | first",
        "deploy[0]/go_on/ping[0] | a",
        "deploy[0]/go_on/ping[1] | b",
    ]


def test_a_program_shows_them_as_they_come(capsys):
    run_outer(store="none", progress=False)
    shown = capsys.readouterr().out.splitlines()
    assert shown[:3] == ["own | own", "deploy[0]/first | first", "deploy[0]/go_on/ping[0] | a"]
