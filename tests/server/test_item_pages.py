"""Pages of items, lines and traces of a run, read from its record."""

import gzip
import json
import logging
import sys

import pytest
from support.item_runs import until

import attune_nb
from attune_nb.errors import StoreError
from attune_nb.results.trace.chrome import chrome_trace
from attune_nb.server.drawing.item_rows import ItemRows, ItemsQuery
from attune_nb.server.drawing.line_pages import LinesQuery, read_lines
from attune_nb.server.drawing.run_traces import write_run_trace

CHECK = """
parameters:
  key: {type: string, secret: true}
tasks:
  - name: list
    action: give
    input: {names: [a, b, c, d, e, f, g, h]}
    next: [{do: check, publish: {names: "{{ result().names }}"}}]
  - name: check
    action: check
    with_items: "{{ names }}"
    retry: {count: 1, delay: 0}
    input: {name: "{{ item }}", key: "{{ parameters.key }}"}
    next: [{when: "{{ failed() }}", do: noop}]
"""


def check(name, key):
    if name in "cf":
        logging.getLogger("checks").warning("%s is slow", name)
        raise ConnectionError(f"server {name} refused {key}")
    sys.stdout.write(f"{name} is well\n")
    return {"server": name, "text": key + "x" * 3_000}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("items") / "runs.db"


@pytest.fixture(scope="module")
def run(store):
    workflow = attune_nb.loads(CHECK, "health")
    actions = {"check": check, "give": lambda names: {"names": names}}
    return workflow.run(
        {"key": "hunter2secret"}, actions=actions, progress=False, store=store, logs="none"
    )


def items_of(store, run, task="check", **query):
    return ItemRows().read(store, run.run_id, ItemsQuery(task, **query))


def counts_of(store, run, task):
    """Return how many items have which status; none before they are on record."""
    try:
        return items_of(store, run, task).counts
    except (LookupError, StoreError):
        return {}


def test_failed_items_come_first(store, run):
    page = items_of(store, run)
    assert [row.index for row in page.rows] == [2, 5, 0, 1, 3, 4, 6, 7]
    assert page.counts == {"failed": 2, "succeeded": 6}
    assert (page.matching, page.visits, page.with_items) == (8, 1, True)


def test_an_item_that_failed_has_its_value_and_its_error(store, run):
    row = items_of(store, run).rows[0]
    assert (row.item, row.status, row.attempts) == ("'c'", "failed", 2)
    assert (row.error_type, row.error) == ("ConnectionError", "server c refused ***")
    assert row.traceback.endswith("ConnectionError: server c refused ***\n")


def test_a_long_message_keeps_its_beginning(tmp_path):
    text = "tasks: [{name: a, action: core.fail, input: {message: disk full %s}}]" % ("x" * 9_000)
    store = tmp_path / "runs.db"
    failed = attune_nb.loads(text, "long").run(progress=False, store=store)
    (row,) = items_of(store, failed, task="a").rows
    assert row.error.startswith("disk full xxx")
    assert row.error.endswith("x…")


def test_a_result_is_cut_and_has_no_secret(store, run):
    (row,) = items_of(store, run, index=0).rows
    assert row.result.startswith("{'server': 'a', 'text': '***xxx")
    assert len(row.result) <= 2_000
    assert row.result.endswith("…")


def test_an_item_that_is_made_of_a_secret_does_not_show_it(store):
    text = """
    parameters: {key: {type: string, secret: true}}
    tasks:
      - name: a
        action: work
        with_items: "{{ ['key ' ~ parameters.key] }}"
        input: {n: "{{ item }}"}
    """
    options = {"actions": {"work": lambda n: n}, "progress": False, "store": store}
    run = attune_nb.loads(text).run({"key": "hunter2secret"}, **options)
    (row,) = items_of(store, run, "a").rows
    assert (row.item, row.result) == ("'key ***'", "'key ***'")


def test_a_page_of_items_has_a_beginning_and_a_length(store, run):
    page = items_of(store, run, status="succeeded", offset=2, limit=3)
    assert [row.index for row in page.rows] == [3, 4, 6]
    assert page.matching == 6


def test_a_task_without_items_has_one_attempt(store, run):
    page = items_of(store, run, "list")
    assert not page.with_items
    assert [(row.index, row.status, row.item) for row in page.rows] == [(0, "succeeded", None)]


def test_a_task_that_has_not_started_has_no_items(store, run):
    with pytest.raises(LookupError, match="has no execution of a task `nothing`"):
        items_of(store, run, "nothing")


def test_lines_are_the_last_ones_of_the_run(store, run):
    page = read_lines(store, run.run_id, LinesQuery())
    texts = [line.text for line in page.lines]

    assert sorted(texts) == sorted(
        [*[f"{name} is well" for name in "abdegh"], *["c is slow", "f is slow"] * 2]
    )
    assert (page.total, page.warnings, page.first, page.none) == (10, 4, 0, "")


@pytest.mark.parametrize(
    ("query", "texts"),
    [
        ({"level": "WARNING", "index": 2}, {"c is slow"}),
        ({"search": "A IS"}, {"a is well"}),
        ({"task": "list"}, set()),
        ({"index": 3}, {"d is well"}),
    ],
)
def test_lines_are_selected(store, run, query, texts):
    page = read_lines(store, run.run_id, LinesQuery(**query))
    assert {line.text for line in page.lines} == texts


def test_lines_are_read_in_pages_from_both_ends(store, run):
    last = read_lines(store, run.run_id, LinesQuery(limit=1))
    before = []
    while last.first:
        last = read_lines(store, run.run_id, LinesQuery(before=last.first, limit=1))
        before += last.lines
    page = read_lines(store, run.run_id, LinesQuery(after=0))

    assert page.next == read_lines(store, run.run_id, LinesQuery()).next
    assert len(page.lines) == 10
    assert read_lines(store, run.run_id, LinesQuery(after=page.next)).lines == []


def test_a_trace_is_that_of_the_run(store, run, tmp_path):
    path = tmp_path / "trace.json.gz"
    write_run_trace(store, run.run_id, path)
    trace = json.loads(gzip.decompress(path.read_bytes()))
    expected = json.loads(json.dumps(chrome_trace(run.events)))

    assert trace == expected


def test_the_visits_of_a_task_are_rows_of_one_list(store):
    def work(n):
        if n == 2:
            raise ValueError(n)

    text = """
    vars: {n: 0}
    tasks:
      - name: step
        start: true
        action: work
        input: {n: "{{ n }}"}
        next: [{when: "{{ n < 4 }}", publish: {n: "{{ n + 1 }}"}, do: step}]
    """
    options = {"actions": {"work": work}, "progress": False}
    run = attune_nb.loads(text).run(store=store, **options)
    page = items_of(store, run, "step")

    assert [(row.visit, row.status) for row in page.rows] == [
        (3, "failed"), *[(visit, "succeeded") for visit in (1, 2, 4, 5)],
    ]  # fmt: skip
    assert page.visits == 5
    assert [row.visit for row in items_of(store, run, "step", visit=2).rows] == [2]


def test_an_item_that_will_be_attempted_again_is_retrying(store):
    def refuse(n):
        raise ConnectionError(n)

    text = """
    tasks:
      - name: a
        action: refuse
        with_items: "{{ [1, 2] }}"
        input: {n: "{{ item }}"}
        retry: {count: 1, delay: 3600}
    """
    options = {"actions": {"refuse": refuse}, "background": True, "progress": False}
    run = attune_nb.loads(text).run(store=store, **options)
    until(lambda: counts_of(store, run, "a") == {"retrying": 2})
    run.cancel()
    run.wait()

    assert counts_of(store, run, "a") == {"cancelled": 2}


def test_a_child_run_is_named_by_its_item(store):
    inner = attune_nb.loads("tasks: [{name: only, action: core.noop}]", "inner")
    text = 'tasks: [{name: deploy, action: inner, with_items: "{{ [1, 2] }}"}]'
    run = attune_nb.loads(text).run(actions={"inner": inner}, progress=False, store=store)
    rows = items_of(store, run, "deploy").rows

    assert [row.child for row in rows] == run.children()["run_id"].tolist()
