"""A display is drawn ten times a second until its run ends; then the end stands."""

import gc
import io
import threading
import time
import weakref

import pytest

import attune_nb
from attune_nb.backends.dask import DaskBackend
from attune_nb.backends.dask import connection as cluster_of
from attune_nb.display import redraw
from attune_nb.display.outputs import CellDisplay, Display, shows_widgets
from attune_nb.display.panel import panel
from attune_nb.events import PauseRequested, ResumeRequested, RunStarted
from attune_nb.results.progress import Progress

TEXT = """
tasks:
  - name: a
    action: work
    with_items: "{{ range(200) }}"
    concurrency: 4
    input: {n: "{{ item }}"}
"""


class Kept(Display):
    """Keeps what would be drawn."""

    def __init__(self):
        super().__init__()
        self.drawn, self.finished = [], []

    def show(self):
        self.drawn.append((time.monotonic(), self.progress.text()))

    def finish(self):
        self.finished.append((len(self.drawn), self.progress.heading()))

    def replace(self, shown):
        self.finished.append((len(self.drawn), shown))


class Broken(Kept):
    def show(self):
        raise OSError("the front end is gone")


def go(display, work=lambda n: time.sleep(0.01), **options):
    return attune_nb.loads(TEXT).run(actions={"work": work}, progress=lambda: display, **options)


def falls_quiet():
    """Tell whether the thread that draws ends soon."""
    threads = [each for each in threading.enumerate() if each.name == "attune display"]
    for each in threads:
        each.join(5)
    return not any(each.is_alive() for each in threads)


def test_it_is_drawn_at_most_ten_times_a_second():
    display = Kept()
    run = go(display)
    assert 2 <= len(display.drawn) <= run.duration_ms / 1000 / redraw.WAIT + 2


def test_time_goes_on_while_nothing_ends():
    display = Kept()
    text = "tasks: [{name: a, action: work}]"
    attune_nb.loads(text).run(actions={"work": lambda: time.sleep(0.6)}, progress=lambda: display)
    assert len({each for _, each in display.drawn}) >= 4


def test_a_run_whose_backend_is_gone_says_so_and_its_clock_stands_still(monkeypatch):
    monkeypatch.setattr(cluster_of, "TIMEOUT", 0.1)
    display = Kept()
    run = go(display, backend=DaskBackend("tcp://127.0.0.1:9"))
    display.draw()
    now = display.progress.now
    display.draw()
    assert display.progress.now == now
    page = str(panel(display.progress))
    for shown in (display.drawn[-1][1], page, repr(run), run._repr_html_()):
        assert "there is no Dask cluster at tcp://127.0.0.1:9" in shown
        assert "`run.resume()` continues" in shown
    run.cancel()
    assert run.wait(60)


def test_the_text_beside_the_widgets_of_a_paused_run_tells_so(ipython, monkeypatch):
    monkeypatch.setenv("ATTUNE_NB_WIDGETS", "1")
    monkeypatch.setattr(cluster_of, "TIMEOUT", 0.1)
    shown = []

    class Kept(CellDisplay):
        def __init__(self):
            super().__init__()
            self._handle = type("Handle", (), {"update": lambda _, each: shown.append(each)})()

        def saved(self):
            """Give the text that a notebook saved now would hold."""
            self.draw()
            return shown[-1]._repr_mimebundle_()["text/plain"]

    display = Kept()
    run = go(display, backend=DaskBackend("tcp://127.0.0.1:9"))
    assert display.saved().endswith(
        "create a `distributed.Client` for it; `run.resume()` continues"
    )
    display.read([ResumeRequested(time=2.0)])
    assert "running after" in display.saved()
    run.cancel()
    assert run.wait(60)


def test_the_reason_of_a_pause_is_escaped_and_cut_at_a_word():
    progress = Progress()
    begun = RunStarted(time=0.0, run_id="r", workflow="w", started_at=0.0, parameters={})
    progress.read([begun, PauseRequested(time=1.0, reason="<img src=x> " + "gone " * 200)])
    page = str(panel(progress))
    assert "&lt;img src=x&gt; gone" in page
    assert "gone…; `run.resume()` continues" in page
    assert "<img" not in page


def test_nothing_is_drawn_over_the_end():
    display = Kept()
    go(display)
    time.sleep(3 * redraw.WAIT)
    ((count, told),) = display.finished
    assert told.startswith("workflow: succeeded after")
    assert len(display.drawn) == count


def test_a_run_in_the_background_leaves_the_run_itself():
    display = Kept()
    run = go(display, background=True)
    assert run.wait(60)
    assert [told for _, told in display.finished][-1:] != [run]  # a line: it is not a cell's
    assert display.in_background


def test_a_display_that_breaks_is_dropped_and_the_run_goes_on():
    display = Broken()
    display.attach = lambda run, background: redraw.keep_drawn(display)
    run = go(display)
    assert run.status == "succeeded"
    assert falls_quiet()


def test_the_thread_ends_with_the_last_display():
    for _ in range(5):
        go(Kept(), work=lambda n: n)
    assert falls_quiet()


def test_nothing_is_left_of_a_hundred_runs():
    def once():
        display = Kept()
        return weakref.ref(display), weakref.ref(go(display, work=lambda n: n))

    left = [each for _ in range(100) for each in once()]
    assert falls_quiet()
    gc.collect()
    assert [each() for each in left if each() is not None] == []


@pytest.mark.parametrize(
    ("around", "shown"),
    [
        ({}, False),  # nbconvert, nbclient, papermill
        ({"JPY_SESSION_NAME": "/work.ipynb"}, True),  # JupyterLab, Notebook
        ({"VSCODE_PID": "1"}, True),
        ({"JPY_SESSION_NAME": "/work.ipynb", "ATTUNE_NB_WIDGETS": "0"}, False),
        ({"ATTUNE_NB_WIDGETS": "1"}, True),
    ],
)
def test_widgets_are_for_front_ends_that_show_them(monkeypatch, around, shown):
    for name in ("JPY_SESSION_NAME", "VSCODE_PID", "VSCODE_CWD", "ATTUNE_NB_WIDGETS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in around.items():
        monkeypatch.setenv(name, value)
    assert shows_widgets() is shown


def test_a_terminal_is_drawn_over_and_left_clean(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    run = attune_nb.loads(TEXT).run(actions={"work": lambda n: time.sleep(0.01)})
    assert run.status == "succeeded"
    drawn = stream.getvalue()
    assert "200" in drawn
    assert drawn.rstrip("\x1b[?25h\r\n").endswith("\x1b[2K")  # the lines are taken away
