"""Displays of a run: drawn ten times a second until the run ends, then left as they are."""

import gc
import io
import threading
import time
import weakref

import pytest
from support.item_runs import until

import attune_nb
from attune_nb.backends.dask import DaskBackend
from attune_nb.backends.dask import connection as dask_connection
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

# no scheduler listens there
NO_CLUSTER = "tcp://127.0.0.1:9"


class RecordingDisplay(Display):
    """Records the drawings instead of showing them.

    Attributes:
        drawings: The times and texts of the drawings.
        final_outputs: The outputs after the end, each with the number of drawings before it.
    """

    def __init__(self):
        super().__init__()
        self.drawings = []
        self.final_outputs = []

    def show(self):
        self.drawings.append((time.monotonic(), self.progress.text()))

    def finish(self):
        self.final_outputs.append((len(self.drawings), self.progress.heading()))

    def replace(self, output):
        self.final_outputs.append((len(self.drawings), output))


class BrokenDisplay(RecordingDisplay):
    """Fails when it is drawn."""

    def show(self):
        raise OSError("the front end is gone")


def nap(n):
    time.sleep(0.01)


def return_item(n):
    return n


def run_with(display, action=nap, **options):
    """Run a workflow of 200 items with a display."""
    return attune_nb.loads(TEXT).run(actions={"work": action}, progress=lambda: display, **options)


def drawing_ends():
    """Wait for the thread that draws, and return whether it has ended."""
    threads = [thread for thread in threading.enumerate() if thread.name == "attune display"]
    for thread in threads:
        thread.join(60)
    return not any(thread.is_alive() for thread in threads)


def test_it_is_drawn_at_most_ten_times_a_second():
    display = RecordingDisplay()
    run = run_with(display)

    assert 2 <= len(display.drawings) <= run.duration_ms / 1000 / redraw.WAIT + 2


def test_the_clock_runs_while_no_attempt_ends():
    display = RecordingDisplay()
    workflow = attune_nb.loads("tasks: [{name: a, action: work}]")

    def count_texts():
        return len({text for _, text in display.drawings})

    def work():
        until(lambda: count_texts() >= 4)

    workflow.run(actions={"work": work}, progress=lambda: display, backend="threads")
    assert count_texts() >= 4


def test_a_run_without_its_backend_shows_a_still_clock(monkeypatch):
    """Every view of the run says why it is paused, and how to resume it."""
    monkeypatch.setattr(dask_connection, "TIMEOUT", 0.1)
    display = RecordingDisplay()
    run = run_with(display, backend=DaskBackend(NO_CLUSTER))

    display.draw()
    now = display.progress.now
    display.draw()
    assert display.progress.now == now

    _, text = display.drawings[-1]
    page = str(panel(display.progress))
    for output in (text, page, repr(run), run._repr_html_()):
        assert "there is no Dask cluster at tcp://127.0.0.1:9" in output
        assert "`run.resume()` continues" in output

    run.cancel()
    assert run.wait(60)


def test_the_text_beside_the_widgets_says_why_a_run_waits(ipython, monkeypatch):
    monkeypatch.setenv("ATTUNE_NB_WIDGETS", "1")
    monkeypatch.setattr(dask_connection, "TIMEOUT", 0.1)
    outputs = []

    class Handle:
        def update(self, output):
            outputs.append(output)

    class WidgetDisplay(CellDisplay):
        def __init__(self):
            super().__init__()
            self._handle = Handle()

        def saved_text(self):
            """Return the text in a notebook that is saved now."""
            self.draw()
            return repr(outputs[-1])

    display = WidgetDisplay()
    run = run_with(display, backend=DaskBackend(NO_CLUSTER))
    assert "create a `distributed.Client` for it; `run.resume()` continues\n" in (
        display.saved_text()
    )

    display.read([ResumeRequested(time=2.0)])
    assert "running after" in display.saved_text()

    run.cancel()
    assert run.wait(60)


def test_the_reason_of_a_pause_is_escaped_and_shortened():
    progress = Progress()
    started = RunStarted(time=0.0, run_id="r", workflow="w", started_at=0.0, parameters={})
    progress.read([started, PauseRequested(time=1.0, reason="<img src=x> " + "gone " * 200)])
    page = str(panel(progress))

    assert "&lt;img src=x&gt; gone" in page
    # cut between two words
    assert "gone…; `run.resume()` continues" in page
    assert "<img" not in page


def test_nothing_is_drawn_after_the_end():
    display = RecordingDisplay()
    run_with(display)
    time.sleep(3 * redraw.WAIT)

    ((count, output),) = display.final_outputs
    assert output.startswith("a: succeeded after")
    assert len(display.drawings) == count


def test_a_background_run_ends_with_a_line():
    display = RecordingDisplay()
    run = run_with(display, background=True)
    assert run.wait(60)

    # only the display of a cell is replaced by the Run
    outputs = [output for _, output in display.final_outputs]
    assert outputs[-1:] != [run]
    assert display.in_background


def test_a_display_that_fails_is_dropped_and_the_run_goes_on():
    display = BrokenDisplay()
    display.attach = lambda run, background: redraw.keep_drawn(display)
    run = run_with(display)

    assert run.status == "succeeded"
    assert drawing_ends()


def test_the_thread_ends_with_the_last_display():
    for _ in range(5):
        run_with(RecordingDisplay(), return_item)

    assert drawing_ends()


def test_a_hundred_runs_leave_no_object():
    references = []
    for _ in range(100):
        display = RecordingDisplay()
        references += [weakref.ref(display), weakref.ref(run_with(display, return_item))]
    del display
    # `last_run` returns the last one
    run_with(RecordingDisplay(), return_item)

    assert drawing_ends()
    gc.collect()
    assert [reference() for reference in references if reference() is not None] == []


@pytest.mark.parametrize(
    ("environment", "has_widgets"),
    [
        ({}, False),
        ({"JPY_SESSION_NAME": "/work.ipynb"}, True),
        ({"VSCODE_PID": "1"}, True),
        ({"JPY_SESSION_NAME": "/work.ipynb", "ATTUNE_NB_WIDGETS": "0"}, False),
        ({"ATTUNE_NB_WIDGETS": "1"}, True),
    ],
    ids=[
        "nbconvert, nbclient or papermill",
        "JupyterLab or Notebook",
        "VS Code",
        "JupyterLab, switched off",
        "switched on",
    ],
)
def test_widgets_are_for_front_ends_that_show_them(monkeypatch, environment, has_widgets):
    for name in ("JPY_SESSION_NAME", "VSCODE_PID", "VSCODE_CWD", "ATTUNE_NB_WIDGETS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert shows_widgets() is has_widgets


def test_the_lines_in_a_terminal_are_removed_at_the_end(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")

    run = attune_nb.loads(TEXT).run(actions={"work": nap})

    assert run.status == "succeeded"
    output = terminal.getvalue()
    assert "200" in output
    assert output.rstrip("\x1b[?25h\r\n").endswith("\x1b[2K")
