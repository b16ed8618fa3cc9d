"""Keys that the action of a pack asks for."""

import sys
import types

import pytest
from support.pack_apis import serve_api

CREDENTIALS = {"user": "ann", "password": "s3cr3t-pass"}


def value_of(folder, ref, keys=None, **sources):
    with serve_api(folder, keys, **sources) as attempt:
        reply = attempt.get(f"/api/v1/keys/{ref}")
        assert reply.status == 200, reply
        return reply.data["value"]


def test_a_key_is_answered_in_the_shape_of_the_platform(tmp_path):
    with serve_api(tmp_path, {"jira.credentials": CREDENTIALS}) as attempt:
        key = attempt.get("/api/v1/keys/jira.credentials").data

    assert key.pop("created") == key.pop("updated")
    assert key == {
        "id": 1,
        "ref": "jira.credentials",
        "local_ref": "credentials",
        "name": "credentials",
        "owner_type": "pack",
        "owner": "jira",
        "owner_pack_ref": "jira",
        "owner_action_ref": None,
        "encrypted": True,
        "value": CREDENTIALS,
    }


@pytest.mark.parametrize("keystore", [{"jira.token": "t0ken"}, {"jira": {"token": "t0ken"}}])
def test_a_key_comes_from_the_keystore(tmp_path, keystore):
    assert value_of(tmp_path, "jira.token", keystore=keystore) == "t0ken"


def test_a_key_comes_from_the_environment(tmp_path):
    environ = {"ATTUNE_KEY_JIRA_TOKEN": "t0ken", "ATTUNE_KEY_JIRA_LOGIN": '{"user": "ann"}'}

    assert value_of(tmp_path, "jira.token", environ=environ) == "t0ken"
    assert value_of(tmp_path, "jira.login", environ=environ) == {"user": "ann"}


def test_a_key_comes_from_the_keyring_of_the_system(tmp_path, monkeypatch):
    keyring = types.ModuleType("keyring")
    passwords = {("attune", "jira.token"): "t0ken"}
    keyring.get_password = lambda service, name: passwords.get((service, name))
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    reported = []

    with serve_api(tmp_path) as attempt:
        attempt.services.keys.on_secret = lambda ref, value: reported.append((ref, value))
        assert attempt.get("/api/v1/keys/jira.token").data["value"] == "t0ken"
        assert attempt.get("/api/v1/keys/jira.token").data["value"] == "t0ken"
        assert attempt.get("/api/v1/keys/jira.other").status == 404

    assert reported == [("jira.token", "t0ken")]


def test_a_keyring_that_cannot_be_read_has_no_keys(tmp_path, monkeypatch):
    keyring = types.ModuleType("keyring")
    keyring.get_password = lambda service, name: 1 / 0
    monkeypatch.setitem(sys.modules, "keyring", keyring)

    with serve_api(tmp_path) as attempt:
        assert attempt.get("/api/v1/keys/jira.token").status == 404


@pytest.mark.parametrize("keys", [{"jira.token": "t0ken"}, {"jira": {"token": "t0ken"}}])
def test_a_key_comes_from_the_run(tmp_path, keys):
    assert value_of(tmp_path, "jira.token", keys) == "t0ken"


def test_keys_of_the_run_come_before_all_others(tmp_path):
    value = value_of(
        tmp_path,
        "jira.token",
        {"jira.token": "first"},
        keystore={"jira.token": "second"},
        environ={"ATTUNE_KEY_JIRA_TOKEN": "third"},
    )

    assert value == "first"


@pytest.mark.parametrize(
    ("name", "ref"),
    [("github_token", "system.github_token"), ("system.github_token", "github_token")],
)
def test_both_generations_names_of_a_system_key_work(tmp_path, name, ref):
    with serve_api(tmp_path, {name: "t0ken"}) as attempt:
        key = attempt.get(f"/api/v1/keys/{ref}").data

    assert (key["ref"], key["value"]) == (ref, "t0ken")
    assert (key["owner_type"], key["local_ref"]) == ("system", "github_token")


def test_a_missing_key_says_where_it_can_be_put(tmp_path):
    with serve_api(tmp_path) as attempt:
        reply = attempt.get("/api/v1/keys/jira.credentials")

    assert reply.status == 404
    assert reply.content["code"] == "NOT_FOUND"
    assert "`keys={'jira.credentials': ...}`" in reply.content["error"]
    assert "ATTUNE_KEY_JIRA_CREDENTIALS" in reply.content["error"]


def test_the_query_of_the_older_platform_is_taken(tmp_path):
    with serve_api(tmp_path, {"jira.token": "t0ken"}) as attempt:
        path = "/api/v1/keys/jira.token"

        assert attempt.get(f"{path}?decrypt=true").data["value"] == "t0ken"
        assert attempt.get(f"{path}?decrypt=false").data["value"] is None


@pytest.mark.parametrize(
    "names",
    [
        {"ref": "jira.token"},
        {"local_ref": "token", "owner_type": "pack", "owner_pack_ref": "jira"},
    ],
    ids=["older", "newer"],
)
def test_an_action_creates_and_changes_a_key(tmp_path, names):
    with serve_api(tmp_path) as attempt:
        created = attempt.post("/api/v1/keys", {**names, "value": "t0ken", "name": "Token"})
        changed = attempt.put("/api/v1/keys/jira.token", {"value": {"new": "t0ken"}})
        again = attempt.post("/api/v1/keys", {**names, "value": "other"})
        read = attempt.get("/api/v1/keys/jira.token")

    assert (created.status, created.data["ref"], created.data["value"]) == (
        201,
        "jira.token",
        "t0ken",
    )
    assert changed.status == 200
    assert (again.status, again.content["code"]) == (409, "CONFLICT")
    assert read.data == changed.data
    assert (read.data["id"], read.data["value"]) == (1, {"new": "t0ken"})


def test_new_secrets_are_reported_before_they_are_answered(tmp_path):
    reported = []
    with serve_api(tmp_path, {"jira.token": "t0ken"}) as attempt:
        attempt.services.keys.on_secret = lambda ref, value: reported.append((ref, value))
        attempt.get("/api/v1/keys/jira.token")
        attempt.post("/api/v1/keys", {"ref": "jira.new", "value": "a"})
        attempt.put("/api/v1/keys/jira.new", {"value": "b"})

    assert reported == [("jira.new", "a"), ("jira.new", "b")]


def test_the_secrets_known_before_the_run_are_listed(tmp_path):
    with serve_api(tmp_path, {"jira.token": "t0ken"}, environ={"ATTUNE_KEY_A": "x"}) as attempt:
        secrets = attempt.services.keys.known_secrets()

    assert secrets == {"jira.token": "t0ken", "ATTUNE_KEY_A": "x"}


@pytest.mark.parametrize("ref", ["a" * 256, "%0A", "a%00b"])
def test_a_ref_that_cannot_be_one_is_refused(tmp_path, ref):
    with serve_api(tmp_path) as attempt:
        assert attempt.get(f"/api/v1/keys/{ref}").status == 400


def test_an_object_in_the_keystore_is_no_key(tmp_path):
    with serve_api(tmp_path, keystore={"jira.login": object()}) as attempt:
        reply = attempt.get("/api/v1/keys/jira.login")

    assert reply.status == 500
    assert reply.content["error"] == "the key `jira.login` is no value that JSON can hold"
