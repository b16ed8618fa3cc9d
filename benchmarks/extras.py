"""The costs around a run: progress, the store, the import, the timeline, the page."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attune_nb as attune
from attune_nb.bench.peers import WORKFLOW, no_op
from benchmarks.verdict import Verdict, compare, time_in_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ITEMS = 100_000
TURNS = 5
PANEL_TURNS = 11
MOST_PROGRESS = 1.03
MOST_IMPORT = 0.15  # seconds
IMPORTS = 5  # measurements of the import
MOST_STORE = 1.5  # microseconds an item
MOST_DRAWING = 2.0  # seconds
# of a page with every attempt: seconds, and bytes
MOST_PAGE_MAKING = 1.0
MOST_PAGE = 1_000_000
MOST_PICTURE = 300_000  # bytes

# names of the package are imported when they are first used
IMPORT = """
import sys, time
begin = time.perf_counter()
from attune_nb import Run, action, load, resume
print(time.perf_counter() - begin, *{"pandas", "matplotlib", "ipywidgets"} & set(sys.modules))
"""

WIDGETS = {"ATTUNE_NB_WIDGETS": "1"}
PANEL = f"""
import json
import attune_nb as attune
from attune_nb.bench.peers import WORKFLOW, no_op
from benchmarks.verdict import time_in_turn
workflow = attune.loads(WORKFLOW)
def fan_out(shown):
    workflow.run(
        {{"items": range({ITEMS})}}, actions={{"no_op": no_op}}, progress=shown, store="none"
    )
sides = {{"on": lambda: fan_out(True), "off": lambda: fan_out(False)}}
print(json.dumps(time_in_turn(sides, {PANEL_TURNS})))
"""


def measure() -> Iterator[Verdict]:
    """Measure each with and without it."""
    yield _measure_progress()
    yield _measure_panel()
    yield _measure_store("a number", no_op)
    yield _measure_store("an object of three", _return_object)
    yield _measure_import()
    yield _measure_timeline()
    yield _measure_page()


class _FanOut:
    """A workflow that is loaded once, and runs an action over all items."""

    def __init__(self, action: Callable[[Any], Any] = no_op) -> None:
        self._workflow = attune.loads(WORKFLOW)
        self._actions = {"no_op": action}

    def run(self, *, progress: bool = False, store: str = "none") -> attune.Run:
        return self._workflow.run(
            {"items": range(ITEMS)}, actions=self._actions, progress=progress, store=store
        )


def _measure_progress() -> Verdict:
    """Measure a run with progress, whose output is dropped."""
    fan_out = _FanOut()
    sides = {"on": lambda: fan_out.run(progress=True), "off": lambda: fan_out.run(progress=False)}
    with contextlib.redirect_stderr(io.StringIO()):
        turns = time_in_turn(sides, TURNS)

    ratio = compare(turns, "on", "off")
    return Verdict(
        "progress on against off, 100,000 items",
        f"at most {MOST_PROGRESS}x",
        ratio.text,
        ratio.median <= MOST_PROGRESS,
    )


def _return_object(value: Any) -> dict[str, Any]:
    return {"url": "http://host", "index": value, "ok": True}


def _measure_store(result: str, action: Callable[[Any], Any]) -> Verdict:
    """Measure the cost of a record.

    Args:
        result: The description of an item's result.
        action: Returns it.
    """
    fan_out = _FanOut(action)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "runs.db"))
        sides = {"on": lambda: fan_out.run(store=path), "off": lambda: fan_out.run(store="none")}
        turns = time_in_turn(sides, TURNS)
        size = Path(path).stat().st_size / len(attune.runs(path))

    us = [(turn["on"] - turn["off"]) / ITEMS * 1e6 for turn in turns]
    median = statistics.median(us)
    return Verdict(
        f"store on against off, 100,000 items that return {result}",
        f"at most {MOST_STORE} us an item more",
        f"{median:.2f} us ({min(us):.2f} to {max(us):.2f}), {size / ITEMS:.0f} B",
        median <= MOST_STORE,
    )


def _measure_panel() -> Verdict:
    """Measure the panel in a kernel, for a front end that shows widgets.

    Raises:
        RuntimeError: The kernel has printed no measurement.
    """
    subject = "the panel on against off, 100,000 items, in a kernel"
    if importlib.util.find_spec("ipykernel") is None:
        return Verdict(subject, "shown", "ipykernel is not installed")

    texts = _run_in_kernel(PANEL)
    for text in texts:
        if text.startswith("[{"):
            ratio = compare(json.loads(text), "on", "off")
            limit = f"at most {MOST_PROGRESS}x"
            return Verdict(subject, limit, ratio.text, ratio.median <= MOST_PROGRESS)
    raise RuntimeError(f"the kernel measured nothing: {' '.join(texts)[:500]}")


def _run_in_kernel(code: str) -> list[str]:
    """Run code in a kernel with widgets; return its outputs and errors."""
    from jupyter_client.manager import start_new_kernel  # noqa: PLC0415 - optional

    manager, client = start_new_kernel(
        kernel_name="python3",
        env=os.environ | WIDGETS,
        extra_arguments=["--IPKernelApp.log_level=50"],
    )
    texts: list[str] = []

    def add_output(message: dict[str, Any]) -> None:
        content = message["content"]
        if content.get("text"):
            texts.append(content["text"])
        else:
            texts.append(str(content.get("evalue", "")))

    try:
        client.execute_interactive(code, output_hook=add_output, timeout=120)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    return texts


def _measure_import() -> Verdict:
    """Import in fresh processes, with compiled modules as an installation has them."""
    command = [sys.executable, "-c", IMPORT]
    with tempfile.TemporaryDirectory() as compiled:
        env = os.environ | {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": compiled}
        outputs = []
        for _ in range(1 + IMPORTS):
            process = subprocess.run(  # noqa: S603 - the command is ours
                command, capture_output=True, text=True, check=True, env=env
            )
            outputs.append(process.stdout.split())

    # the first import compiles
    seconds = statistics.median(float(output[0]) for output in outputs[1:])
    heavy = " ".join(outputs[0][1:])
    return Verdict(
        "import of the names that load and run a workflow",
        f"at most {MOST_IMPORT} s, no pandas, matplotlib, ipywidgets",
        f"{seconds:.3f} s {heavy}".strip(),
        seconds <= MOST_IMPORT and not heavy,
    )


def _measure_timeline() -> Verdict:
    """Measure drawing and saving a timeline, after a first one has been drawn."""
    run = _FanOut().run()
    run.timeline()

    begin = time.perf_counter()
    picture = io.BytesIO()
    run.timeline().savefig(picture, format="png")
    seconds = time.perf_counter() - begin

    size = picture.tell()
    return Verdict(
        "timeline of 100,000 items",
        "drawn in 2 s, under 300 KB",
        f"{seconds:.2f} s, {size:,} B",
        seconds <= MOST_DRAWING and size < MOST_PICTURE,
    )


def _measure_page() -> Verdict:
    """Measure making the page of a run, after a first one has been made."""
    run = _FanOut().run()
    run.explore()

    begin = time.perf_counter()
    size = len(run.explore().html)
    seconds = time.perf_counter() - begin

    return Verdict(
        "page of 100,000 items",
        "made in 1 s, under 1 MB",
        f"{seconds:.2f} s, {size:,} B",
        seconds <= MOST_PAGE_MAKING and size < MOST_PAGE,
    )
