"""An action that uses the platform's own SDK, `attune-sdk`, runs unchanged."""

import urllib.error
import urllib.request

import pytest
from support.packs import write_action

import attune_nb

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

INDEX = "https://pypi.org/simple/attune-sdk/"
PASSWORD = "s3cr3t-pass"

SCRIPT = """
import inspect
import time
import attune
from attune.api_client import models
from attune.api_client.api.executions import create_execution, get_execution
from attune.api_client.api.inquiries import create_inquiry, get_inquiry
from attune.api_client.api.secrets import get_key

def wait(read, number, state):
    while str(read.sync(number, client=attune.context.client).data.status) == state:
        time.sleep(0.05)
    return read.sync(number, client=attune.context.client).data

def ask():
    schema = models.CreateInquiryRequestResponseSchema.from_dict({"ok": {"type": "boolean"}})
    number = int(attune.context.execution_id)
    body = models.CreateInquiryRequest(execution=number, prompt="Go?", response_schema=schema)
    inquiry = create_inquiry.sync(client=attune.context.client, body=body).data
    return wait(get_inquiry, inquiry.id, "pending").response.to_dict()

def run_other():
    parameters = models.CreateExecutionRequestParameters.from_dict({"who": "bob"})
    variables = models.CreateExecutionRequestEnvVars()
    body = models.CreateExecutionRequest(
        action_ref="kit.hello", parameters=parameters, env_vars=variables
    )
    execution = create_execution.sync(client=attune.context.client, body=body)
    return wait(get_execution, execution.id, "running").result.to_dict()["stdout"]

def main(key):
    # the older SDK leaves out the value of an encrypted key unless it is asked for
    options = {"decrypt": True} if "decrypt" in inspect.signature(get_key.sync).parameters else {}
    credentials = get_key.sync(key, client=attune.context.client, **options).data.value

    report = attune.allocate_file_version("kit.report", content_type="text/plain", name="Report")
    report.write_text("all is well")
    steps = attune.create_progress("kit.steps")
    steps.append({"percent": 50, "message": "half"})
    attune.create_progress("kit.steps").append({"percent": 100, "message": "done"})
    return {
        "length": len(credentials["password"]), "used": credentials, "version": report.version,
        "answer": ask(), "said": run_other(),
    }

attune.run_action(main)
"""


@pytest.fixture(scope="module")
def index():
    """Skip the tests where there is no index of packages."""
    try:
        urllib.request.urlopen(INDEX, timeout=30).close()
    except urllib.error.URLError as error:
        pytest.skip(f"the index of packages cannot be reached: {error}")


@pytest.mark.parametrize("requirement", ["attune-sdk==0.3.0", "attune-sdk"])
def test_an_action_with_the_sdk_runs_unchanged(requirement, index, tmp_path, monkeypatch, caplog):
    """It reads a key, writes a file and its progress, asks a question, runs another action.

    The text of the key is nowhere.
    """
    monkeypatch.setenv("ATTUNE_NB_CACHE", str(tmp_path / "cache"))
    keys = {"runner_type": "python", "output_format": "json"}
    folder = write_action(tmp_path / "kit", SCRIPT, name="act.py", **keys)
    hello = "ref: kit.hello\nentry_point: hello.sh\nparameters: {who: {type: string}}\n"
    (folder / "actions" / "hello.yaml").write_text(hello)
    (folder / "actions" / "hello.sh").write_text('echo "hello $(jq -r .who)"\n')
    (folder / "requirements.txt").write_text(f"{requirement}\n")
    pack = attune_nb.load_pack(folder, install=True)
    store = tmp_path / "records" / "runs.db"
    workflow = attune_nb.loads(
        "tasks: [{name: act, action: kit.act, input: {key: jira.credentials}}]"
    )

    run = workflow.run(
        packs=[pack],
        answers={"act": {"ok": True}},
        keys={"jira.credentials": {"user": "ann", "password": PASSWORD}},
        store=store,
        progress=False,
    )
    run.raise_for_status()

    result = run.result("act")["data"]
    assert result == {
        "length": len(PASSWORD),
        "used": {"user": "***", "password": "***"},
        "version": 1,
        "answer": {"ok": True},
        "said": "hello bob\n",
    }
    report, steps = run.artifacts
    assert (report.ref, report.name, report.read_text()) == ("kit.report", "Report", "all is well")
    assert repr(steps) == "kit.steps (progress): 100%, done"

    files = [path for path in store.parent.rglob("*") if path.is_file()]
    shown = [run, run._repr_html_(), run.events, run.context, run.artifacts._repr_html_()]
    assert PASSWORD not in "".join(map(str, shown)) + caplog.text
    assert PASSWORD.encode() not in b"".join(path.read_bytes() for path in files)
