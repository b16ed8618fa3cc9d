"""Many tasks: chains and fans of them, commands, and a question without a person to answer it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attune_nb as attune
from benchmarks.verdict import (
    Verdict,
    compare,
    judge_ratio,
    judge_spread,
    median_us,
    time_in_turn,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["measure", "write_chain"]

TASKS = 1_000
TURNS = 3
MOST_RUN = 0.4  # ms a task
MOST_LOAD = 0.16  # ms a task

COMMANDS = 400
CONCURRENCY = 16
COMMAND_TURNS = 3
MOST_OF_COMMANDS = 1.15
SHELL = """
parameters: {commands: {}}
tasks:
  - name: echo
    action: core.shell
    with_items: "{{ range(parameters.commands) }}"
    concurrency: 16
    input: {argv: [echo, "{{ item | string }}"]}
"""

CHILDREN = 300
MOST_OF_CHILDREN = 2.0
CHILD = """
parameters: {number: {type: integer}}
tasks:
  - {name: first, action: core.noop, next: [{do: second}]}
  - {name: second, action: core.noop, next: [{do: third}]}
  - {name: third, action: core.noop}
"""
PARENT = """
parameters: {children: {}}
tasks:
  - name: call
    action: child
    with_items: "{{ range(parameters.children) }}"
    concurrency: 8
    input: {number: "{{ item }}"}
"""

ASK_TURNS = 3
MOST_PAUSE = 0.5  # seconds
ASK = """
tasks:
  - name: approve
    action: core.ask
    input: {prompt: May it go?}
"""
NO_QUESTION = """
tasks:
  - name: approve
    action: core.noop
