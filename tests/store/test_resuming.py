"""Resume a run whose kernel is gone: results, refusals, and claims of several processes."""

import subprocess
import sys
import threading
import time
from datetime import timedelta

import pandas as pd
import pytest
from support import killed_workflows
from support.clocks import shift_clock
from support.killed_processes import ProcessStarter
from support.outcomes import wait_until

import attune_nb
from attune_nb.charts.timeline_chart.read_lanes import read_lanes
from attune_nb.display.panel import panel
from attune_nb.errors import AttuneError, LookupFailed, ParameterError, StoreError
from attune_nb.events import AttemptsEnded, RerunRequested, RunResumed
from attune_nb.results.progress import Progress
from attune_nb.store import database, reading

TEXT = """
parameters: {n: {type: integer, default: 6}, rows: {}, key: {secret: true}}
tasks:
  - name: work
    action: act
    with_items: "{{ range(parameters.n) }}"
    input: {i: "{{ item }}"}
    next: [{do: after}]
  - {name: after, action: act, input: {i: 100}}
output_map: {results: "{{ task.work.result }}", after: "{{ task.after.result }}"}
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs.db"


@pytest.fixture(scope="module")
def starter():
    process_starter = ProcessStarter()
    yield process_starter
    process_starter.close()


def interrupt(path, text=TEXT, parameters=None, *, after=3, **options):
    """Start a run that counts as interrupted after some calls of its action.

    The engine goes on in this process, blocked in the next action until the test sets the
    event. Its record is released, as if the process had been killed.

    Returns:
        The run, the arguments of the calls, and the event that ends the blocked action.
    """
    calls = []
    is_blocked = threading.Event()
    end = threading.Event()

    def act(i=None):
        if len(calls) >= after:
            is_blocked.set()
            end.wait(90)
            raise RuntimeError("the engine is gone")
        calls.append(i)
        return i

    actions = {"act": act, **options.pop("actions", {})}
    if parameters is None:
        parameters = {}
    run = attune_nb.loads(text).run(
        parameters, actions=actions, store=path, background=True, **options
    )
    assert is_blocked.wait(60)
    wait_until(lambda: path.exists() and len(attune_nb.runs(path)))
    wait_until(lambda: "with" not in text or recorded_items(path) >= after)
    wait_until(lambda: len(attune_nb.open_run(run.run_id, path).events) == len(run.events))
    reading.LIVE.clear()
    return run, calls, end


def recorded_items(path):
    """Return the number of items on record; before any task, one."""
    runs = attune_nb.runs(path)
    if not runs["tasks"].sum():
        return runs["items"].sum() + 1
    return runs["items"].sum()


def recording(calls):
    """Return an action that records its calls."""

    def act(i=None):
        calls.append(i)
        return i

    return {"act": act}


def test_items_that_have_ended_are_not_run_again(path):
    run, earlier_calls, end = interrupt(path)
    assert attune_nb.runs(path)["status"][0] == "interrupted"
    calls = []
    resumed = attune_nb.resume(run.run_id[:6], path, actions=recording(calls))
    end.set()
    assert earlier_calls == [0, 1, 2]
    assert calls == [3, 4, 5, 100]
    assert resumed.run_id == run.run_id
    assert resumed.output == {"results": [0, 1, 2, 3, 4, 5], "after": 100}
    assert len(attune_nb.runs(path)) == 1
    stored = attune_nb.open_run(run.run_id, path)
    assert stored.status == "succeeded"
    assert stored.output == resumed.output
    assert stored.events == resumed.events


def test_results_from_before_a_change_of_code_are_marked(path):
    run, _, end = interrupt(path)
    resumed = attune_nb.resume(run.run_id, path, actions={"act": lambda i=None: i})
    end.set()
    assert resumed.items("work")["reused"].tolist() == [True] * 3 + [False] * 3
    assert resumed.tasks["reused"].tolist() == [True, False]
    (alert,) = [alert for alert in resumed.alerts if "changed since" in alert]
    assert "the action of `work` changed since; results from before the change are kept" in alert

    stored = attune_nb.open_run(run.run_id, path)
    assert stored.items("work")["reused"].tolist() == [True] * 3 + [False] * 3
    assert alert in stored.alerts


def resume_between_events(run, path):
    """Resume a run that another engine is running, between two events that it writes."""
    while True:
        try:
            return attune_nb.resume(run.run_id, path, actions=recording([]))
        except StoreError as error:
            assert "was continued just now" in str(error)


def test_a_resumed_run_stops_its_earlier_engine(path):
    calls = []

    def slow(i):
        calls.append(i)
        time.sleep(0.02)
        return i

    run = attune_nb.loads(TEXT).run({"n": 500}, actions={"act": slow}, store=path, background=True)
    while not path.exists() or attune_nb.runs(path)["items"].sum() < 10:
        time.sleep(0.02)
    # as if its process were another one, and dead
    reading.LIVE.clear()
    resumed = resume_between_events(run, path)
    assert run.wait(60)
    assert run.status == "cancelled"
    assert f"run {run.run_id} was taken over by process" in run.error
    assert len(calls) < 500
    assert resumed.output["results"] == list(range(500))
    assert attune_nb.open_run(run.run_id, path).events == resumed.events


def test_a_run_in_progress_is_refused_with_its_process(path):
    gate = threading.Event()
    run = attune_nb.loads(TEXT).run(
        actions={"act": lambda i: gate.wait(90)}, store=path, background=True
    )
    while not path.exists() or not len(attune_nb.runs(path)):
        time.sleep(0.02)
    try:
        with pytest.raises(StoreError, match=r"is in progress in process \d+ on .*; wait for it"):
            attune_nb.resume(run.run_id, path, actions=recording([]))
    finally:
        gate.set()
    assert run.wait(60)
    with pytest.raises(StoreError, match=r"has ended .*nothing to resume"):
        attune_nb.resume(run.run_id, path, actions=recording([]))


RESUME = """
import os, sys, time, attune_nb
def act(path):
    while not os.path.exists(sys.argv[3]):
        time.sleep(0.01)
