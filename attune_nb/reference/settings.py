"""The variables of the environment that attune_nb reads, and those that it sets for processes."""

from __future__ import annotations

from attune_nb.reference.entry import Entry

__all__ = ["VARIABLES"]

_READ = "read"
_OTEL = "OpenTelemetry"
_SET = "packs"


def _variable(group: str, name: str, values: str, explanation: str, *related: str) -> Entry:
    return Entry(
        "environment variable", name, explanation, values=values, related=related, group=group
    )


VARIABLES: tuple[Entry, ...] = (
    _variable(
        _READ,
        "ATTUNE_NB_STORE",
        "a path, or `none`; default `.attune/runs.db` in the current folder",
        "The file of the store, in which runs are recorded; with `none` no run is.",
        "records",
    ),
    _variable(
        _READ,
        "ATTUNE_NB_CACHE",
        "a path; default the user's cache",
        "The folder of the environments of packs.",
        "pack packages",
    ),
    _variable(
        _READ,
        "ATTUNE_NB_OTEL",
        "`1`",
        "Send the spans of every run of the command line by OpenTelemetry, as `--otel` does.",
    ),
    _variable(
        _READ,
        "ATTUNE_NB_WIDGETS",
        "`0` or `1`",
        "Whether a cell may show widgets and ask a question in a form. Without it the program "
        "that started the kernel decides.",
        "questions",
    ),
    _variable(
        _READ,
        "ATTUNE_NB_SAVE_ANYWHERE",
        "`1`",
        "Allow `save_to` of `core.http_request` to write outside the current folder.",
        "core.http_request",
    ),
    _variable(
        _READ,
        "ATTUNE_KEY_*",
        "a string",
        "A key for the actions of packs: `ATTUNE_KEY_JIRA_CREDENTIALS` holds `jira.credentials`.",
        "pack API",
    ),
    _variable(
        _OTEL,
        "OTEL_TRACES_EXPORTER",
        "`otlp`, `console`, `none` or the name of another exporter",
        "Where the spans of the command line and of cells go, unless the program has set a tracer "
        "provider.",
    ),
    _variable(
        _OTEL,
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "`grpc` or `http/protobuf`",
        "The protocol of `otlp`.",
    ),
    _variable(
        _OTEL,
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
        "`grpc` or `http/protobuf`",
        "The protocol of `otlp`, before `OTEL_EXPORTER_OTLP_PROTOCOL`.",
    ),
    _variable(
        _OTEL,
        "OTEL_SDK_DISABLED",
        "`true`",
        "Send no spans.",
    ),
    _variable(
        _SET,
        "ATTUNE_ACTION",
        "`hostkit.disk`",
        "The ref of the action that runs.",
        "pack API",
    ),
    _variable(_SET, "ATTUNE_PACK_REF", "`hostkit`", "The ref of its pack.", "pack API"),
    _variable(
        _SET,
        "ATTUNE_EXEC_ID",
        "an integer",
        "The number of the execution: a new one for each attempt.",
        "pack API",
    ),
    _variable(
        _SET,
        "ATTUNE_PARAMETER_DELIVERY",
        "`stdin` or `file`",
        "The way in which the action gets its parameters.",
        "parameter_delivery",
    ),
    _variable(
        _SET,
        "ATTUNE_PARAMETER_FORMAT",
        "`json`, `yaml` or `dotenv`",
        "The format of its parameters.",
        "parameter_format",
    ),
    _variable(
        _SET,
        "ATTUNE_PARAMETER_FILE",
        "a path",
        "The file of its parameters, if they come in one.",
        "parameter_delivery",
    ),
    _variable(
        _SET,
        "ATTUNE_API_URL",
        "an address on this machine",
        "The API of the run: keys, inquiries and artifacts.",
        "pack API",
    ),
    _variable(
        _SET,
        "ATTUNE_API_TOKEN",
        "a secret",
        "The token for that API. It is valid for this attempt alone.",
        "pack API",
    ),
    _variable(
        _SET,
        "ATTUNE_ARTIFACTS_DIR",
        "a path",
        "The folder of the files of artifacts.",
        "pack API",
    ),
)
"""The variables; the group tells those that attune_nb reads from those of an action's process."""
