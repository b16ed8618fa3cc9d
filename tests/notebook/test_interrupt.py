"""Interrupts of the kernel: the first cancels the run, the second stops the wait for it."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.notebook_kernels import KernelManager

import attune_nb

ACTIONS = """
import pathlib, time

def nap(flag):
    pathlib.Path(flag).touch()
    time.sleep(0.2)

def stuck(flag):
    pathlib.Path(flag).touch()
    time.sleep(30)
"""
SLOW = """%%attune slow --set n=range(400) --set flag={flag!r} --out run --no-progress
parameters:
  n: {{type: array}}
  flag: {{type: string}}
tasks:
  - name: nap
    action: nap
    with_items: "{{{{ parameters.n }}}}"
    concurrency: 4
    input: {{flag: "{{{{ parameters.flag }}}}"}}
"""
STUCK = SLOW.replace("action: nap", "action: stuck")


def run_in_own_loop(coroutine):
    """Run a coroutine in another thread: an open browser may use the loop of this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


async def _execute(client, code):
    """Execute code in the kernel, and return the text that it prints."""
    texts = []

    def receive(message):
        if message["msg_type"] == "stream":
            texts.append(message["content"]["text"])

    await client.execute_interactive(code, output_hook=receive, timeout=120)
    return "".join(texts)


async def _interrupt_run(flag, workflow, times, code):
    """Interrupt the run of a cell, then return the text that `code` prints.

    Args:
        flag: A file that an action creates when it runs.
        workflow: The cell.
        times: The number of interrupts.
        code: Executed after the interrupts.
    """
    manager = KernelManager()
    await manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        await client.wait_for_ready(timeout=120)
        await _execute(client, f"%load_ext attune_nb\n{ACTIONS}")

        cell = asyncio.ensure_future(_execute(client, workflow.format(flag=str(flag))))
        while not flag.exists():  # noqa: ASYNC110 - another process creates it
            await asyncio.sleep(0.05)

        for _ in range(times):
            await manager.interrupt_kernel()
            await asyncio.sleep(0.4)
        await cell
        return await _execute(client, code)
    finally:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)


@pytest.mark.filterwarnings("ignore")
def test_an_interrupt_cancels_the_run(tmp_path, monkeypatch):
    """The results up to the interrupt remain, in the Run and on record."""
    store = tmp_path / "runs.db"
    monkeypatch.setenv("ATTUNE_NB_STORE", str(store))

    code = """
import sys
print(run.status, 4 <= len(run.items('nap')) < 400)
print(f"{sys.last_type.__name__}: {sys.last_value}", sys.last_value.run is run is _)
"""
    text = run_in_own_loop(_interrupt_run(tmp_path / "flag", SLOW, 1, code))
    # the cell fails, so that the cells after it do not run
    assert text.splitlines() == [
        "cancelled True",
        "RunCancelled: the run was cancelled True",
    ]

    (row,) = attune_nb.runs(store).to_dict("records")
    assert row["status"] == "cancelled"
    assert 4 <= row["items"] < 400


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("times", [1, 2])
def test_an_action_that_does_not_end_is_abandoned(tmp_path, times):
    code = "run.wait(60); print(run.status, len(run.items('nap')))"
    text = run_in_own_loop(_interrupt_run(tmp_path / "flag", STUCK, times, code))

    assert text.strip() == "cancelled 4"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("backend", ["processes", "dask"])
def test_an_interrupt_leaves_no_worker_process(tmp_path, backend):
    code = """
import psutil
run.wait(60)
commands = [" ".join(child.cmdline()) for child in psutil.Process().children(recursive=True)]
print(run.status, [command for command in commands if "resource_tracker" not in command])
"""
    workflow = STUCK.replace("--out run", f"--out run --workers 2 --backend {backend}")
    text = run_in_own_loop(_interrupt_run(tmp_path / "flag", workflow, 1, code))

    assert text.strip() == "cancelled []"
