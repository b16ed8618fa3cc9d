"""Runs of cells that block their kernels, seen and steered through the server of the kernels."""

import pytest
from jupyter_client import BlockingKernelClient
from support.item_runs import until

pytestmark = pytest.mark.slow

NOTEBOOK = "busy.ipynb"
SETUP = """%load_ext attune_nb
import threading, time
gate = threading.Event()
def open_gate(): gate.set()
def wait_at_gate(): gate.wait(1000)
def wait(): time.sleep(1000)
"""
ASK = """%%attune asks
tasks:
  - name: approve
    action: core.ask
    input: {prompt: Ship it?, response_schema: {type: boolean}}
    next: [{do: open_gate}]
  - name: open_gate
    action: open_gate
  - name: wait
    action: wait_at_gate
"""
SLEEP = """%%attune sleeps
tasks: [{name: wait, action: wait}]
"""
ECHO = """%%attune names
tasks: [{name: greet, action: core.echo, input: {message: hi}}]
"""

# seconds for a cell, on a busy machine
PATIENCE = 120


class Kernel:
    """A kernel of a notebook, started through the server as JupyterLab does."""

    def __init__(self, server):
        notebook = {"path": NOTEBOOK, "name": NOTEBOOK, "type": "notebook"}
        with server.client(base_url=server.origin) as client:
            answer = client.post("/api/sessions", json={**notebook, "kernel": {"name": "python3"}})
        session = answer.json()
        self.session = session["id"]
        self.id = session["kernel"]["id"]

        file = server.folder / "runtime" / f"kernel-{self.id}.json"
        self.client = BlockingKernelClient(connection_file=str(file))
        self.client.load_connection_file()
        # without its heartbeat, which a busy machine may miss
        self.client.start_channels(iopub=False, hb=False)

    def begin(self, code):
        """Begin to execute a cell; return the id of the request."""
        return self.client.execute(code)

    def end(self, request):
        """Wait until a cell has ended, and return its error, or an empty string."""
        while True:
            reply = self.client.get_shell_msg(timeout=PATIENCE)
            if reply["parent_header"]["msg_id"] == request:
                return "\n".join(reply["content"].get("traceback", []))

    def stop(self, server):
        """End the kernel through the server."""
        self.client.stop_channels()
        with server.client(base_url=server.origin) as client:
            client.delete(f"/api/sessions/{self.session}")


@pytest.fixture(scope="module")
def kernel(attune_server):
    """Yield a kernel of the server, with the magics."""
    kernel = Kernel(attune_server)
    assert kernel.end(kernel.begin(SETUP)) == ""
    yield kernel
    kernel.stop(attune_server)


def find_run(server, workflow):
    """Return the row of the newest run of a workflow, once it is in the list."""
    answer = {}

    def is_there():
        answer.update(server.get("/api/runs", params={"workflow": workflow}).json())
        return answer["runs"]

    until(is_there)
    return answer["runs"][0]


def post(server, run, **command):
    return server.post(f"/api/runs/{run['id']}/commands", command)


def test_a_question_is_answered_while_the_kernel_is_busy(attune_server, kernel):
    """The cell waits for an action, which waits for the answer."""
    cell = kernel.begin(ASK)
    run = find_run(attune_server, "asks")
    until(lambda: attune_server.get(f"/api/runs/{run['id']}").json()["asks"])

    answer = post(attune_server, run, kind="answer", task="approve", value=True)
    assert answer.status_code == 200, answer.text

    assert kernel.end(cell) == ""
    until(lambda: find_run(attune_server, "asks")["status"] == "succeeded")


def test_a_cell_that_sleeps_is_cancelled(attune_server, kernel):
    """The action would sleep for 1,000 s, so the cell ends because of the command alone."""
    cell = kernel.begin(SLEEP)
    run = find_run(attune_server, "sleeps")
    until(lambda: attune_server.get(f"/api/runs/{run['id']}").json()["tasks"])

    answer = post(attune_server, run, kind="cancel", grace=0.1)
    assert answer.status_code == 200, answer.text

    kernel.end(cell)
    until(lambda: find_run(attune_server, "sleeps")["status"] == "cancelled")


def test_a_run_names_the_notebook_and_the_kernel(attune_server, kernel):
    cell = kernel.begin(ECHO)
    assert kernel.end(cell) == ""

    run = find_run(attune_server, "names")
    assert run["kernel"] == kernel.id
    assert run["notebook"] == str(attune_server.root / NOTEBOOK)
    # the script of the page makes a link of the two
    assert f'data-root="{attune_server.root}/"' in attune_server.get("/").text
