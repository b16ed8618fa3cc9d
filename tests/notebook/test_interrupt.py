import asyncio
import sys

import pytest
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec

SLOW = """%%attune slow --set n=range(400) --out run --no-progress
parameters:
  n: {type: any}
tasks:
  - name: nap
    action: core.sleep
    with_items: "{{ parameters.n }}"
    concurrency: 4
    input: {seconds: 0.2}
"""


class ThisPython(AsyncKernelManager):
    @property
    def kernel_spec(self):
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="this Python", language="python")


async def _printed(client, code):
    said = []

    def hear(message):
        if message["msg_type"] == "stream":
            said.append(message["content"]["text"])

    await client.execute_interactive(code, output_hook=hear, timeout=30)
    return "".join(said)


async def _interrupted_run():
    manager = ThisPython()
    await manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        await client.wait_for_ready(timeout=30)
        await _printed(client, "%load_ext attune_nb")
        cell = asyncio.ensure_future(_printed(client, SLOW))
        await asyncio.sleep(1.5)
        await manager.interrupt_kernel()
        await cell
        return await _printed(client, "print(run.status, 4 <= len(run.items('nap')) < 400)")
    finally:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)


@pytest.mark.filterwarnings("ignore")
def test_interrupting_the_kernel_cancels_the_run_and_leaves_the_partial_run():
    assert asyncio.run(_interrupted_run()).strip() == "cancelled True"
