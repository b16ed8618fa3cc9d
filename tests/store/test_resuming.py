"""Taking up a run whose kernel is gone: what is done, what is refused, who may."""

import subprocess
import sys
import threading
import time
from datetime import timedelta

import pandas as pd
import pytest
from support import killed_workflows
from support.killed_processes import Nursery

import attune_nb
from attune_nb.charts.timeline_chart.read_lanes import read_lanes
from attune_nb.display.panel import panel
from attune_nb.errors import AttuneError, LookupFailed, ParameterError, StoreError
from attune_nb.events import RunResumed
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
output_map: {found: "{{ task.work.result }}", after: "{{ task.after.result }}"}
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs.db"


@pytest.fixture(scope="module")
def nursery():
    found = Nursery()
    yield found
    found.close()


def cut(path, text=TEXT, parameters=None, *, after=3, **options):
    """Run until an action has been called so often; then the engine is gone, and this says so.

    The engine lives on in this process, held in the next action until the test is over: its
    record is given free, as that of a killed one is.
    """
    made, gone, over = [], threading.Event(), threading.Event()

    def act(i=None):
        if len(made) >= after:
            gone.set()
            over.wait(90)
            raise RuntimeError("nobody hears this")
        made.append(i)
        return i

    actions = {"act": act, **options.pop("actions", {})}
    run = attune_nb.loads(text).run(
        parameters or {}, actions=actions, store=path, background=True, **options
    )
    assert gone.wait(60)
    on_record = attune_nb.runs(path)
    while on_record["items"].sum() + (on_record["tasks"].sum() == 0) < after and "with" in text:
        time.sleep(0.02)
        on_record = attune_nb.runs(path)
    time.sleep(0.1)
    reading.LIVE.clear()
    return run, made, over


def took(calls):
    def act(i=None):
        calls.append(i)
        return i

    return {"act": act}


def test_what_has_ended_is_not_run_again(path):
    run, made, over = cut(path)
    assert attune_nb.runs(path)["status"][0] == "interrupted"
    calls = []
    again = attune_nb.resume(run.run_id[:6], path, actions=took(calls))
    over.set()
    assert (made, calls) == ([0, 1, 2], [3, 4, 5, 100])
    assert again.run_id == run.run_id
    assert again.output == {"found": [0, 1, 2, 3, 4, 5], "after": 100}
    assert len(attune_nb.runs(path)) == 1
    stored = attune_nb.open_run(run.run_id, path)
    assert (stored.status, stored.output) == ("succeeded", again.output)
    assert stored.events == again.events


def resumed_amid(run, path):
    """Resume a run that another engine is at: between two events that it writes."""
    while True:
        try:
            return attune_nb.resume(run.run_id, path, actions=took([]))
        except StoreError as error:
            assert "was continued just now" in str(error)


def test_the_engine_that_was_there_before_is_fenced_off_and_stops(path):
    made = []

    def slow(i):
        made.append(i)
        time.sleep(0.02)
        return i

    run = attune_nb.loads(TEXT).run({"n": 500}, actions={"act": slow}, store=path, background=True)
    while not path.exists() or attune_nb.runs(path)["items"].sum() < 10:
        time.sleep(0.02)
    reading.LIVE.clear()  # as though its process were not this one, and gone
    again = resumed_amid(run, path)
    assert run.wait(60)
    assert run.status == "cancelled"
    assert f"run {run.run_id} was taken over by process" in run.error
    assert len(made) < 500
    assert again.output["found"] == list(range(500))
    assert attune_nb.open_run(run.run_id, path).events == again.events


def test_a_run_that_somebody_is_at_is_refused_with_who_it_is(path):
    gate = threading.Event()
    run = attune_nb.loads(TEXT).run(
        actions={"act": lambda i: gate.wait(90)}, store=path, background=True
    )
    while not path.exists() or not len(attune_nb.runs(path)):
        time.sleep(0.02)
    try:
        with pytest.raises(StoreError, match=r"is in progress in process \d+ on .*; wait for it"):
            attune_nb.resume(run.run_id, path, actions=took([]))
    finally:
        gate.set()
    assert run.wait(60)
    with pytest.raises(StoreError, match=r"has ended .*nothing to resume"):
        attune_nb.resume(run.run_id, path, actions=took([]))


