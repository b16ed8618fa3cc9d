"""`%debug` after a failed run in IPython's terminal: it opens the frame of the action."""

import sys

import pexpect
import pytest

pytestmark = pytest.mark.slow

WORKFLOW = "tasks: [{name: check, action: check, with_items: [1, 2], input: {host: '{{ item }}'}}]"


def test_the_debugger_stops_in_the_frame_of_the_action(tmp_path):
    arguments = ["-m", "IPython", "--simple-prompt", "--colors=NoColor", "--no-banner"]
    terminal = pexpect.spawn(
        sys.executable, arguments, encoding="utf-8", timeout=60, cwd=str(tmp_path)
    )
    lines = [
        "%load_ext attune_nb",
        "def check(host):\n    found = host + 16\n    return httpx.get(host)\n",
        f'get_ipython().run_cell_magic("attune", "health", "{WORKFLOW}")',
    ]
    for number, line in enumerate(lines, start=1):
        terminal.expect(rf"In \[{number}\]: ")
        terminal.sendline(line)

    terminal.expect("RunFailed: task `check` failed: 2 of 2 items failed, all with NameError")
    terminal.expect(r"In \[4\]: ")
    terminal.sendline("%debug")
    terminal.expect("ipdb> ")
    terminal.sendline("p found, host")
    terminal.expect(r"\(17, 1\)")
    terminal.sendline("q")
    terminal.expect(r"In \[5\]: ")
    terminal.sendline("exit")
    terminal.expect(pexpect.EOF)
