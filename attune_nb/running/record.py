"""What begins the record of a run: where it is kept, and what it was begun with."""

from __future__ import annotations

import logging
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING

from attune_nb.errors import ParameterError, StoreError
from attune_nb.values.frozen import describe_not_stored

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from os import PathLike
    from typing import Any

    from attune_nb.events import Event
    from attune_nb.language.model import WorkflowSpec
    from attune_nb.running.prepare import Options, Prepared
    from attune_nb.store.claims import Claim
    from attune_nb.store.reading import StoredRun
    from attune_nb.store.recorder import Recorder

__all__ = ["USUAL", "path_of", "recorder", "refuse_missing"]

_log = logging.getLogger("attune_nb")
USUAL = str(Path(".attune", "runs.db"))
"""The store where none is named: in the folder that the program runs in."""

_TOOK_PART = ("attune_nb", "jinja2", "msgspec", "pyrsistent", "pyyaml")


def recorder(
    store: str | PathLike[str] | None,
    workflow: WorkflowSpec,
    called: tuple[str, str],
    options: Options,
    ready: Prepared,
    claim: Claim | None = None,
    past: Sequence[Event] = (),
    alike: Mapping[str, Any] | None = None,
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
        alike: What tells whether the run may be compared with another.

    Raises:
        StoreError: The store that was named cannot be used. Where none was, and the usual place
            cannot be written to, that is told, and there is no record.
    """
    path = _path(store)
    if path is None:
        return None
    from attune_nb.language import export  # noqa: PLC0415 - no store, no need for any of these
    from attune_nb.store.json_values import to_plain  # noqa: PLC0415
    from attune_nb.store.recorder import Recorder, RunRecord  # noqa: PLC0415

    place = workflow.tasks[0].positions.name
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
            "code": ready.code,
            "alike": alike,
            "secrets": sorted(ready.given.keys() - ready.parameters.keys()),
            "keys": sorted(options.keystore or {}),
            "masked_text": bool(ready.mask)
            and export.to_record(workflow, hide) != export.to_record(workflow, str),
        },
        versions={"python": platform.python_version(), **dict(_versions())},
    )
    try:
        return Recorder(path, record, ready.mask, claim, past)
    except StoreError as error:
        if store is not None or "ATTUNE_NB_STORE" in os.environ:
            raise
        _log.warning('the run is not recorded: %s (`store="none"` asks for that)', error)
        return None


def refuse_missing(
    stored: StoredRun,
    given: Mapping[str, Any],
    options: Options,
    *,
    has_workflow: bool,
) -> None:
    """Refuse to go on with a run without what no record holds.

    Args:
        stored: The run.
        given: All parameters that it will have.
        options: What it will be run with.
        has_workflow: Whether the workflow was given again.

    Raises:
        ParameterError: Something is to be given again; all of it is told.
    """
    known, missing = stored.options, []
    missing += [f"the secret parameter `{n}`" for n in known.get("secrets", ()) if n not in given]
    missing += [
        f"parameter `{name}` ({describe_not_stored(each)})"
        for name, each in given.items()
        if describe_not_stored(each)
    ]
    missing += [
        f"`{name}` of the keystore"
        for name in known.get("keys", ())
        if name not in (options.keystore or {})
    ]
    missing += [f"the mock of `{name}`" for name in known["mock"] if name not in options.mock]
    if known.get("masked_text") and not has_workflow:
        missing.append("the workflow's text, in which a secret stands (`workflow=`)")
    if known["backend"] == options.backend == "other":
        missing.append("the backend")
    if missing:
        raise ParameterError(
            f"the record of run {stored.run_id} does not hold {', '.join(missing)}; give it again"
        )


def path_of(store: str | PathLike[str] | None) -> Path:
    """Give the file of a store.

    Raises:
        StoreError: It is `none`.
    """
    path = _path(store)
    if path is None:
        raise StoreError("the store is `none`; give its file with `store=`, or in ATTUNE_NB_STORE")
    return path


def _path(store: str | PathLike[str] | None) -> Path | None:
    given = (os.environ.get("ATTUNE_NB_STORE") or USUAL) if store is None else store
    if not given or not isinstance(given, str | os.PathLike):
        raise StoreError(
            f"the store is {given!r}; give the path of a file, or 'none' for a run without a record"
        )
    given = os.fspath(given)
    return None if given == "none" else Path(given).expanduser()


def _versions() -> Iterator[tuple[str, str]]:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - takes 9 ms

    for name in _TOOK_PART:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue
