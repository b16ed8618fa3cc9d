"""Runs in processes of their own that are killed, at a moment or at a write.

A process that has imported everything waits for a line and then forks, so that a run starts in
a few milliseconds, without the threads of this process.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

STARTER = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
import attune_nb, attune_nb.store.recorder, attune_nb.running.resume, psutil, numpy
from support import killed_workflows
for line in sys.stdin:
    request = json.loads(line)
    child = os.fork()
    if not child:
        sys.stdin.close()
        getattr(killed_workflows, request["function"])(**request["arguments"])
        os._exit(0)
    print(child, flush=True)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""


class ProcessStarter:
    """Starts runs, kills them, and waits for their end."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, "-c", STARTER, str(Path(__file__).parents[1])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, function, kill_after=None, kill_when=None, **arguments):
        """Run a function of `killed_workflows` in a new process; return the exit code.

        The process is killed after `kill_after` seconds, or once the file `kill_when` exists.
        """
        texts = {name: str(value) for name, value in arguments.items()}
        request = {"function": function, "arguments": texts}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        child = int(self._process.stdout.readline())
        while kill_when is not None and not Path(kill_when).exists():
            time.sleep(0.01)
        if kill_after is not None or kill_when is not None:
            if kill_after is None:
                kill_after = 0.1
            time.sleep(kill_after)
            # it may have ended before
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        return int(self._process.stdout.readline())

    def close(self):
        """End the process that starts the runs."""
        self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close()
