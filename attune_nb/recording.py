"""What begins the record of a run: where it is kept, and what it was begun with."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING

from attune_nb.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from os import PathLike

    from attune_nb.events import Event
    from attune_nb.language.model import Workflow
    from attune_nb.preparing import Options, Prepared
    from attune_nb.store.claims import Claim
    from attune_nb.store.recorder import Recorder

__all__ = ["path_of", "recorder"]

_TOOK_PART = ("attune_nb", "jinja2", "msgspec", "pyrsistent", "pyyaml")


def recorder(
    store: str | PathLike[str] | None,
    workflow: Workflow,
    called: tuple[str, str],
    options: Options,
    ready: Prepared,
    claim: Claim | None = None,
    past: Sequence[Event] = (),
) -> Recorder | None:
    """Begin the record of a run, where there is a store.

    Args:
        store: As in `Workflow.run`.
        workflow: What is run.
        called: The run's id, and what the workflow is called.
        options: What was asked for.
        ready: What came of it.
        claim: The right to go on with a record that is there.
        past: The events that it holds.

    Raises:
        StoreError: The store cannot be used.
    """
    path = _path(store)
    if path is None:
        return None
    from attune_nb.language import export  # noqa: PLC0415 - no store, no need for any of these
    from attune_nb.store.recorder import Recorder, RunRecord  # noqa: PLC0415
    from attune_nb.store.values import to_plain  # noqa: PLC0415

    place = workflow.tasks[0].at.name
    hide = ready.mask.text
    record = RunRecord(
        run_id=called[0],
        workflow=hide(called[1]),
        text=export.to_record(workflow, hide),
        source_name=place.source.name if place else "<text>",
        source_text=hide(place.source.text) if place else "",
        options={
            "backend": options.backend if isinstance(options.backend, str) else "other",
            "workers": options.workers,
            "concurrency": options.concurrency,
            "dry_run": options.dry_run,
            "allow_imports": options.allow_imports,
            "config": to_plain(ready.mask.value(dict(options.config or {}))),
            "mock": sorted(options.mock),
            "mocked": sorted(ready.mocked),
            "secrets": sorted(ready.given.keys() - ready.parameters.keys()),
            "keys": sorted(options.keystore or {}),
            "masked": [
                name
                for name, value in ready.parameters.items()
                if ready.mask.value(value) is not value
            ],
            "masked_text": bool(ready.mask)
            and export.to_record(workflow, hide) != export.to_record(workflow, str),
        },
        versions={"python": platform.python_version(), **dict(_versions())},
    )
    return Recorder(path, record, ready.mask, claim, past)


def path_of(store: str | PathLike[str] | None) -> Path:
    """Give the file of a store.

    Raises:
        StoreError: None is named.
    """
    path = _path(store)
    if path is None:
        raise StoreError("no store is named; give its file with `store=`, or in ATTUNE_NB_STORE")
    return path


def _path(store: str | PathLike[str] | None) -> Path | None:
    given = os.environ.get("ATTUNE_NB_STORE", "none") if store is None else os.fspath(store)
    return None if given == "none" else Path(given).expanduser()


def _versions() -> Iterator[tuple[str, str]]:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - takes 9 ms

    for name in _TOOK_PART:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue
