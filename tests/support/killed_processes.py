"""Runs in processes of their own that are killed for good, at a moment or at a write.

A process that has imported everything waits for a line, and then forks: each run begins in a
few milliseconds, with none of this process's threads.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

NURSERY = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
import attune_nb, attune_nb.store.recorder, attune_nb.running.resume, psutil, numpy
from support import killed_workflows
for line in sys.stdin:
    told = json.loads(line)
    child = os.fork()
    if not child:
        sys.stdin.close()
        getattr(killed_workflows, told["story"])(**told["given"])
        os._exit(0)
    print(child, flush=True)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""


class Nursery:
    """Starts runs, kills them, and waits for their end."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, "-c", NURSERY, str(Path(__file__).parents[1])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, story, kill_after=None, kill_when=None, **given):
        """Let a story run, and kill it after so many seconds; give its exit code.

        Or kill it once a file is there.
        """
        told = {"story": story, "given": {name: str(each) for name, each in given.items()}}
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()
        child = int(self._process.stdout.readline())
        while kill_when is not None and not Path(kill_when).exists():
            time.sleep(0.01)
        if kill_after is not None or kill_when is not None:
            time.sleep(kill_after or 0.1)
            with contextlib.suppress(ProcessLookupError):  # it has ended before
                os.kill(child, signal.SIGKILL)
        return int(self._process.stdout.readline())

    def close(self):
        """End the process that starts them."""
        self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close()
