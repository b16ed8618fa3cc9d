"""`kill -9` while workflows run within a run: tasks that ended in a child run are not repeated."""

import random
from collections import Counter
from contextlib import closing

import pytest
from support.killed_processes import ProcessStarter
from support.killed_workflows import CHILD_ACTIONS, CHILDREN

import attune_nb
from attune_nb.store import reading
from attune_nb.store.database import connected

KILLS = 6
# the lines that a task of a child writes, for an item
LINES = {
    "one": ["one {}"],
    "two": ["two {} a", "two {} b"],
    "three": ["three {}"],
}


@pytest.fixture(scope="module")
def starter():
    with closing(ProcessStarter()) as starter:
        yield starter


def lines_on_record(store):
    """Return the lines that the tasks on record as ended in child runs have written."""
    statement = (
        "SELECT parent_item, task FROM events JOIN runs ON runs.number = events.run "
        "WHERE parent != '' AND kind = 'TaskEnded'"
    )
    with connected(store) as connection:
        ended = connection.execute(statement).fetchall()

    lines = []
    for item, task in ended:
        lines += [line.format(item) for line in LINES[task]]
    return lines


def interrupted_run(store):
    """Return the id of the run; None if the kill came before its record, or after its end."""
    try:
        runs = attune_nb.runs(store, status="interrupted")
    except attune_nb.StoreError:
        return None
    return runs["run_id"][0] if len(runs) else None


def test_no_ended_task_of_a_child_is_made_again(starter, tmp_path):
    generator = random.Random("20261130")
    kills = 0
    for number in range(8 * KILLS):
        folder = tmp_path / str(number)
        folder.mkdir()
        store = folder / "runs.db"
        done = folder / "done.txt"
        pause = generator.uniform(0, 0.3)
        starter.run("with_children", kill_when=done, kill_after=pause, store=store, done=done)
        run_id = interrupted_run(store)
        if run_id is None:
            continue

        ended = lines_on_record(store)
        resumed = attune_nb.resume(run_id, store, actions=CHILD_ACTIONS, progress=False)
        assert resumed.output == {"ends": [{"end": f"three {item}"} for item in range(CHILDREN)]}
        calls = Counter(done.read_text().splitlines())
        assert {calls[line] for line in ended} <= {1}
        assert len(calls) == 4 * CHILDREN
        # each child run that was begun was continued, not begun again
        assert len(reading.children_of(store, run_id)) == CHILDREN
        kills += 1
        if kills == KILLS:
            break
    assert kills == KILLS
