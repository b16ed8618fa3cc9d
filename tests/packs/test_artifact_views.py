"""The artifacts of a run, as its user sees them in a notebook and in a terminal."""

import base64
import os
import struct
import zlib
from pathlib import Path

import pytest

from attune_nb.errors import LookupFailed
from attune_nb.packs.artifacts.registry import ArtifactRegistry
from attune_nb.packs.artifacts.view import Artifacts
from attune_nb.values.secrets import Mask

SCRIPT = "<script>alert(1)</script>"
SECRET = "s3cr3t-pass"
TIME = "2026-01-01T10:00:00+00:00"


def png(width=2):
    """Return a white picture."""

    def chunk(kind, data):
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    header = struct.pack(">IIBBBBB", width, 1, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0" + b"\xff" * width)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", pixels), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


class Folder:
    """The folder with the artifacts of a run."""

    def __init__(self, folder):
        self.registry = ArtifactRegistry(folder)

    def write(self, kind, content, ref="demo.it", **fields):
        """Add a file, and return the artifact as a user sees it."""
        artifact = self.registry.find_or_create(ref, kind, TIME, owner="demo.action")
        version = self.registry.add_version(artifact.id, TIME, **fields)
        data = content if isinstance(content, bytes) else content.encode()
        (self.registry.files_folder / version.file_path).write_bytes(data)
        return self.views()[ref]

    def add(self, kind, data, ref="demo.it", **fields):
        self.registry.create(ref, kind, TIME, data=data, owner="demo.action", **fields)
        return self.views()[ref]

    def views(self):
        mask = Mask({"jira": SECRET}, names=("keys",))
        return Artifacts(self.registry.all(), self.registry.files_folder, mask)


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


def page_of(view):
    return view._repr_html_()


def test_a_text_is_shown_and_read(folder):
    view = folder.write("file_text", "first line\nsecond line")

    assert "first line\nsecond line</pre>" in page_of(view)
    assert view.read_text() == "first line\nsecond line"
    assert repr(view) == f"demo.it (file_text): 22 bytes in {view.path}"


@pytest.mark.parametrize("kind", ["file_text", "file_datatable", "progress", "url", "other"])
def test_html_in_an_artifact_is_shown_as_text(folder, kind):
    content = f"name\n{SCRIPT}"
    if kind in ("progress", "url"):
        view = folder.add(kind, content, ref=f"demo.{SCRIPT}", name=SCRIPT)
    else:
        view = folder.write(kind, content, ref=f"demo.{SCRIPT}", content_type="text/html")

    assert "<script" not in page_of(view)
    assert "<script" not in folder.views()._repr_html_()


def test_a_picture_is_shown(folder):
    view = folder.write("file_image", png())

    source = f'src="data:image/png;base64,{base64.b64encode(png()).decode()}"'
    assert f"<img {source}" in page_of(view)


def test_a_drawing_is_shown_where_no_script_runs(folder):
    drawing = f'<svg xmlns="http://www.w3.org/2000/svg">{SCRIPT}</svg>'
    page = page_of(folder.write("file_image", drawing))

    assert "<svg" not in page
    assert 'src="data:image/svg+xml;base64,' in page


@pytest.mark.parametrize("content", [b"<html><svg>", b"", b"GIF", b"\x89PNG", b"text"])
def test_other_content_is_not_shown_as_a_picture(folder, content):
    view = folder.write("file_image", content)

    assert "<img" not in page_of(view)
    assert str(view.path) in page_of(view)


@pytest.mark.parametrize(
    "text",
    [
        "host,free\nweb-1,20\nweb-2,30\n",
        "host;free\nweb-1;20\nweb-2;30\n",
        '[{"host": "web-1", "free": 20}, {"host": "web-2", "free": 30}]',
        '{"rows": [{"host": "web-1", "free": 20}, {"host": "web-2", "free": 30}]}',
        '{"host": "web-1", "free": 20}\n{"host": "web-2", "free": 30}\n',
    ],
    ids=["csv", "semicolons", "array", "object", "lines"],
)
def test_a_table_is_shown(folder, text):
    page = page_of(folder.write("file_datatable", text))

    assert "<table>" in page
    assert page.count("<tr>") == 3
    for word in ("host", "free", "web-1", "30"):
        assert f">{word}</t" in page


@pytest.mark.parametrize("text", ["", "[", "[1, 2]", "[" * 100_000, "\0", 'a,"b\nc'])
def test_a_file_without_a_table_is_shown_all_the_same(folder, text):
    page = page_of(folder.write("file_datatable", text))

    assert "demo.it" in page
    assert len(page) < 50_000


def test_a_long_table_is_cut_and_its_file_named(folder):
    view = folder.write("file_datatable", "n\n" + "".join(f"{n}\n" for n in range(1000)))

    assert page_of(view).count("<tr>") == 51
    assert str(view.path) in page_of(view)


