"""Turn a parsed document into a `WorkflowSpec`, and collect every problem on the way."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

from attune_nb.errors import WorkflowError
from attune_nb.language.checks import flow
from attune_nb.language.describe import MAX_PROBLEMS
from attune_nb.language.model import CancellationPolicy, WorkflowSpec
from attune_nb.language.reading import read_parameters, read_tasks, yaml_source
from attune_nb.language.reading.field_reader import FieldReader
from attune_nb.language.reading.foreign_templates import find_foreign_templates
from attune_nb.reference.entry import names
from attune_nb.reference.workflow_keys import KEYS
from attune_nb.values.describe import describe, describe_with_value

if TYPE_CHECKING:
    from attune_nb.language.model import PackedFields
    from attune_nb.language.reading.yaml_source import KeyPath
    from attune_nb.templates.template import Template

__all__ = ["load_workflow"]

WORKFLOW_KEYS = names(KEYS, "workflow key")
CANCELLATION_POLICIES: tuple[CancellationPolicy, ...] = get_args(CancellationPolicy)


def load_workflow(
    text: str,
    name: str = "<text>",
    above: str = "",
    *,
    is_recorded: bool = False,
    packed: PackedFields | None = None,
) -> WorkflowSpec:
    """Read a workflow.

    Args:
        text: The YAML.
        name: The name of the text in messages.
        above: Lines that stand above the text where a person sees it, such as the first line
            of a cell. Positions count from there.
        is_recorded: The text is that of a run on record: one between `<%` and `%>`, which was
            plain text to earlier versions, still is.
        packed: The fields of the file of its action, if the text belongs to a pack. They count
            before those of the text.

    Raises:
        WorkflowError: The text has problems; the error has all of them, each with its position.
    """
    document = yaml_source.parse(text, name, above)
    foreign_templates = [*find_foreign_templates(document)]
    if foreign_templates and not is_recorded:
        raise WorkflowError(yaml_source.sort_by_position(foreign_templates))

    reader = FieldReader(document)
    workflow = _read_workflow(reader)
    if workflow is not None and packed is not None:
        workflow = _apply_packed_fields(workflow, packed)
        reader.unclear |= packed.unclear
    problems = list(reader.problems)

    if workflow is not None:
        flow_problems = flow.find_problems(workflow, frozenset(reader.unclear))
        problems += [problem for problem in flow_problems if problem.severity == "error"]

    if problems or workflow is None:
        # a check ends after MAX_PROBLEMS: with fewer problems in all, every check was completed
        unfinished = len(problems) >= MAX_PROBLEMS
        raise WorkflowError(yaml_source.sort_by_position(problems), unfinished)
    return workflow


def _read_workflow(reader: FieldReader) -> WorkflowSpec | None:
    data, path = _unwrap(reader)
    if isinstance(data, str):
        reader.add_problem(
            "a workflow must be an object with an array of `tasks`, not a string; to read it "
            "from a file of that name, use load_file",
            path,
        )
        return None

    if isinstance(data, list):
        reader.add_problem(
            "a workflow must be an object, not an array; if these are its tasks, write `tasks:` "
            "above them",
            path,
        )
        return None

    fields = reader.read_object(data, path, WORKFLOW_KEYS, "a workflow")
    if fields is None:
        return None
    if "tasks" not in fields:
        reader.add_missing_key("a workflow needs `tasks`: an array of tasks", path, "tasks")
        return None

    variables = _read_vars(reader, fields.get("vars"), (*path, "vars"))
    return WorkflowSpec(
        tasks=read_tasks.read_tasks(reader, fields["tasks"], (*path, "tasks")),
        parameters=read_parameters.read_parameters(
            reader, fields.get("parameters"), (*path, "parameters")
        ),
        vars=tuple((name, template) for name, template, _ in variables),
        output_map=_read_output_map(reader, fields, path),
        ref=reader.read_string(fields, "ref", path),
        label=reader.read_string(fields, "label", path),
        description=reader.read_string(fields, "description", path),
        tags=reader.read_names(fields.get("tags"), (*path, "tags"), "tags"),
        version=_read_version(reader, fields, path),
        output=_read_mapping(reader, fields, "output", path),
        cancellation_policy=reader.read_choice(
            fields, "cancellation_policy", path, CANCELLATION_POLICIES
        ),
        timeout=reader.read_seconds(fields, "timeout", path, above_zero=True),
        own_name=_read_name(reader, fields, path),
        vars_positions=tuple(reader.key_position(key_path) for _, _, key_path in variables),
        default_positions=read_parameters.read_default_positions(
            reader, fields.get("parameters"), (*path, "parameters")
        ),
    )


def _apply_packed_fields(workflow: WorkflowSpec, packed: PackedFields) -> WorkflowSpec:
    fields: dict[str, Any] = {"ref": packed.ref, "attune_fields": packed.attune_fields}
    for name in ("label", "description", "tags", "output", "timeout"):
        value = getattr(packed, name)
        if value:
            fields[name] = value

    if packed.parameters is not None:
        fields["parameters"] = packed.parameters
        fields["default_positions"] = packed.default_positions
    return replace(workflow, **fields)


def _read_name(reader: FieldReader, fields: dict[str, Any], path: KeyPath) -> str | None:
    name = reader.read_string(fields, "name", path)
    if name is None:
        return None

    fault = ""
    if not name.strip() or name != name.strip() or len(name) > read_tasks.MAX_NAME_LENGTH:
        fault = f"must have 1 to {read_tasks.MAX_NAME_LENGTH} characters, no space at its ends"
    elif not name.isprintable():
        fault = "must have only printable characters"
    elif name.startswith("core."):
        fault = "cannot begin with `core.`, which is reserved for built-in actions"
    if fault:
        reader.add_problem(f"the workflow's `name` {fault}", (*path, "name"))
        return None
    return name


def _unwrap(reader: FieldReader) -> tuple[Any, KeyPath]:
    """Return the workflow's data and path; it may stand below a key `workflow` of its own."""
    data: Any = reader.document.data
    if not isinstance(data, dict) or "workflow" not in data or "tasks" in data:
        return data, ()

    for key in data:
        if key != "workflow":
            message = f"`{key[:80]}` stands beside `workflow`; move it into `workflow`"
            reader.add_problem(message, (key,), key=True)
    return data["workflow"], ("workflow",)


