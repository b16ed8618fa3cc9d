"""The record of a run: where it is stored, its first row, and its gaps."""

from __future__ import annotations

import logging
import os
import platform
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from attune_nb.actions.fingerprint import own_code, used_code
from attune_nb.errors import ParameterError, StoreError
from attune_nb.values.describe import describe_with_value
from attune_nb.values.frozen import describe_not_stored
from attune_nb.values.named_values import plain_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from os import PathLike
    from typing import Any

    from attune_nb.running.plan import RunPlan
    from attune_nb.running.request import RunOptions
    from attune_nb.store.reading import StoredRun
    from attune_nb.store.recorder import Recorder, RunRecord

__all__ = ["DEFAULT_STORE", "check_nothing_missing", "open_recorder", "store_option", "store_path"]

_log = logging.getLogger("attune_nb")

DEFAULT_STORE = str(Path(".attune", "runs.db"))
"""The store if none is named: in the current folder of the program."""

# packages whose versions are recorded
_PACKAGES = ("attune_nb", "jinja2", "msgspec", "pyrsistent", "pyyaml")


def open_recorder(plan: RunPlan, comparison: Mapping[str, Any]) -> Recorder | None:
    """Open the record of a run; return None if it has no store.

    If no store was named and the default one cannot be used, a warning is logged and the run
    is not recorded.

    Args:
        plan: The run.
        comparison: Digests that are equal for runs whose durations may be compared.

    Raises:
        StoreError: The store that was named cannot be used.
    """
    store = plan.request.observation.store
    path = _resolve_store(store)
    if path is None:
        return None

    from attune_nb.store.recorder import Recorder  # noqa: PLC0415 - SQLite is slow to import

    record = _make_record(plan, comparison)
    try:
        mask = plan.prepared.mask
        if plan.past is not None:
            # with the secret answers of the past
            mask = plan.past.state.context.mask
        return Recorder(path, record, mask, plan.claim, plan.recorded_events, plan.record_alerts)
    except StoreError as error:
        if store is not None or "ATTUNE_NB_STORE" in os.environ:
            raise
        _log.warning('the run is not recorded: %s (`store="none"` turns recording off)', error)
        return None


def _make_record(plan: RunPlan, comparison: Mapping[str, Any]) -> RunRecord:
    from attune_nb.language import export  # noqa: PLC0415 - a run without a store needs none of it
    from attune_nb.store.event_rows import plain_or_marker  # noqa: PLC0415
    from attune_nb.store.recorder import RunRecord  # noqa: PLC0415

    prepared = plan.prepared
    options = plan.request.options
    workflow = plan.request.workflow.spec
    hide = prepared.mask.text

    source_name = "<text>"
    source_text = ""
    position = workflow.tasks[0].positions.name
    if position is not None:
        source_name = position.source.name
        source_text = hide(position.source.text)

    text = export.to_record(workflow, hide)
    is_masked = bool(prepared.mask) and text != export.to_record(workflow, str)
    secret_names = prepared.parameters.keys() - prepared.recorded_parameters.keys()
    backend = options.backend if isinstance(options.backend, str) else "other"
    config = {} if options.config is None else dict(options.config)
    keystore = {} if options.keystore is None else options.keystore

    return RunRecord(
        run_id=plan.run_id,
        workflow=hide(plan.request.name),
        text=text,
        source_name=source_name,
        source_text=source_text,
        options={
            "backend": backend,
            "workers": options.workers,
            "concurrency": options.concurrency,
            "dry_run": options.dry_run,
            "origin": plan.origin,
            "allow_imports": options.allow_imports,
            "config": plain_or_marker(prepared.mask.value(config)),
            "mock": sorted(options.mock),
            "mocked": sorted(prepared.mocked),
            "unmade": sorted(prepared.state.unmade),
            "code": {path: own_code(code) for path, code in prepared.code.items()},
            "uses": {path: used_code(code) for path, code in prepared.code.items()},
            "alike": comparison,
            "secrets": sorted(secret_names),
            "keys": sorted(keystore),
            "masked_text": is_masked,
        },
        versions={"python": platform.python_version(), **dict(_package_versions())},
    )


def check_nothing_missing(
    stored: StoredRun,
    parameters: Mapping[str, Any],
    options: RunOptions,
    *,
    has_workflow: bool,
) -> None:
    """Check that everything that no record holds was passed again.

    Args:
        stored: The recorded run.
        parameters: All parameters of the new run.
        options: The options of the new run.
        has_workflow: Whether the workflow was passed again.

    Raises:
        ParameterError: Something is missing; the message names all of it.
    """
    missing = list(_missing_values(stored, parameters, options))
    if stored.options.get("masked_text") and not has_workflow:
        missing.append("the workflow's text, which contains a secret (`workflow=`)")
    if stored.options["backend"] == options.backend == "other":
        missing.append("the backend")

    if missing:
        raise ParameterError(
            f"the record of run {stored.run_id} does not hold {', '.join(missing)}; pass it again"
        )


def _missing_values(
    stored: StoredRun, parameters: Mapping[str, Any], options: RunOptions
) -> Iterator[str]:
    for name in stored.options.get("secrets", ()):
        if name not in parameters:
            yield f"the secret parameter `{name}`"

    for name, value in parameters.items():
        reason = describe_not_stored(value)
        if reason:
            yield f"parameter `{name}` ({reason})"

    keystore = {} if options.keystore is None else options.keystore
    for name in stored.options.get("keys", ()):
        if name not in keystore:
            yield f"`{name}` of the keystore"

    for name in stored.options["mock"]:
        if name not in options.mock:
            yield f"the mock of `{name}`"


def store_path(store: str | PathLike[str] | None) -> Path:
    """Return the file of a store; by default that of ATTUNE_NB_STORE, else the default one.

    Raises:
        StoreError: The store is `none`.
    """
    path = _resolve_store(store)
    if path is None:
        raise StoreError("the store is `none`; pass its file as `store=`, or in ATTUNE_NB_STORE")
    return path


def store_option(store: Path) -> str:
    """Return the option that names a store, if it is not the one that is used without it."""
    try:
        if store_path(None) == store:
            return ""
    except StoreError:
        pass
    return f" --store {shlex.quote(str(store))}"


def _resolve_store(store: str | PathLike[str] | None) -> Path | None:
    if store is None:
        store = os.environ.get("ATTUNE_NB_STORE") or DEFAULT_STORE
    name: Any = store
    if issubclass(type(store), os.PathLike):
        name = os.fspath(name)
    name = plain_text(name)
    if type(name) is not str or not name:
        raise StoreError(
            "`store` must be the path of a file, or 'none' for a run without a record, not "
            f"{describe_with_value(name)}"
        )

    if name == "none":
        return None
    try:
        return Path(name).expanduser()
    except RuntimeError as error:
        raise StoreError(f"the store {name} is in no folder: {error}") from None


def _package_versions() -> Iterator[tuple[str, str]]:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - takes 9 ms

    for name in _PACKAGES:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue
