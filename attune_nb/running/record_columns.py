"""The parts of a run's row that are written alike for a run and for a child run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.actions.fingerprint import own_code, used_code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attune_nb.language.model import WorkflowSpec
    from attune_nb.running.request import RunOptions
    from attune_nb.values.secrets import Mask

__all__ = ["option_columns", "source_columns"]


def source_columns(workflow: WorkflowSpec, mask: Mask) -> dict[str, str]:
    """Return the name and the text of the source of a workflow, which positions refer to."""
    position = workflow.tasks[0].positions.name
    if position is None:
        return {"source_name": "<text>", "source_text": ""}
    source = position.source
    return {"source_name": source.name, "source_text": mask.text(source.text)}


def option_columns(options: RunOptions, code: Mapping[str, str], mask: Mask) -> dict[str, Any]:
    """Return the options of a run that its record holds, and the fingerprints of its actions.

    Args:
        options: The options.
        code: The fingerprints, by the path of the task.
        mask: Hides the secrets of the run.
    """
    from attune_nb.store.event_rows import plain_or_marker  # noqa: PLC0415 - SQLite is slow to import

    config = {} if options.config is None else dict(options.config)
    return {
        "backend": options.backend if isinstance(options.backend, str) else "other",
        "workers": options.workers,
        "concurrency": options.concurrency,
        "dry_run": options.dry_run,
        "allow_imports": options.allow_imports,
        "config": plain_or_marker(mask.value(config)),
        "mock": sorted(options.mock),
        "code": {path: own_code(fingerprint) for path, fingerprint in code.items()},
        "uses": {path: used_code(fingerprint) for path, fingerprint in code.items()},
        # older versions kept no log lines
        "logs": True,
    }