def _read_vars(
    reader: FieldReader, value: Any, path: KeyPath
) -> list[tuple[str, Template, KeyPath]]:
    variables = []
    for name, template, variable_path in reader.read_pairs(value, path, "vars"):
        if template is not None:
            variables.append((name, template, variable_path))
    return variables


def _read_mapping(
    reader: FieldReader, fields: dict[str, Any], key: str, path: KeyPath
) -> dict[str, Any] | None:
    value = fields.get(key)
    if value is None or isinstance(value, dict):
        return value

    message = f"`{key}` must be an object of names and values, not {describe_with_value(value)}"
    reader.add_problem(message, (*path, key))
    return None


def _read_output_map(reader: FieldReader, fields: dict[str, Any], path: KeyPath) -> Template | None:
    value = _read_mapping(reader, fields, "output_map", path)
    if value is None:
        return None
    return reader.compile_value(value, (*path, "output_map"))


def _read_version(reader: FieldReader, fields: dict[str, Any], path: KeyPath) -> str:
    version_path = (*path, "version")
    value = fields.get("version")

    match value:
        case None:
            return "1.0.0"
        case str():
            return value
        case int() | float() if not isinstance(value, bool):
            # 1.10 is another version than 1.1, so the text counts and not the number
            text = reader.document.raw_text(version_path)
            if text:
                return text
            return str(value)

    message = f"`version` must be a string or a number, not {describe(value)}"
    reader.add_problem(message, version_path)
    return "1.0.0"
