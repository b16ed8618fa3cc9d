"""The data of a pack: its manifest, its actions and its workflows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from attune_nb.language.parameter_specs import mask_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from attune_nb.language.model import WorkflowSpec

__all__ = [
    "BASH",
    "DEFAULT_TIMEOUT",
    "OutputFormat",
    "PackAction",
    "PackManifest",
    "PackWorkflow",
    "ParameterDelivery",
    "ParameterFormat",
    "Runner",
]

Runner = Literal["shell", "python", "nodejs", "native"]
ParameterDelivery = Literal["stdin", "file"]
ParameterFormat = Literal["json", "yaml", "dotenv"]
OutputFormat = Literal["text", "json", "yaml", "jsonl"]

BASH = "/bin/bash"
"""The program that runs actions of the runner `shell`."""

# seconds that an action may take if neither its task nor its file says so
DEFAULT_TIMEOUT = 600.0


class PackManifest(msgspec.Struct, frozen=True, kw_only=True):
    """The data of `pack.yaml`.

    Attributes:
        ref: The pack's name, the first part of the refs of its actions.
        version: The version.
        folder: The pack's folder, absolute and without links.
        label: The title.
        description: The description.
        conf_schema: The flat schema of the pack's configuration.
        meta: Further data.
        tags: Search words.
        runtime_deps: The interpreters that the pack needs, as the file has them.
        dependencies: The refs of packs that must be loaded beside this one.
    """

    ref: str
    version: str
    folder: Path
    label: str | None = None
    description: str | None = None
    conf_schema: Mapping[str, Any] | None = None
    meta: Mapping[str, Any] | None = None
    tags: tuple[str, ...] = ()
    runtime_deps: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()


class PackAction(msgspec.Struct, frozen=True, kw_only=True):
    """An action of a pack that runs as a process.

    Attributes:
        ref: The action's name in workflows: `pack.name`.
        pack: The manifest of its pack.
        file: Its YAML file.
        entry_point: The script or program, absolute and inside the pack.
        runner: The kind of program that runs the entry point.
        runtime_version: The range of versions of the interpreter; None allows every one.
        label: The title.
        description: The description.
        parameters: The flat schema of the parameters, by name.
        output: The flat schema of the output, by name.
        delivery: How the process gets its parameters.
        parameter_format: The text format of the parameters.
        output_format: The format of the output of the process.
        timeout: The seconds that it may take when its task has no `timeout`.
        enabled: Whether it may run.
        tags: Search words.
        permission_sets: The permission sets of its executions on the platform.
        worker_fields: The keys that choose a worker on the platform, as the file has them.
    """

    ref: str
    pack: PackManifest
    file: Path
    entry_point: Path
    runner: Runner = "shell"
    runtime_version: str | None = None
    label: str | None = None
    description: str | None = None
    parameters: Mapping[str, Any] = {}
    output: Mapping[str, Any] = {}
    delivery: ParameterDelivery = "stdin"
    parameter_format: ParameterFormat = "json"
    output_format: OutputFormat = "text"
    timeout: float = DEFAULT_TIMEOUT
    enabled: bool = True
    tags: tuple[str, ...] = ()
    permission_sets: tuple[str, ...] = ()
    worker_fields: Mapping[str, Any] = {}

    def __repr__(self) -> str:
        shown = {
            "ref": self.ref,
            "pack": f"{self.pack.ref} {self.pack.version}",
            "runner": self.runner,
            "entry_point": str(self.entry_point),
            "parameters": mask_secrets(self.parameters),
            "output": dict(self.output),
        }
        fields = ", ".join(f"{name}={value!r}" for name, value in shown.items())
        return f"PackAction({fields})"


class PackWorkflow(msgspec.Struct, frozen=True, kw_only=True):
    """A workflow of a pack: an action whose file names a file of tasks.

    Attributes:
        ref: The name by which other workflows call it: `pack.name`.
        file: The YAML file of the action, with its parameters, output and label.
        workflow_file: The YAML file of the tasks.
        spec: The workflow, made of both files.
        enabled: Whether it may run.
        permission_sets: The permission sets of its executions on the platform.
    """

    ref: str
    file: Path
    workflow_file: Path
    spec: WorkflowSpec
    enabled: bool = True
    permission_sets: tuple[str, ...] = ()
