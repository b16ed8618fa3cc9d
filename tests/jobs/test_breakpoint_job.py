"""A breakpoint in an action, reached with `--debug` and used as in JupyterLab."""

import queue

import pytest
from jupyter_client import KernelManager as BlockingKernelManager
from support.notebook_kernels import KernelManager
from support.pages import job_cells

pytestmark = [
    pytest.mark.slow,
    # of Jupyter's own packages
    pytest.mark.filterwarnings("ignore"),
]


class _KernelManager(BlockingKernelManager):
    kernel_spec = KernelManager.kernel_spec


@pytest.fixture
def kernel(tmp_path):
    """A kernel of the running Python, with the client of a person who can type."""
    manager = _KernelManager()
    manager.start_kernel(cwd=str(tmp_path))
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def execute(client, source, answers=()):
    """Execute a cell, answer its prompts in order, and return the text of its outputs."""
    answers = list(answers)
    texts = []
    message_id = client.execute(source, allow_stdin=True)
    while True:
        try:
            request = client.get_stdin_msg(timeout=0.05)
        except queue.Empty:
            pass
        else:
            texts.append(request["content"]["prompt"])
            client.input(answers.pop(0))

        try:
            message = client.get_iopub_msg(timeout=0.05)
        except queue.Empty:
            continue
        content = message["content"]
        if message["parent_header"].get("msg_id") != message_id:
            continue
        if message["msg_type"] == "status" and content["execution_state"] == "idle":
            return "".join(texts)
        if message["msg_type"] == "stream":
            texts.append(content["text"])
        elif message["msg_type"] == "error":
            texts.append("\n".join(content["traceback"]))


def test_a_breakpoint_stops_in_the_action(kernel):
    *definitions, run_cell = [cell.source for cell in job_cells("how-to/debugging")]
    for source in definitions:
        execute(kernel, source)

    text = execute(kernel, run_cell, ["p order", "name = 'third'; amount = '3'", "continue"])
    assert "'c=three'" in text
    assert "if not amount.isdigit():" in text or "breakpoint()" in text
    assert execute(kernel, "print(run.status, run.result('parse'))").endswith(
        "succeeded [{'a': 1}, {'b': 2}, {'third': 3}]\n"
    )
