"""The lines of child runs are among those of their run, with their path."""

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


@pytest.fixture(scope="module", params=["memory", "record"])
def run(request, tmp_path_factory):
    """Return a run whose child runs have child runs; it is opened again, or has no record."""
    store = "none"
    if request.param == "record":
        store = tmp_path_factory.mktemp("store") / "runs.db"
    actions = {"speak": speak, "middle": MIDDLE, "inner": INNER}
    run = OUTER.run(actions=actions, store=store, logs="none")
    if store == "none":
        return run
    return attune_nb.open_run(run.run_id, store)


def lines_of(frame):
    """Return the task, the index and the text of each line."""
    return list(frame[["task", "index", "text"]].itertuples(index=False, name=None))


def test_lines_have_the_path_of_their_task(run):
    expected = [("own", 0, "own")]
    for number in (0, 1):
        path = f"deploy[{number}]"
        expected += [
            (f"{path}/first", 0, "first"),
            (f"{path}/go_on/ping", 0, "a"),
            (f"{path}/go_on/ping", 1, "b"),
        ]
    assert lines_of(run.logs()) == expected
    assert run.log_counts.lines == 7


def test_those_of_one_item_are_selected(run):
    frame = run.logs("deploy", index=1)
    assert set(frame["task"]) == {"deploy[1]/first", "deploy[1]/go_on/ping"}
    assert len(frame) == 3
    assert run.logs("own")["text"].tolist() == ["own"]


def test_a_child_run_has_its_own_lines(run):
    child = run.child("deploy", index=1)
    assert [task for task, _, _ in lines_of(child.logs())] == ["first", "go_on/ping", "go_on/ping"]
    assert child.log_counts.lines == 3
    assert child.child("go_on").logs()["text"].tolist() == ["a", "b"]


def test_a_command_prints_them(run):
    if run.store is None:
        pytest.skip("a command reads a record")
    outcome = attune_here("logs", run.run_id, "deploy", "--index", "0", "--store", str(run.store))
    lines = [line.split(" ", 2)[2] for line in outcome.stdout.splitlines()]
    assert lines == [
        "deploy[0]/first | first",
        "deploy[0]/go_on/ping[0] | a",
        "deploy[0]/go_on/ping[1] | b",
    ]


def test_a_program_shows_them_as_they_come(capsys):
    actions = {"speak": speak, "middle": MIDDLE, "inner": INNER}
    OUTER.run(actions=actions, store="none", progress=False)
    shown = capsys.readouterr().out.splitlines()
    assert shown[:3] == ["own | own", "deploy[0]/first | first", "deploy[0]/go_on/ping[0] | a"]
