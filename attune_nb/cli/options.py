"""Options that several commands share."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from attune_nb.cli.log_file import write_output_to

__all__ = [
    "Actions",
    "AllowImports",
    "Answers",
    "AsJson",
    "Attended",
    "Backend",
    "Concurrency",
    "Dark",
    "Debug",
    "DryRun",
    "Keystore",
    "LatestRunId",
    "LogFile",
    "Logs",
    "Mock",
    "NoProgress",
    "Otel",
    "Packs",
    "Parameters",
    "Params",
    "PassEnv",
    "RunId",
    "Secret",
    "SecretEnv",
    "Store",
    "Workers",
    "WorkflowFile",
    "find_modules_here",
    "output_option",
]

WorkflowFile = Annotated[Path, typer.Argument(metavar="FILE", help="the workflow's YAML file")]
LatestRunId = Annotated[
    str | None,
    typer.Argument(
        metavar="RUN",
        help="the run's id, or the beginning of it; RUN/TASK[INDEX] is a run within it; by "
        "default the latest run",
    ),
]

Parameters = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="a parameter: JSON or a literal of Python, otherwise a string; repeatable",
    ),
]
Params = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE|-", help="parameters: a YAML or JSON file; `-` reads standard input"
    ),
]
Actions = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE.py",
        help="a Python file that is executed, and whose functions are actions; repeatable",
    ),
]
Packs = Annotated[
    list[Path] | None,
    typer.Option(
        "--pack",
        metavar="FOLDER",
        help="a pack, or a folder of packs, whose actions and workflows can be used; repeatable",
    ),
]
AllowImports = Annotated[
    bool,
    typer.Option(
        "--allow-imports",
        help="allow `module:function` as an action, also from modules of the current folder",
    ),
]
PassEnv = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="a variable of the environment that actions of packs get; "
        "`AWS_*` means all that begin so; repeatable",
    ),
]
Mock = Annotated[
    list[str] | None,
    typer.Option(
        metavar="TASK=VALUE",
        help="a result for a task, or a failure such as `ValueError('no')`; "
        "no action runs then, as with --dry-run; repeatable",
    ),
]
Debug = Annotated[
    bool,
    typer.Option("--debug", help="run inline, where `breakpoint()` stops; shows no progress"),
]
NoProgress = Annotated[
    bool, typer.Option("--no-progress", help="show no progress while the workflow runs")
]
Logs = Annotated[
    str | None,
    typer.Option(
        metavar="all|none|N",
        help="how many of the lines that actions print and log are shown [default: all]; "
        "`attune-nb logs` has all",
    ),
]
Otel = Annotated[
    bool,
    typer.Option(
        "--otel",
        envvar="ATTUNE_NB_OTEL",
        help="send spans of the run by OpenTelemetry, set up by its variables such as "
        "OTEL_TRACES_EXPORTER",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="run the workflow without its actions")]

Backend = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="where attempts run: threads, processes, dask or inline"),
]
Workers = Annotated[
    int | None, typer.Option(metavar="N", help="threads for a task, or worker processes")
]
Concurrency = Annotated[
    int | None, typer.Option(metavar="N", help="overrides the concurrency of every task")
]
Answers = Annotated[
    list[str] | None,
    typer.Option(
        "--answer",
        metavar="TASK=VALUE|FILE",
        help="an answer to a question, or a YAML or JSON file with answers by task; repeatable",
    ),
]

Keystore = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|DICT", help="the values of `keystore`: a YAML or JSON file, or an object"
    ),
]
Secret = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME", help="ask for the value of `keystore.NAME` and do not show it; repeatable"
    ),
]
SecretEnv = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VARIABLE",
        help="take `keystore.NAME` from an environment variable; repeatable",
    ),
]

Store = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|none",
        help="the record of runs [default: ATTUNE_NB_STORE, or .attune/runs.db]",
    ),
]
RunId = Annotated[
    str | None,
    typer.Option(
        "--run-id",
        metavar="ID",
        help="the id of the new run, 12 digits from 0 to 9 and a to f [default: a random one]",
    ),
]
Attended = Annotated[
    bool,
    typer.Option(
        "--attended",
        help="wait while the run needs a person: other processes answer its questions",
    ),
]
LogFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="append all output to FILE; beyond 10 MB, its older part is dropped",
        callback=write_output_to,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="print the outcome as JSON")]
Dark = Annotated[bool, typer.Option("--dark", help="always dark; by default as the page is")]


def find_modules_here(*, allowed: bool) -> None:
    """Make modules of the current folder importable, as `python -m` does."""
    if allowed and "" not in sys.path:
        sys.path.insert(0, "")


def output_option(help_text: str) -> Any:
    """Return the option that names the file which a command writes."""
    return typer.Option("-o", "--output", metavar="FILE", help=help_text)