def test_a_long_text_is_cut_and_its_file_named(folder):
    view = folder.write("file_text", "line\n" * 100_000)

    assert len(page_of(view)) < 30_000
    assert str(view.path) in page_of(view)
    assert len(view.read_text()) == 500_000


@pytest.mark.parametrize(
    ("entries", "percent"),
    [
        ([{"percent": 10}, {"percent": 75, "message": "copied"}], "75"),
        ([{"current": 3, "total": 4, "message": "copied"}], "75"),
        ([75, "copied"], "75"),
        ([{"percent": 1e9, "message": "copied"}], "100"),
    ],
)
def test_a_progress_is_a_bar_with_its_last_message(folder, entries, percent):
    view = folder.add("progress", entries)

    assert f'aria-valuenow="{percent}"' in page_of(view)
    assert "copied" in page_of(view)
    assert repr(view) == f"demo.it (progress): {percent}%, copied"


@pytest.mark.parametrize("data", [None, [], {}, [None], [[]], [{"percent": "x"}], [True], 7.5])
def test_a_progress_without_figures_is_shown(folder, data):
    view = folder.add("progress", data)

    assert "demo.it" in page_of(view)
    assert repr(view).startswith("demo.it (progress): ")


def test_an_address_is_a_link_only_to_the_web(folder):
    good = folder.add("url", {"url": "https://example.org/report"}, ref="demo.good")
    bad = folder.add("url", "javascript:alert(1)", ref="demo.bad")

    assert '<a href="https://example.org/report" rel="noopener noreferrer"' in page_of(good)
    assert "<a " not in page_of(bad)


def test_secrets_of_the_run_are_hidden(folder):
    """The file keeps the text of the action; only the shown text has no secret."""
    folder.write("file_text", f"token {SECRET}", ref=f"demo.{SECRET}")
    folder.write("file_datatable", f"token\n{SECRET}", ref="demo.table")
    folder.write("file_image", f"<svg>{SECRET}</svg>", ref="demo.drawing")
    folder.add("progress", [SECRET], ref="demo.steps", name=SECRET)
    views = folder.views()

    texts = [repr(views), page_of(views), *map(page_of, views), str(views[3].data)]
    texts += [views.frame[["ref", "action", "path"]].to_csv(), views[0].read_text()]
    for text in texts:
        assert SECRET not in text
        assert base64.b64encode(SECRET.encode()).decode()[:-4] not in text


def test_artifacts_are_found_by_their_ref(folder):
    folder.write("file_text", "a", ref="demo.report")
    folder.write("file_text", "b", ref="demo.report")
    views = folder.views()

    assert views[0] is views["demo.report"]
    assert len(views[0].paths) == 2
    assert views[0].read_text() == "b"
    with pytest.raises(LookupFailed, match=r"no artifact `demo.repor`; did you mean `demo.report`"):
        views["demo.repor"]


def test_artifacts_have_a_frame(folder):
    folder.write("file_text", "abc", created_by="demo.write")
    folder.add("progress", [1], ref="demo.steps")
    frame = folder.views().frame

    assert list(frame["ref"]) == ["demo.it", "demo.steps"]
    assert list(frame["action"]) == ["demo.write", "demo.action"]
    assert frame["bytes"][0] == 3
    assert frame["updated"][0].isoformat() == TIME


def test_a_file_that_was_not_written_is_reported(folder):
    view = folder.write("file_text", "x")
    view.path.unlink()
    view = folder.views()[0]

    assert repr(view) == "demo.it (file_text): no file was written"
    assert "no file was written" in page_of(view)
    with pytest.raises(LookupFailed, match="has no file"):
        view.read_bytes()


@pytest.mark.parametrize("kind", ["file_text", "file_image", "file_datatable", "file_binary"])
def test_a_link_out_of_the_folder_is_not_followed(folder, kind):
    path = folder.write(kind, "x").path
    path.unlink()
    path.symlink_to(Path(__file__))

    assert folder.views()[0].path is None
    assert "alert" not in page_of(folder.views()[0])


def test_a_pipe_in_place_of_a_file_blocks_nothing(folder):
    path = folder.write("file_text", "x").path
    path.unlink()
    os.mkfifo(path)

    assert "no file was written" in page_of(folder.views()[0])


def test_many_artifacts_are_cut(folder):
    for number in range(25):
        folder.add("progress", [number], ref=f"demo.n{number}")

    assert repr(folder.views()).endswith("and 5 more; `.frame` has them all")
    assert len(folder.views().frame) == 25


def test_no_artifacts_are_reported(folder):
    assert repr(folder.views()) == "no artifacts"
    assert "no artifacts" in page_of(folder.views())
    assert len(folder.views().frame) == 0