print("ready", flush=True)
sys.stdin.readline()
try:
    print(attune_nb.resume(sys.argv[2], sys.argv[1], actions={"touch": act}).status)
except attune_nb.StoreError as error:
    print(error)
"""


def test_only_one_of_two_processes_resumes_a_run(starter, tmp_path):
    path = tmp_path / "runs.db"
    done = tmp_path / "done.txt"
    finish = tmp_path / "finish"
    starter.run("slow", kill_when=done, store=path, done=done)
    (run_id,) = attune_nb.runs(path)["run_id"]
    children = [
        subprocess.Popen(
            [sys.executable, "-c", RESUME, str(path), run_id, str(finish)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for child in children:
        child.stdout.readline()
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    # one of them is refused while the other goes on
    wait_until(lambda: any(child.poll() is not None for child in children))
    finish.touch()
    outputs = [child.communicate(timeout=120)[0].strip() for child in children]
    status, message = sorted(outputs, key=len)
    assert status == "succeeded"
    assert "is in progress in process" in message


def test_secrets_must_be_passed_again(path):
    text = TEXT.replace("{i: 100}", '{i: "{{ parameters.key ~ keystore.token }}"}')
    run, _, end = interrupt(path, text, {"key": "open-sesame"}, keystore={"token": "tell-no-one"})
    with pytest.raises(ParameterError) as caught:
        attune_nb.resume(run.run_id, path, actions=recording([]))
    assert "the secret parameter `key`, `token` of the keystore; pass it again" in str(caught.value)
    calls = []
    resumed = attune_nb.resume(
        run.run_id,
        path,
        actions=recording(calls),
        parameters={"key": "open-sesame"},
        keystore={"token": "tell-no-one"},
    )
    end.set()
    assert calls[-1] == "open-sesametell-no-one"
    assert resumed.output["after"] == "******"
    assert b"sesame" not in path.read_bytes()


def test_a_workflow_with_a_secret_must_be_passed_again(path):
    text = TEXT.replace("i: 100", "i: say-open-sesame")
    run, _, end = interrupt(path, text, {"key": "open-sesame"})
    with pytest.raises(ParameterError, match="the workflow's text, which contains a secret"):
        attune_nb.resume(run.run_id, path, actions=recording([]), parameters={"key": "open-sesame"})
    other = attune_nb.loads(text.replace("item }}", "item + 1 }}"))
    with pytest.raises(StoreError, match="another workflow: changed task `work`"):
        attune_nb.resume(
            run.run_id,
            path,
            actions=recording([]),
            parameters={"key": "open-sesame"},
            workflow=other,
        )
    calls = []
    attune_nb.resume(
        run.run_id,
        path,
        actions=recording(calls),
        parameters={"key": "open-sesame"},
        workflow=attune_nb.loads(text),
    )
    end.set()
    assert calls[-1] == "say-open-sesame"


def test_tables_need_not_be_passed_again(path):
    text = TEXT.replace("range(parameters.n)", "parameters.rows")
    text = text.replace('"{{ item }}"', '"{{ item.x }}"')
    frame = pd.DataFrame({"x": range(6)})
    run, _, end = interrupt(path, text, {"rows": frame})
    assert attune_nb.open_run(run.run_id, path).status == "interrupted"
    calls = []
    resumed = attune_nb.resume(run.run_id, path, actions=recording(calls))
    end.set()
    assert calls == [3, 4, 5, 100]
    assert resumed.output["results"] == [0, 1, 2, 3, 4, 5]
    assert list(resumed.items("work")["item"])[2:4] == [{"x": 2}, {"x": 3}]


def test_a_generator_must_be_passed_again_from_its_start(path):
    text = TEXT.replace("range(parameters.n)", "parameters.rows").replace(
        "work\n", "work\n    concurrency: 2\n"
    )
    run, earlier_calls, end = interrupt(path, text, {"rows": iter(range(8))})
    with pytest.raises(ParameterError, match=r"`rows` \(a builtins.range_iterator, which no store"):
        attune_nb.resume(run.run_id, path, actions=recording([]))
    calls = []
    resumed = attune_nb.resume(
        run.run_id, path, actions=recording(calls), parameters={"rows": iter(range(8))}
    )
    end.set()
    assert sorted(earlier_calls + calls[:-1]) == list(range(8))
    assert resumed.output["results"] == list(range(8))


def test_a_generator_that_ends_too_soon_is_reported(path):
    text = TEXT.replace("range(parameters.n)", "parameters.rows")
    run, _, end = interrupt(path, text, {"rows": iter(range(8))})
    resumed = attune_nb.resume(
        run.run_id, path, actions=recording([]), parameters={"rows": iter(range(2))}
    )
    end.set()
    item = resumed.items("work").set_index("index").loc[3]
    assert item["status"] == "failed"
    assert "ended before item 2, which it gave before the run was resumed" in item["error"]


def test_another_value_of_a_parameter_is_refused(path):
    run, _, end = interrupt(path)
    with pytest.raises(ParameterError, match=r"parameter `n` .* had another value"):
        attune_nb.resume(run.run_id, path, actions=recording([]), parameters={"n": 7})
    end.set()


def test_the_clock_of_a_run_continues(path):
    text = TEXT.replace("i: 100", 'i: "{{ now() }}"')
    run, _, end = interrupt(path, text)
    time.sleep(0.5)
    calls = []
    resume_time = pd.Timestamp.now("UTC")
    resumed = attune_nb.resume(run.run_id, path, actions=recording(calls))
    end.set()
    times = [event.time for event in resumed.events]
    assert times == sorted(times)

    (resumption,) = [event for event in resumed.events if isinstance(event, RunResumed)]
    resumed_at = pd.Timestamp(resumption.started_at, unit="s", tz="UTC")
    assert resumed.started + timedelta(seconds=0.4) < resumed_at
    assert pd.Timestamp(calls[-1]) >= resume_time - timedelta(seconds=0.01)
    frame = resumed.tasks.set_index("task")
    assert frame.loc["after", "start"] >= resume_time - timedelta(seconds=0.01)
    assert abs(frame.loc["work", "start"] - resumed.started) < timedelta(milliseconds=1)
    items = resumed.items("work")
    assert (items["start"][3:] >= resume_time - timedelta(seconds=0.01)).all()


def test_a_delay_passes_while_the_run_is_interrupted(path, monkeypatch):
    text = """
tasks:
  - {name: a, action: act, next: [{do: [b, c]}]}
  - {name: b, action: act, delay: 60}
  - {name: c, action: act}
"""
    run, _, end = interrupt(path, text, after=1)
    shift_clock(monkeypatch, lambda: 3_600)
    resumed = attune_nb.resume(run.run_id, path, actions=recording([]))
    end.set()
    assert resumed.status == "succeeded"
    (resumed_at,) = [event.time for event in resumed.events if isinstance(event, RunResumed)]
    frame = resumed.tasks.set_index("task")
    ended_at = (frame.loc["b", "end"] - resumed.started).total_seconds()
    assert resumed.duration_ms / 1000 - resumed_at < 30
    assert ended_at > 0


def test_a_question_is_still_open_after_a_resume(path):
    text = """
tasks:
  - {name: a, action: act, next: [{do: [ask, c]}]}
  - {name: ask, action: core.ask, input: {prompt: really?}}
  - {name: c, action: act}
output_map: {answer: "{{ task.ask.result.response }}"}
"""
    run, _, end = interrupt(path, text, after=1)
    resumed = attune_nb.resume(run.run_id, path, actions=recording([]), background=True)
    end.set()
    assert [question.task for question in resumed.questions] == ["ask"]
    resumed.answer("ask", "yes")
    assert resumed.wait(60)
    assert resumed.output == {"answer": "yes"}


def test_a_paused_run_is_resumed(path):
    gate = threading.Event()
    calls = []

    def act(i):
        calls.append(i)
        gate.wait(90)
        return i

    run = attune_nb.loads(TEXT).run(actions={"act": act}, store=path, background=True)
    while not calls:
        time.sleep(0.01)
    run.pause()
    while not path.exists() or attune_nb.runs(path)["status"].tolist() != ["paused"]:
        time.sleep(0.02)
    reading.LIVE.clear()
    resumed = attune_nb.resume(run.run_id, path, actions=recording([]))
    gate.set()
    assert resumed.output["results"] == [0, 1, 2, 3, 4, 5]
    assert attune_nb.open_run(run.run_id, path).events == resumed.events


def test_a_cancelled_run_stays_cancelled(path):
    run, _, end = interrupt(path)
    run.cancel()
    while attune_nb.runs(path)["status"].tolist() != ["interrupted"]:
        time.sleep(0.02)
    time.sleep(0.2)
    calls = []
    resumed = attune_nb.resume(run.run_id, path, actions=recording(calls))
    end.set()
    assert resumed.status == "cancelled"
    assert calls == []
    assert list(resumed.items("work")["status"])[:3] == ["succeeded"] * 3


def resume_in_doubt(starter, tmp_path):
    """Kill a run whose action must not run twice, and resume it.

    Returns:
        The resumed run, the file with a line per call, and its lines before the resume.
    """
    store = tmp_path / "runs.db"
    done = tmp_path / "done.txt"
    starter.run("paying", kill_when=f"{done}.started", store=store, done=done)
    (tmp_path / "done.txt.open").touch()
    (run_id,) = attune_nb.runs(store)["run_id"]
    lines = done.read_text().split("\n")
    resumed = attune_nb.resume(run_id, store, actions={"pay": killed_workflows.pay}, progress=False)
    return resumed, done, lines


def test_an_attempt_in_doubt_can_be_run_again(starter, tmp_path):
    run, done, lines = resume_in_doubt(starter, tmp_path)
    assert run.status == "paused"
    assert 2 in [attempt.index for attempt in run.in_doubt]
    assert f"{len(run.in_doubt)} in doubt" in repr(run)
    progress = Progress()
    progress.read(run.events)
    assert progress.in_doubt == run.in_doubt
    assert progress.status == "paused"
    assert f"{len(run.in_doubt)} in doubt: `pay`" in progress.text()
    assert f"{len(run.in_doubt)} in doubt: `pay`" in str(panel(progress))
    # no attempt runs before the decision
    assert done.read_text().split("\n") == lines

    for attempt in run.in_doubt:
        run.rerun(attempt.task, attempt.index)
    assert run.wait(60)
    assert run.output == {"paid": [f"paid {item}" for item in range(6)]}
    assert done.read_text().split("\n").count("pay 2") == 2
    progress = Progress()
    progress.read(run.events)
    assert (progress.status, progress.in_doubt) == ("succeeded", [])
    assert run.alerts == []


def test_an_attempt_in_doubt_can_be_accepted(starter, tmp_path):
    run, done, _ = resume_in_doubt(starter, tmp_path)
    with pytest.raises(LookupFailed, match="no such attempt of `pay` is in doubt; in doubt: `pay`"):
        run.accept("pay", "paid", 5)
    for attempt in run.in_doubt:
        run.accept("pay", f"paid {attempt.index} before", attempt.index)
    assert run.wait(60)
    assert run.output["paid"][2] == "paid 2 before"
    assert run.output["paid"][5] == "paid 5"
    lines = done.read_text().split("\n")
    assert {lines.count(f"pay {item}") for item in range(6)} == {1}


def test_another_process_decides_attempts_in_doubt(starter, tmp_path):
    run, done, _ = resume_in_doubt(starter, tmp_path)
    recorded = attune_nb.open_run(run.run_id, tmp_path / "runs.db")
    first, *later_doubts = recorded.in_doubt
    recorded.accept("pay", "paid before", first.index, by="ann")
    for doubt in later_doubts:
        recorded.rerun("pay", doubt.index, by="bob")
    assert run.wait(60)
    assert run.output["paid"][first.index] == "paid before"
    assert done.read_text().split("\n").count(f"pay {first.index}") == 1

    events = attune_nb.open_run(run.run_id, tmp_path / "runs.db").events
    reruns = [event.by for event in events if isinstance(event, RerunRequested)]
    assert reruns == ["bob"] * len(later_doubts)
    accepted = [event for event in events if isinstance(event, AttemptsEnded) and event.by]
    assert [(event.batch.index[0], event.by) for event in accepted] == [(first.index, "ann")]


def test_a_run_in_doubt_can_be_cancelled(starter, tmp_path):
    run, done, lines = resume_in_doubt(starter, tmp_path)
    run.cancel()
    assert run.wait(60)
    assert run.status == "cancelled"
    assert run.in_doubt == []
    assert done.read_text().split("\n") == lines


def test_a_run_that_was_not_killed_pays_once(path, tmp_path):
    done = tmp_path / "done.txt"
    (tmp_path / "done.txt.open").touch()
    run = attune_nb.loads(killed_workflows.PAYING).run(
        {"done": str(done), "n": 40}, actions={"pay": killed_workflows.pay}, store=path
    )
    assert run.status == "succeeded"
    with database.connected(path) as connection:
        (count,) = connection.execute("SELECT count(*) FROM intents").fetchone()
    assert count == 40


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"run_id": 5}, "the id of a run must be a string, not an integer"),
        ({"run_id": "nobody"}, "there is no run `nobody` in .*; `runs` lists the runs"),
        ({"parameters": 5}, "`parameters` must be an object, not an integer"),
        ({"actions": []}, "`actions` must be an object, not an array"),
        ({"actions": {}}, "there is no action `act`"),
        ({"workflow": TEXT}, "`workflow` must be a Workflow, as `load` returns it, not a string"),
        ({"backend": "thread"}, "there is no backend `thread`; did you mean `threads`"),
        ({"workers": 0}, "`workers` must be an integer of 1 or more, not the integer `0`"),
        ({"store": "none"}, "the store is `none`; pass its file"),
    ],
)
def test_a_wrong_argument_is_refused_and_the_run_unchanged(path, arguments, message):
    run, _, end = interrupt(path)
    arguments = {"run_id": run.run_id, "store": path, "actions": recording([]), **arguments}
    with pytest.raises(AttuneError, match=message):
        attune_nb.resume(**arguments)
    assert attune_nb.resume(run.run_id, path, actions=recording([])).status == "succeeded"
    end.set()


def test_all_parameters_may_be_passed_again(path):
    text = TEXT.replace("rows: {}", "rows: {}, header: {}, table: {}")
    frame = pd.DataFrame({"x": [1, 2]})
    parameters = {
        "n": 6,
        "header": "X: open-sesame",
        "key": "open-sesame",
        "table": frame,
        "rows": [1],
    }
    run, _, end = interrupt(path, text, parameters)
    with pytest.raises(ParameterError, match=r"parameter `rows` of run .* had another value"):
        attune_nb.resume(
            run.run_id, path, actions=recording([]), parameters={**parameters, "rows": frame}
        )
    resumed = attune_nb.resume(run.run_id, path, actions=recording([]), parameters=parameters)
    end.set()
    assert resumed.status == "succeeded"


def test_later_tasks_see_a_result_with_its_secret(path):
    text = """
