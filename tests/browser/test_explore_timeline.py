"""The timeline of a run's page: its drawing, and its answers to mouse and keys."""

import sys
from contextlib import closing

import numpy as np
import pytest
from playwright.sync_api import expect
from support.item_runs import run_work, until
from support.timeline_pages import opened_timeline
from support.workflow_shapes import text_of, unconnected

import attune_nb
from attune_nb.explore.columns import pack_column
from attune_nb.explore.data import build_data
from attune_nb.explore.page import build_page

MARKUP = "<img src=x onerror='window.hacked=1'>"
COUNT = 100_000
FAILURES = (20_007, 60_007)
BROKEN = """
parameters: {zero: {type: integer, default: 0}}
tasks:
  - {name: first, action: core.noop, next: [{do: second}]}
  - name: second
    action: core.noop
    with_items: "{{ range(1 // parameters.zero) }}"
"""


def work(x):
    if x in FAILURES:
        raise ValueError(f"{x} is broken {MARKUP}")
    return x


COUNT_PIXELS = """() => {
  const {canvas, size} = explorer.plot;
  const {width, height} = canvas;
  const left = Math.ceil(explorer.plot.gutter * size.scale);
  const image = canvas.getContext('2d').getImageData(left, 0, width - left, height);
  const pixels = new Uint32Array(image.data.buffer);
  const packed = status => explorer.palette.packed[explorer.data.statuses.indexOf(status)];
  const count = status => pixels.filter(pixel => pixel === packed(status)).length;
  return [count('succeeded'), count('failed')]; }"""
# two columns of pixels at the right edge: the names of their colours
SCROLL_BAR_COLOURS = """() => {
  const {canvas, size: {scale}} = explorer.plot;
  const {muted, colours, failures} = explorer.palette;
  const names = {[muted]: 'bar', [colours[failures[0]]]: 'mark'};
  const {width, height} = canvas;
  const image = canvas.getContext('2d').getImageData(width - 9 * scale, 0, 9 * scale, height);
  const column = (place) => {
    const seen = new Set();
    for (let row = 0; row < height; row++) {
      const start = 4 * (row * image.width + place * scale);
      const parts = [...image.data.slice(start, start + 3)];
      seen.add(names[`#${parts.map(part => part.toString(16).padStart(2, '0')).join('')}`]);
    }
    return [...seen].filter(Boolean); };
  return [column(6), column(2)]; }"""
UPDATE = """async json => explorer.update(await explorer.data.constructor.read(json))"""


@pytest.fixture(scope="module")
def run():
    return run_work(work, {"n": COUNT})


@pytest.fixture(scope="module")
def opened(lab, run, tmp_path_factory):
    with opened_timeline(lab, run, tmp_path_factory.mktemp("explore")) as page:
        yield page


@pytest.fixture
def page(opened):
    """Return the page as it was at first: it takes a second to open."""
    yield opened
    opened.press("Escape", "0")


def test_100_000_attempts_are_drawn_in_few_calls(page):
    expect(page.page.locator("#facts")).to_contain_text("100,000 attempts")
    assert page.drawn("bars") == 0
    assert page.drawn("calls") < 50


def test_a_page_of_100_000_attempts_is_below_a_megabyte(run):
    assert len(build_page(run)) < 1_000_000


def test_f_goes_from_one_failure_to_the_next_and_around(page):
    for index in (*FAILURES, FAILURES[0]):
        page.press("f")
        expect(page.message).to_contain_text(f"a, item {index:,}: failed after")
    page.press("F")
    expect(page.message).to_contain_text(f"item {FAILURES[1]:,}")


def test_f_finds_a_task_that_failed_without_an_attempt(lab, tmp_path):
    run = attune_nb.loads(BROKEN).run(progress=False)
    with opened_timeline(lab, run, tmp_path) as page:
        page.press("f")
        expect(page.message).to_contain_text("second: failed at")
        expect(page.message).to_contain_text("divided by zero")


def test_a_wheel_that_scrolls_past_does_not_zoom(page):
    """A page that scrolls below a still mouse moves no mouse."""
    view = page.view()
    page.page.evaluate("""() => {
      const canvas = document.getElementById('plot-canvas');
      const wheel = () => {
        const event = new WheelEvent('wheel', {deltaY: -120, cancelable: true, bubbles: true});
        return canvas.dispatchEvent(event); };
      document.activeElement.blur();
      canvas.dispatchEvent(new PointerEvent('pointerleave'));
      canvas.dispatchEvent(new PointerEvent('pointermove', {movementX: 0, movementY: 0}));
      window.isPassedOn = wheel(); }""")
    assert page.page.evaluate("window.isPassedOn") is True
    assert page.view() == view


def test_an_error_is_shown_as_text(page):
    page.press("f")
    expect(page.message).to_contain_text(f"ValueError: {FAILURES[0]} is broken {MARKUP}")
    assert page.page.evaluate("window.hacked") is None


def test_bars_are_drawn_when_they_are_near(page):
    page.press("f", *"+" * 25)
    assert 0 < page.drawn("bars") < 1_000


def test_failures_are_seen_and_look_no_larger_than_they_are(page, run):
    """Half a percent of the attempts failed, and all took as long."""
    data = build_data(run)
    rows = np.arange(COUNT)
    failed = data["statuses"].index("failed")
    data["attempts"]["columns"] |= {
        "start": pack_column(rows * 10, differences=True),
        "duration": pack_column(np.full(COUNT, 80)),
        "status": pack_column(np.where(rows % 200 == 0, failed, 0)),
    }
    data["attempts"]["tick"] = 1e-6
    data["run"]["seconds"] = 1.0
    page.page.evaluate(UPDATE, data)
    page.drawn("calls")
    succeeded_pixels, failed_pixels = page.page.evaluate(COUNT_PIXELS)
    assert 0.002 < failed_pixels / succeeded_pixels < 0.08

    page.page.evaluate(UPDATE, build_data(run))


def test_keys_zoom_move_and_show_all(page):
    end = page.end()
    page.press("+", "+", "+", "+")
    first, last = page.view()
    assert 0 < first < last < end

    page.press("ArrowRight")
    assert page.view()[0] > first
    page.press("ArrowLeft")
    assert page.view() == pytest.approx((first, last))
    page.press("-", "-", "-", "-")
    assert page.view() == pytest.approx((0, end))
    page.press("+", "+", "0")
    assert page.view() == (0, end)


def test_the_wheel_zooms_and_a_double_click_shows_all(page):
    end = page.end()
    page.canvas.hover(position={"x": 500, "y": 100})
    page.canvas.hover(position={"x": 600, "y": 100})
    page.page.mouse.wheel(0, -120)
    until(lambda: page.view()[1] < end)
    page.canvas.dblclick(position={"x": 600, "y": 100})
    until(lambda: page.view() == (0, end))
    # the first of the two clicks chooses nothing
    expect(page.message).to_have_text("")


def test_a_drag_moves_the_view(page):
    page.press("+", "+")
    first, last = page.view()
    page.canvas.hover(position={"x": 600, "y": 100})
    page.page.mouse.down()
    page.page.mouse.move(400, 150)
    page.page.mouse.up()
    until(lambda: page.view()[0] > first)
    assert page.view()[1] - page.view()[0] == pytest.approx(last - first)


def test_two_fingers_zoom(page):
    fingers = page.page.context.new_cdp_session(page.page)

    def touch(kind, *places):
        points = [{"x": x, "y": 150, "id": number} for number, x in enumerate(places)]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    end = page.end()
    touch("touchStart", 500, 600)
    touch("touchMove", 400, 700)
    touch("touchEnd")
    until(lambda: page.view()[1] - page.view()[0] < end / 2)
    fingers.detach()


def test_a_search_marks_attempts_and_enter_goes_to_them(page):
    page.canvas.focus()
    page.page.keyboard.press("/")
    search = page.page.locator("#search")
    expect(search).to_be_focused()
    search.fill("broken")
    expect(page.message).to_contain_text("2 attempts found")
    search.press("Enter")
    expect(page.message).to_contain_text(f"item {FAILURES[0]:,}")

    search.fill("#31415")
    search.press("Enter")
    expect(page.message).to_contain_text("item 31,415: succeeded")
    search.press("Escape")
    expect(search).to_have_value("")
    expect(page.canvas).to_be_focused()


def test_a_search_finds_results_and_printed_lines(lab, tmp_path):
    def visit(x):
        if x == 5:
            sys.stdout.write("gate closed\n")
        return {"city": "Oslo" if x == 4 else "Rome"}

    with opened_timeline(lab, run_work(visit), tmp_path) as page:
        search = page.page.locator("#search")
        for text, index in (("oslo", 4), ("gate closed", 5)):
            search.fill(text)
            expect(page.message).to_contain_text("1 attempt found")
            search.press("Enter")
            expect(page.message).to_contain_text(f"item {index}: succeeded")


def test_lanes_can_be_workers(page, run):
    lanes = "window.explorer.lanes.map(lane => lane.name)"
    workers = sorted(run.attempts()["worker"].unique())
    assert page.page.evaluate(lanes) == ["a"]
    page.press("w")
    assert page.page.evaluate(lanes) == [f"worker {number}" for number in workers]
    page.press("w")
    assert page.page.evaluate(lanes) == ["a"]


def test_the_mouse_over_a_strip_shows_its_counts(page):
    amid = "explorer.plot.xOf(explorer.data.start[50_000], explorer.view)"
    page.canvas.hover(position={"x": page.page.evaluate(amid), "y": 100})
    expect(page.page.locator("#tip")).to_contain_text("succeeded")


def test_a_run_that_goes_on_stays_in_view(page, run):
    """A view of the whole run follows its end; a nearer one stays where it is."""
    update = """async json => {
      json.run.seconds *= 2;
      window.explorer.update(await window.explorer.data.constructor.read(json)); }"""
    end = page.end()
    page.page.evaluate(update, build_data(run))
    assert page.view() == (0, pytest.approx(2 * end, rel=0.1))

    page.press("+", "+")
    view = page.view()
    page.page.evaluate(update, build_data(run))
    assert page.view() == view
    page.page.reload()
    expect(page.page.locator("html")).to_have_attribute("data-ready", "true")


def test_the_scroll_bar_is_seen_beside_many_failures(lab, tmp_path):
    run = attune_nb.loads(text_of(unconnected(60), range(60))).run(progress=False)
    with opened_timeline(lab, run, tmp_path) as page:
        page.drawn("calls")
        assert page.page.evaluate(SCROLL_BAR_COLOURS) == [["bar"], ["mark"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_the_theme_of_its_reader(lab, tmp_path, scheme):
    small_run = run_work(lambda x: x)
    with opened_timeline(lab, small_run, tmp_path, scheme=scheme) as page:
        ink = page.colour("ink")
    forced = "light" if scheme == "dark" else "dark"
    with opened_timeline(lab, small_run, tmp_path, theme=forced, scheme=scheme) as page:
        assert page.colour("ink") != ink


def test_a_dark_page_is_printed_with_dark_letters(lab, tmp_path):
    with opened_timeline(lab, run_work(lambda x: x), tmp_path, theme="dark") as page:
        on_screen = page.colour("ink")
        page.page.emulate_media(media="print")
        assert page.colour("ink") != on_screen
        until(lambda: page.page.evaluate("window.explorer.palette.ink") != on_screen)


def test_without_scripts_a_line_says_what_to_do(lab, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(build_page(run_work(lambda x: x)), encoding="utf-8")
    with closing(lab.browser.new_page(java_script_enabled=False)) as page:
        page.goto(path.as_uri())
        expect(page.locator("#static")).to_contain_text("succeeded after")
        expect(page.locator("#static")).to_contain_text('run.explore("page.html")')


def test_no_more_bars_are_drawn_than_a_picture_can_show(lab, tmp_path):
    """Seven lanes of 500 attempts: their share of all bars is no whole number."""
    names = [f"t{number}" for number in range(7)]
    text = "tasks:\n  - {name: go, action: core.noop, next: [{do: [" + ", ".join(names) + "]}]}\n"
    for name in names:
        text += f"  - {{name: {name}, action: core.noop, with_items: '{{{{ range(500) }}}}'}}\n"
    run = attune_nb.loads(text).run(progress=False)
    with opened_timeline(lab, run, tmp_path) as page:
        assert page.drawn("bars") < 100
