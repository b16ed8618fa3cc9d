"""Artifacts that the action of a pack makes through the API."""

import os
from pathlib import Path

import pytest
from support.pack_apis import serve_api

from attune_nb.packs.artifacts.registry import ArtifactRegistry, read_artifacts

ARTIFACTS = "/api/v1/artifacts"


@pytest.fixture
def attempt(tmp_path):
    with serve_api(tmp_path / "run") as attempt:
        yield attempt


def allocate(attempt, ref="demo.log", **fields):
    reply = attempt.post(f"{ARTIFACTS}/ref/{ref}/versions/file", fields)
    assert reply.status == 201, reply
    return reply.data


def path_of(attempt, version):
    return attempt.services.artifacts.files_folder / version["file_path"]


def test_a_file_is_allocated_below_the_folder_of_the_run(attempt):
    version = allocate(attempt, content_type="text/plain")
    path_of(attempt, version).write_text("hello")
    artifact = attempt.get(f"{ARTIFACTS}/ref/demo.log").data

    assert (version["id"], version["artifact"], version["version"]) == (1, 1, 1)
    assert version["execution"] == 7
    assert version["created_by"] == "ticketing.ticket_open"
    assert version["file_path"].endswith("/v1.txt")
    assert (artifact["ref"], artifact["type"], artifact["size_bytes"]) == (
        "demo.log",
        "file_text",
        5,
    )
    assert artifact["owner"] == "ticketing.ticket_open"


def test_a_second_version_gets_another_file(attempt):
    first = allocate(attempt)
    second = allocate(attempt, content_type="application/json")

    assert second["artifact"] == first["artifact"]
    assert second["version"] == 2
    assert second["file_path"] != first["file_path"]


@pytest.mark.parametrize(
    "ref", ["..%2F..%2Fetc%2Fpasswd", "%2Fetc%2Fpasswd", "a%2F..%2F..%2Fb", "%C3%BC" * 200, ".."]
)
def test_no_name_leads_out_of_the_folder(attempt, ref):
    version = allocate(attempt, ref)
    folder = attempt.services.artifacts.files_folder
    path = path_of(attempt, version)
    path.write_text("x")

    assert path.resolve().parent.parent == folder.resolve()


def test_similar_names_have_different_files(attempt):
    paths = {allocate(attempt, ref)["file_path"] for ref in ("a.b", "a_b", "a%2Fb", "a:b")}

    assert len(paths) == 4


def test_a_progress_is_created_and_grows(attempt):
    created = attempt.post(ARTIFACTS, {"ref": "demo.steps", "type": "progress", "scope": "action"})
    path = f"{ARTIFACTS}/{created.data['id']}/progress"
    attempt.post(path, {"entry": {"percent": 50}})
    reply = attempt.post(path, {"entry": "done"})

    assert created.status == 201
    assert reply.status == 200
    assert reply.data["data"] == [{"percent": 50}, "done"]
    assert reply.data["type"] == "progress"


def test_creating_an_artifact_twice_is_a_conflict(attempt):
    body = {"ref": "demo.steps", "type": "progress"}
    attempt.post(ARTIFACTS, body)
    reply = attempt.post(ARTIFACTS, body)

    assert (reply.status, reply.content["code"]) == (409, "CONFLICT")


def test_progress_of_a_file_is_refused(attempt):
    version = allocate(attempt)
    reply = attempt.post(f"{ARTIFACTS}/{version['artifact']}/progress", {"entry": 1})

    assert reply.status == 400
    assert reply.content["error"] == "artifact `demo.log` is a file_text, not a progress"


def test_a_list_has_pages(attempt):
    for ref in ("demo.a", "demo.b", "demo.c"):
        allocate(attempt, ref)
    reply = attempt.get(f"{ARTIFACTS}?per_page=2&page=2&execution=7")

    assert [item["ref"] for item in reply.content["items"]] == ["demo.a"]
    assert reply.content["pagination"] == {
        "page": 2,
        "page_size": 2,
        "total_items": 3,
        "total_pages": 2,
        "has_next": False,
        "has_previous": True,
    }
    assert attempt.get(f"{ARTIFACTS}?execution=8").content["items"] == []
    assert attempt.get(f"{ARTIFACTS}?page=x").status == 400


@pytest.mark.parametrize("path", [f"{ARTIFACTS}/9", f"{ARTIFACTS}/ref/demo.none"])
def test_an_artifact_that_is_missing_is_not_found(attempt, path):
    reply = attempt.get(path)

    assert (reply.status, reply.content["code"]) == (404, "NOT_FOUND")


def test_a_file_that_was_replaced_has_no_size(attempt):
    """An action may put a link or a pipe there; nothing outside is read, and nothing waits."""
    link = allocate(attempt, "demo.link")
    path_of(attempt, link).symlink_to(Path(__file__))
    pipe = allocate(attempt, "demo.pipe")
    os.mkfifo(path_of(attempt, pipe))

    assert attempt.get(f"{ARTIFACTS}/ref/demo.link").data["size_bytes"] is None
    assert attempt.get(f"{ARTIFACTS}/ref/demo.pipe").data["size_bytes"] is None


def test_artifacts_are_read_again_from_their_folder(attempt):
    allocate(attempt)
    allocate(attempt)
    created = attempt.post(ARTIFACTS, {"ref": "demo.steps", "type": "progress"})
    attempt.post(f"{ARTIFACTS}/{created.data['id']}/progress", {"entry": 1})
    registry = attempt.services.artifacts

    assert read_artifacts(registry.folder) == registry.all()
    assert ArtifactRegistry(registry.folder).add_version(1, "later").version == 3


def test_a_journal_that_was_cut_is_read_up_to_there(attempt):
    allocate(attempt)
    registry = attempt.services.artifacts
    with (registry.folder / "artifacts.jsonl").open("ab") as journal:
        journal.write(b'{"kind":"artifact","artifact":{"id":2,')

    assert read_artifacts(registry.folder) == registry.all()


def test_a_folder_without_a_journal_has_no_artifacts(tmp_path):
    assert read_artifacts(tmp_path / "none") == []
