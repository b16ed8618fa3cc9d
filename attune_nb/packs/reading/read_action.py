"""Read a file below `actions/`: an action that runs as a process, or a workflow."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any, get_args

from attune_nb.errors import nearest
from attune_nb.language.model import PackedFields
from attune_nb.language.reading.read_parameters import read_default_positions
from attune_nb.language.reading.yaml_source import sort_by_position
from attune_nb.packs.model import (
    DEFAULT_TIMEOUT,
    OutputFormat,
    PackAction,
    PackManifest,
    ParameterDelivery,
    ParameterFormat,
    Runner,
)
from attune_nb.packs.reading.flat_schemas import read_schema, read_workflow_parameters
from attune_nb.packs.reading.pack_files import MISSING
from attune_nb.packs.reading.pack_reader import PackReader
from attune_nb.packs.reading.read_manifest import NAME
from attune_nb.packs.version_ranges import read_range
from attune_nb.reference.entry import names
from attune_nb.reference.pack_keys import ACTION_KEYS

if TYPE_CHECKING:
    from pathlib import Path

    from attune_nb.errors import Problem
    from attune_nb.language.reading.yaml_source import Document
    from attune_nb.packs.reading.pack_files import PackFolder

__all__ = ["ActionFile", "WorkflowFields", "read_action_file"]

# the folder of a pack's actions
ACTIONS_FOLDER = "actions"

_KEYS = names(ACTION_KEYS, "pack action key")

# keys that only the platform reads
_PLATFORM_KEYS = (
    "accesses_mcp", "artifact_retention_limit", "artifact_retention_policy",
    "log_retention_limit", "log_retention_policy", "reference_allowed_pack_refs",
    "reference_visibility", "required_worker_runtimes",
)  # fmt: skip

_OLDER_KEYS = {"keywords": "tags"}

_UNREAD_KEYS = {
    "output_schema": "; write `output`",
    "timeout": "; write `timeout_seconds`",
    "examples": "",
    "name": "; the action's name is its `ref`, its title is `label`",
}

# characters of a path in a message
_MAX_PATH_LENGTH = 200

# keys by which the platform chooses a worker
_WORKER_PREFIX = "worker_"

# Keys that say how a process runs; a workflow has none.
_PROCESS_KEYS = (
    "runner_type", "runtime_version", "parameter_delivery", "parameter_format", "output_format",
)  # fmt: skip

_RUNNERS: dict[str, Runner] = {
    **dict.fromkeys(("shell", "bash", "sh"), "shell"),
    **dict.fromkeys(("python", "python3"), "python"),
    **dict.fromkeys(("nodejs", "node", "node.js"), "nodejs"),
    **dict.fromkeys(("native", "builtin", "standalone"), "native"),
}
# the refs of the platform's runtimes, as `core.python`
_RUNTIME_REFS: dict[str, Runner] = {f"core.{runner}": runner for runner in get_args(Runner)}
_DELIVERIES: dict[str, ParameterDelivery] = {"stdin": "stdin", "file": "file"}
_PARAMETER_FORMATS: dict[str, ParameterFormat] = {
    "json": "json",
    "yaml": "yaml",
    "dotenv": "dotenv",
}
_OUTPUT_FORMATS: dict[str, OutputFormat] = {
    "text": "text",
    "json": "json",
    "yaml": "yaml",
    "jsonl": "jsonl",
}


@dataclass(frozen=True, kw_only=True)
class WorkflowFields:
    """The file of an action that is a workflow.

    Attributes:
        packed: The workflow's fields that stand in this file.
        workflow_file: The file of the tasks, inside the pack.
        enabled: Whether the workflow may run.
        permission_sets: The permission sets of its executions on the platform.
    """

    packed: PackedFields
    workflow_file: Path
    enabled: bool
    permission_sets: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ActionFile:
    """A file of an action as it was read.

    Attributes:
        ref: The ref; None if it has none that is valid.
        reader: The reader of the file.
        action: The action, if it runs as a process and has no problem.
        workflow: The fields of the workflow, if it is one and its file of tasks exists.
    """

    ref: str | None
    reader: PackReader
    action: PackAction | None = None
    workflow: WorkflowFields | None = None

    @property
    def problems(self) -> list[Problem]:
        """The problems and hints of the file, in the order of its text."""
        return sort_by_position(self.reader.problems)

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that are no hints."""
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @property
    def holds_tasks(self) -> bool:
        """Whether it has the key `tasks`, as the file of a workflow does."""
        data = self.reader.reader.document.data
        return isinstance(data, dict) and "tasks" in data

    @property
    def names_workflow(self) -> bool:
        """Whether the file names a file of tasks."""
        return self.reader.fields.get("workflow_file") is not None


