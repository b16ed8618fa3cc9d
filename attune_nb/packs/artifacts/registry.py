"""The artifacts of one run, in a folder: their files, and a journal that lists them.

The journal stands beside the folder that actions write to. Each line of it is an artifact
without its versions and entries, one version, or one entry; later lines replace earlier ones.
"""

from __future__ import annotations

import mimetypes
import re
import threading
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from attune_nb.packs.artifacts.model import Artifact, ArtifactType, ArtifactVersion

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FILES", "ArtifactRegistry", "read_artifacts"]

FILES = "files"
"""The folder below a run's own in which actions write."""

_JOURNAL = "artifacts.jsonl"

# the ends of file names, of types without a MIME type
_SUFFIXES = {
    "file_text": ".txt",
    "file_image": ".png",
    "file_datatable": ".csv",
    "progress": ".json",
    "url": ".txt",
}

# characters of a ref in a file's name
_MAX_NAME = 80


class _Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of the journal.

    Attributes:
        artifact: An artifact that was made or changed, without its versions.
        version: A new version.
        entry: A new entry of the progress whose id is `of`.
        kind: The field that is set.
    """

    kind: Literal["artifact", "version", "entry"]
    artifact: Artifact | None = None
    version: ArtifactVersion | None = None
    entry: Any = None
    of: int = 0
    updated: str = ""


class ArtifactRegistry:
    """The artifacts of a run that is in progress. Threads may share it.

    Args:
        folder: The folder of the run's artifacts; artifacts that it already has are read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.RLock()
        self._artifacts = _read_journal(folder / _JOURNAL)
        self._ids = {artifact.ref: artifact.id for artifact in self._artifacts.values()}
        self._version_count = sum(len(item.versions) for item in self._artifacts.values())

    @property
    def files_folder(self) -> Path:
        """The folder that actions write to."""
        return self.folder / FILES

    def all(self) -> list[Artifact]:
        """Return the artifacts, oldest first."""
        with self._lock:
            return list(self._artifacts.values())

    def get(self, artifact_id: int) -> Artifact | None:
        """Return the artifact of an id, if there is one."""
        with self._lock:
            return self._artifacts.get(artifact_id)

    def find(self, ref: str) -> Artifact | None:
        """Return the artifact of a ref, if there is one."""
        with self._lock:
            return self._artifacts.get(self._ids.get(ref, 0))

    def create(self, ref: str, kind: ArtifactType, time: str, **fields: Any) -> Artifact | None:
        """Add an artifact; return None if there is one of this ref.

        Raises:
            OSError: The journal cannot be written.
        """
        with self._lock:
            if ref in self._ids:
                return None
            return self._add(ref, kind, time, fields)

    def find_or_create(self, ref: str, kind: ArtifactType, time: str, **fields: Any) -> Artifact:
        """Return the artifact of a ref, which is added if there is none.

        Raises:
            OSError: The journal cannot be written.
        """
        with self._lock:
            artifact = self.find(ref)
            if artifact is None:
                artifact = self._add(ref, kind, time, fields)
            return artifact

    def add_version(
        self,
        artifact_id: int,
        time: str,
        *,
        execution: int | None = None,
        content_type: str | None = None,
        created_by: str | None = None,
        meta: Any = None,
    ) -> ArtifactVersion:
        """Add a version; an action writes its file.

        Raises:
            OSError: The folder cannot be written.
        """
        with self._lock:
            artifact = self._artifacts[artifact_id]
            number = len(artifact.versions) + 1
            version = ArtifactVersion(
                id=self._version_count + 1,
                artifact=artifact_id,
                version=number,
                file_path=f"{_folder_of(artifact)}/v{number}{_suffix_of(artifact, content_type)}",
                created=time,
                execution=execution,
                content_type=content_type,
                created_by=created_by,
                meta=meta,
            )
            self._write(_Line("version", version=version))
            (self.files_folder / version.file_path).parent.mkdir(parents=True, exist_ok=True)

            self._version_count += 1
            self._artifacts[artifact_id] = _with_version(artifact, version)
            return version

    def add_entry(self, artifact_id: int, entry: Any, time: str) -> Artifact:
        """Add an entry to a progress; return the artifact.

        Raises:
            OSError: The journal cannot be written.
        """
        with self._lock:
            self._write(_Line("entry", entry=entry, of=artifact_id, updated=time))
            artifact = _with_entry(self._artifacts[artifact_id], entry, time)
            self._artifacts[artifact_id] = artifact
            return artifact

    def _add(self, ref: str, kind: ArtifactType, time: str, fields: dict[str, Any]) -> Artifact:
        number = len(self._artifacts) + 1
        artifact = Artifact(id=number, ref=ref, type=kind, created=time, updated=time, **fields)
        self._save(artifact)
        return artifact

    def _save(self, artifact: Artifact) -> None:
        self._write(_Line("artifact", artifact=msgspec.structs.replace(artifact, versions=())))
        self._artifacts[artifact.id] = artifact
        self._ids[artifact.ref] = artifact.id

    def _write(self, line: _Line) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.files_folder.mkdir(exist_ok=True)
        with (self.folder / _JOURNAL).open("ab") as journal:
            journal.write(msgspec.json.encode(line) + b"\n")


def read_artifacts(folder: Path) -> list[Artifact]:
    """Return the artifacts in a folder, oldest first; none if there is no folder."""
    return list(_read_journal(folder / _JOURNAL).values())


def _read_journal(path: Path) -> dict[int, Artifact]:
    """Return the artifacts by id. A damaged line, such as one that was cut, is left out."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return {}

    artifacts: dict[int, Artifact] = {}
    for text in lines:
        try:
            line = msgspec.json.decode(text, type=_Line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        _apply(artifacts, line)
    return artifacts


def _apply(artifacts: dict[int, Artifact], line: _Line) -> None:
    if line.artifact is not None:
        earlier = artifacts.get(line.artifact.id)
        versions = () if earlier is None else earlier.versions
        artifacts[line.artifact.id] = msgspec.structs.replace(line.artifact, versions=versions)

    elif line.version is not None and line.version.artifact in artifacts:
        artifact = artifacts[line.version.artifact]
        artifacts[artifact.id] = _with_version(artifact, line.version)

    elif line.kind == "entry" and line.of in artifacts:
        artifacts[line.of] = _with_entry(artifacts[line.of], line.entry, line.updated)


def _with_version(artifact: Artifact, version: ArtifactVersion) -> Artifact:
    versions = (*artifact.versions, version)
    return msgspec.structs.replace(artifact, versions=versions, updated=version.created)


def _with_entry(artifact: Artifact, entry: Any, time: str) -> Artifact:
    entries = artifact.data
    if entries is None:
        entries = []
    elif not isinstance(entries, list):
        entries = [entries]
    return msgspec.structs.replace(artifact, data=[*entries, entry], updated=time)


def _folder_of(artifact: Artifact) -> str:
    """Return the folder of an artifact's files: its ref in safe characters, and its id."""
    name = re.sub("[^A-Za-z0-9_-]+", "_", artifact.ref).strip("_")[:_MAX_NAME]
    if not name:
        name = "artifact"
    return f"{name}-{artifact.id}"


def _suffix_of(artifact: Artifact, content_type: str | None) -> str:
    for mime_type in (content_type, artifact.content_type):
        if mime_type:
            suffix = mimetypes.guess_extension(mime_type.partition(";")[0].strip().lower())
            if suffix:
                return suffix
    return _SUFFIXES.get(artifact.type, ".bin")