parameters: {header: {}, key: {secret: true}}
tasks:
  - {name: login, action: login, input: {key: "{{ parameters.key }}"}, next: [{do: [use, act]}]}
  - {name: act, action: act}
  - {name: use, action: use, delay: 1.5, input: {login: "{{ task.login.result }}",
                                                header: "{{ parameters.header }}"}}
"""
    uses = []

    def actions():
        return {
            "login": lambda key: {"auth": f"Bearer {key}"},
            "use": lambda login, header: uses.append((login, header)),
        }

    parameters = {"header": "X-Key: open-sesame", "key": "open-sesame"}
    earlier_actions = {**actions(), "use": lambda login, header: None}
    run, _, end = interrupt(path, text, parameters, after=0, actions=earlier_actions)
    assert b"sesame" not in b"".join(file.read_bytes() for file in path.parent.iterdir())
    uses.clear()
    attune_nb.resume(
        run.run_id, path, parameters={"key": "open-sesame"}, actions={**actions(), **recording([])}
    )
    end.set()
    assert uses == [({"auth": "Bearer open-sesame"}, "X-Key: open-sesame")]
    stored = attune_nb.open_run(run.run_id, path)
    assert stored.result("login") == {"auth": "Bearer ***"}
    uses.clear()
    stored.fork("use", {"key": "open-sesame"}, actions={**actions(), **recording([])})
    assert uses == [({"auth": "Bearer open-sesame"}, "X-Key: open-sesame")]


def test_the_innermost_run_announces_such_an_action(path):
    @attune_nb.action("once_only", idempotent=False)
    def once_only():
        return 1

    inner = attune_nb.loads("tasks: [{name: a, action: deeper}]")
    deeper = attune_nb.loads("tasks: [{name: b, action: once_only}]")
    plain = attune_nb.loads("tasks: [{name: c, action: core.noop}]")
    outer = "tasks: [{name: x, action: inner}, {name: y, action: plain}]"
    run = attune_nb.loads(outer).run(
        actions={"inner": inner, "deeper": deeper, "plain": plain}, store=path
    )
    assert run.status == "succeeded"
    with database.connected(path) as connection:
        assert [*connection.execute("SELECT task, item FROM intents")] == [("b", 0)]


def test_a_break_does_not_count_as_time_of_the_run(path):
    run, _, end = interrupt(path)
    time.sleep(1.0)
    resumed = attune_nb.resume(run.run_id, path, actions=recording([]))
    end.set()
    ((break_start, break_duration),) = resumed.breaks
    assert break_duration > 0.9
    whole = (pd.Timestamp.now("UTC") - resumed.started).total_seconds()
    assert resumed.duration_ms / 1000 < whole - 0.9
    lanes = read_lanes(resumed)
    assert max(lane.end for lane in lanes) == pytest.approx(resumed.duration_ms / 1000, abs=0.01)
    (after,) = [lane for lane in lanes if lane.name == "after"]
    assert break_start <= after.start + 0.01
    assert resumed.tasks["duration_ms"].sum() <= resumed.duration_ms + 10


def test_an_edited_action_is_used_and_reported(path):
    run, _, end = interrupt(path)
    resumed = attune_nb.resume(run.run_id, path, actions={"act": lambda i: i + 1})
    end.set()
    assert resumed.output["results"] == [0, 1, 2, 4, 5, 6]
    assert resumed.alerts == [
        "the action of `work` changed since; results from before the change are kept"
    ]
