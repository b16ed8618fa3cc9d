"""A parsed document to a `Workflow`, collecting every problem on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.errors import WorkflowError
from attune_nb.language.checks import flow
from attune_nb.language.describe import MAX_PROBLEMS, kind_of
from attune_nb.language.model import WorkflowSpec
from attune_nb.language.reading import read_parameters, read_tasks, yaml_source
from attune_nb.language.reading.field_reader import FieldReader

if TYPE_CHECKING:
    from attune_nb.templates.template import Template

    Path = tuple[str | int, ...]

__all__ = ["load_workflow"]

WORKFLOW_KEYS = (
    "ref",
    "label",
    "description",
    "tags",
    "version",
    "parameters",
    "output",
    "vars",
    "tasks",
    "output_map",
    "cancellation_policy",
    "timeout",
)
CANCELLATION_POLICIES = ("allow_finish", "cancel_running")


def load_workflow(text: str, name: str = "<text>", above: str = "") -> WorkflowSpec:
    """Read a workflow.

    Raises:
        WorkflowError: With every problem found, each with its position.
    """
    reader = FieldReader(yaml_source.parse(text, name, above))
    workflow = _workflow(reader)
    problems = list(reader.problems)
    if workflow is not None:
        found = flow.find_problems(workflow, frozenset(reader.unclear))
        problems += [each for each in found if each.severity == "error"]
    if problems or workflow is None:
        # each check ends after so many, and with fewer in all none has
        raise WorkflowError(yaml_source.sort_by_position(problems), len(problems) >= MAX_PROBLEMS)
    return workflow


def _workflow(reader: FieldReader) -> WorkflowSpec | None:
    data: Any = reader.document.data
    root: Path = ()
    if isinstance(data, dict) and "workflow" in data and "tasks" not in data:
        for key in data:
            if key != "workflow":
                message = f"`{key[:80]}` stands beside `workflow`; move it into it"
                reader.add_problem(message, (key,), key=True)
        data, root = data["workflow"], ("workflow",)
    if isinstance(data, str):
        reader.add_problem(
            "a workflow is a map with a list of `tasks`, not a text; is it a file's name? "
            "then use load_file",
            root,
        )
        return None
    fields = reader.read_object(data, root, WORKFLOW_KEYS, "a workflow")
    if fields is None:
        return None
    if "tasks" not in fields:
        reader.add_missing_key("a workflow needs `tasks`: a list of tasks", root, "tasks")
        return None
    named = _vars(reader, fields.get("vars"), (*root, "vars"))
    return WorkflowSpec(
        tasks=read_tasks.read_tasks(reader, fields["tasks"], (*root, "tasks")),
        parameters=read_parameters.read_parameters(
            reader, fields.get("parameters"), (*root, "parameters")
        ),
        vars=tuple((name, template) for name, template, _ in named),
        output_map=_output_map(reader, fields, root),
        ref=reader.read_string(fields, "ref", root),
        label=reader.read_string(fields, "label", root),
        description=reader.read_string(fields, "description", root),
        tags=reader.read_names(fields.get("tags"), (*root, "tags"), "tags"),
        version=_version(reader, fields, root),
        output=_map(reader, fields, "output", root),
        cancellation_policy=reader.read_choice(
            fields, "cancellation_policy", root, CANCELLATION_POLICIES
        ),
        timeout=reader.read_seconds(fields, "timeout", root, above_zero=True),
        vars_positions=tuple(reader.key_position(path) for _, _, path in named),
    )


def _vars(reader: FieldReader, value: Any, path: Path) -> list[tuple[str, Template, Path]]:
    return [
        (name, template, here)
        for name, template, here in reader.read_pairs(value, path, "vars")
        if template is not None
    ]


def _map(
    reader: FieldReader, fields: dict[str, Any], key: str, root: Path
) -> dict[str, Any] | None:
    value = fields.get(key)
    if value is not None and not isinstance(value, dict):
        reader.add_problem(
            f"`{key}` is a map of names and values, not {kind_of(value)}", (*root, key)
        )
        return None
    return value


def _output_map(reader: FieldReader, fields: dict[str, Any], root: Path) -> Template | None:
    value = _map(reader, fields, "output_map", root)
    return None if value is None else reader.compile_value(value, (*root, "output_map"))


def _version(reader: FieldReader, fields: dict[str, Any], root: Path) -> str:
    value = fields.get("version")
    if value is None:
        return "1.0.0"
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        # 1.10 is not 1.1: the text itself is the version
        return reader.document.raw_text((*root, "version")) or str(value)
    reader.add_problem(f"`version` is a text or a number, not {kind_of(value)}", (*root, "version"))
    return "1.0.0"
