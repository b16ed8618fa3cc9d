"""What is around a run: progress, the store, the import, the picture."""

from __future__ import annotations

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
from benchmarks.verdict import Verdict, ratios, turns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ITEMS = 100_000
MOST_PROGRESS = 1.03
MOST_IMPORT, IMPORTS = 0.15, 7  # seconds, and how often it is measured
MOST_STORE = 1.5  # microseconds an item
MOST_DRAWING, MOST_PICTURE = 2.0, 300_000  # seconds, bytes
IMPORT = """
import sys, time
begin = time.perf_counter()
from attune_nb import Run, action, load, resume  # names are made when they are asked for
print(time.perf_counter() - begin, *{"pandas", "matplotlib", "ipywidgets"} & set(sys.modules))
"""


WIDGETS = {"ATTUNE_NB_WIDGETS": "1"}
PANEL = f"""
import json
import attune_nb as attune
from attune_nb.bench.peers import WORKFLOW, no_op
from benchmarks.verdict import turns
workflow = attune.loads(WORKFLOW)
def go(shown):
    workflow.run(
        {{"items": range({ITEMS})}}, actions={{"no_op": no_op}}, progress=shown, store="none"
    )
print(json.dumps(turns({{"on": lambda: go(True), "off": lambda: go(False)}}, 25)))
"""


def measure() -> Iterator[Verdict]:
    """Measure each against its own absence."""
    workflow = attune.loads(WORKFLOW)

    def go(*, progress: bool) -> attune.Run:
        return workflow.run(
            {"items": range(ITEMS)}, actions={"no_op": no_op}, progress=progress, store="none"
        )

    real, sys.stderr = sys.stderr, io.StringIO()
    try:
        taken = turns({"on": lambda: go(progress=True), "off": lambda: go(progress=False)}, 9)
    finally:
        sys.stderr = real
    ratio, words = ratios(taken, "on", "off")
    yield Verdict("progress on against off, 100,000 items", f"at most {MOST_PROGRESS}x", words,
                  ratio <= MOST_PROGRESS)  # fmt: skip
    yield _panel()
    yield _store("a number", no_op)
    yield _store("a map of three", _mapped)
    spent, heavy = _imports()
    yield Verdict(
        "import of what loads and runs a workflow",
        f"at most {MOST_IMPORT} s, no pandas, matplotlib, ipywidgets",
        f"{spent:.3f} s {heavy}".strip(),
        spent <= MOST_IMPORT and not heavy,
    )
    run = go(progress=False)
    run.timeline()
    begin = time.perf_counter()
    picture = io.BytesIO()
    run.timeline().savefig(picture, format="png")
    spent, size = time.perf_counter() - begin, picture.tell()
    yield Verdict(
        "timeline of 100,000 items", "drawn in 2 s, under 300 KB", f"{spent:.2f} s, {size:,} B",
        spent <= MOST_DRAWING and size < MOST_PICTURE,
    )  # fmt: skip


def _mapped(value: Any) -> dict[str, Any]:
    return {"url": "http://host", "index": value, "ok": True}


def _store(gives: str, action: Callable[[Any], Any]) -> Verdict:
    """Measure what keeping a record costs, with items that give little and with some that do."""
    workflow = attune.loads(WORKFLOW)
    with tempfile.TemporaryDirectory() as folder:

        def go(store: str) -> attune.Run:
            return workflow.run(
                {"items": range(ITEMS)}, actions={"no_op": action}, progress=False, store=store
            )

        kept = str(Path(folder, "runs.db"))
        taken = turns({"on": lambda: go(kept), "off": lambda: go("none")}, 9)
        size = Path(kept).stat().st_size / len(attune.runs(kept))
    more = [(turn["on"] - turn["off"]) / ITEMS * 1e6 for turn in taken]
    middle = statistics.median(more)
    return Verdict(
        f"store on against off, 100,000 items that give {gives}",
        f"at most {MOST_STORE} us an item more",
        f"{middle:.2f} us ({min(more):.2f} to {max(more):.2f}), {size / ITEMS:.0f} B",
        middle <= MOST_STORE,
    )


def _panel() -> Verdict:
    """Measure the panel where it is drawn: in a kernel, for a front end that shows widgets."""
    what = "the panel on against off, 100,000 items, in a kernel"
    if importlib.util.find_spec("ipykernel") is None:
        return Verdict(what, "shown", "ipykernel is not installed")
    from jupyter_client.manager import start_new_kernel  # noqa: PLC0415 - optional

    manager, client = start_new_kernel(
        kernel_name="python3",
        env=os.environ | WIDGETS,
        extra_arguments=["--IPKernelApp.log_level=50"],
    )
    said: list[str] = []

    def hear(message: dict[str, Any]) -> None:
        said.append(message["content"].get("text", "") or str(message["content"].get("evalue", "")))

    try:
        client.execute_interactive(PANEL, output_hook=hear, timeout=120)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    told = next((each for each in said if each.startswith("[{")), "")
    if not told:
        raise RuntimeError(f"the kernel measured nothing: {' '.join(said)[:500]}")
    ratio, words = ratios(json.loads(told), "on", "off")
    return Verdict(what, f"at most {MOST_PROGRESS}x", words, ratio <= MOST_PROGRESS)


def _imports() -> tuple[float, str]:
    """Import in fresh processes, with compiled modules as an installation has them."""
    with tempfile.TemporaryDirectory() as compiled:
        around = os.environ | {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": compiled}
        told = [
            subprocess.run(  # noqa: S603
                [sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True,
                env=around,
            ).stdout.split()
            for _ in range(1 + IMPORTS)
        ]  # fmt: skip
    return statistics.median(float(each[0]) for each in told[1:]), " ".join(told[0][1:])
