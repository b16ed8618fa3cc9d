"""The record of a run: where it is stored, its first row, and its gaps."""

from __future__ import annotations

import logging
import os
import platform
from typing import TYPE_CHECKING

from attune_nb.errors import ParameterError, StoreError
from attune_nb.running.record_columns import option_columns, source_columns
from attune_nb.running.store_paths import resolve_store
from attune_nb.values.frozen import describe_not_stored

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from attune_nb.language.model import WorkflowSpec
    from attune_nb.log_batches import RunLogs
    from attune_nb.packs.model import PackManifest
    from attune_nb.packs.pack_set import PackSet
    from attune_nb.running.plan import RunPlan
    from attune_nb.running.request import RunOptions
    from attune_nb.store.reading import StoredRun
    from attune_nb.store.recorder import Recorder
    from attune_nb.store.run_writer import RunRecord

__all__ = ["check_nothing_missing", "open_recorder"]

_log = logging.getLogger("attune_nb")

# packages whose versions are recorded
_PACKAGES = ("attune_nb", "jinja2", "msgspec", "pyrsistent", "pyyaml")


def open_recorder(plan: RunPlan, comparison: Mapping[str, Any], logs: RunLogs) -> Recorder | None:
    """Open the record of a run; return None if it has no store.

    If no store was named and the default one cannot be used, a warning is logged and the run
    is not recorded.

    Args:
        plan: The run.
        comparison: Digests that are equal for runs whose durations may be compared.
        logs: The log lines of the run, which grow.

    Raises:
        StoreError: The store that was named cannot be used.
    """
    store = plan.request.observation.store
    path = resolve_store(store)
    if path is None:
        return None

    from attune_nb.store.database import create  # noqa: PLC0415 - SQLite is slow to import
    from attune_nb.store.recorder import Recorder  # noqa: PLC0415
    from attune_nb.store.run_writer import RunWriter  # noqa: PLC0415

    record = _make_record(plan, comparison)
    # the current folder may change while the run is in progress
    path = path.absolute()
    try:
        create(path)
        mask = plan.prepared.mask
        if plan.past is not None:
            # with the secret answers of the past
            mask = plan.past.state.context.mask
        writer = RunWriter(
            path, record, mask, plan.claim, plan.recorded_events, plan.record_alerts, logs
        )
        return Recorder(writer)
    except StoreError as error:
        if store is not None or "ATTUNE_NB_STORE" in os.environ:
            raise
        _log.warning('the run is not recorded: %s (`store="none"` turns recording off)', error)
        return None


def _make_record(plan: RunPlan, comparison: Mapping[str, Any]) -> RunRecord:
    from attune_nb.language import export  # noqa: PLC0415 - a run without a store needs none of it
    from attune_nb.store.run_writer import RunRecord  # noqa: PLC0415

    prepared = plan.prepared
    options = plan.request.options
    workflow = plan.request.workflow.spec
    hide = prepared.mask.text

    text = export.to_record(workflow, hide)
    is_masked = bool(prepared.mask) and text != export.to_record(workflow, str)
    secret_names = prepared.parameters.keys() - prepared.recorded_parameters.keys()
    keystore = {} if options.keystore is None else options.keystore
    pack_keys = {} if options.keys is None else options.keys

    return RunRecord(
        run_id=plan.run_id,
        workflow=hide(plan.request.name),
        text=text,
        **source_columns(workflow, prepared.mask),
        options={
            **option_columns(options, prepared.code, prepared.mask),
            "origin": plan.origin,
            "mocked": sorted(prepared.mocked),
            "unmade": sorted(prepared.state.unmade),
            "alike": comparison,
            "secrets": sorted(secret_names),
            "keys": sorted(keystore),
            "pack_keys": sorted(pack_keys),
            "packs": [_describe_pack(pack) for pack in _used_packs(workflow, options.packs)],
            "masked_text": is_masked,
        },
        versions={"python": platform.python_version(), **dict(_package_versions())},
    )


def _used_packs(workflow: WorkflowSpec, packs: PackSet) -> list[PackManifest]:
    """Return the packs of the actions of a workflow, also of the workflows that it runs."""
    refs: set[str] = set()
    pending = [workflow]
    while pending:
        for _, task in pending.pop().walk():
            ref = task.action
            if ref is None or ref in refs:
                continue
            refs.add(ref)
            nested = packs.workflows.get(ref)
            if nested is not None:
                pending.append(nested.spec)

    return [
        pack.manifest
        for pack in packs.contents
        if not refs.isdisjoint([*pack.actions, *pack.workflows])
    ]


def _describe_pack(manifest: PackManifest) -> dict[str, str]:
    return {
        "ref": manifest.ref,
        "version": manifest.version,
        "folder": str(manifest.folder),
    }


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

    yield from _missing_keys(stored, options)
    yield from _missing_packs(stored, options)
    for name in stored.options["mock"]:
        if name not in options.mock:
            yield f"the mock of `{name}`"


def _missing_keys(stored: StoredRun, options: RunOptions) -> Iterator[str]:
    keys = {} if options.keys is None else options.keys
    for name in stored.options.get("pack_keys", ()):
        if name not in keys:
            yield f"the key `{name}` (`keys=`)"


def _missing_packs(stored: StoredRun, options: RunOptions) -> Iterator[str]:
    refs = {pack.ref for pack in options.packs.contents}
    for recorded in stored.options.get("packs", ()):
        if recorded["ref"] not in refs:
            folder = recorded["folder"]
            yield (
                f"the pack `{recorded['ref']}` (`packs=`, in a shell `--pack`; it was in {folder})"
            )


def _package_versions() -> Iterator[tuple[str, str]]:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - takes 9 ms

    for name in _PACKAGES:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue
