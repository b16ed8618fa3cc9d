"""Actions of packs call the API of their run: keys come in, artifacts go out."""

import gc
import sqlite3

import pytest
from support.api_scripts import DEFINE_CALL
from support.outcomes import NewThreads
from support.packs import failure_of, write_action

import attune_nb
from attune_nb.errors import ParameterError, WorkflowError
from attune_nb.packs.options import PackOptions

PASSWORD = "s3cr3t-pass"
KEYS = {"jira.credentials": {"user": "ann", "password": PASSWORD}}

# reads a key, writes an artifact, and prints parts of both
SCRIPT = (
    DEFINE_CALL
    + """
import pathlib

parameters = json.load(sys.stdin)
key = call("GET", "/keys/" + parameters["key"])["value"]
version = call("POST", "/artifacts/ref/kit.report/versions/file", {})
path = pathlib.Path(os.environ["ATTUNE_ARTIFACTS_DIR"], version["file_path"])
path.write_text(f"{parameters['name']} for {key['user']}")
print("read", key, file=sys.stderr)
print(json.dumps({"length": len(key["user"]), "used": key["password"]}))
"""
)

TEXT = """
parameters: {names: {type: array, default: [one]}}
tasks:
  - name: report
    action: kit.act
    with_items: "{{ parameters.names }}"
    input: {key: jira.credentials, name: "{{ item }}"}
"""


BACKENDS = ["inline", pytest.param("processes", marks=pytest.mark.slow)]


@pytest.fixture
def pack(tmp_path):
    keys = {"runner_type": "python", "output_format": "json"}
    return write_action(tmp_path / "kit", SCRIPT, name="act.py", **keys)


def run_workflow(pack, **options):
    options = {"store": "none", "progress": False, "keys": KEYS, **options}
    return attune_nb.loads(TEXT).run(packs=[pack], **options)


def bytes_below(folder):
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_an_action_reads_a_key_and_writes_an_artifact(pack):
    run = run_workflow(pack)
    run.raise_for_status()

    (result,) = run.result("report")
    assert result["data"]["length"] == 3
    (artifact,) = run.artifacts
    assert (artifact.ref, artifact.type, artifact.action) == ("kit.report", "file_text", "kit.act")
    assert artifact.read_text() == "one for ***"


def test_the_text_of_a_key_is_shown_nowhere(pack, tmp_path, caplog):
    store = tmp_path / "records" / "runs.db"
    run = run_workflow(pack, store=store)
    (result,) = run.result("report")

    shown = [run, run._repr_html_(), run.events, run.items("report").to_csv(), run.context]
    assert result["data"]["used"] == "***"
    assert PASSWORD not in "".join(map(str, shown)) + caplog.text
    assert PASSWORD.encode() not in bytes_below(store.parent)


def test_an_artifact_with_the_text_of_a_key_is_an_alert(tmp_path):
    script = SCRIPT.replace("for {key['user']}", "for {key['password']}")
    keys = {"runner_type": "python", "output_format": "json"}
    run = run_workflow(write_action(tmp_path / "kit", script, name="act.py", **keys))

    alert = "artifact `kit.report` holds a secret: what is shown of it is hidden"
    assert [line for line in run.alerts if line.startswith(alert)]
    assert PASSWORD not in run.artifacts._repr_html_()


def test_a_key_of_the_environment_is_hidden_too(pack, tmp_path, monkeypatch):
    monkeypatch.setenv("ATTUNE_KEY_JIRA_CREDENTIALS", f'{{"user": "bo", "password": "{PASSWORD}"}}')
    store = tmp_path / "records" / "runs.db"
    run = run_workflow(pack, keys=None, store=store)
    (result,) = run.result("report")

    assert result["data"] == {"length": 2, "used": "***"}
    assert PASSWORD.encode() not in bytes_below(store.parent)


