"""Actions of a pack, each of which is a process, beside a loop of `subprocess.run`."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attune_nb as attune
from attune_nb.packs.reading.read_pack import read_pack
from benchmarks.verdict import Verdict, compare, judge_ratio, median_us, time_in_turn

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["measure", "measure_long"]

SHELL_ITEMS = 1_000
SHELL_TURNS = 5
PYTHON_ITEMS = 40
PYTHON_ITEMS_IN_FULL = 200
PYTHON_TURNS = 3
CONCURRENCY = 4
MOST_RATIO = 1.15

ACTIONS = {
    "shell": ("echo.sh", 'IFS= read -r line; echo "$line"\n'),
    "python": ("echo.py", "import json, sys\nprint(json.dumps(json.load(sys.stdin)))\n"),
}
PROGRAMS = {"shell": ["/bin/bash"], "python": [sys.executable, "-u"]}

WORKFLOW = """
parameters: {items: {}}
tasks:
  - name: echo
    action: kit.RUNNER
    with_items: "{{ range(parameters.items) }}"
    concurrency: CONCURRENCY
    input: {number: "{{ item }}"}
"""


def measure() -> Iterator[Verdict]:
    """Compare 1,000 processes of bash, and 40 of Python."""
    with tempfile.TemporaryDirectory() as name:
        folder = _write_pack(Path(name).resolve())
        yield _compare(folder, "shell", SHELL_ITEMS, SHELL_TURNS)
        yield _compare(folder, "python", PYTHON_ITEMS, PYTHON_TURNS)


def measure_long() -> Iterator[Verdict]:
    """Compare 1,000 processes of bash, and 200 of Python."""
    with tempfile.TemporaryDirectory() as name:
        folder = _write_pack(Path(name).resolve())
        yield _compare(folder, "shell", SHELL_ITEMS, SHELL_TURNS)
        yield _compare(folder, "python", PYTHON_ITEMS_IN_FULL, PYTHON_TURNS)


def _write_pack(folder: Path) -> Path:
    actions = folder / "actions"
    actions.mkdir()
    (folder / "pack.yaml").write_text("ref: kit\nversion: 1.0.0\n")
    for runner, (script, text) in ACTIONS.items():
        (actions / script).write_text(text)
        (actions / f"{runner}.yaml").write_text(
            f"ref: kit.{runner}\nrunner_type: {runner}\nentry_point: {script}\n"
            "output_format: json\nparameters: {number: {type: integer}}\n"
        )
    return folder


def _compare(folder: Path, runner: str, items: int, turns_count: int) -> Verdict:
    """Compare a task with items, and a pool of threads that does the same by hand."""
    action = read_pack(folder).actions[f"kit.{runner}"]
    text = WORKFLOW.replace("RUNNER", runner).replace("CONCURRENCY", str(CONCURRENCY))
    workflow = attune.loads(text)
    command = [*PROGRAMS[runner], str(action.entry_point)]

    def run() -> None:
        workflow.run(
            {"items": items}, packs=[folder], progress=False, store="none", logs="none"
        ).raise_for_status()

    def call(number: int) -> Any:
        end = subprocess.run(  # noqa: S603 - a fixed command
            command,
            input=json.dumps({"number": number}),
            capture_output=True,
            text=True,
            check=True,
            cwd=folder,
            start_new_session=True,
        )
        return json.loads(end.stdout)

    def call_all() -> None:
        with ThreadPoolExecutor(CONCURRENCY) as pool:
            list(pool.map(call, range(items)))

    turns = time_in_turn({"attune_nb": run, "by hand": call_all}, turns_count, warm_up=False)
    milliseconds = median_us(turns, "attune_nb", items) / 1000
    return judge_ratio(
        f"{items:,} processes of {runner}, {CONCURRENCY} at once, against subprocess.run",
        compare(turns, "attune_nb", "by hand"),
        MOST_RATIO,
        f"{milliseconds:.2f} ms each",
    )