def read_action_file(
    document: Document, path: Path, folder: PackFolder, manifest: PackManifest | None
) -> ActionFile:
    """Read a file below `actions/`.

    Args:
        document: The file's content.
        path: The file.
        folder: The pack's folder.
        manifest: The pack's manifest; None if the file is read without its pack, to find the
            workflow that it names.

    Raises:
        WorkflowError: The file has too many problems.
    """
    reader = PackReader(document, "an action")
    rare_keys = (*_PLATFORM_KEYS, *_worker_keys(document.data))
    is_object = reader.read_keys(
        _KEYS, rare_keys=rare_keys, older_keys=_OLDER_KEYS, unread_keys=_UNREAD_KEYS
    )
    if not is_object:
        return ActionFile(ref=None, reader=reader)

    ref = _read_ref(reader, manifest)
    is_workflow = reader.fields.get("workflow_file") is not None
    is_process = reader.fields.get("entry_point") is not None
    if is_workflow and is_process:
        message = "an action has `entry_point` or `workflow_file`, not both; remove one"
        reader.add_problem(message, "workflow_file")
    if is_workflow:
        workflow = _read_workflow_fields(reader, ref, path, folder)
        return ActionFile(ref=ref, reader=reader, workflow=workflow)

    action = _read_action(reader, ref, path, folder, manifest)
    return ActionFile(ref=ref, reader=reader, action=action)


def _worker_keys(data: Any) -> tuple[str, ...]:
    if not isinstance(data, dict):
        return ()
    return tuple(key for key in data if key.startswith(_WORKER_PREFIX))


def _read_ref(reader: PackReader, manifest: PackManifest | None) -> str | None:
    """Return the ref of an action, or None if it has none that is valid."""
    pack = "pack" if manifest is None else manifest.ref
    reader.require("ref", f"`ref: {pack}.NAME`")
    ref = reader.read_string("ref")
    if ref is None:
        return None

    pack_name, dot, name = ref.partition(".")
    is_name = NAME.fullmatch(pack_name) and NAME.fullmatch(name)
    if not dot:
        message = f"a ref is `pack.name`; write `{pack}.{ref[:80]}`"
    elif not is_name:
        message = f"`{ref[:80]}` is not `pack.name`, both of letters, digits, `_` and `-`"
    elif manifest is not None and pack_name != manifest.ref:
        message = (
            f"`{ref[:80]}` is a ref of another pack, `{pack_name[:80]}`; this is pack "
            f"`{manifest.ref}`: write `{manifest.ref}.{name[:80]}`"
        )
    else:
        return ref
    reader.add_problem(message, "ref")
    return None


def _read_action(
    reader: PackReader,
    ref: str | None,
    path: Path,
    folder: PackFolder,
    manifest: PackManifest | None,
) -> PackAction | None:
    """Return the action of a file, or None if it has a problem."""
    runner = _read_runner(reader)
    advice = "the script below `actions/`, such as `entry_point: check.sh`"
    reader.require("entry_point", f"{advice}; or `workflow_file` for a workflow")
    entry_point = _read_entry_point(reader, folder, runner)
    fields: dict[str, Any] = {
        "runtime_version": _read_runtime_version(reader),
        "label": reader.read_string("label"),
        "description": reader.read_string("description"),
        "parameters": read_schema(reader, "parameters", "parameter"),
        "output": read_schema(reader, "output", "field"),
        "delivery": reader.read_word("parameter_delivery", _DELIVERIES, "stdin"),
        "parameter_format": reader.read_word("parameter_format", _PARAMETER_FORMATS, "json"),
        "output_format": reader.read_word("output_format", _OUTPUT_FORMATS, "text"),
        "timeout": _read_timeout(reader, DEFAULT_TIMEOUT),
        "enabled": reader.read_flag("enabled", default=True),
        "tags": reader.read_names("tags"),
        "permission_sets": reader.read_names("default_execution_permission_set_refs"),
        "worker_fields": _read_worker_fields(reader),
    }

    if reader.has_errors or ref is None or entry_point is None or manifest is None:
        return None
    return PackAction(
        ref=ref, pack=manifest, file=path, entry_point=entry_point, runner=runner, **fields
    )


def _read_workflow_fields(
    reader: PackReader, ref: str | None, path: Path, folder: PackFolder
) -> WorkflowFields | None:
    """Return the fields of a workflow's action, or None if they have a problem."""
    for key in _PROCESS_KEYS:
        if key in reader.fields:
            reader.add_hint(f"nothing reads `{key}` of a workflow", key)

    workflow_file = _read_workflow_file(reader, path, folder)
    if ref is None:
        # a workflow with this problem is not used
        ref = ""
    packed = PackedFields(
        ref=ref,
        label=reader.read_string("label"),
        description=reader.read_string("description"),
        tags=reader.read_names("tags"),
        # without any, the file of the tasks may declare them
        parameters=read_workflow_parameters(reader),
        output=read_schema(reader, "output", "field"),
        timeout=_read_timeout(reader, None),
        attune_fields=_read_attune_fields(reader),
        default_positions=read_default_positions(
            reader.reader, reader.fields.get("parameters"), ("parameters",)
        ),
        unclear=frozenset(reader.reader.unclear),
    )
    enabled = reader.read_flag("enabled", default=True)
    permission_sets = reader.read_names("default_execution_permission_set_refs")

    if workflow_file is None:
        return None
    return WorkflowFields(
        packed=packed,
        workflow_file=workflow_file,
        enabled=enabled,
        permission_sets=permission_sets,
    )


def _read_runner(reader: PackReader) -> Runner:
    runner = _RUNTIME_REFS.get(str(reader.fields.get("runner_type")))
    if runner is not None:
        return runner
    return reader.read_word("runner_type", _RUNNERS, "shell")


def _read_timeout(reader: PackReader, default: float | None) -> Any:
    seconds = reader.reader.read_seconds(reader.fields, "timeout_seconds", (), above_zero=True)
    return default if seconds is None else seconds


def _read_runtime_version(reader: PackReader) -> str | None:
    text = reader.read_version_text("runtime_version")
    if text is None:
        return None

    try:
        read_range(text)
    except ValueError as error:
        reader.add_problem(f"`runtime_version`: {error}", "runtime_version")
    return text


def _read_attune_fields(reader: PackReader) -> dict[str, Any]:
    """Return the keys of a workflow's action that only the platform reads."""
    names = ["default_execution_permission_set_refs", *_PLATFORM_KEYS]
    fields = {name: reader.fields[name] for name in names if reader.fields.get(name) is not None}
    return fields | _read_worker_fields(reader)


def _read_worker_fields(reader: PackReader) -> dict[str, Any]:
    names = [name for name in reader.fields if name.startswith(_WORKER_PREFIX)]
    return {name: reader.fields[name] for name in names}


def _read_entry_point(reader: PackReader, folder: PackFolder, runner: Runner) -> Path | None:
    """Return the script of an action, or None if there is no such file in the pack."""
    text = _read_path(reader, "entry_point", "the folder `actions`")
    if text is None:
        return None
    if ".." in PurePosixPath(text).parts:
        message = f"`{text[:_MAX_PATH_LENGTH]}` leads out of the folder `actions`; move the file"
        reader.add_problem(f"{message} there", "entry_point")
        return None

    path = _find_file(reader, "entry_point", folder.real / ACTIONS_FOLDER / text, folder)
    if path is not None and runner == "native" and not os.access(path, os.X_OK):
        message = f"`{folder.name_of(path)}` is not executable; allow it with `chmod +x`"
        reader.add_problem(message, "entry_point")
    return path


def _read_workflow_file(reader: PackReader, path: Path, folder: PackFolder) -> Path | None:
    """Return the file of a workflow's tasks, or None if there is no such file in the pack."""
    text = _read_path(reader, "workflow_file", "the action's folder")
    if text is None:
        return None
    return _find_file(reader, "workflow_file", path.parent / text, folder)


def _read_path(reader: PackReader, key: str, start_name: str) -> str | None:
    """Return a relative path, or None if there is none.

    Args:
        reader: The reader of the action's file.
        key: The key.
        start_name: The folder that the path is relative to, as a message calls it.
    """
    text = reader.read_string(key)
    if text is None:
        return None
    if not text.strip():
        reader.add_problem(f"`{key}` is empty; write the name of a file", key)
        return None

    if PurePosixPath(text).is_absolute() or PureWindowsPath(text).drive:
        message = f"`{text[:_MAX_PATH_LENGTH]}` is an absolute path; write the path from"
        reader.add_problem(f"{message} {start_name}", key)
        return None
    return text


def _find_file(reader: PackReader, key: str, path: Path, folder: PackFolder) -> Path | None:
    """Return the file of a path, or None if there is no such file in the pack."""
    fault = folder.find_fault(path)
    if fault is None:
        if ".." in path.parts:
            return path.resolve()
        return path

    hint = _nearest_file(path) if fault == MISSING else ""
    reader.add_problem(f"`{reader.fields[key][:_MAX_PATH_LENGTH]}` {fault}{hint}", key)
    return None


def _nearest_file(path: Path) -> str:
    """Return a question that names a file with a similar name in the same folder."""
    try:
        names = [neighbour.name for neighbour in path.parent.iterdir()]
    except OSError:
        return ""
    return nearest(path.name, names)
