import asyncio
import sys

import pytest
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec

NAP = """
import pathlib, time

def nap(flag):
    pathlib.Path(flag).touch()
    time.sleep(0.2)
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


async def _interrupted_run(flag):
    manager = ThisPython()
    await manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        await client.wait_for_ready(timeout=30)
        await _printed(client, f"%load_ext attune_nb\n{NAP}")
        cell = asyncio.ensure_future(_printed(client, SLOW.format(flag=str(flag))))
        while not flag.exists():  # noqa: ASYNC110 - another process touches it
            await asyncio.sleep(0.05)
        await manager.interrupt_kernel()
        await cell
        return await _printed(client, "print(run.status, 4 <= len(run.items('nap')) < 400)")
    finally:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)


@pytest.mark.filterwarnings("ignore")
def test_interrupting_the_kernel_cancels_the_run_and_leaves_the_partial_run(tmp_path):
    assert asyncio.run(_interrupted_run(tmp_path / "flag")).strip() == "cancelled True"
