"""An artifact of a run, and its versions."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

__all__ = ["Artifact", "ArtifactType", "ArtifactVersion"]

ArtifactType = Literal[
    "file_text", "file_image", "file_datatable", "file_binary", "progress", "url", "other"
]
"""The kind of content that an artifact has."""


class ArtifactVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version of an artifact: a file.

    Attributes:
        id: A number, from 1, among all versions of the run.
        artifact: The id of the artifact.
        version: The number of the version, from 1.
        file_path: The file, below the folder of the run's artifacts.
        created: When it was made, in UTC, as ISO 8601.
        execution: The number of the execution that made it.
        content_type: The MIME type.
        created_by: The ref of the action that made it.
        meta: Further data.
    """

    id: int
    artifact: int
    version: int
    file_path: str
    created: str
    execution: int | None = None
    content_type: str | None = None
    created_by: str | None = None
    meta: Any = None


class Artifact(msgspec.Struct, frozen=True, kw_only=True):
    """A result of a run's actions that is stored beside the run: files, a progress or an address.

    Attributes:
        id: A number, from 1, among the artifacts of the run.
        ref: The name, which the action chose.
        type: The kind of its content.
        created: When it was made, in UTC, as ISO 8601.
        updated: When it last changed.
        owner: The ref of the action, pack or other thing that it belongs to.
        scope: The kind of the owner.
        visibility: `private` or `public`, for the platform.
        retention_policy: How long the platform keeps it; here all is kept.
        retention_limit: How much of it the platform keeps.
        name: The title.
        description: The description.
        content_type: The MIME type.
        execution: The number of the execution that made it.
        data: The entries of a progress; the address of a url.
        versions: The files, oldest first.
    """

    id: int
    ref: str
    type: ArtifactType
    created: str
    updated: str
    owner: str = ""
    scope: str = "action"
    visibility: str = "private"
    retention_policy: str = "versions"
    retention_limit: int = 10
    name: str | None = None
    description: str | None = None
    content_type: str | None = None
    execution: int | None = None
    data: Any = None
    versions: tuple[ArtifactVersion, ...] = ()
