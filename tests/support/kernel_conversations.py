"""A kernel that asks its front end for input, and a terminal with IPython."""

import queue
import sys
import time
import uuid
from contextlib import contextmanager

import pexpect
from jupyter_client import KernelManager as BlockingKernelManager
from jupyter_client.blocking import BlockingKernelClient

from support.notebook_kernels import KernelManager

__all__ = ["Conversation", "ipython_terminal", "kernel_conversation"]

_TIMEOUT = 60


class _BlockingKernelManager(BlockingKernelManager):
    kernel_spec = KernelManager.kernel_spec


class Conversation:
    """Executes cells of a kernel and answers what they ask for.

    Attributes:
        prompts: The prompts that were shown, the oldest first.
        passwords: Those of them whose answers the front end does not show.
    """

    def __init__(self, client: BlockingKernelClient):
        self._client = client
        self._cells = {}
        self.prompts = []
        self.passwords = []

    def execute(self, source, answers=(), allow_stdin=True):
        """Execute a cell, and return everything that it printed, errors included.

        Args:
            source: The cell.
            answers: The answers to its prompts, in their order.
            allow_stdin: Whether the front end answers at all.
        """
        texts = []
        answers = iter(answers)
        message_id = self._client.execute(source, allow_stdin=allow_stdin)
        self._cells[message_id] = source
        deadline = time.monotonic() + _TIMEOUT

        while time.monotonic() < deadline:
            self._answer(answers)
            try:
                message = self._client.get_iopub_msg(timeout=0.05)
            except queue.Empty:
                continue
            if message["parent_header"].get("msg_id") != message_id:
                continue

            content = message["content"]
            if message["msg_type"] == "stream":
                texts.append(content["text"])
            elif message["msg_type"] == "error":
                texts.append("\n".join(content["traceback"]))
            elif message["msg_type"] in ("execute_result", "display_data"):
                texts.append(content["data"].get("text/plain", ""))
            elif content.get("execution_state") == "idle":
                return "\n".join(texts)
        raise TimeoutError(f"the cell has not ended; it printed {texts}")

    def ask_by_comm(self, target, data):
        """Send data by a new comm, as a front end does, and return the data of the answer."""
        comm_id = uuid.uuid4().hex
        opening = {"comm_id": comm_id, "target_name": target, "data": {}}
        for kind, content in (
            ("comm_open", opening),
            ("comm_msg", {"comm_id": comm_id, "data": data}),
        ):
            self._client.shell_channel.send(self._client.session.msg(kind, content))

        message = self._wait_for(lambda message: message["content"].get("comm_id") == comm_id)
        return message["content"].get("data")

    def wait_for_output(self, text):
        """Wait for the next text that is printed, and return the cell below which it is shown."""
        message = self._wait_for(
            lambda message: message["msg_type"] == "stream" and text in message["content"]["text"]
        )
        return self._cells.get(message["parent_header"].get("msg_id"))

    def _wait_for(self, is_awaited):
        deadline = time.monotonic() + _TIMEOUT
        while time.monotonic() < deadline:
            try:
                message = self._client.get_iopub_msg(timeout=0.5)
            except queue.Empty:
                continue
            if is_awaited(message):
                return message
        raise TimeoutError("the kernel has sent no such message")

    def _answer(self, answers):
        try:
            request = self._client.get_stdin_msg(timeout=0.05)
        except queue.Empty:
            return
        prompt = request["content"]["prompt"]
        self.prompts.append(prompt)
        if request["content"]["password"]:
            self.passwords.append(prompt)
        self._client.input(next(answers))


@contextmanager
def kernel_conversation(connection_file=None):
    """Start a kernel with the magics, and end it.

    Args:
        connection_file: Its connection file, which a Jupyter server names `kernel-ID.json`.
    """
    manager = _BlockingKernelManager()
    if connection_file is not None:
        manager.connection_file = str(connection_file)
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=_TIMEOUT)
        conversation = Conversation(client)
        conversation.execute("%load_ext attune_nb\n%colors nocolor")
        yield conversation
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@contextmanager
def ipython_terminal(folder):
    """Start IPython with the magics in a terminal, and end it; its prompt is `In [n]:`."""
    arguments = ["-m", "IPython", "--simple-prompt", "--no-banner", "--colors=nocolor"]
    child = pexpect.spawn(
        sys.executable, arguments, cwd=str(folder), encoding="utf-8", timeout=_TIMEOUT
    )
    try:
        child.expect_exact("In [1]: ")
        child.sendline("%load_ext attune_nb")
        child.expect_exact("In [2]: ")
        yield child
    finally:
        child.close(force=True)