"""
PAUSED = 3  # the exit status of a command whose question is open


def measure() -> Iterator[Verdict]:
    """Measure workflows of many tasks, commands, and a question without a person."""
    yield from _measure_tasks("a chain", write_chain(TASKS))
    yield from _measure_tasks("a fan", _write_fan(TASKS))
    yield from _measure_children()
    yield _measure_dask()
    yield _measure_commands()
    yield _measure_pause()


def write_chain(count: int) -> str:
    """Return a workflow whose tasks follow each other."""
    names = [f"t{number}" for number in range(count)]
    tasks = [
        f"  - {{name: {name}, action: core.noop, next: [{{do: {successor}}}]}}\n"
        for name, successor in pairwise(names)
    ]
    return f"tasks:\n{''.join(tasks)}  - {{name: {names[-1]}, action: core.noop}}\n"


def _write_fan(count: int) -> str:
    """Return a workflow whose first task leads to all others."""
    names = [f"t{number}" for number in range(1, count)]
    tasks = [f"  - {{name: {name}, action: core.noop}}\n" for name in names]
    first = f"  - {{name: t0, action: core.noop, next: [{{do: [{', '.join(names)}]}}]}}\n"
    return f"tasks:\n{first}{''.join(tasks)}"


def _measure_tasks(subject: str, text: str) -> Iterator[Verdict]:
    """Measure loading and running a workflow."""
    workflow = attune.loads(text)
    sides: dict[str, Callable[[], object]] = {
        "load": lambda: attune.loads(text),
        "run": lambda: _run(workflow),
    }
    turns = time_in_turn(sides, TURNS)

    for side, most, verb in (("run", MOST_RUN, "run"), ("load", MOST_LOAD, "loaded")):
        ms = [turn[side] / TASKS * 1e3 for turn in turns]
        yield judge_spread(f"{subject} of {TASKS:,} tasks, {verb}", ms, most, "ms a task")


def _measure_children() -> Iterator[Verdict]:
    """Compare runs within a run with as many tasks in one run, with and without a record."""
    child = attune.loads(CHILD)
    parent = attune.loads(PARENT)
    chain = attune.loads(write_chain(3 * CHILDREN))
    subject = f"{CHILDREN} child runs of three tasks, against {3 * CHILDREN} tasks in a chain"
    with tempfile.TemporaryDirectory() as folder:
        for ending, store in (("", "none"), (", on record", str(Path(folder, "runs.db")))):
            sides: dict[str, Callable[[], object]] = {
                "children": partial(
                    _run, parent, store, actions={"child": child}, children=CHILDREN
                ),
                "chain": partial(_run, chain, store),
            }
            turns = time_in_turn(sides, TURNS)
            ratio = compare(turns, "children", "chain")
            note = f"{median_us(turns, 'children', CHILDREN) / 1e3:.2f} ms a child run"
            yield judge_ratio(subject + ending, ratio, MOST_OF_CHILDREN, note)


def _run(
    workflow: attune.Workflow,
    store: str = "none",
    *,
    actions: dict[str, Any] | None = None,
    **parameters: Any,
) -> attune.Run:
    """Run a workflow.

    Raises:
        RunFailed: It has not succeeded.
    """
    # the lines of commands are captured, and not shown
    run = workflow.run(parameters, actions=actions, progress=False, store=store, logs="none")
    run.raise_for_status()
    return run


def _measure_dask() -> Verdict:
    """Compare a chain with one of `dask.delayed`, of which no task has a record."""
    subject = f"a chain of {TASKS:,} tasks, against dask.delayed"
    if importlib.util.find_spec("dask") is None:
        return Verdict(subject, "shown", "not installed")

    import dask  # noqa: PLC0415 - optional

    def run_delayed() -> object:
        task: Any = dask.delayed(_pass_on, pure=False)
        last = task(None)
        for _ in range(TASKS - 1):
            last = task(last)
        return last.compute(scheduler="threads")

    workflow = attune.loads(write_chain(TASKS))
    sides: dict[str, Callable[[], object]] = {
        "attune_nb": lambda: _run(workflow),
        "dask": run_delayed,
    }
    turns = time_in_turn(sides, TURNS)
    note = f"{median_us(turns, 'dask', TASKS) / 1e3:.2f} ms a task there"
    return judge_ratio(subject, compare(turns, "attune_nb", "dask"), note=note)


def _pass_on(value: object) -> object:
    return value


def _measure_commands() -> Verdict:
    """Compare `core.shell` with the standard library's `subprocess.run` in a pool."""
    workflow = attune.loads(SHELL)
    sides: dict[str, Callable[[], object]] = {
        "attune_nb": lambda: _run(workflow, commands=COMMANDS),
        "pool": _run_commands_in_pool,
    }
    turns = time_in_turn(sides, COMMAND_TURNS)
    note = f"{median_us(turns, 'attune_nb', COMMANDS) / 1e3:.2f} ms a command"
    subject = f"{COMMANDS} commands, {CONCURRENCY} at once, against subprocess.run in a pool"
    return judge_ratio(subject, compare(turns, "attune_nb", "pool"), MOST_OF_COMMANDS, note)


def _run_commands_in_pool() -> None:
    def echo(number: int) -> str:
        command = ["echo", str(number)]
        process = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - ours
        return process.stdout

    with ThreadPoolExecutor(CONCURRENCY) as pool:
        list(pool.map(echo, range(COMMANDS)))


def _measure_pause() -> Verdict:
    """Compare a command whose question stays open with one that asks none."""
    with tempfile.TemporaryDirectory() as folder:
        sides: dict[str, Callable[[], object]] = {}
        for name, text, status in (("asks", ASK, PAUSED), ("asks nothing", NO_QUESTION, 0)):
            path = Path(folder, f"{name.replace(' ', '_')}.yaml")
            path.write_text(text)
            store = str(Path(folder, "runs.db"))
            sides[name] = partial(_run_command, path, store, status)
        turns = time_in_turn(sides, ASK_TURNS)

    more = [turn["asks"] - turn["asks nothing"] for turn in turns]
    subject = "a command pauses since nobody can answer, more than one that asks nothing"
    return judge_spread(subject, more, MOST_PAUSE, "s")


def _run_command(path: Path, store: str, status: int) -> None:
    """Run a workflow by the command line, without a terminal.

    Raises:
        RuntimeError: The command has another exit status.
    """
    command = [sys.executable, "-m", "attune_nb", "run", str(path), "--store", store]
    process = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)  # noqa: S603 - ours
    if process.returncode != status:
        raise RuntimeError(f"the command ended with {process.returncode}: {process.stderr!r}")
