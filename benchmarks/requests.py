"""Requests to a local server by `core.http_request`, beside loops that are written by hand."""

from __future__ import annotations

import asyncio
import importlib.util
import statistics
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import aiohttp

import attune_nb as attune
from attune_nb.bench.rounds import time_call
from benchmarks.request_server import SLOW_SECONDS, serving
from benchmarks.verdict import Verdict, compare, judge_ratio, median_us, time_in_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REQUESTS = 2_000
TURNS = 3
MOST_RATIO = 1.3  # of the loop with aiohttp

WORKFLOW = """
parameters: {url: {}, requests: {}, concurrency: {}}
tasks:
  - name: fetch
    action: core.http_request
    with_items: "{{ range(parameters.requests) }}"
    concurrency: "{{ parameters.concurrency }}"
    input: {url: "{{ parameters.url }}"}
"""
WORKFLOW_OF_ACTION = """
parameters: {url: {}, requests: {}, concurrency: {}}
tasks:
  - name: fetch
    action: fetch
    with_items: "{{ range(parameters.requests) }}"
    concurrency: "{{ parameters.concurrency }}"
    input: {url: "{{ parameters.url }}"}
    next: [{do: close}]
  - name: close
    action: close
"""


def measure() -> Iterator[Verdict]:
    """Measure a fast server with 50 requests at once, and a slow one with 500."""
    with serving() as address:
        yield from _compare(f"{address}/fast", 50, "a fast server")
        slow_ms = SLOW_SECONDS * 1000
        yield from _compare(f"{address}/slow", 500, f"a server of {slow_ms:.0f} ms")


def _compare(url: str, concurrency: int, server: str) -> Iterator[Verdict]:
    """Compare the ways to send all requests to one server."""
    sides: dict[str, Callable[[], object]] = {
        "attune_nb": lambda: _run(WORKFLOW, url, concurrency),
        "action": lambda: _run_own_action(url, concurrency),
        "aiohttp": lambda: asyncio.run(_fetch_with_aiohttp(url, concurrency)),
    }
    turns = time_in_turn(sides, TURNS)

    subject = f"{REQUESTS:,} requests, {concurrency} at once, {server}"
    ratio = compare(turns, "attune_nb", "aiohttp")
    note = f"{median_us(turns, 'attune_nb', REQUESTS):.0f} us a request"
    yield judge_ratio(f"{subject}, against a loop with aiohttp", ratio, MOST_RATIO, note)

    ratio = compare(turns, "action", "aiohttp")
    subject_of_action = f"{subject}, an async action with aiohttp"
    yield judge_ratio(f"{subject_of_action}, against a loop with aiohttp", ratio)

    figure = "not installed"
    if importlib.util.find_spec("httpx") is not None:
        httpx_seconds, _ = time_call(lambda: _fetch_with_httpx(url, concurrency))
        seconds = statistics.median(turn["attune_nb"] for turn in turns)
        figure = f"{httpx_seconds / seconds:.1f}x"
    yield Verdict(f"{subject}, httpx in threads against attune_nb", "shown", figure)


def _run(text: str, url: str, concurrency: int, **actions: Any) -> None:
    """Send all requests by a workflow."""
    run = attune.loads(text).run(
        {"url": url, "requests": REQUESTS, "concurrency": concurrency},
        actions=actions,
        progress=False,
        store="none",
    )
    run.raise_for_status()


def _run_own_action(url: str, concurrency: int) -> None:
    """Send all requests by a workflow whose action is a coroutine of the user."""
    sessions: list[aiohttp.ClientSession] = []

    async def fetch(url: str) -> Any:
        if not sessions:
            sessions.append(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        async with sessions[0].get(url) as response:
            response.raise_for_status()
            return await response.json()

    async def close() -> None:
        await sessions[0].close()

    _run(WORKFLOW_OF_ACTION, url, concurrency, fetch=fetch, close=close)


async def _fetch_with_aiohttp(url: str, concurrency: int) -> list[Any]:
    """Send all requests by tasks of one loop, which share a session."""
    numbers = iter(range(REQUESTS))
    results: list[Any] = [None] * REQUESTS
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def work() -> None:
            for number in numbers:
                async with session.get(url) as response:
                    response.raise_for_status()
                    results[number] = await response.json()

        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(work())
    return results


def _fetch_with_httpx(url: str, concurrency: int) -> list[Any]:
    """Send all requests by a pool of threads, which share a client."""
    import httpx  # noqa: PLC0415 - optional

    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    with httpx.Client(limits=limits) as client, ThreadPoolExecutor(concurrency) as pool:

        def fetch(_number: int) -> Any:
            return client.get(url).raise_for_status().json()

        return list(pool.map(fetch, range(REQUESTS)))
