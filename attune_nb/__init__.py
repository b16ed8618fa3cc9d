"""Workflows in a notebook cell: YAML in, millions of items through, a record and a picture out.

In a notebook, after `%load_ext attune_nb`:

    %%attune NAME             run the workflow in the lines below it
    %attune help [WORD]       explain a key, a function, a status or a topic of workflows
    %attune actions [NAME]    list actions, or show the arguments of one
    %attune --help            list the options and commands

In Python:

    >>> import attune_nb as attune
    >>> workflow = attune.loads("tasks: [{name: greet, action: core.echo, input: {message: hi}}]")
    >>> run = workflow.run()
    >>> run.result("greet")
    {'message': 'hi'}

`help(attune.Workflow)`, `help(attune.Run)` and `help(attune.action)` say more.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from attune_nb import bench, charts
    from attune_nb.actions.registry import action
    from attune_nb.context import WorkflowContext
    from attune_nb.errors import (
        ActionError,
        AttuneError,
        BackendError,
        CommandRefused,
        LookupFailed,
        PackError,
        ParameterError,
        Problem,
        QuestionOpen,
        RunCancelled,
        RunFailed,
        StoreError,
        TemplateError,
        Timeout,
        WorkflowError,
    )
    from attune_nb.running.forgetting import forget
    from attune_nb.running.history import last_run, open_run, runs
    from attune_nb.running.pack import Pack, load_pack
    from attune_nb.running.resume import resume
    from attune_nb.running.run import Run
    from attune_nb.running.workflow import Workflow, load, load_file, loads
    from attune_nb.templates.template import Template

__version__ = "0.1.0"

__all__ = [
    "ActionError",
    "AttuneError",
    "BackendError",
    "CommandRefused",
    "LookupFailed",
    "Pack",
    "PackError",
    "ParameterError",
    "Problem",
    "QuestionOpen",
    "Run",
    "RunCancelled",
    "RunFailed",
    "StoreError",
    "Template",
    "TemplateError",
    "Timeout",
    "Workflow",
    "WorkflowContext",
    "WorkflowError",
    "action",
    "bench",
    "charts",
    "forget",
    "last_run",
    "load",
    "load_file",
    "load_ipython_extension",
    "load_pack",
    "loads",
    "open_run",
    "resume",
    "runs",
    "unload_ipython_extension",
]


# the modules of the public names; those of errors are left out
_MODULES = {
    "Pack": "running.pack",
    "Run": "running.run",
    "Template": "templates.template",
    "Workflow": "running.workflow",
    "WorkflowContext": "context",
    "action": "actions.registry",
    "forget": "running.forgetting",
    "last_run": "running.history",
    "load": "running.workflow",
    "load_file": "running.workflow",
    "load_pack": "running.pack",
    "loads": "running.workflow",
    "open_run": "running.history",
    "resume": "running.resume",
    "runs": "running.history",
}


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: a worker process needs few of them."""
    if name in ("bench", "charts"):
        return importlib.import_module(f"attune_nb.{name}")
    if name in __all__:
        module = importlib.import_module(f"attune_nb.{_MODULES.get(name, 'errors')}")
        value = getattr(module, name)
        globals()[name] = value
        return value
    raise AttributeError(f"module `attune_nb` has no `{name}`")


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register `%attune` and `%%attune`, and let cells find the command `attune-nb`.

    `%load_ext attune_nb` calls it.
    """
    from attune_nb.notebook.magics import register  # noqa: PLC0415 - needs IPython
    from attune_nb.notebook.shell_path import add_commands  # noqa: PLC0415 - only for cells

    register(shell)
    add_commands()


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Remove the magics (called by `%unload_ext attune_nb`)."""
    from attune_nb.notebook.magics import unregister  # noqa: PLC0415 - needs IPython

    unregister(shell)
