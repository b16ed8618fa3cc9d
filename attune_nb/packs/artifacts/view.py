"""The artifacts of a run for its user: a list that is shown as text and as HTML.

Actions wrote the files, so they may hold anything. Text is escaped, also if it is HTML. A picture
is shown by an `img` element, in which a browser runs no script and loads nothing. Secrets of the
run are masked in texts.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload
from urllib.parse import urlsplit

from attune_nb import html
from attune_nb.errors import LookupFailed, nearest
from attune_nb.packs.artifacts.files import locate, read_file, size_of
from attune_nb.packs.artifacts.progress import describe_progress, progress_elements
from attune_nb.packs.artifacts.rows import read_rows
from attune_nb.values.describe import preview

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from attune_nb.html import Markup
    from attune_nb.packs.artifacts.model import Artifact, ArtifactVersion
    from attune_nb.values.secrets import Mask

__all__ = ["ArtifactView", "Artifacts"]

_COLUMNS = ("ref", "type", "version", "bytes", "action", "updated", "path")

# artifacts that are shown, and refs that a message lists
_MAX_SHOWN = 20
_MAX_NAMES = 20

# the most that is shown of a text, a table and a picture
_MAX_TEXT = 20_000
_MAX_ROWS = 50
_MAX_COLUMNS = 30
_MAX_PICTURE = 2 * 2**20

# bytes of a file that are read in order to show a text or a table
_MAX_READ = 2**18

# bytes of a file in which secrets are looked for
_MAX_SEARCHED = 8 * 2**20

_TEXT_STYLE = (
    "font-family:var(--jp-code-font-family,monospace);font-size:12px;margin:2px 0 6px;"
    "overflow:auto;max-height:24em;white-space:pre-wrap;color:inherit;background:none"
)
_MUTED = "color:var(--jp-ui-font-color2,#767676)"
_ARTIFACT_STYLE = f"margin:4px 0 8px;{html.BREAK_WORDS}"
_PICTURE_STYLE = "max-width:100%;background:#fff"

# the first bytes of pictures that every browser shows
_PICTURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
)


class ArtifactView:
    """An artifact of a run, with the files that an action wrote for it.

    Args:
        artifact: Its data.
        folder: The folder with the files of the run's artifacts.
        mask: Hides the run's secrets.
    """

    def __init__(self, artifact: Artifact, folder: Path, mask: Mask) -> None:
        self._artifact = artifact
        self._folder = folder
        self._mask = mask

    @property
    def ref(self) -> str:
        """The name that the action gave it."""
        return self._mask.text(self._artifact.ref)

    @property
    def type(self) -> str:
        """The kind of its content.

        file_text, file_image, file_datatable, file_binary, progress, url or other.
        """
        return self._artifact.type

    @property
    def name(self) -> str:
        """Its title; its ref if it has none."""
        if self._artifact.name:
            return self._mask.text(self._artifact.name)
        return self.ref

    @property
    def data(self) -> Any:
        """The entries of a progress, or the data of another artifact without a file."""
        return self._mask.value(self._artifact.data)

    @property
    def action(self) -> str:
        """The ref of the action that made its last version, or the artifact itself."""
        version = self._last_version
        if version is not None and version.created_by:
            return self._mask.text(version.created_by)
        return self._mask.text(self._artifact.owner)

    @property
    def paths(self) -> list[Path]:
        """The files of its versions, oldest first, as far as they were written."""
        paths = [locate(self._folder, version.file_path) for version in self._artifact.versions]
        return [path for path in paths if path is not None]

    @property
    def path(self) -> Path | None:
        """The file of the last version; None if it has none, or it was not written."""
        version = self._last_version
        return None if version is None else locate(self._folder, version.file_path)

    @property
    def size(self) -> int | None:
        """The bytes of the last version."""
        version = self._last_version
        return None if version is None else size_of(self._folder, version.file_path)

    def read_bytes(self) -> bytes:
        """Return the content of the last version.

        Raises:
            LookupFailed: It has no file.
        """
        path = self.path
        if path is None:
            raise LookupFailed(f"artifact `{self.ref}` has no file")
        return path.read_bytes()

    def read_text(self) -> str:
        """Return the content of the last version as text, without the run's secrets.

        Raises:
            LookupFailed: It has no file.
        """
        return self._mask.text(self.read_bytes().decode("utf-8", "replace"))

    def holds_secret(self) -> bool:
        """Return whether one of its files has a secret of the run in its first megabytes."""
        for version in self._artifact.versions:
            content = read_file(self._folder, version.file_path, _MAX_SEARCHED)
            if content is not None and self._mask.value(content) is not content:
                return True
        return False

    @property
    def _last_version(self) -> ArtifactVersion | None:
        return self._artifact.versions[-1] if self._artifact.versions else None

    def row(self) -> dict[str, Any]:
        """Return the row of a table of artifacts."""
        return {
            "ref": self.ref,
            "type": self.type,
            "version": len(self._artifact.versions),
            "bytes": self.size,
            "action": self.action,
            "updated": self._artifact.updated,
            "path": self._path_text(),
        }

    def __repr__(self) -> str:
        return html.printable(f"{self.ref} ({self.type}): {self._summary()}")

    def _summary(self) -> str:
        """Return its content, in a line."""
        if self.type == "progress":
            return describe_progress(self.data)
        if self.path is not None:
            return f"{self.size:,} bytes in {self._path_text()}"
        if self.data is not None:
            return preview(self.data)
        return "no file was written"

    def _repr_html_(self) -> str:
        return str(self.markup())

    def markup(self) -> Markup:
        """Return the artifact as HTML: its title, and its content by its type."""
        name = html.element("b", self.name)
        caption = html.element("span", self._caption(), style=_MUTED)
        heading = html.element("div", name, " ", caption)
        return html.element("div", heading, *self._content(), style=_ARTIFACT_STYLE)

    def _caption(self) -> str:
        size = self.size
        words = [self.type]
        if len(self._artifact.versions) > 1:
            words.append(f"version {len(self._artifact.versions)}")
        if size is not None:
            words.append(f"{size:,} bytes")
        if self.action:
            words.append(self.action)
        return " · ".join(words)

    def _content(self) -> list[Markup]:
        if self.type == "progress":
            return progress_elements(self.data)
        if self.type == "url":
            return [_link(self._find_address())]
        if self.path is None:
            text = "no file was written" if self.data is None else preview(self.data, _MAX_TEXT)
            return [html.element("div", html.text(text, _MAX_TEXT))]

        show = {
            "file_text": self._text_elements,
            "file_image": self._picture_elements,
            "file_datatable": self._table_elements,
        }.get(self.type, self._path_elements)
        return show()

    def _path_text(self) -> str:
        path = self.path
        return "" if path is None else self._mask.text(str(path))

    def _path_elements(self) -> list[Markup]:
        return [html.element("div", html.element("code", html.text(self._path_text(), _MAX_TEXT)))]

    def _read_start(self) -> str | None:
        """Return the start of the file as text; None without a file, or if it is not text."""
        version = self._last_version
        if version is None:
            return None
        content = read_file(self._folder, version.file_path, _MAX_READ)
        if content is None or b"\0" in content:
            return None
        return self._mask.text(content.decode("utf-8", "replace"))

    def _text_elements(self) -> list[Markup]:
        text = self._read_start()
        if text is None:
            return self._path_elements()

        elements = [html.element("pre", html.text(text, _MAX_TEXT), style=_TEXT_STYLE)]
        size = self.size
        if len(text) > _MAX_TEXT or (size is not None and size > _MAX_READ):
            elements += self._path_elements()
        return elements

    def _picture_elements(self) -> list[Markup]:
        version = self._last_version
        size = self.size
        if version is None or size is None or size > _MAX_PICTURE:
            return self._path_elements()
        content = read_file(self._folder, version.file_path, _MAX_PICTURE)
        mime_type = None if content is None else _picture_type(content)
        if content is None or mime_type is None:
            return self._path_elements()

        if mime_type == "image/svg+xml":
            content = self._mask.text(content.decode("utf-8", "replace")).encode()
        source = f"data:{mime_type};base64,{base64.b64encode(content).decode()}"
        picture = html.Markup('<img src="{}" alt="{}" style="{}">')
        return [html.element("div", picture.format(source, self.name, _PICTURE_STYLE))]

    def _table_elements(self) -> list[Markup]:
        text = self._read_start()
        rows = None if text is None else read_rows(text)
        if not rows:
            return self._text_elements()

        # a dict keeps the columns in the order in which they first appear
        columns: dict[str, None] = {}
        shown_rows = []
        for row in rows[:_MAX_ROWS]:
            columns.update(dict.fromkeys(row))
            shown_rows.append({name: _cell(value) for name, value in row.items()})

        elements = [html.table(list(columns)[:_MAX_COLUMNS], shown_rows)]
        if len(rows) > _MAX_ROWS or len(columns) > _MAX_COLUMNS:
            elements += self._path_elements()
        return elements

    def _find_address(self) -> str:
        """Return the address of a url: in its data, or in its file."""
        data = self.data
        if isinstance(data, dict):
            data = data.get("url", data.get("href"))
        if data is None:
            data = self._read_start()
        return "" if data is None else str(data).strip()


class Artifacts(Sequence[ArtifactView]):
    """The artifacts of a run, oldest first; by their index, or by their ref.

    Args:
        artifacts: Their data.
        folder: The folder with their files.
        mask: Hides the run's secrets.
    """

    def __init__(self, artifacts: Sequence[Artifact], folder: Path, mask: Mask) -> None:
        self.folder = folder
        self._mask = mask
        self._views = [ArtifactView(artifact, folder, mask) for artifact in artifacts]

    def __len__(self) -> int:
        return len(self._views)

    @overload
    def __getitem__(self, index: int | str) -> ArtifactView: ...
    @overload
    def __getitem__(self, index: slice) -> list[ArtifactView]: ...
    def __getitem__(self, index: int | str | slice) -> ArtifactView | list[ArtifactView]:
        """Return the artifact of an index or a ref.

        Raises:
            IndexError: The index is too large.
            LookupFailed: No artifact has this ref.
        """
        if not isinstance(index, str):
            return self._views[index]

        ref = self._mask.text(index)
        for view in self._views:
            if view.ref == ref:
                return view
        refs = [view.ref for view in self._views]
        hint = nearest(ref, refs)
        if not hint:
            hint = f"; there are {', '.join(refs[:_MAX_NAMES])}" if refs else "; the run has none"
        raise LookupFailed(f"there is no artifact `{ref}`{hint}")

    @property
    def frame(self) -> pd.DataFrame:
        """One row for each artifact.

        Columns: ref, type, version (the number of the last one), bytes (of it), action, updated
        (a date in UTC), path.
        """
        import pandas as pd  # noqa: PLC0415 - slow to import

        frame = pd.DataFrame([view.row() for view in self._views], columns=list(_COLUMNS))
        frame["bytes"] = frame["bytes"].astype("Int64")
        frame["updated"] = pd.to_datetime(frame["updated"], utc=True, errors="coerce")
        return frame

    def __repr__(self) -> str:
        if not self._views:
            return "no artifacts"
        lines = [repr(view) for view in self._views[:_MAX_SHOWN]]
        if len(self._views) > _MAX_SHOWN:
            lines.append(f"and {len(self._views) - _MAX_SHOWN:,} more; `.frame` has them all")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        if not self._views:
            return str(html.element("div", "no artifacts"))
        parts: list[object] = [view.markup() for view in self._views[:_MAX_SHOWN]]
        if len(self._views) > _MAX_SHOWN:
            hidden = f"and {len(self._views) - _MAX_SHOWN:,} more; .frame has them all"
            parts.append(html.element("div", hidden))
        return str(html.element("div", *parts))


def _picture_type(content: bytes) -> str | None:
    """Return the MIME type of a picture that a browser shows."""
    for start, mime_type in _PICTURES:
        if content.startswith(start):
            return mime_type
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"

    start = content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1000].lower()
    if start.startswith((b"<svg", b"<?xml", b"<!--")) and b"<svg" in start:
        return "image/svg+xml"
    return None


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else preview(value)


def _link(address: str) -> Markup:
    """Return a link for an address of the web; the text of any other address."""
    try:
        scheme = urlsplit(address).scheme.lower()
    except ValueError:
        scheme = ""

    text = html.text(address, _MAX_TEXT)
    if scheme not in ("http", "https"):
        return html.element("div", text)
    link = html.element("a", text, href=address, rel="noopener noreferrer", target="_blank")
    return html.element("div", link)
