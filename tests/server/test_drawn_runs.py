"""Timeline, graph, items and lines of a run in the page that a server sends."""

import logging
import re
import threading
from collections import Counter

import pytest
from playwright.sync_api import expect
from support.item_runs import until
from support.served_pages import served_page

import attune_nb
from attune_nb.explore.attempts import STATUSES, read_attempts
from attune_nb.results.batches import batches_by_key

pytestmark = pytest.mark.slow

MARKUP = "<img src=x onerror='window.hacked=1'>"
CHECK = """
parameters: {count: {type: integer}}
tasks:
  - {name: prepare, action: core.noop, next: [{do: check}]}
  - name: check
    action: check
    with_items: "{{ range(parameters.count) }}"
    concurrency: 4
    input: {n: "{{ item }}"}
    next:
      - {when: "{{ failed() }}", do: repair}
      - {when: "{{ succeeded() }}", do: celebrate}
  - {name: repair, action: core.noop}
  - {name: celebrate, action: core.noop}
"""
RETRIES = """
tasks:
  - name: flaky
    action: flaky
    with_items: "{{ range(300) }}"
    report_every: 20
    retry: {count: 2, delay: 0}
    input: {n: "{{ item }}"}
    next: [{do: last}]
  - {name: last, action: core.noop}
"""
# the attempts that the page's script makes of chunks: task, index, number, status
READ_CHUNKS = """async ([id, most]) => {
  const {url} = document.body.dataset;
  const {LiveRunData, readChunk} = await import(`${url}/explore.js`);
  let data = null;
  for (let head = {last: -1, more: true}; head.more;) {
    const query = `after=${head.last}&most=${most}`;
    const response = await fetch(`${url}/api/runs/${id}/attempts?${query}`);
    const chunk = readChunk(await response.arrayBuffer());
    data ??= new LiveRunData({seconds: 0, breaks: []}, chunk.head.statuses);
    data.append(chunk);
    head = chunk.head;
  }
  data.gather();
  return Array.from({length: data.count}, (_, row) => [
    data.tasks[data.taskOf(row)], data.index[row], data.attempt[row], data.statusOf(row)]); }"""
COUNT = 100_000
FAILURES = (20_007, 60_007)


def check(n):
    if n in FAILURES:
        logging.getLogger("checks").warning("%s is broken %s", n, MARKUP)
        raise ValueError(f"{n} is broken {MARKUP}")
    return n


def run_check(server, count, action=check, **options):
    options = {"actions": {"check": action}, "logs": "none", "progress": False, **options}
    workflow = attune_nb.loads(CHECK, "health")
    return workflow.run({"count": count}, store=server.store, **options)


def drawn(page, name):
    """Return a figure of the last frame of the timeline: `calls`, `bars` or `frames`."""
    return int(page.locator(".timeline").get_attribute(f"data-{name}"))


@pytest.fixture(scope="module")
def large_run(attune_server):
    return run_check(attune_server, COUNT)


@pytest.fixture(scope="module")
def opened(browser, attune_server, large_run):
    """Yield the page of a run of 100,000 items."""
    with served_page(browser, attune_server, f"/runs/{large_run.run_id}") as page:
        yield page


@pytest.fixture
def page(opened):
    """Return the page with its timeline, in which nothing is chosen."""
    opened.get_by_role("tab", name="Timeline").click()
    opened.locator(".timeline[data-ready]").wait_for()
    canvas = opened.locator('[data-part="plot-canvas"]')
    canvas.press("Escape")
    canvas.press("0")
    opened.locator("main").focus()
    return opened


def open_graph(page):
    page.get_by_role("tab", name="Graph").click()
    page.locator(".graph[data-ready]").wait_for()


def test_100_000_attempts_are_drawn_in_few_calls(page):
    """The bars are the attempts of the two tasks without items."""
    expect(page.locator(".timeline")).to_have_attribute("data-bars", "2")
    assert drawn(page, "calls") < 60


def test_f_goes_from_one_failure_to_the_next(page):
    message = page.locator('[data-part="message"]')
    for index in (*FAILURES, FAILURES[0]):
        page.keyboard.press("f")
        expect(message).to_contain_text(f"check, item {index:,}: failed after")


def test_a_chosen_attempt_shows_its_values_and_lines(page):
    page.keyboard.press("f")
    details = page.locator('[data-part="details"]')
    expect(details).to_contain_text(f"ValueError: {FAILURES[0]} is broken {MARKUP}")
    expect(details).to_contain_text("Traceback")
    assert page.evaluate("window.hacked") is None


def test_the_graph_has_the_states_of_the_tasks(page):
    open_graph(page)
    boxes = page.locator(".graph .task")
    expect(boxes.filter(has_text="check")).to_have_class(re.compile("box status-failed task"))
    expect(boxes.filter(has_text="check")).to_contain_text("100,000/100,000 · 2 failed")
    expect(boxes.filter(has_text="celebrate")).to_have_class("box status-not-reached task")
    expect(page.locator(".graph .edge.fired")).to_have_count(2)


def test_a_task_that_is_chosen_in_the_graph_is_chosen_everywhere(page):
    open_graph(page)
    page.locator(".graph .task").filter(has_text="repair").click()
    expect(page.locator("tr[aria-current]")).to_contain_text("repair")
    page.get_by_role("tab", name="Items").click()
    expect(page.get_by_label("Task", exact=True)).to_have_value("repair")


def test_items_that_failed_come_first(page):
    page.get_by_role("tab", name="Items").click()
    page.get_by_label("Task", exact=True).select_option("check")
    rows = page.locator("table.items tbody > tr:not(.details)")
    expect(rows.nth(0)).to_contain_text(f"ValueError: {FAILURES[0]} is broken {MARKUP}")
    expect(rows.nth(1)).to_contain_text(f"{FAILURES[1]:,}")
    expect(rows.nth(2)).to_contain_text("succeeded")

    page.get_by_label("Index of an item").fill("4321")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("4,321")
    page.get_by_label("Index of an item").fill("")


def test_lines_are_searched(page):
    page.get_by_role("tab", name="Logs").click()
    lines = page.locator(".lines > div")
    expect(lines).to_have_count(2)
    page.get_by_label("Search lines").fill(str(FAILURES[1]))
    expect(lines).to_have_count(1)
    expect(lines).to_contain_text(f"{FAILURES[1]} is broken {MARKUP}")


@pytest.mark.parametrize("most", [30, 100_000])
def test_a_live_run_has_the_attempts_of_an_explored_one(page, attune_server, most):
    """An attempt is retried if another one follows it, also in a later chunk."""
    numbers = Counter()

    def flaky(n):
        numbers[n] += 1
        if n % 50 == 7 and numbers[n] < 3:
            raise ConnectionError(n)
        if n % 50 == 9:
            raise ValueError(n)

    run = attune_nb.loads(RETRIES).run(
        actions={"flaky": flaky}, progress=False, store=attune_server.store
    )
    keys = [("flaky", 1), ("last", 1)]
    attempts = read_attempts(batches_by_key(run.events), keys)
    tasks = [keys[number][0] for number in attempts.execution.tolist()]
    statuses = [STATUSES[code] for code in attempts.status.tolist()]
    columns = (tasks, attempts.index.tolist(), attempts.attempt.tolist(), statuses)
    expected = sorted(map(list, zip(*columns, strict=True)))

    assert Counter(statuses)["retried"] == 24
    assert sorted(page.evaluate(READ_CHUNKS, [run.run_id, most])) == expected


def test_a_timeline_grows_and_its_zoom_is_kept(browser, attune_server):
    """Let a run go on in three steps, each when the page has drawn the one before."""
    steps = [threading.Event() for _ in range(3)]

    def wait(n):
        steps[n // 40].wait(120)
        return n

    run = run_check(attune_server, 120, wait, background=True)
    with served_page(browser, attune_server, f"/runs/{run.run_id}") as page:
        page.get_by_role("tab", name="Timeline").click()
        timeline = page.locator(".timeline")
        steps[0].set()
        expect(timeline).to_have_attribute("data-attempts", "41")

        canvas = page.locator('[data-part="plot-canvas"]')
        canvas.press("+")
        canvas.press("+")
        zoomed = timeline.get_attribute("data-view")
        steps[1].set()
        expect(timeline).to_have_attribute("data-attempts", "81")
        assert timeline.get_attribute("data-view") == zoomed

        canvas.press("0")
        steps[2].set()
        run.wait()
        expect(timeline).to_have_attribute("data-attempts", "122")
        until(lambda: timeline.get_attribute("data-view").startswith("0 "))


def test_a_child_run_is_a_link(browser, attune_server):
    inner = attune_nb.loads("tasks: [{name: only, action: core.noop}]", "inner")
    text = 'tasks: [{name: deploy, action: inner, with_items: "{{ [1, 2] }}"}]'
    run = attune_nb.loads(text, "outer").run(
        actions={"inner": inner}, progress=False, store=attune_server.store
    )
    children = run.children()["run_id"].tolist()
    with served_page(browser, attune_server, f"/runs/{run.run_id}") as page:
        page.get_by_role("tab", name="Graph").click()
        expect(page.locator(".graph .box").filter(has_text="only")).to_have_count(1)
        page.get_by_role("tab", name="Items").click()
        page.get_by_role("link", name=f"run {children[0]}").click()
        expect(page.locator("h1")).to_contain_text("inner")
        assert page.url.endswith(f"/runs/{children[0]}")