NEW_KEY_SCRIPT = SCRIPT.replace(
    'call("GET", "/keys/" + parameters["key"])["value"]',
    f'call("POST", "/keys", {{"ref": "kit.new", "value": {{"user": "bo", "password": "{PASSWORD}"'
    '}})["value"]',
).replace(PASSWORD, '" + "-".join(["s3cr3t", "pass"]) + "')


@pytest.mark.parametrize("keep_results", ["run", "store"])
def test_a_key_that_an_action_makes_is_hidden_too(tmp_path, keep_results):
    """Also in results that are kept in a file."""
    script = NEW_KEY_SCRIPT.replace(
        '"used": key["password"]', '"used": " ".join([key["password"]] * 100)'
    )
    keys = {"runner_type": "python", "output_format": "json"}
    pack = write_action(tmp_path / "kit", script, name="act.py", **keys)
    text = TEXT.replace("with_items", f"keep_results: {keep_results}\n    with_items")
    store = tmp_path / "records" / "runs.db"

    run = attune_nb.loads(text).run(packs=[pack], store=store, progress=False)
    run.raise_for_status()
    opened = attune_nb.open_run(run.run_id, store)

    for view in (run, opened):
        (result,) = view.result("report")
        assert result["data"]["used"] == " ".join(["***"] * 100)
        assert PASSWORD not in str(view.events)
    assert PASSWORD.encode() not in bytes_below(store.parent)


def test_artifacts_lie_beside_the_store(pack, tmp_path):
    store = tmp_path / "records" / "runs.db"
    run = run_workflow(pack, store=store)
    opened = attune_nb.open_run(run.run_id, store)

    folder = store.parent / "runs.db.artifacts" / run.run_id
    assert opened.artifacts["kit.report"].path.is_relative_to(folder)
    assert repr(opened.artifacts) == repr(run.artifacts)
    assert attune_nb.forget(run, store=store).run_ids == [run.run_id]
    assert not folder.parent.exists()


def test_without_a_store_artifacts_last_as_long_as_the_run(pack):
    run = run_workflow(pack)
    path = run.artifacts[0].path
    assert path.exists()

    attune_nb.loads("tasks: [{name: a, action: core.noop}]").run(progress=False)
    del run
    gc.collect()
    assert not path.exists()


