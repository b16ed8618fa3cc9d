"""Runs that are started as a server starts them: as processes of their own."""

from pathlib import Path

import psutil

from attune_nb.server.starts.marks import read_mark
from attune_nb.server.starts.options import RepeatOptions, StartOptions
from attune_nb.server.starts.starting import Starter
from attune_nb.store.output_files import output_path
from support.item_runs import until

__all__ = ["HELD", "StartFolder"]

HELD = """
parameters: {gate: {type: string, required: true}, token: {type: string, secret: true}}
tasks:
  - name: hold
    action: core.shell
    input: {cmd: "env; while [ ! -e {{ parameters.gate }} ]; do sleep 0.02; done"}
"""
"""A workflow that prints its environment, and runs until a file exists."""


class StartFolder:
    """A folder with workflow files, and runs of them.

    Args:
        folder: The folder.
        options: Options of `Starter`.

    Attributes:
        root: The folder with the workflows.
        store: The store of their runs.
        gate: The file that `HELD` waits for.
        starter: What starts runs.
    """

    def __init__(self, folder, **options):
        self.root = Path(folder).resolve()
        self.store = self.root / ".attune" / "runs.db"
        self.gate = self.root / "gate"
        self.starter = Starter(self.root, self.store, lambda: [self.store], **options)

    def write(self, name, text):
        """Write a workflow file."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def start(self, file, parameters=None, *, options=None, **arguments):
        """Start a run of a file; return its id and more."""
        return self.starter.start(
            file,
            parameters={} if parameters is None else parameters,
            options=StartOptions() if options is None else options,
            **arguments,
        )

    def start_held(self, **arguments):
        """Start a run that waits for the gate."""
        if not (self.root / "held.yaml").exists():
            self.write("held.yaml", HELD)
        return self.start("held.yaml", {"gate": str(self.gate)}, **arguments)

    def resume(self, run_id, parameters=None):
        """Continue a run."""
        return self.starter.resume(
            self.store, run_id, parameters=parameters or {}, options=RepeatOptions()
        )

    def retry(self, run_id, **arguments):
        """Start a retry of a run."""
        return self.starter.retry(
            self.store, run_id, parameters={}, options=RepeatOptions(), **arguments
        )

    def process_of(self, run_id):
        """Return the process of a run that was started."""
        return psutil.Process(read_mark(self.store, run_id).pid)

    def log_of(self, run_id):
        """Return the output of a run."""
        return output_path(self.store, run_id).read_text()

    def open_gate(self):
        """Let the runs go on, and wait until none is alive."""
        self.gate.touch()
        until(lambda: not self.starter.live_runs())