RESUME = """
import sys, time, attune_nb
def act(path):
    time.sleep(0.5)
print("ready", flush=True)
sys.stdin.readline()
try:
    print(attune_nb.resume(sys.argv[2], sys.argv[1], actions={"touch": act}).status)
except attune_nb.StoreError as error:
    print(error)
"""


def test_of_two_that_resume_a_run_at_once_one_does(nursery, tmp_path):
    path, done = tmp_path / "runs.db", tmp_path / "done.txt"
    nursery.run("slow", kill_when=done, store=path, done=done)
    (run_id,) = attune_nb.runs(path)["run_id"]
    children = [
        subprocess.Popen(
            [sys.executable, "-c", RESUME, str(path), run_id],
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
    told = sorted((child.communicate(timeout=60)[0].strip() for child in children), key=len)
    assert told[0] == "succeeded"
    assert "is in progress in process" in told[1]


def test_secrets_are_to_be_given_again_and_are(path):
    text = TEXT.replace("{i: 100}", '{i: "{{ parameters.key ~ keystore.token }}"}')
    run, _, over = cut(path, text, {"key": "open-sesame"}, keystore={"token": "tell-no-one"})
    with pytest.raises(ParameterError) as caught:
        attune_nb.resume(run.run_id, path, actions=took([]))
    assert "the secret parameter `key`, `token` of the keystore; pass it again" in str(caught.value)
    calls = []
    again = attune_nb.resume(
        run.run_id,
        path,
        actions=took(calls),
        parameters={"key": "open-sesame"},
        keystore={"token": "tell-no-one"},
    )
    over.set()
    assert calls[-1] == "open-sesametell-no-one"
    assert again.output["after"] == "******"
    assert b"sesame" not in path.read_bytes()


def test_a_text_with_a_secret_in_it_is_to_be_given_again(path):
    text = TEXT.replace("i: 100", "i: say-open-sesame")
    run, _, over = cut(path, text, {"key": "open-sesame"})
    with pytest.raises(ParameterError, match="the workflow's text, which contains a secret"):
        attune_nb.resume(run.run_id, path, actions=took([]), parameters={"key": "open-sesame"})
    other = attune_nb.loads(text.replace("item }}", "item + 1 }}"))
    with pytest.raises(StoreError, match="another workflow: changed task `work`"):
        attune_nb.resume(
            run.run_id,
            path,
            actions=took([]),
            parameters={"key": "open-sesame"},
            workflow=other,
        )
    calls = []
    attune_nb.resume(
        run.run_id,
        path,
        actions=took(calls),
        parameters={"key": "open-sesame"},
        workflow=attune_nb.loads(text),
    )
    over.set()
    assert calls[-1] == "say-open-sesame"


def test_objects_that_no_store_holds_are_to_be_given_again(path):
    text = TEXT.replace("range(parameters.n)", "parameters.rows")
    text = text.replace('"{{ item }}"', '"{{ item.x }}"')
    frame = pd.DataFrame({"x": range(6)})
    run, _, over = cut(path, text, {"rows": frame})
    assert attune_nb.open_run(run.run_id, path).status == "interrupted"
    with pytest.raises(ParameterError, match=r"`rows` \(a pandas.*DataFrame, which no store"):
        attune_nb.resume(run.run_id, path, actions=took([]))
    calls = []
    again = attune_nb.resume(run.run_id, path, actions=took(calls), parameters={"rows": frame})
    over.set()
    assert calls == [3, 4, 5, 100]
    assert again.output["found"] == [0, 1, 2, 3, 4, 5]
    assert list(again.items("work")["item"])[2:4] == [{"x": 2}, {"x": 3}]


def test_a_source_that_is_read_once_is_given_again_from_its_start(path):
    text = TEXT.replace("range(parameters.n)", "parameters.rows").replace(
        "work\n", "work\n    concurrency: 2\n"
    )
    run, made, over = cut(path, text, {"rows": iter(range(8))})
    calls = []
    again = attune_nb.resume(
        run.run_id, path, actions=took(calls), parameters={"rows": iter(range(8))}
    )
    over.set()
    assert sorted(made + calls[:-1]) == list(range(8))
    assert again.output["found"] == list(range(8))


def test_a_source_that_ends_too_soon_is_told(path):
    text = TEXT.replace("range(parameters.n)", "parameters.rows")
    run, _, over = cut(path, text, {"rows": iter(range(8))})
    again = attune_nb.resume(
        run.run_id, path, actions=took([]), parameters={"rows": iter(range(2))}
    )
    over.set()
    told = again.items("work").set_index("index").loc[3]
    assert told["status"] == "failed"
    assert "ended before item 2, which it gave before the run was resumed" in told["error"]


def test_another_value_of_a_parameter_is_no_resume(path):
    run, _, over = cut(path)
    with pytest.raises(ParameterError, match=r"parameter `n` .* had another value"):
        attune_nb.resume(run.run_id, path, actions=took([]), parameters={"n": 7})
    over.set()


def test_the_time_goes_on_where_it_stood(path):
    text = TEXT.replace("i: 100", 'i: "{{ now() }}"')
    run, _, over = cut(path, text)
    time.sleep(0.5)
    calls = []
    begun = pd.Timestamp.now("UTC")
    again = attune_nb.resume(run.run_id, path, actions=took(calls))
    over.set()
    times = [each.time for each in again.events]
    assert times == sorted(times)
    resumed = next(each for each in again.events if isinstance(each, RunResumed))
    assert again.started + timedelta(seconds=0.4) < pd.Timestamp(
        resumed.started_at, unit="s", tz="UTC"
    )
    assert pd.Timestamp(calls[-1]) >= begun - timedelta(seconds=0.01)
    frame = again.tasks.set_index("task")
    assert frame.loc["after", "start"] >= begun - timedelta(seconds=0.01)
    assert abs(frame.loc["work", "start"] - again.started) < timedelta(milliseconds=1)
    items = again.items("work")
    assert (items["start"][3:] >= begun - timedelta(seconds=0.01)).all()


def test_a_delay_goes_on_while_nobody_is_there(path):
    text = """
tasks:
  - {name: a, action: act, next: [{do: [b, c]}]}
  - {name: b, action: act, delay: 0.6}
  - {name: c, action: act}
"""
    run, _, over = cut(path, text, after=1)
    time.sleep(0.7)
    again = attune_nb.resume(run.run_id, path, actions=took([]))
    over.set()
    assert again.status == "succeeded"
    (resumed,) = (each.time for each in again.events if isinstance(each, RunResumed))
    frame = again.tasks.set_index("task")
    began = (frame.loc["b", "end"] - again.started).total_seconds()
    assert again.duration_ms / 1000 - resumed < 0.5
    assert began > 0


def test_a_question_waits_on(path):
    text = """
tasks:
  - {name: a, action: act, next: [{do: [ask, c]}]}
  - {name: ask, action: core.ask, input: {prompt: really?}}
  - {name: c, action: act}
output_map: {said: "{{ task.ask.result.response }}"}
"""
    run, _, over = cut(path, text, after=1)
    again = attune_nb.resume(run.run_id, path, actions=took([]), background=True)
    over.set()
    assert [each.task for each in again.questions] == ["ask"]
    again.answer("ask", "yes")
    assert again.wait(60)
    assert again.output == {"said": "yes"}


def test_a_paused_run_goes_on_when_it_is_resumed(path):
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
    again = attune_nb.resume(run.run_id, path, actions=took([]))
    gate.set()
    assert again.output["found"] == [0, 1, 2, 3, 4, 5]
    assert attune_nb.open_run(run.run_id, path).events == again.events


def test_a_run_that_was_to_stop_stops(path):
    run, _, over = cut(path)
    run.cancel()
    while attune_nb.runs(path)["status"].tolist() != ["interrupted"]:
        time.sleep(0.02)
    time.sleep(0.2)
    calls = []
    again = attune_nb.resume(run.run_id, path, actions=took(calls))
    over.set()
    assert again.status == "cancelled"
    assert calls == []
    assert list(again.items("work")["status"])[:3] == ["succeeded"] * 3


def in_doubt(nursery, tmp_path):
    store, done = tmp_path / "runs.db", tmp_path / "done.txt"
    nursery.run("paying", kill_when=f"{done}.began", store=store, done=done)
    (tmp_path / "done.txt.open").touch()
    (run_id,) = attune_nb.runs(store)["run_id"]
    made = done.read_text().split("\n")
    again = attune_nb.resume(run_id, store, actions={"pay": killed_workflows.pay}, progress=False)
    return again, done, made


def test_an_attempt_that_must_not_be_made_twice_is_in_doubt_and_can_be_made_again(
    nursery, tmp_path
):
    run, done, before = in_doubt(nursery, tmp_path)
    assert run.status == "paused"
    assert 2 in [each.index for each in run.in_doubt]
    assert f"{len(run.in_doubt)} in doubt" in repr(run)
    progress = Progress()
    progress.read(run.events)
    assert progress.in_doubt == run.in_doubt
    assert progress.status == "paused"
    assert f"{len(run.in_doubt)} in doubt: `pay`" in progress.text()
    assert f"{len(run.in_doubt)} in doubt: `pay`" in str(panel(progress))
    assert done.read_text().split("\n") == before  # nothing runs before it is decided
    for each in run.in_doubt:
        run.rerun(each.task, each.index)
    assert run.wait(60)
    assert run.output == {"paid": [f"paid {item}" for item in range(6)]}
    assert done.read_text().split("\n").count("pay 2") == 2
    progress = Progress()
    progress.read(run.events)
    assert (progress.status, progress.in_doubt) == ("succeeded", [])
    assert run.alerts == []


def test_an_attempt_in_doubt_may_have_been_made(nursery, tmp_path):
    run, done, _ = in_doubt(nursery, tmp_path)
    with pytest.raises(LookupFailed, match="no such attempt of `pay` is in doubt; in doubt: `pay`"):
        run.accept("pay", "paid", 5)
    for each in run.in_doubt:
        run.accept("pay", f"paid {each.index} before", each.index)
    assert run.wait(60)
    assert run.output["paid"][2] == "paid 2 before"
    assert run.output["paid"][5] == "paid 5"
    made = done.read_text().split("\n")
    assert {made.count(f"pay {item}") for item in range(6)} == {1}


def test_a_run_in_doubt_can_be_cancelled(nursery, tmp_path):
    run, done, before = in_doubt(nursery, tmp_path)
    run.cancel()
    assert run.wait(60)
    assert (run.status, run.in_doubt) == ("cancelled", [])
    assert done.read_text().split("\n") == before


def test_a_run_that_was_never_killed_pays_once(path, tmp_path):
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
    ("given", "told"),
    [
        ({"run_id": 5}, "the id of a run must be a string, not an integer"),
        ({"run_id": "nobody"}, "there is no run `nobody` in .*; `runs` lists all"),
        ({"parameters": 5}, "`parameters` must be an object, not an integer"),
        ({"actions": []}, "`actions` must be an object, not an array"),
        ({"actions": {}}, "there is no action `act`"),
        ({"workflow": TEXT}, "`workflow` must be a Workflow, as `load` returns it, not a string"),
        ({"backend": "thread"}, "there is no backend `thread`; did you mean `threads`"),
        ({"workers": 0}, "`workers` must be an integer of 1 or more, not the integer `0`"),
        ({"store": "none"}, "the store is `none`; pass its file"),
    ],
)
def test_a_mistake_is_told_and_the_run_is_left_as_it_is(path, given, told):
    run, _, over = cut(path)
    asked = {"run_id": run.run_id, "store": path, "actions": took([]), **given}
    with pytest.raises(AttuneError, match=told):
        attune_nb.resume(**asked)
    assert attune_nb.resume(run.run_id, path, actions=took([])).status == "succeeded"
    over.set()


def test_all_that_was_given_before_may_be_given_again(path):
    text = TEXT.replace("rows: {}", "rows: {}, header: {}, table: {}")
    frame = pd.DataFrame({"x": [1, 2]})
    given = {"n": 6, "header": "X: open-sesame", "key": "open-sesame", "table": frame, "rows": [1]}
    run, _, over = cut(path, text, given)
    with pytest.raises(ParameterError, match=r"parameter `rows` of run .* had another value"):
        attune_nb.resume(run.run_id, path, actions=took([]), parameters={**given, "rows": frame})
    again = attune_nb.resume(run.run_id, path, actions=took([]), parameters=given)
    over.set()
    assert again.status == "succeeded"


def test_a_result_with_a_secret_in_it_is_what_it_was_for_the_tasks_to_come(path):
    text = """
parameters: {header: {}, key: {secret: true}}
tasks:
  - {name: login, action: login, input: {key: "{{ parameters.key }}"}, next: [{do: [use, act]}]}
  - {name: act, action: act}
  - {name: use, action: use, delay: 1.5, input: {given: "{{ task.login.result }}",
                                                header: "{{ parameters.header }}"}}
"""
    seen = []

    def actions():
        return {"login": lambda key: {"auth": f"Bearer {key}"},
                "use": lambda given, header: seen.append((given, header))}  # fmt: skip

    given = {"header": "X-Key: open-sesame", "key": "open-sesame"}
    before = {**actions(), "use": lambda given, header: None}
    run, _, over = cut(path, text, given, after=0, actions=before)
    assert b"sesame" not in b"".join(each.read_bytes() for each in path.parent.iterdir())
    seen.clear()
    attune_nb.resume(
        run.run_id, path, parameters={"key": "open-sesame"}, actions={**actions(), **took([])}
    )
    over.set()
    assert seen == [({"auth": "Bearer open-sesame"}, "X-Key: open-sesame")]
    stored = attune_nb.open_run(run.run_id, path)
    assert stored.result("login") == {"auth": "Bearer ***"}
    seen.clear()
    stored.fork("use", {"key": "open-sesame"}, actions={**actions(), **took([])})
    assert seen == [({"auth": "Bearer open-sesame"}, "X-Key: open-sesame")]


def test_a_workflow_that_does_what_must_not_be_done_twice_is_announced_as_a_whole(path):
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
        assert [*connection.execute("SELECT task, item FROM intents")] == [("x", 0)]


def test_a_break_is_no_time_of_the_run_and_is_not_drawn(path):
    run, _, over = cut(path)
    time.sleep(1.0)
    again = attune_nb.resume(run.run_id, path, actions=took([]))
    over.set()
    ((at, taken),) = again.breaks
    assert taken > 0.9
    assert again.duration_ms < 900
    lanes = read_lanes(again)
    assert max(lane.end for lane in lanes) == pytest.approx(again.duration_ms / 1000, abs=0.01)
    after = next(lane for lane in lanes if lane.name == "after")
    assert at <= after.start + 0.01
    assert again.tasks["duration_ms"].sum() <= again.duration_ms + 10


def test_an_action_that_was_edited_goes_on_and_that_is_told(path):
    run, _, over = cut(path)
    again = attune_nb.resume(run.run_id, path, actions={"act": lambda i: i + 1})
    over.set()
    assert again.output["found"] == [0, 1, 2, 4, 5, 6]
    assert again.alerts == [
        "the action of `work` changed since; results from before the change are kept"
    ]