def test_each_item_adds_a_version(pack):
    run = attune_nb.loads(TEXT).run(
        {"names": ["one", "two", "three"]},
        packs=[pack],
        keys=KEYS,
        progress=False,
    )

    (artifact,) = run.artifacts
    texts = sorted(path.read_text() for path in artifact.paths)
    assert texts == ["one for ann", "three for ann", "two for ann"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_api_serves_attempts_on_another_backend(pack, backend):
    run = run_workflow(pack, backend=backend)

    assert run.result("report")[0]["data"]["length"] == 3
    assert run.artifacts[0].read_text() == "one for ***"


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_workflow_within_another_one_uses_the_same_api(pack, backend):
    outer = attune_nb.loads("tasks: [{name: inner, action: inner, input: {names: [deep]}}]")
    inner = attune_nb.loads(
        TEXT + 'output_map: {length: "{{ task.report.result[0].data.length }}"}\n'
    )
    run = outer.run(
        actions={"inner": inner}, packs=[pack], keys=KEYS, progress=False, backend=backend
    )

    assert run.result("inner") == {"length": 3}
    assert run.artifacts[0].read_text() == "deep for ***"


def test_a_missing_key_fails_the_attempt_and_says_what_to_do(tmp_path):
    script = """
        header="Authorization: Bearer $ATTUNE_API_TOKEN"
        curl -sS -H "$header" "$ATTUNE_API_URL/api/v1/keys/a.b"
        exit 1
    """
    pack = write_action(tmp_path / "kit", script)
    run = attune_nb.loads("tasks: [{name: act, action: kit.act}]").run(packs=[pack], progress=False)

    assert "there is no key `a.b`: pass it with the run (`keys={'a.b': ...}`)" in run.error_text()


def test_a_refused_request_is_an_alert_of_a_run_that_failed(tmp_path):
    """The SDK gives None for a missing key, and the action fails with a message about that."""
    script = """
        for path in keys/jira.credential sensors; do
            curl -s -H "Authorization: Bearer $ATTUNE_API_TOKEN" "$ATTUNE_API_URL/api/v1/$path"
        done >/dev/null
        echo "'NoneType' object has no attribute 'data'" >&2
        exit $(jq .code)
    """
    pack = write_action(tmp_path / "kit", script)
    text = "tasks: [{name: act, action: kit.act, input: {code: CODE}}]"
    options = {"packs": [pack], "keys": KEYS, "progress": False}
    failed_run = attune_nb.loads(text.replace("CODE", "1")).run(**options)
    successful_run = attune_nb.loads(text.replace("CODE", "0")).run(**options)

    begin = "action `kit.act` "
    key_alert, route_alert = [line for line in failed_run.alerts if line.startswith(begin)]
    assert key_alert.startswith(f"{begin}asked for a key: there is no key `jira.credential`: pass")
    assert key_alert.endswith("; did you mean `jira.credentials`?")
    assert "GET '/api/v1/sensors' is not served here" in route_alert
    assert [line for line in successful_run.alerts if line.startswith(begin)] == []


def test_an_attempt_on_another_machine_names_the_missing_api(tmp_path):
    """The address of the API is of use only where the engine runs."""
    script = 'echo "API: [$ATTUNE_API_URL] [$ATTUNE_API_TOKEN]" >&2; exit 1'
    folder = write_action(tmp_path / "kit", script)
    options = PackOptions(api_url="http://127.0.0.1:1", api_key="key", api_machine="elsewhere")
    error = failure_of("kit.act", {}, folder, options)

    assert str(error).startswith("API: [] [] (it ran on ")
    assert "which serves only the engine's own machine" in str(error)


def test_a_proxy_that_is_passed_on_does_not_get_the_requests(pack, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    run = run_workflow(pack, pass_env=["*_PROXY", "*_proxy"])

    assert run.result("report")[0]["data"]["length"] == 3


def test_a_run_that_cannot_start_leaves_no_port_or_folder(pack, tmp_path):
    new_threads = NewThreads()
    text = f"{TEXT}  - {{name: other, action: no.such}}\n"
    store = tmp_path / "records" / "runs.db"
    with pytest.raises(WorkflowError):
        attune_nb.loads(text).run(packs=[pack], store=store)
    gc.collect()

    assert not store.parent.exists()
    assert not new_threads.named("attune api")


def test_the_server_ends_with_the_run(pack):
    new_threads = NewThreads()
    run_workflow(pack)

    assert not new_threads.named("attune api")


def test_a_resumed_run_needs_its_keys_again(pack, tmp_path):
    store = tmp_path / "runs.db"
    run = run_workflow(pack, store=store)
    with sqlite3.connect(store) as connection:
        connection.execute("UPDATE runs SET status = 'running', host = 'gone', pid = 1, beat = 0")
    connection.close()

    with pytest.raises(ParameterError, match=r"the key `jira\.credentials` \(`keys=`\)"):
        attune_nb.resume(run.run_id, store, packs=[pack])


@pytest.mark.parametrize("keys", [[], "jira", {1: "x"}, {"a.b": [object()]}, {"a.b": b"x"}])
def test_keys_must_be_an_object_of_plain_data(pack, keys):
    with pytest.raises(ParameterError, match="`keys`"):
        run_workflow(pack, keys=keys)


def test_the_summary_of_a_run_names_its_artifacts(pack, tmp_path):
    run = run_workflow(pack, store=tmp_path / "runs.db")
    opened = attune_nb.open_run(run.run_id, run.store)

    for view in (run, opened):
        assert "1 artifact: `kit.report`; `run.artifacts` shows them" in repr(view)
        assert "1 artifact: `kit.report`" in view._repr_html_()
