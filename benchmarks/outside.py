"""Runs seen from outside: from an event to the page, the cost of watchers, 100,000 attempts."""

from __future__ import annotations

import bisect
import importlib.util
import shutil
import statistics
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

import attune_nb as attune
from attune_nb.bench.peers import WORKFLOW, no_op
from attune_nb.bench.rounds import rotate
from benchmarks.verdict import Verdict, format_spread
from benchmarks.watched_server import Watchers, running, serving_runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.watched_server import RunProcess, Server

__all__ = ["measure"]

# items whose ends are timed, and the seconds that one takes on average
TIMED_ITEMS = 60
TIMED_SECONDS = 0.13
MOST_LATENCY = 100.0
MOST_LATE = 150.0

# 500 items a second
FAST_CONCURRENCY = 10
FAST_SECONDS = 0.02
WATCHERS = (0, 1, 100)
MOST_CPU = {0: 0.5, 1: 2.0, 100: 10.0}
MOST_OWN = 1.0
# seconds in which the processor time is counted, and how often for each number of watchers
WINDOW = 4.0
WINDOWS = 3

ATTEMPTS = 100_000
MOST_SECONDS = 0.5
MOST_PICTURE = 2.0

# seconds to wait for anything
PATIENCE = 60.0

_OBSERVER = """
window.seen = [];
window.drawn = null;
const look = () => {
  const cell = document.querySelector('tr[data-task="work"] td.items');
  const text = cell === null ? '' : cell.textContent;
  if (text !== '' && (!seen.length || seen.at(-1)[1] !== text)) {
    seen.push([performance.timeOrigin + performance.now(), text]);
  }
  if (drawn === null && document.querySelector('.timeline[data-ready]') !== null) {
    drawn = 0;
    requestAnimationFrame(() => requestAnimationFrame(() => { drawn = performance.now(); }));
  }
};
new MutationObserver(look).observe(document, {
  subtree: true, childList: true, characterData: true, attributes: true,
});
"""


def measure() -> Iterator[Verdict]:
    """Measure a server of runs, in a process of its own, beside processes with runs."""
    with tempfile.TemporaryDirectory() as folder, serving_runs(Path(folder)) as server:
        yield from _measure_latency(server)
        yield from _measure_cost(server)
        yield _measure_commands(server)
        yield from _measure_attempts(server)


def _measure_latency(server: Server) -> Iterator[Verdict]:
    """Measure the time from the event of an item's end to a watcher, and to the page."""
    with (
        running(server.store, TIMED_ITEMS, TIMED_SECONDS, 1) as run,
        Watchers(server, run.run_id, 1) as watchers,
    ):
        seen = _watch_page(server, run, watchers)
        _wait_until(lambda: watchers.messages[-1][1] == TIMED_ITEMS)
        ends = run.ends()

    yield _judge_latency("an event to a WebSocket", ends, watchers.messages)
    if seen is not None:
        yield _judge_latency("an event to the page in Chromium", ends, seen)


def _watch_page(
    server: Server, run: RunProcess, watchers: Watchers
) -> list[tuple[float, int]] | None:
    """Return when the page showed how many items had ended; None without a browser."""
    with _open_browser() as page:
        if page is None:
            return None

        page.add_init_script(_OBSERVER)
        page.goto(f"{server.url}/runs/{run.run_id}?token={server.token}")

        _wait_until(lambda: watchers.messages[-1][1] == TIMED_ITEMS)
        _wait_until(lambda: _read_count(page.evaluate("seen.at(-1)[1]")) == TIMED_ITEMS)
        seen = page.evaluate("seen")
    return [(moment / 1000, _read_count(text)) for moment, text in seen]


def _read_count(text: str) -> int:
    """Return the items that have ended from the cell of a task: `12/60`, or `60` at the end."""
    return int(text.partition("/")[0])


def _judge_latency(
    subject: str, ends: Sequence[float], messages: Sequence[tuple[float, int]]
) -> Verdict:
    """Return the row of the times from the events of items to the messages that count them."""
    counts = [count for _, count in messages]
    latencies = []
    for number, end in enumerate(ends, 1):
        position = bisect.bisect_left(counts, number)
        # the first message has the items from before the watcher came
        if 0 < position < len(messages):
            latencies.append((messages[position][0] - end) * 1000)

    median = statistics.median(latencies)
    late = statistics.quantiles(latencies, n=10)[-1]
    return Verdict(
        subject,
        f"at most {MOST_LATENCY:g} ms, 90% at most {MOST_LATE:g} ms",
        f"{median:.0f} ms, 90% within {late:.0f} ms ({len(latencies)} items)",
        median <= MOST_LATENCY and late <= MOST_LATE,
    )


def _measure_cost(server: Server) -> Iterator[Verdict]:
    """Measure the processor time of the server and of a run, with and without watchers."""
    server_shares: dict[int, list[float]] = {count: [] for count in WATCHERS}
    run_shares: dict[int, list[float]] = {count: [] for count in WATCHERS}
    seconds = WINDOWS * len(WATCHERS) * (WINDOW + 5.0)
    items = int(seconds * FAST_CONCURRENCY / FAST_SECONDS)

    with running(server.store, items, FAST_SECONDS, FAST_CONCURRENCY) as run:
        processes = [psutil.Process(server.pid), psutil.Process(run.pid)]
        for turn in range(WINDOWS):
            for count in rotate(WATCHERS, turn):
                shares = _share_with_watchers(server, run, count, processes)
                server_shares[count].append(shares[0])
                run_shares[count].append(shares[1])

    for count in WATCHERS:
        share = statistics.median(server_shares[count])
        yield Verdict(
            f"the server, {_describe_watchers(count)} a run of 500 items a second",
            f"at most {MOST_CPU[count]:g}% of a core",
            format_spread(server_shares[count], ".1f", "% of a core"),
            share <= MOST_CPU[count],
        )

    pairs = zip(run_shares[WATCHERS[-1]], run_shares[0], strict=True)
    differences = [watched - unwatched for watched, unwatched in pairs]
    unwatched = statistics.median(run_shares[0])
    yield Verdict(
        "the process of that run, 100 watchers against none",
        f"at most {MOST_OWN:g}% of a core more",
        f"{format_spread(differences, '+.1f', '%')}, of {unwatched:.1f}%",
        statistics.median(differences) <= MOST_OWN,
    )


def _measure_commands(server: Server) -> Verdict:
    """Measure the processor time of a run that does nothing but look for commands."""
    with (
        running(server.store, 1, 10 * PATIENCE, 1) as run,
        running(server.store, 1, 10 * PATIENCE, 1, commands=False) as deaf_run,
    ):
        processes = [psutil.Process(run.pid), psutil.Process(deaf_run.pid)]
        time.sleep(1.0)
        shares = [_shares_of(processes) for _ in range(WINDOWS)]

    differences = [listening - deaf for listening, deaf in shares]
    return Verdict(
        "a run at rest that takes commands, against one that takes none",
        f"at most {MOST_OWN:g}% of a core more",
        format_spread(differences, "+.2f", "%"),
        statistics.median(differences) <= MOST_OWN,
    )


def _share_with_watchers(
    server: Server, run: RunProcess, count: int, processes: Sequence[psutil.Process]
) -> list[float]:
    """Return the share of a core that processes use while a run is watched, in percent."""
    with Watchers(server, run.run_id, count):
        # the first messages have been sent
        time.sleep(0.5)
        return _shares_of(processes)


def _shares_of(processes: Sequence[psutil.Process]) -> list[float]:
    """Return the share of a core that processes use within a window, in percent."""
    before = [_cpu_seconds(process) for process in processes]
    start = time.perf_counter()
    time.sleep(WINDOW)
    elapsed = time.perf_counter() - start
    after = [_cpu_seconds(process) for process in processes]
    return [(late - early) / elapsed * 100 for early, late in zip(before, after, strict=True)]


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _describe_watchers(count: int) -> str:
    if count == 0:
        return "nobody watches"
    if count == 1:
        return "1 watches"
    return f"{count} watch"


def _measure_attempts(server: Server) -> Iterator[Verdict]:
    """Measure how long many attempts take to a client, and to their picture on the page."""
    run = attune.loads(WORKFLOW).run(
        {"items": list(range(ATTEMPTS))},
        actions={"no_op": no_op},
        store=server.store,
        progress=False,
        name="attempts",
    )

    times = []
    size = 0
    for _ in range(WINDOWS):
        start = time.perf_counter()
        size = len(server.read(f"/api/runs/{run.run_id}/attempts"))
        times.append(time.perf_counter() - start)
    yield Verdict(
        f"{ATTEMPTS:,} attempts to a client",
        f"at most {MOST_SECONDS:g} s",
        f"{format_spread(times, '.2f', ' s')}, {size / 1e6:.1f} MB",
        statistics.median(times) <= MOST_SECONDS,
    )

    drawn = _draw_attempts(server, run.run_id)
    if drawn:
        yield Verdict(
            f"{ATTEMPTS:,} attempts to their picture on the page",
            f"at most {MOST_PICTURE:g} s",
            format_spread(drawn, ".2f", " s"),
            statistics.median(drawn) <= MOST_PICTURE,
        )


def _draw_attempts(server: Server, run_id: str) -> list[float]:
    """Return the seconds until a page has drawn a run; an empty list without a browser."""
    seconds = []
    with _open_browser() as page:
        if page is None:
            return []

        page.add_init_script(_OBSERVER)
        for _ in range(WINDOWS):
            page.goto(f"{server.url}/runs/{run_id}?token={server.token}")
            _wait_until(lambda: page.evaluate("window.drawn") not in (None, 0))
            seconds.append(page.evaluate("window.drawn") / 1000)
    return seconds


@contextmanager
def _open_browser() -> Iterator[Any]:
    """Open Chromium, and yield a page; yield None if it is not installed."""
    path = shutil.which("chromium")
    if path is None:
        path = shutil.which("chromium-browser")
    if path is None or importlib.util.find_spec("playwright") is None:
        yield None
        return

    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - may be missing

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        try:
            yield browser.new_page()
        finally:
            browser.close()


def _wait_until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds.

    Raises:
        RuntimeError: It does not within a minute.
    """
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError("the server or a run is too slow")
        time.sleep(0.02)
