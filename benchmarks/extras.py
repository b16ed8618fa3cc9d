"""What is around a run: progress, the import, the picture."""

from __future__ import annotations

import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

import attune_nb as attune
from attune_nb.bench.peers import WORKFLOW, no_op
from benchmarks.verdict import Verdict, ratios, turns

if TYPE_CHECKING:
    from collections.abc import Iterator

ITEMS = 100_000
MOST_PROGRESS = 1.03
MOST_IMPORT, IMPORTS = 0.15, 7  # seconds, and how often it is measured
MOST_DRAWING, MOST_PICTURE = 2.0, 300_000  # seconds, bytes
IMPORT = """
import sys, time
begin = time.perf_counter()
import attune_nb
print(time.perf_counter() - begin, *{"pandas", "matplotlib", "ipywidgets"} & set(sys.modules))
"""


def measure() -> Iterator[Verdict]:
    """Measure each against its own absence."""
    workflow = attune.loads(WORKFLOW)

    def go(*, progress: bool) -> attune.Run:
        return workflow.run({"items": range(ITEMS)}, actions={"no_op": no_op}, progress=progress)

    real, sys.stderr = sys.stderr, io.StringIO()
    try:
        taken = turns({"on": lambda: go(progress=True), "off": lambda: go(progress=False)}, 9)
    finally:
        sys.stderr = real
    ratio, words = ratios(taken, "on", "off")
    yield Verdict("progress on against off, 100,000 items", f"at most {MOST_PROGRESS}x", words,
                  ratio <= MOST_PROGRESS)  # fmt: skip
    spent, heavy = _imports()
    yield Verdict("import attune_nb", f"at most {MOST_IMPORT} s, no pandas, matplotlib, ipywidgets",
                  f"{spent:.3f} s {heavy}".strip(), spent <= MOST_IMPORT and not heavy)  # fmt: skip
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
