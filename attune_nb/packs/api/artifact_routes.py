"""The routes for artifacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.packs.api.replies import (
    MAX_REF_LENGTH,
    ApiError,
    check_ref,
    decode_body,
    now,
    page,
    wrap,
)
from attune_nb.packs.artifacts.files import size_of
from attune_nb.packs.artifacts.model import ArtifactType  # noqa: TC001 - msgspec reads it

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attune_nb.packs.api.call import Call
    from attune_nb.packs.api.run_services import RunServices
    from attune_nb.packs.artifacts.model import Artifact, ArtifactVersion

__all__ = [
    "allocate",
    "allocate_by_ref",
    "append_progress",
    "create",
    "read",
    "read_by_ref",
    "read_page",
]

# the fields by which a list can be filtered
_FILTERS = ("scope", "owner", "type", "visibility", "execution", "name")


class _ArtifactFields(msgspec.Struct, kw_only=True):
    """The fields of a new artifact, in a request."""

    scope: str | None = None
    owner: str | None = None
    visibility: str | None = None
    retention_policy: str | None = None
    retention_limit: int | None = None
    name: str | None = None
    description: str | None = None
    content_type: str | None = None
    execution: int | None = None

    def for_artifact(self, call: Call) -> dict[str, Any]:
        """Return the fields that have a value, and the defaults from the attempt that sent them."""
        fields: dict[str, Any] = {
            "owner": call.attempt.action,
            "execution": call.attempt.execution,
        }
        for name in _ArtifactFields.__struct_fields__:
            value = getattr(self, name)
            if value is not None:
                fields[name] = value
        return fields


class _NewArtifact(_ArtifactFields, kw_only=True):
    """The body of `POST /artifacts`."""

    ref: str
    type: ArtifactType
    data: Any = None


class _NewVersionByRef(_ArtifactFields, kw_only=True):
    """The body of `POST /artifacts/ref/{ref}/versions/file`."""

    type: ArtifactType | None = None
    created_by: str | None = None
    meta: Any = None


class _NewVersion(msgspec.Struct, kw_only=True):
    """The body of `POST /artifacts/{id}/versions/file`."""

    content_type: str | None = None
    created_by: str | None = None
    execution: int | None = None
    meta: Any = None


class _NewEntry(msgspec.Struct, kw_only=True):
    """The body of `POST /artifacts/{id}/progress`."""

    entry: Any


def create(services: RunServices, call: Call) -> tuple[int, Any]:
    """Add an artifact.

    Raises:
        ApiError: There is an artifact with this ref.
    """
    body = decode_body(call.body, _NewArtifact)
    check_ref(body.ref, "an artifact")
    fields = body.for_artifact(call)
    artifact = services.artifacts.create(body.ref, body.type, now(), data=body.data, **fields)
    if artifact is None:
        raise ApiError(409, "CONFLICT", f"there is an artifact `{body.ref}`")
    return 201, wrap(_describe(services, artifact))


def allocate_by_ref(services: RunServices, call: Call) -> tuple[int, Any]:
    """Add a version to an artifact; return the path for its file. A new ref adds the artifact."""
    body = decode_body(call.body_or_empty, _NewVersionByRef)
    check_ref(call.ref, "an artifact")
    kind = "file_text" if body.type is None else body.type
    artifact = services.artifacts.find_or_create(call.ref, kind, now(), **body.for_artifact(call))
    return _add_version(
        services,
        call,
        artifact,
        content_type=body.content_type,
        created_by=body.created_by,
        execution=body.execution,
        meta=body.meta,
    )


def allocate(services: RunServices, call: Call) -> tuple[int, Any]:
    """Add a version to an artifact; return the path for its file."""
    body = decode_body(call.body_or_empty, _NewVersion)
    return _add_version(services, call, _find(services, call), **msgspec.structs.asdict(body))


def append_progress(services: RunServices, call: Call) -> tuple[int, Any]:
    """Add an entry to a progress.

    Raises:
        ApiError: There is no such artifact, or it is no progress.
    """
    body = decode_body(call.body, _NewEntry)
    artifact = _find(services, call)
    if artifact.type != "progress":
        raise ApiError(
            400, "BAD_REQUEST", f"artifact `{artifact.ref}` is a {artifact.type}, not a progress"
        )
    artifact = services.artifacts.add_entry(artifact.id, body.entry, now())
    return 200, wrap(_describe(services, artifact))


def read(services: RunServices, call: Call) -> tuple[int, Any]:
    """Return the artifact of an id."""
    return 200, wrap(_describe(services, _find(services, call)))


def read_by_ref(services: RunServices, call: Call) -> tuple[int, Any]:
    """Return the artifact of a ref.

    Raises:
        ApiError: There is none.
    """
    artifact = services.artifacts.find(call.ref)
    if artifact is None:
        raise ApiError(404, "NOT_FOUND", f"there is no artifact `{call.ref[:MAX_REF_LENGTH]}`")
    return 200, wrap(_describe(services, artifact))


def read_page(services: RunServices, call: Call) -> tuple[int, Any]:
    """Return a page of the artifacts, newest first."""
    chosen = []
    for artifact in reversed(services.artifacts.all()):
        description = _describe(services, artifact)
        if _is_chosen(description, call.query):
            chosen.append(description)
    return 200, page(chosen, *call.page())


def _is_chosen(description: dict[str, Any], query: Mapping[str, str]) -> bool:
    """Return whether an artifact has the values that a query asks for."""
    for name in _FILTERS:
        value = str(description[name])
        if query.get(name, value) != value:
            return False
    return True


def _find(services: RunServices, call: Call) -> Artifact:
    artifact = services.artifacts.get(call.id)
    if artifact is None:
        raise ApiError(404, "NOT_FOUND", f"there is no artifact {call.id}")
    return artifact


def _add_version(
    services: RunServices,
    call: Call,
    artifact: Artifact,
    *,
    content_type: str | None,
    created_by: str | None,
    execution: int | None,
    meta: Any,
) -> tuple[int, Any]:
    if execution is None:
        execution = call.attempt.execution
    if content_type is None:
        content_type = artifact.content_type
    if created_by is None:
        created_by = call.attempt.action

    version = services.artifacts.add_version(
        artifact.id,
        now(),
        execution=execution,
        content_type=content_type,
        created_by=created_by,
        meta=meta,
    )
    return 201, wrap(_describe_version(services, version))


def _describe(services: RunServices, artifact: Artifact) -> dict[str, Any]:
    """Return an artifact in the platform's shape."""
    fields = msgspec.structs.asdict(artifact)
    del fields["versions"]
    size = None
    if artifact.versions:
        size = size_of(services.artifacts.files_folder, artifact.versions[-1].file_path)
    return {**fields, "classification": "general", "size_bytes": size}


def _describe_version(services: RunServices, version: ArtifactVersion) -> dict[str, Any]:
    fields = msgspec.structs.asdict(version)
    fields["size_bytes"] = size_of(services.artifacts.files_folder, version.file_path)
    return fields
