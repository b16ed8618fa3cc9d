"""Write a workflow as the files of an Attune pack: the action, its tasks, and the manifest."""

from __future__ import annotations

import logging
import math
import re
import uuid
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attune_nb.errors import Problem, WorkflowError
from attune_nb.language.export import DEFAULT_VERSION, make_document, write_yaml
from attune_nb.language.platform_limits import find_platform_limits
from attune_nb.language.reading.yaml_source import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attune_nb.language.model import WorkflowSpec

__all__ = ["MANIFEST_FILE", "NAME", "find_pack_name", "write_pack"]

_log = logging.getLogger(__name__)

MANIFEST_FILE = "pack.yaml"
"""The file that describes a pack."""

# Warnings that an export logs.
_MAX_WARNINGS = 20

# Keys of the action's file, which an export writes.
_ACTION_KEYS = (
    "ref", "label", "description", "workflow_file", "timeout_seconds", "parameters", "output",
    "tags",
)  # fmt: skip

# Keys of the graph's file in a pack, after `version`.
_GRAPH_KEYS = ("vars", "tasks", "output_map", "cancellation_policy")

NAME = "[A-Za-z0-9_][A-Za-z0-9_-]{0,99}"
"""The pattern of the name of a pack, or of an action within it."""

_REF = re.compile(rf"(?P<pack>{NAME})\.(?P<name>{NAME})")


def write_pack(workflow: WorkflowSpec, folder: str | Path, ref: str | None) -> tuple[Path, Path]:
    """Write `actions/NAME.yaml` and `actions/workflows/NAME.workflow.yaml`; return their paths.

    The first file is the action: `ref`, `label`, `description`, `workflow_file`, `parameters`
    (flat, as Attune expects them), `output`, `tags`, and the workflow's `timeout` as
    `timeout_seconds`, rounded up. Other keys of a file that is there already stay, such as
    `enabled`, which is the setting of an operator. The second file is the graph: `version`
    (Attune requires it), `vars`, `tasks` with `join: all` as a number, `output_map`, and
    `cancellation_policy`, which Attune reads there. A folder without `pack.yaml` gets one.

    The two files together mean the same as the workflow. Parts that the platform does not know
    are logged as warnings.

    Args:
        workflow: The workflow to write.
        folder: The pack's folder. It is created if need be, and nothing is written outside it.
        ref: `pack.name`.

    Raises:
        WorkflowError: The ref is not `pack.name`, it is that of another pack than the folder's or
            of a script of the pack, or the files cannot be written.
    """
    pack, name = _parse_ref(ref)
    full_ref = f"{pack}.{name}"
    root = Path(folder)
    manifest = root / MANIFEST_FILE
    actions = root / "actions"
    workflows = actions / "workflows"
    graph_name = f"{name}.workflow.yaml"
    graph_path = workflows / graph_name
    action_path = actions / f"{name}.yaml"

    _check_pack(root, pack, name)
    kept_fields = _read_kept_fields(action_path, full_ref)
    fields = _action(workflow, full_ref, name, f"workflows/{graph_name}")
    # the workflow may set some of these keys itself
    fields |= {key: value for key, value in kept_fields.items() if key not in fields}
    texts = {
        graph_path: write_yaml(_graph(workflow)),
        action_path: write_yaml(fields),
    }
    if not manifest.exists():
        texts[manifest] = write_yaml({"ref": pack, "label": pack, "version": DEFAULT_VERSION})

    try:
        for path in (actions, workflows):
            if not path.resolve().is_relative_to(root.resolve()):
                raise WorkflowError([Problem(f"`{path}` is a link that leads out of the pack")])
        workflows.mkdir(parents=True, exist_ok=True)
        _write_files(texts)
    except (OSError, ValueError) as error:
        # a ValueError is raised for a NUL in the name
        reason = getattr(error, "strerror", None)
        if not reason:
            reason = str(error)
        message = f"cannot write to {str(root)!r}: {reason}"
        raise WorkflowError([Problem(message)]) from None

    _warn_of_limits(workflow)
    return action_path, graph_path


def find_pack_name(folder: str | Path) -> str | None:
    """Return the ref of the pack in a folder, or None if the folder has no readable `pack.yaml`."""
    ref = _read_fields(Path(folder) / MANIFEST_FILE).get("ref")
    return ref if isinstance(ref, str) else None


def _read_fields(path: Path) -> dict[str, Any]:
    """Return the fields of a file, or none if it cannot be read."""
    try:
        data = parse(path.read_text(encoding="utf-8")).data
    except (OSError, ValueError, WorkflowError):
        return {}
    return data if isinstance(data, dict) else {}


def _check_pack(root: Path, pack: str, name: str) -> None:
    """Refuse a ref of another pack than the folder's."""
    pack_of_folder = find_pack_name(root)
    if pack_of_folder in (None, pack):
        return

    manifest = str(root / MANIFEST_FILE)
    raise WorkflowError(
        [
            Problem(
                f"{manifest!r} is of the pack `{pack_of_folder}`, not of `{pack}`: pass "
                f"`ref='{pack_of_folder}.{name}'`, or another folder"
            )
        ]
    )


def _read_kept_fields(path: Path, ref: str) -> dict[str, Any]:
    """Return the fields of an action's file that an export does not write.

    Raises:
        WorkflowError: The file is that of a script.
    """
    if path.is_symlink():
        # it is replaced, and not followed
        return {}

    fields = _read_fields(path)
    if "entry_point" in fields:
        message = (
            f"{str(path)!r} is the action `{ref}`, which runs a script, and an export would "
            "replace it: pass another `ref`"
        )
        raise WorkflowError([Problem(message)])
    return {key: value for key, value in fields.items() if key not in _ACTION_KEYS}


def _warn_of_limits(workflow: WorkflowSpec) -> None:
    """Log the parts of an exported workflow that the platform does not know."""
    problems = find_platform_limits(workflow)
    for problem in problems[:_MAX_WARNINGS]:
        _log.warning("exported, but: %s", problem)
    if len(problems) > _MAX_WARNINGS:
        _log.warning("and %d more", len(problems) - _MAX_WARNINGS)


def _parse_ref(ref: str | None) -> tuple[str, str]:
    """Return the pack and the name of a ref."""
    if not ref:
        message = "a pack needs the workflow's `ref`: write `ref: pack.name` in it, or pass one"
        raise WorkflowError([Problem(message)])

    match = _REF.fullmatch(ref)
    if match is None:
        message = (
            f"`{ref[:80]}` is not a ref for a pack; write `pack.name`, both of letters, digits, "
            "`_` and `-`, and of at most 100 characters"
        )
        raise WorkflowError([Problem(message)])
    if match["pack"] == "core":
        message = f"`{ref}`: the pack `core` is built in; choose another name"
        raise WorkflowError([Problem(message)])
    return match["pack"], match["name"]


def _action(workflow: WorkflowSpec, ref: str, name: str, graph_file: str) -> dict[str, Any]:
    """Return the data of the action's file."""
    timeout = None
    if workflow.timeout is not None:
        timeout = math.ceil(workflow.timeout)
    # the platform requires one
    labels = [workflow.label, workflow.own_name, name]

    tags = list(workflow.tags) if workflow.tags else None
    fields = {
        "ref": ref,
        "label": next(filter(None, labels)),
        "description": workflow.description,
        "workflow_file": graph_file,
        "timeout_seconds": timeout,
        "parameters": _flatten_parameters(workflow.parameters),
        "output": workflow.output,
        "tags": tags,
    }
    written = {key: value for key, value in fields.items() if value is not None}
    return written | dict(workflow.attune_fields)


def _graph(workflow: WorkflowSpec) -> dict[str, Any]:
    """Return the data of the file of the tasks."""
    tasks = []
    for task in workflow.tasks:
        graph_task = task
        if task.join == "all":
            graph_task = replace(task, join=len(workflow.sources(task.name)))
        tasks.append(graph_task)

    document = make_document(replace(workflow, tasks=tuple(tasks)))
    graph = {key: document[key] for key in _GRAPH_KEYS if key in document}
    return {"version": workflow.version, **graph}


def _flatten_parameters(declared: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return parameters in Attune's flat form, if nothing is lost by it."""
    if not declared or not declared.keys() <= {"type", "properties", "required"}:
        return declared
    specs = declared.get("properties")
    if declared.get("type") != "object" or not isinstance(specs, dict):
        return declared

    required = declared.get("required", [])
    for name in required:
        if name not in specs or specs[name].get("required", True) is not True:
            return declared

    flat = dict(specs)
    for name in required:
        flat[name] = {**specs[name], "required": True}
    return flat


def _write_files(texts: Mapping[Path, str]) -> None:
    """Write each text to a temporary file, and replace the files when all are complete."""
    paths: dict[Path, Path] = {}
    try:
        for path, text in texts.items():
            temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
            with temporary.open("x", encoding="utf-8", newline="\n") as file:
                paths[temporary] = path
                file.write(text)

        for temporary, path in paths.items():
            temporary.replace(path)
    finally:
        for temporary in paths:
            temporary.unlink(missing_ok=True)
