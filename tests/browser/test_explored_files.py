"""The page of a run as a file: by keys and by clicks, from far away to one item."""

import pytest
from playwright.sync_api import expect
from support.explored_pages import HOSTILE, HOSTILE_TASK, opened_page, run_check
from support.item_runs import until
from support.workflow_shapes import chain, text_of, unconnected

import attune_nb

INNER = """
parameters: {n: {type: integer}}
tasks: [{name: ping, action: ping, input: {n: "{{ parameters.n }}"}}]
"""
OUTER = """
tasks:
  - name: deploy
    action: inner
    with_items: "{{ range(3) }}"
    input: {n: "{{ item }}"}
"""
SHOWN_SECONDS = "explorer.view.to - explorer.view.from"


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("explored") / "page.html"
    run_check().explore(path)
    return path


@pytest.fixture
def page(lab, file):
    with opened_page(lab.browser, file) as page:
        yield page


def details(page):
    return page.get_by_role("region", name="Details")


def attempt(page):
    return page.get_by_role("region", name="Attempt")


def test_a_key_goes_to_the_next_failure_and_shows_it(page):
    page.keyboard.press("f")
    expect(attempt(page)).to_contain_text("check, item")
    expect(attempt(page)).to_contain_text(f"refused {HOSTILE}")
    expect(attempt(page)).to_contain_text("raise ConnectionError")
    expect(attempt(page).locator(".lines")).to_contain_text(f"WARNING server 7 {HOSTILE}")
    first = page.evaluate("explorer.attempt")

    page.keyboard.press("f")
    until(lambda: page.evaluate("explorer.attempt") != first)
    expect(attempt(page)).to_contain_text("ConnectionError")


def test_the_wheel_zooms_until_one_attempt_is_left(page):
    page.keyboard.press("f")
    page.locator("#plot-canvas").hover(position={"x": 400, "y": 100})
    page.locator("#plot-canvas").hover()
    before = page.evaluate(SHOWN_SECONDS)

    page.mouse.wheel(0, -600)
    until(lambda: page.evaluate(SHOWN_SECONDS) < before)
    page.mouse.dblclick(500, 150)
    until(lambda: page.evaluate(f"{SHOWN_SECONDS} === explorer.data.end"))


def test_a_task_of_the_table_shows_its_items_failures_first(page):
    page.get_by_role("button", name="check", exact=True).click()
    rows = details(page).locator("table[aria-label=Items] tbody tr")

    expect(rows).to_have_count(100)
    expect(rows.nth(0)).to_contain_text("failed")
    expect(rows.nth(3)).to_contain_text("failed")
    expect(rows.nth(4)).to_contain_text("succeeded")
    assert page.evaluate("explorer.lanes[explorer.lane].name") == "check"


def test_items_are_found_by_their_text(page):
    page.get_by_role("button", name="check", exact=True).click()
    page.get_by_label("Filter the items").fill("server 57")
    rows = details(page).locator("table[aria-label=Items] tbody tr")
    expect(rows).to_have_count(1)

    rows.get_by_role("button", name="57").click()
    expect(attempt(page)).to_contain_text("check, item 57")
    expect(rows).to_have_attribute("aria-current", "true")
    assert page.evaluate("explorer.data.index[explorer.attempt]") == 57


def test_a_box_of_the_graph_shows_its_task(page):
    page.get_by_role("tab", name="Graph").click()
    page.get_by_role("group", name="Graph of the tasks").get_by_role("button", name="check").click()

    expect(details(page)).to_contain_text("server 7 refused")
    assert page.evaluate("explorer.lanes[explorer.lane].name") == "check"


IS_CHOSEN_IN_VIEW = """() => {
  const box = document.querySelector('#graph .chosen').getBoundingClientRect();
  const pane = document.getElementById('graph').getBoundingClientRect();
  return box.left >= pane.left && box.right <= pane.right
    && box.top >= pane.top && box.bottom <= pane.bottom; }"""


@pytest.fixture(scope="module")
def long_file(tmp_path_factory):
    """The page of a chain that fails at task 60; thirty joins wait in vain for task 70."""
    targets = chain(80) + unconnected(30)
    for number in (10, 70):
        targets[number] += range(80, 110)
    path = tmp_path_factory.mktemp("explored") / "chain.html"
    attune_nb.loads(text_of(targets, [60])).run(progress=False).explore(path)
    return path


def test_a_long_error_leaves_the_page_to_the_timeline(lab, long_file):
    with opened_page(lab.browser, long_file) as page:
        error = page.locator("#run-error")
        expect(error).to_contain_text("task `extract_sessions_60` failed")
        assert error.inner_text().endswith(" …")
        assert error.evaluate("line => line.scrollHeight > line.clientHeight")
        assert error.bounding_box()["height"] < 80


