"""Actions of packs ask questions through the API of their run, and get the answers."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from support.api_scripts import DEFINE_CALL
from support.item_runs import until
from support.notebook_kernels import execute_cells
from support.packs import write_action

import attune_nb
from attune_nb.errors import ParameterError

# asks, and waits for the answer if it shall
SCRIPT = (
    DEFINE_CALL
    + """
import datetime, time

parameters = json.load(sys.stdin)
seconds = parameters.pop("seconds", None)
waits = parameters.pop("waits", True)
if seconds is not None:
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    parameters["timeout_at"] = end.isoformat()
inquiry = call("POST", "/inquiries", {"execution": int(os.environ["ATTUNE_EXEC_ID"]), **parameters})
while waits and inquiry["status"] == "pending":
    time.sleep(0.02)
    inquiry = call("GET", f"/inquiries/{inquiry['id']}")
print(json.dumps(inquiry))
"""
)

FLAT_SCHEMA = "{ok: {type: boolean, required: true}}"
TEXT = f"""
tasks:
  - name: ask
    action: kit.act
    input: {{prompt: "Deploy?", response_schema: {FLAT_SCHEMA}}}
"""


@pytest.fixture
def pack(tmp_path):
    keys = {"runner_type": "python", "output_format": "json"}
    return write_action(tmp_path / "kit", SCRIPT, name="act.py", **keys)


def start(pack, text=TEXT, **options):
    options = {"store": "none", "progress": False, **options}
    return attune_nb.loads(text).run(packs=[pack], **options)


def result_of(run):
    assert run.wait(200)
    run.raise_for_status()
    return run.result("ask")["data"]


def test_an_action_gets_the_answer_of_a_person(pack):
    run = start(pack, background=True)
    until(lambda: run.questions)
    (question,) = run.questions
    run.answer("ask", {"ok": True}, by="ann")
    inquiry = result_of(run)

    assert (question.task, question.prompt) == ("ask", "Deploy?")
    assert (inquiry["status"], inquiry["response"]) == ("responded", {"ok": True})
    assert inquiry["responded_at"] >= inquiry["created"]
    assert list(run.answers["by"]) == ["ann"]


def test_an_answer_must_fit_the_flat_schema(pack):
    run = start(pack, background=True)
    until(lambda: run.questions)

    with pytest.raises(ParameterError, match="'maybe' is not of type 'boolean'"):
        run.answer("ask", {"ok": "maybe"})
    run.answer("ask", {"ok": True})
    assert result_of(run)["response"] == {"ok": True}


def test_an_answer_can_be_passed_in_advance(pack):
    run = start(pack, answers={"ask": {"ok": False}})

    assert result_of(run)["response"] == {"ok": False}


def test_each_item_asks_its_own_question(pack):
    items = "with_items: [a, b]\n    concurrency: 2\n    input"
    text = TEXT.replace("input", items).replace("Deploy?", "{{ item }}?")
    run = start(pack, text, background=True)
    until(lambda: len(run.questions) == 2)
    for question in run.questions:
        ok = question.prompt == "a?"
        run.answer("ask", {"ok": ok}, inquiry=question.inquiry)
    assert run.wait(200)

    assert [result["data"]["response"] for result in run.result("ask")] == [
        {"ok": True},
        {"ok": False},
    ]


def test_a_question_times_out(pack):
    run = start(pack, TEXT.replace("prompt", "seconds: 0.2, prompt"))
    inquiry = result_of(run)

    assert (inquiry["status"], inquiry["response"]) == ("timeout", None)


def test_without_a_person_the_log_says_why_the_run_waits(pack, caplog):
    message = (
        "`ask` asks: Deploy?; nobody can answer here, so its action goes on waiting; the next time "
        "answer in advance with --answer ask='{...}'"
    )
    with ThreadPoolExecutor() as pool:
        pending_run = pool.submit(start, pack)
        until(lambda: message in caplog.text)
        attune_nb.last_run().answer("ask", {"ok": True})

    assert result_of(pending_run.result())["response"] == {"ok": True}


def test_a_later_task_waits_for_the_answer(pack):
    text = f"""
tasks:
  - name: ask
    action: kit.act
    input: {{prompt: "Deploy?", waits: false, response_schema: {FLAT_SCHEMA}}}
    next: [{{do: [deploy]}}]
  - name: deploy
    action: core.echo
    wait_for: {{inquiry: "{{{{ task.ask.data.id }}}}"}}
    input: {{message: "{{{{ inquiry.deploy.response.ok }}}}"}}
"""
    run = start(pack, text, background=True)
    until(lambda: run.has_only_questions)
    run.answer("ask", {"ok": True})
    assert run.wait(200)

    assert run.status == "succeeded"
    assert "True" in str(run.result("deploy"))


def test_inline_no_action_can_wait_for_an_answer(pack):
    run = start(pack, backend="inline")

    assert run.status == "failed"
    assert "with the backend `inline` no question is asked while an action runs" in run.error


def test_within_another_workflow_no_action_can_ask(pack):
    outer = attune_nb.loads("tasks: [{name: inner, action: inner}]")
    run = outer.run(actions={"inner": attune_nb.loads(TEXT)}, packs=[pack], progress=False)

    assert "only an action of the outermost workflow can ask a question" in run.error


def test_a_schema_that_cannot_be_used_is_refused(pack):
    run = start(pack, TEXT.replace("boolean", "movie"))

    assert run.status == "failed"
    assert "movie" in run.error


@pytest.mark.slow
def test_a_cell_is_handed_back_for_the_answer(pack, tmp_path):
    ask = f"import attune_nb\nrun = attune_nb.loads({TEXT!r}).run(packs=[{str(pack)!r}])"
    answer = "run.answer('ask', {'ok': True}); print((await run).result('ask')['data']['status'])"
    notebook = execute_cells(tmp_path, ask, answer, attended=True)

    assert notebook.cells[-1].outputs[0].text == "responded\n"
