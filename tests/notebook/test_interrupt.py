"""Interrupting the kernel: once cancels, twice waits no more."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.notebook_kernels import ThisPython

import attune_nb

NAP = """
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


TOLD = "print(run.status, 4 <= len(run.items('nap')) < 400)"
STUCK = SLOW.replace("action: nap", "action: stuck")


def in_its_own_loop(coroutine):
    """Run a coroutine where no loop runs: a browser that is open may hold this thread's."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


async def _printed(client, code):
    said = []

    def hear(message):
        if message["msg_type"] == "stream":
            said.append(message["content"]["text"])

    await client.execute_interactive(code, output_hook=hear, timeout=30)
    return "".join(said)


async def _interrupted_run(flag, slow=SLOW, times=1, told=TOLD):
    manager = ThisPython()
    await manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        await client.wait_for_ready(timeout=30)
        await _printed(client, f"%load_ext attune_nb\n{NAP}")
        cell = asyncio.ensure_future(_printed(client, slow.format(flag=str(flag))))
        while not flag.exists():  # noqa: ASYNC110 - another process touches it
            await asyncio.sleep(0.05)
        for _ in range(times):
            await manager.interrupt_kernel()
            await asyncio.sleep(0.4)
        await cell
        return await _printed(client, told)
    finally:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)


@pytest.mark.filterwarnings("ignore")
def test_interrupting_the_kernel_cancels_the_run_and_leaves_the_partial_run(tmp_path, monkeypatch):
    store = tmp_path / "runs.db"
    monkeypatch.setenv("ATTUNE_NB_STORE", str(store))
    assert in_its_own_loop(_interrupted_run(tmp_path / "flag")).strip() == "cancelled True"
    (row,) = attune_nb.runs(store).to_dict("records")
    assert row["status"] == "cancelled"
    assert 4 <= row["items"] < 400


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("times", [1, 2])
def test_what_never_ends_is_given_up_on(tmp_path, times):
    told = "run.wait(5); print(run.status, len(run.items('nap')))"
    said = in_its_own_loop(_interrupted_run(tmp_path / "flag", STUCK, times, told))
    assert said.strip() == "cancelled 4"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("backend", ["processes", "dask"])
def test_an_interrupt_is_not_for_the_workers_and_none_of_them_stays(tmp_path, backend):
    told = """
import psutil
run.wait(20)
left = [" ".join(each.cmdline()) for each in psutil.Process().children(recursive=True)]
print(run.status, [each for each in left if "resource_tracker" not in each])
"""
    slow = STUCK.replace("--out run", f"--out run --workers 2 --backend {backend}")
    said = in_its_own_loop(_interrupted_run(tmp_path / "flag", slow, 1, told))
    assert said.strip() == "cancelled []"
