"""The keys of the files of a pack: `pack.yaml`, and the files below `actions/`.

The reader of packs knows exactly these keys, and the older spellings of some of them.
"""

from __future__ import annotations

from attune_nb.reference.entry import Entry

__all__ = ["ACTION_KEYS", "MANIFEST_KEYS"]

_MANIFEST = "ref: hostkit\nversion: 1.0.0"
_ACTION = "ref: hostkit.disk\nentry_point: disk.sh"


def _manifest_key(
    name: str, explanation: str, line: str, values: str, related: tuple[str, ...] = ()
) -> Entry:
    """Return the entry of a key of `pack.yaml`; its example is such a file with the line in it."""
    example = _add_line(_MANIFEST, line)
    return Entry("pack key", name, explanation, example, values=values, related=related)


def _action_key(
    name: str, explanation: str, line: str, values: str, related: tuple[str, ...] = ()
) -> Entry:
    """Return the entry of a key of an action; its example is such a file with the line in it."""
    example = _add_line(_ACTION, line)
    return Entry("pack action key", name, explanation, example, values=values, related=related)


def _add_line(text: str, line: str) -> str:
    """Return the text of a file with a line, which it may have already."""
    if line in text.splitlines():
        return text
    return f"{text}\n{line}"


MANIFEST_KEYS: tuple[Entry, ...] = (
    _manifest_key(
        "ref",
        "The name of the pack: the first part of the refs of its actions.",
        "ref: hostkit",
        "a string of letters, digits, `_` and `-`; required",
        ("version", "entry_point"),
    ),
    _manifest_key(
        "version",
        "The version of the pack.",
        "version: 1.0.0",
        "a string or a number; required",
        ("ref",),
    ),
    _manifest_key(
        "label",
        "The title of the pack, for people. An older spelling is `name`.",
        "label: Host kit",
        "a string",
        ("description", "tags"),
    ),
    _manifest_key(
        "description",
        "The purpose of the pack, for people.",
        "description: Looks after hosts.",
        "a string",
        ("label",),
    ),
    _manifest_key(
        "conf_schema",
        "The settings of the pack on the Attune platform, declared like the parameters of an "
        "action. An older spelling is `config_schema`.",
        "conf_schema: {base_url: {type: string}}",
        "an object of names, each with an object of parameter keys",
        ("parameters",),
    ),
    _manifest_key(
        "meta",
        "Further data, for catalogues of packs. An older spelling is `metadata`.",
        "meta: {team: operations}",
        "an object",
        ("tags",),
    ),
    _manifest_key(
        "tags",
        "Words for searches. An older spelling is `keywords`.",
        "tags: [hosts, disks]",
        "a name, or an array of names",
        ("label",),
    ),
    _manifest_key(
        "runtime_deps",
        "The kinds of programs that run the pack's actions, for readers and for the platform.",
        "runtime_deps: [shell, python]",
        "an array of names",
        ("runner_type", "dependencies"),
    ),
    _manifest_key(
        "dependencies",
        "The refs of the packs whose actions this one uses. They must be loaded beside it.",
        "dependencies: [core]",
        "an array of refs",
        ("runtime_deps",),
    ),
)
"""The keys of `pack.yaml`."""

ACTION_KEYS: tuple[Entry, ...] = (
    _action_key(
        "ref",
        "The name by which workflows call the action: the pack's ref, a dot and a name.",
        "ref: hostkit.disk",
        "`pack.name`; required",
        ("entry_point", "label"),
    ),
    _action_key(
        "label",
        "The title of the action, for people.",
        "label: Free disk",
        "a string",
        ("description",),
    ),
    _action_key(
        "description",
        "The purpose of the action, for people.",
        "description: Measures the free space of a disk.",
        "a string",
        ("label",),
    ),
    _action_key(
        "entry_point",
        "The script or program of the action: a file below `actions/`. It runs as a process of "
        "its own, in the pack's folder.",
        "entry_point: disk.sh",
        "a path from `actions/`, inside the pack; required without `workflow_file`",
        ("runner_type", "parameter_delivery", "output_format"),
    ),
    Entry(
        "pack action key",
        "workflow_file",
        "The file of the tasks, if the action is a workflow. Parameters, output and label stand "
        "in the action's file, `tasks` in this one.",
        "ref: hostkit.flow\nworkflow_file: workflows/flow.workflow.yaml",
        values="a path from `actions/`, inside the pack",
        related=("entry_point", "tasks"),
    ),
    _action_key(
        "runner_type",
        "The program that runs the entry point: `/bin/bash`, Python, Node.js, or none for a "
        "program that runs by itself.",
        "runner_type: shell",
        "`shell`, `bash`, `sh`; `python`, `python3`; `nodejs`, `node`, `node.js`; `native`, "
        "`builtin`, `standalone`; default `shell`",
        ("runtime_version", "entry_point"),
    ),
    _action_key(
        "runtime_version",
        "The versions of Python or Node.js that can run it. A bare `3.12` allows every 3.12.x.",
        'runtime_version: ">=3.11"',
        "a range of versions: `>=3.11`, `~3.12`, `^18`, `>=18 <21`",
        ("runner_type",),
    ),
    _action_key(
        "parameters",
        "The parameters of the action. They are judged before its process starts.",
        "parameters: {path: {type: string, required: true}}",
        "an object of names, each with an object of parameter keys",
        ("output", "secret", "parameter_format"),
    ),
    _action_key(
        "output",
        "The keys of the data that the action prints. A value of a `secret` one is never shown.",
        "output: {free_percent: {type: integer}}",
        "an object of names, each with an object of parameter keys",
        ("output_format", "parameters"),
    ),
    _action_key(
        "parameter_delivery",
        "Whether the process reads its parameters from standard input, or from the file that "
        "`ATTUNE_PARAMETER_FILE` names.",
        "parameter_delivery: file",
        "`stdin` or `file`; default `stdin`",
        ("parameter_format",),
    ),
    _action_key(
        "parameter_format",
        "The text format of the parameters: JSON in one line, YAML, or lines of `key='value'`, "
        "sorted. In these, an object is flattened to `key.inner`, an array is JSON, null is empty, "
        "and no value can have a line break.",
        "parameter_format: dotenv",
        "`json`, `yaml` or `dotenv`; default `json`",
        ("parameter_delivery",),
    ),
    _action_key(
        "output_format",
        "The format of the output of the process: the result has `exit_code`, `duration_ms`, "
        "`succeeded`, `stderr`, and `stdout`, or `data` if another format than `text` was read. "
        "`json` is all of the output, or else its last line; `jsonl` the array of the lines that "
        "are JSON. If none comes, an alert says so.",
        "output_format: json",
        "`text`, `json`, `yaml` or `jsonl`; default `text`",
        ("output",),
    ),
    _action_key(
        "timeout_seconds",
        "The seconds that the action may take if its task has no `timeout`. Then it is ended, "
        "with all processes that it has started: by SIGTERM, and by SIGKILL 10 s later.",
        "timeout_seconds: 60",
        "a number above 0; default 600",
        ("timeout",),
    ),
    _action_key(
        "enabled",
        "Whether the action may run.",
        "enabled: true",
        "a boolean; default true",
    ),
    _action_key(
        "tags",
        "Words for searches. An older spelling is `keywords`.",
        "tags: [disks]",
        "a name, or an array of names",
        ("label",),
    ),
    _action_key(
        "default_execution_permission_set_refs",
        "The rights of the action on the Attune platform. It is kept, and has no effect here.",
        "default_execution_permission_set_refs: [standard]",
        "an array of names",
        ("enabled",),
    ),
)
"""The keys of a file below `actions/`."""