def test_a_task_that_never_started_is_called_not_reached(lab, long_file):
    with opened_page(lab.browser, long_file) as page:
        row = page.locator("#table tr", has_text="compare_products_70")
        expect(row).to_contain_text("not reached")
        row.get_by_role("button").click()
        expect(details(page)).to_contain_text("The run has not reached it.")


def test_the_graph_shows_what_is_chosen_before_it_opens(lab, long_file):
    with opened_page(lab.browser, long_file) as page:
        page.keyboard.press("f")
        page.get_by_role("tab", name="Graph").click()
        until(lambda: page.evaluate(IS_CHOSEN_IN_VIEW))


def test_a_box_stays_in_view_when_its_details_open(lab, long_file):
    with opened_page(lab.browser, long_file) as page:
        page.get_by_role("tab", name="Graph").click()
        graph = page.get_by_role("group", name="Graph of the tasks")
        graph.hover()
        # a wheel moved up enlarges the graph
        page.mouse.wheel(0, -120)
        until(lambda: page.evaluate("panes.graph.isMoved"))
        shown = page.evaluate("panes.graph.view.width / panes.graph.size[0]")

        graph.get_by_role("button").first.click()
        expect(details(page)).to_be_visible()
        until(lambda: page.evaluate("panes.graph.size[0] < 800"))
        until(lambda: page.evaluate(IS_CHOSEN_IN_VIEW))
        now_shown = page.evaluate("panes.graph.view.width / panes.graph.size[0]")
        assert now_shown == pytest.approx(shown)


def test_the_graph_can_be_walked_with_the_arrows(page):
    page.get_by_role("tab", name="Graph").click()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")

    expect(details(page).get_by_role("heading", name="check")).to_be_visible()


def test_long_names_that_begin_alike_are_told_apart(lab, tmp_path):
    names = [f"check_the_database_of_the_region_{number}" for number in range(3)]
    tasks = "\n".join(f"  - {{name: {name}, action: core.noop}}" for name in names)
    run = attune_nb.loads(f"tasks:\n{tasks}").run(progress=False)
    run.explore(tmp_path / "page.html")

    with opened_page(lab.browser, tmp_path / "page.html") as page:
        page.get_by_role("tab", name="Graph").click()
        shown_names = page.locator("#graph .name").all_text_contents()
        assert all("…" in name for name in shown_names)
        assert len(set(shown_names)) == len(names)


def test_the_details_give_the_focus_back_when_they_close(page):
    button = page.get_by_role("button", name="check", exact=True)
    button.focus()
    page.keyboard.press("Enter")
    expect(details(page)).to_be_focused()

    page.keyboard.press("Escape")
    expect(details(page)).to_be_hidden()
    expect(button).to_be_focused()


def test_new_data_leave_the_details_open(page):
    page.get_by_role("button", name="check", exact=True).click()
    page.get_by_label("Filter the items").fill("server 57")
    details(page).locator("table[aria-label=Items]").get_by_role("button", name="57").click()

    page.evaluate("explorer.update(explorer.data)")
    expect(attempt(page)).to_contain_text("check, item 57")
    expect(attempt(page)).to_contain_text("raise ConnectionError")


def test_texts_of_the_run_are_shown_as_they_are(page):
    page.get_by_role("button", name="report").click()

    expect(details(page).get_by_role("heading", name=HOSTILE_TASK)).to_be_visible()
    expect(page.locator("img")).to_have_count(0)


def test_a_dark_system_gives_a_dark_page(lab, file):
    with opened_page(lab.browser, file, scheme="dark") as page:
        page.keyboard.press("f")
        lightness = page.evaluate(
            "getComputedStyle(document.body).color.match(/\\d+/g).map(Number)"
        )
        assert min(lightness[:3]) > 180


def test_a_child_run_is_listed_with_the_call_that_opens_it(lab, tmp_path):
    def ping(n):
        if n == 2:
            raise OSError("no route")

    inner = attune_nb.loads(INNER, "inner")
    run = attune_nb.loads(OUTER).run(actions={"inner": inner, "ping": ping}, progress=False)
    run.explore(tmp_path / "page.html")

    with opened_page(lab.browser, tmp_path / "page.html") as page:
        page.keyboard.press("f")
        expect(attempt(page)).to_contain_text('run.child("deploy", index=2).explore()')
        rows = details(page).locator("table[aria-label='Child runs'] tbody tr")
        expect(rows).to_have_count(3)
        expect(rows.nth(0)).to_contain_text(run.child("deploy", index=2).run_id)
        expect(rows.nth(0)).to_contain_text("failed")
