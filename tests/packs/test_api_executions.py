"""Actions of packs run other actions and workflows through the API of their run."""

import psutil
import pytest
from support.api_scripts import DEFINE_CALL
from support.item_runs import until
from support.packs import write_action

import attune_nb

SCRIPT = (
    DEFINE_CALL
    + """
import time

parameters = json.load(sys.stdin)
waits = parameters.pop("waits", True)
execution = call("POST", "/executions/execute", parameters)
while waits and execution["status"] == "running":
    time.sleep(0.02)
    execution = call("GET", f"/executions/{execution['id']}")
own = call("GET", "/executions/" + os.environ["ATTUNE_EXEC_ID"])
print(json.dumps({"execution": execution, "own": own}))
"""
)

TEXT = """
tasks:
  - name: call
    action: kit.act
    input: {action_ref: REF, parameters: PARAMETERS, MORE}
"""


@pytest.fixture
def pack(tmp_path):
    """Return a pack with an action that runs others, two shell actions and a workflow."""
    keys = {"runner_type": "python", "output_format": "json"}
    folder = write_action(tmp_path / "kit", SCRIPT, name="act.py", **keys)
    actions = folder / "actions"
    for name, script in (("hello", "jq -c '{hello: .who}'"), ("sleep", "sleep 600")):
        (actions / f"{name}.sh").write_text(f"echo $$ > {name}.pid\n{script}\n")
        (actions / f"{name}.yaml").write_text(
            f"ref: kit.{name}\nentry_point: {name}.sh\noutput_format: json\n"
            "parameters: {who: {type: string}}\n"
        )
    (actions / "greet.yaml").write_text(
        "ref: kit.greet\nworkflow_file: greet.workflow.yaml\n"
        "parameters: {who: {type: string, required: true}}\n"
    )
    (actions / "greet.workflow.yaml").write_text(
        "tasks: [{name: hi, action: kit.hello, input: {who: '{{ parameters.who }}'}}]\n"
        "output_map: {said: '{{ task.hi.result.data.hello }}'}\n"
    )
    return folder


def run_call(pack, ref, parameters="{who: ann}", more="waits: true", **options):
    text = TEXT.replace("REF", ref).replace("PARAMETERS", parameters).replace("MORE", more)
    return attune_nb.loads(text).run(packs=[pack], progress=False, **options)


def execution_of(run):
    run.raise_for_status()
    return run.result("call")["data"]["execution"]


def test_an_action_runs_another_one(pack):
    run = run_call(pack, "kit.hello")
    execution = execution_of(run)
    own = run.result("call")["data"]["own"]

    assert (execution["status"], execution["action_ref"]) == ("completed", "kit.hello")
    assert execution["result"]["data"] == {"hello": "ann"}
    assert execution["parent"] == own["id"]
    assert (own["action_ref"], own["status"]) == ("kit.act", "running")


def test_an_action_runs_a_workflow(pack):
    execution = execution_of(run_call(pack, "kit.greet"))

    assert execution["status"] == "completed"
    assert execution["result"] == {"said": "ann"}


def test_a_failed_execution_has_its_error(pack):
    execution = execution_of(run_call(pack, "kit.hello", "{who: 7}"))

    assert execution["status"] == "failed"
    assert "`who`" in execution["result"]["error"]


def test_an_execution_times_out(pack):
    execution = execution_of(run_call(pack, "kit.sleep", more="timeout_seconds: 0.2"))

    assert execution["status"] == "timeout"


def test_an_execution_that_still_runs_ends_with_the_run(pack):
    run = run_call(pack, "kit.sleep", more="waits: false")
    execution = execution_of(run)

    assert execution["status"] == "running"
    # it may have been stopped before it wrote its number
    path = pack / "sleep.pid"
    text = path.read_text() if path.exists() else ""
    assert not text or not psutil.pid_exists(int(text))


def test_a_cancelled_run_leaves_no_process_of_an_execution(pack):
    run = run_call(pack, "kit.sleep", background=True)
    until(lambda: (pack / "sleep.pid").exists() and (pack / "sleep.pid").read_text())
    process = int((pack / "sleep.pid").read_text())
    run.cancel(force=True)
    assert run.wait(200)

    assert run.status == "cancelled"
    assert not psutil.pid_exists(process)


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("kit.helo", "pack `kit` has no action `kit.helo`; did you mean `kit.hello`?"),
        ("core.echo", "there is no action or workflow `core.echo` in the packs of the run"),
    ],
)
def test_a_ref_that_is_unknown_is_named(pack, ref, message):
    run = run_call(pack, ref)

    assert run.status == "failed"
    assert message in run.error


def test_variables_of_an_execution_are_refused(pack):
    run = run_call(pack, "kit.hello", more="env_vars: {A: b}")

    assert "`env_vars` of an execution are not served here" in run.error
