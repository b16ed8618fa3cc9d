"""Read, resume, fork and retry the runs that the code of commit 278221c recorded.

The store and its writer, `write_store.py`, are in `stores`. Tests use the public names only: the
modules behind them may change, the record may not. Each test works on a copy of its own.
"""

import hashlib
import importlib.util
import json
import platform
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pandas as pd
import pytest

import attune_nb
from attune_nb import events
from attune_nb.errors import LookupFailed, ParameterError, RunCancelled, RunFailed, StoreError
from attune_nb.language.identity import task_identity

STORES = Path(__file__).parent / "stores"
WITH_ITS_PYTHON = pytest.mark.skipif(
    platform.python_version() != "3.11.7", reason="the store knows the code of Python 3.11.7 only"
)
PATIENCE = 60  # seconds to wait for the end of a run
SECRETS = {"parameters": {"key": "open-sesame"}, "keystore": {"token": "tell-no-one"}}
STATUSES = [
    ("survey", "succeeded"),
    ("survey", "succeeded"),
    ("inspection", "failed"),
    ("crashes", "failed"),
    ("census", "interrupted"),
    ("paused", "interrupted"),
    ("continued", "succeeded"),
    ("cancelled", "cancelled"),
    ("rehearsal", "succeeded"),
    ("payments", "interrupted"),
    ("settled", "succeeded"),
    ("approval", "interrupted"),
    ("answered", "succeeded"),
    ("dated", "succeeded"),
    ("deadline", "timed_out"),
    ("nested", "interrupted"),
    ("stream", "interrupted"),
    ("secret", "interrupted"),
    ("masked", "succeeded"),
    ("turns", "succeeded"),
    ("join", "interrupted"),
    ("retrying", "interrupted"),
    ("values", "succeeded"),
    ("large", "succeeded"),
    ("large", "succeeded"),
]
CENSUS_OUTPUT = {"total": 140, "square": 19600}
SURVEY_OUTPUT = {"sizes": [5, 4, 5, 5], "total": 19, "message": "19 in all", "optional": "skipped"}


@pytest.fixture
def store(tmp_path):
    """Return a copy of the store."""
    return shutil.copyfile(STORES / "written_by_278221c.db", tmp_path / "runs.db")


@pytest.fixture
def actions():
    """Return the actions of the recorded runs, with no call recorded yet."""
    spec = importlib.util.spec_from_file_location("store_actions", STORES / "store_actions.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_id_of(store, name, number=0):
    """Return the id of a run by its workflow's name; a later one of that name by its number."""
    runs = attune_nb.runs(store, workflow=name)
    return runs["run_id"].iloc[-1 - number]


def recorded(store, name, number=0):
    """Return a run as it is on record."""
    return attune_nb.open_run(run_id_of(store, name, number), store)


def resume(store, name, module, **options):
    """Resume a run with the actions it began with, unless others are given."""
    settings = {"actions": module.ACTIONS, "progress": False} | options
    return attune_nb.resume(run_id_of(store, name), store, **settings)


def events_of(run, kind):
    """Return the events of one kind."""
    return [event for event in run.events if type(event).__name__ == kind]


def error_types(run, task):
    """Return the error types of a task's items by index, in the order of the attempts."""
    types = {}
    for event in events_of(run, "AttemptsEnded"):
        if event.task == task:
            for row, error in event.batch.errors.items():
                types.setdefault(event.batch.index[row], []).append(error.type)
    return types


def items_called(actions, action):
    """Return the items that an action was called with, in order."""
    return sorted(item for name, item in actions.calls if name == action)


def query(store, statement):
    """Return the rows of a statement."""
    with closing(sqlite3.connect(store)) as connection:
        return connection.execute(statement).fetchall()


def test_the_runs_are_listed_with_their_statuses(store):
    runs = attune_nb.runs(store)
    assert list(zip(runs["workflow"], runs["status"], strict=True)) == STATUSES[::-1]


def test_the_list_counts_tasks_items_and_failures(store):
    runs = attune_nb.runs(store)[::-1].drop_duplicates("workflow").set_index("workflow")
    counts = runs.loc[["survey", "inspection", "census", "turns"], ["tasks", "items", "failed"]]
    assert counts.to_numpy().tolist() == [[6, 6, 0], [3, 5, 4], [1, 4, 0], [13, 0, 0]]


def test_the_kinds_of_older_runs_are_known(store):
    """The record knows dry and mocked runs, but not which runs are forks."""
    kinds = attune_nb.runs(store).set_index("workflow")["kind"]
    assert kinds[kinds != ""].to_dict() == {"rehearsal": "dry run, mocked"}
    assert recorded(store, "rehearsal").kind == "dry run, mocked"
    assert not recorded(store, "survey", 1).tasks["reused"].any()


def test_older_runs_are_forgotten(store):
    forgotten = attune_nb.forget(older="0s", store=store)
    assert len(forgotten.run_ids) == len(STATUSES)
    assert attune_nb.runs(store).empty
    assert query(store, "SELECT count(*) FROM events") == [(0,)]


def test_an_opened_run_has_its_listed_status(store):
    runs = attune_nb.runs(store)
    statuses = [attune_nb.open_run(run_id, store).status for run_id in runs["run_id"]]
    assert statuses == [status for _, status in STATUSES[::-1]]


@pytest.mark.parametrize(
    ("name", "number", "output"),
    [
        ("survey", 0, SURVEY_OUTPUT),
        ("survey", 1, {**SURVEY_OUTPUT, "optional": "succeeded"}),
        ("inspection", 0, None),
        ("crashes", 0, None),
        ("continued", 0, CENSUS_OUTPUT),
        ("cancelled", 0, None),
        ("rehearsal", 0, {"total": 40, "square": 1}),
        ("settled", 0, {"receipts": ["paid 0", "paid 1", "paid 2", "paid by hand", "paid 4",
                                     "paid 5"]}),
        ("answered", 0, {"answer": 5, "shipped": 25}),
        ("dated", 0, {"date": date(2026, 1, 2)}),
        ("deadline", 0, None),
        ("masked", 0, {"fetched": "Bearer *** ***", "length": 11}),
        ("turns", 0, {"turns": 3, "last": "left 3, right 3"}),
        ("values", 0, {"rows": [4, 9]}),
        ("large", 0, {"length": 70_000}),
        ("large", 1, {"length": 70_000}),
    ],
)  # fmt: skip
def test_an_ended_run_keeps_its_output(store, name, number, output):
    assert recorded(store, name, number).output == output


def test_events_decode_to_the_classes_they_had(store):
    for number, run_id in query(store, "SELECT number, run_id FROM runs"):
        rows = query(store, f"SELECT kind FROM events WHERE run = {number} ORDER BY number")
        classes = [type(event).__name__ for event in attune_nb.open_run(run_id, store).events]
        assert classes == [kind for (kind,) in rows]


def test_the_store_holds_every_kind_of_event(store):
    kinds = [kind for (kind,) in query(store, "SELECT DISTINCT kind FROM events ORDER BY kind")]
    assert kinds == sorted(kind for kind, *_ in FIELDS)
    assert all(issubclass(getattr(events, kind), events.Event) for kind in kinds)


FIELDS = [
    ("RunStarted", "turns", 0, {"time": 0.0, "workflow": "turns", "parameters": {}}),
    ("RunResumed", "settled", 0, {"doubts": (("pay", 1, 2, 1), ("pay", 1, 3, 1))}),
    ("RerunRequested", "settled", 0, {"task": "pay", "visit": 1, "index": 2}),
    ("AttemptsEnded", "turns", 1, {"task": "begin", "visit": 1}),
    ("CancelRequested", "cancelled", 0, {"reason": "", "force": False}),
    ("PauseRequested", "paused", 0, {"reason": ""}),
    ("ResumeRequested", "continued", 0, {}),
    ("AskAnswered", "dated", 0, {"task": "ask", "visit": 1, "value": date(2026, 1, 2)}),
    ("AlarmRang", "survey", 0, {"kind": "delay", "task": "later", "visit": 1}),
    ("AskOpened", "answered", 0, {"task": "approve", "visit": 1, "prompt": "Ship 9?",
                                  "response_schema": {"type": "integer", "minimum": 1}}),
    ("TaskStarted", "turns", 5, {"task": "begin", "visit": 2, "total": 1, "with_items": False,
                                 "concurrency": 1, "causes": (("merge", 1),)}),
    ("RetriesPlanned", "inspection", 0, {"task": "inspect", "visit": 1, "count": 2}),
    ("TaskEnded", "survey", 0, {"task": "probe", "visit": 1, "status": "succeeded", "attempts": 5,
                                "error": None, "fired": (0,), "handled": True}),
    ("RunEnded", "deadline", 0, {"status": "timed_out", "output": None,
                                 "error": "the run did not end within 0.5 s"}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "name", "number", "fields"), FIELDS)
def test_an_event_keeps_its_fields(store, kind, name, number, fields):
    event = events_of(recorded(store, name), kind)[number]
    assert {field: getattr(event, field) for field in fields} == fields


def test_alarms_of_questions_and_runs_keep_their_kind(store):
    alarms = events_of(recorded(store, "deadline"), "AlarmRang")
    assert [(alarm.kind, alarm.task) for alarm in alarms] == [("ask", "question"), ("run", "")]


def test_a_batch_keeps_its_columns(store):
    (batch,) = [event.batch for event in events_of(recorded(store, "turns"), "AttemptsEnded")
                if (event.task, event.visit) == ("left", 2)]  # fmt: skip
    assert (list(batch.index), list(batch.attempt), list(batch.status)) == ([0], [1], [0])
    assert batch.results == ["left 2"]
    assert 0 < batch.start[0] < 1
    assert 0 < batch.duration[0] < 1


def test_tasks_keep_their_statuses_and_attempts(store):
    tasks = recorded(store, "survey").tasks
    columns = ["task", "visit", "status", "attempts"]
    assert list(tasks[columns].itertuples(index=False, name=None)) == [
        ("probe", 1, "succeeded", 5),
        ("pairs", 1, "succeeded", 2),
        ("optional", 1, "skipped", 0),
        ("later", 1, "succeeded", 1),
        ("both", 1, "succeeded", 0),
        ("both/left", 1, "succeeded", 1),
        ("both/right", 1, "succeeded", 1),
    ]


def test_the_visits_of_a_cycle_are_kept(store):
    tasks = recorded(store, "turns").tasks
    assert tasks.groupby("task")["visit"].max().to_dict() == {
        "start": 1, "begin": 3, "left": 3, "right": 3, "merge": 3,
    }  # fmt: skip


def test_items_keep_their_attempts_and_results(store):
    items = recorded(store, "survey").items("probe")
    columns = ["item", "status", "attempts", "result"]
    assert list(items[columns].itertuples(index=False, name=None)) == [
        ("alpha", "succeeded", 1, {"host": "alpha", "size": 5}),
        ("beta", "succeeded", 2, {"host": "beta", "size": 4}),
        ("gamma", "succeeded", 1, {"host": "gamma", "size": 5}),
        ("delta", "succeeded", 1, {"host": "delta", "size": 5}),
    ]


def test_failed_items_keep_their_messages(store):
    items = recorded(store, "inspection").items("inspect")
    assert list(items["error"]) == [
        None, "no such value", "KeyError: 'missing'", "too late", "exit code 3",
    ]  # fmt: skip
    assert list(items["status"]) == ["succeeded", "failed", "failed", "timed_out", "failed"]


def test_errors_keep_their_types(store):
    assert error_types(recorded(store, "inspection"), "inspect") == {
        1: ["ValueError", "ValueError"],
        2: ["KeyError"],
        3: ["Timeout", "Timeout"],
        4: ["ActionError"],
    }
    assert error_types(recorded(store, "crashes"), "crash") == {
        1: ["WorkerLost", "WorkerLost"],
        2: ["NotSendable"],
    }


def test_an_error_keeps_its_data_and_traceback(store):
    batches = [event.batch for event in events_of(recorded(store, "inspection"), "AttemptsEnded")]
    errors = [error for batch in batches for error in batch.errors.values()]
    (error,) = [error for error in errors if error.type == "ActionError"]
    assert error.data == {"exit_code": 3, "stdout": "half"}
    assert 'File "store_actions.py"' in error.traceback
    assert error.retryable is True


def test_an_error_keeps_its_position_in_the_text(store):
    errors = recorded(store, "inspection").errors()
    (position,) = [error.position for error in errors if error.type == "TemplateError"]
    assert (position.source.name, position.line, position.column) == ("<cell>", 28, 16)
    assert '   28 |       message: "{{ parameters.settings.limit }}"' in position.excerpt()


def test_conditions_on_error_types_were_recorded(store):
    variables = recorded(store, "inspection").context.variables
    assert variables["types"] == ["ValueError", "KeyError", "Timeout", "ActionError"]
    assert variables["late"] is True
    assert recorded(store, "crashes").context.variables["types"] == ["WorkerLost", "NotSendable"]


def test_the_context_of_a_task_is_rebuilt(store):
    run = recorded(store, "survey")
    assert run.context_at("probe").lookup("workflow.sizes") == []
    assert run.context_at("pairs").lookup("workflow.sizes") == [5, 4, 5, 5]
    assert run.context.lookup("workflow.total") == 19


def test_values_keep_their_kinds(store):
    zone = timezone(timedelta(hours=2))
    expected = [
        (1, "two"),
        frozenset({1}),
        b"\x00\xff",
        datetime(2026, 1, 2, 3, 4, 5, tzinfo=zone),
        date(2026, 1, 2),
        time(3, 4, 5),
        timedelta(days=1, seconds=2),
        Decimal("1.50"),
        UUID(int=7),
        complex(1, -2),
        float("inf"),
        {1: "one", "$tuple": 2},
        {"$tuple": "no tag"},
        "lone \ud800 surrogate",
    ]
    values = recorded(store, "values").result("kinds")[: len(expected)]
    assert values == expected
    assert all(map(isinstance, values, map(type, expected)))


def test_an_object_leaves_a_marker_that_names_its_type(store):
    marker = recorded(store, "values").result("kinds")[14]
    assert not isinstance(marker, pd.DataFrame)
    assert "pandas.DataFrame" in repr(marker)


def test_a_run_and_its_fork_share_a_large_result(store):
    results = [recorded(store, "large", number).result("write") for number in (0, 1)]
    assert results == ["x" * 70_000] * 2
    references = query(store, "SELECT data FROM events WHERE substr(data, 1, 1) = x'40'")
    assert len(references) == 2
    assert query(store, "SELECT count(*) FROM blobs") == [(1,)]


def test_two_runs_on_record_can_be_compared(store):
    differences = recorded(store, "survey").diff(recorded(store, "survey", 1)).set_index("what")
    rows = {what: tuple(differences.loc[what, ["before", "after"]]) for what in differences.index}
    assert rows["parameter `limit`"] == ("3", "200")
    assert rows["task `optional`: status"] == ("skipped", "succeeded")
    assert not [what for what in rows if "probe" in what or "pairs" in what]


def test_a_bad_end_of_a_run_is_raised_as_an_error(store):
    with pytest.raises(RunCancelled):
        recorded(store, "cancelled").raise_for_status()
    with pytest.raises(RunFailed, match="did not end within"):
        recorded(store, "deadline").raise_for_status()
    recorded(store, "survey").raise_for_status()


def test_a_break_in_a_run_is_known(store):
    ((second, seconds),) = recorded(store, "settled").breaks
    assert 0 < second < 1
    assert 0 < seconds < 10


def test_a_recorded_run_is_written_as_a_trace(store, tmp_path):
    path = recorded(store, "survey").to_chrome_trace(tmp_path / "trace.json")
    names = Counter(event["name"] for event in json.loads(path.read_text())["traceEvents"])
    assert {"probe", "pairs", "later"} <= names.keys()


def test_a_recorded_workflow_runs_again(store, actions):
    run = recorded(store, "survey")
    again = run.workflow.run(
        run.context.parameters, actions=actions.ACTIONS, progress=False, store="none"
    )
    assert again.output == SURVEY_OUTPUT


def test_a_recorded_workflow_has_the_same_text(store):
    workflow = recorded(store, "turns").workflow
    written = attune_nb.load(STORES / "workflows" / "turns.yaml")
    assert [task.name for task in workflow.tasks] == ["start", "begin", "left", "right", "merge"]
    assert workflow.to_yaml() == written.to_yaml()


def test_the_recorded_canonical_texts_are_still_canonical(store):
    for (text,) in query(store, "SELECT text FROM runs"):
        assert attune_nb.loads(text).to_yaml() == text


def test_a_killed_run_resumes_to_its_output(store, actions):
    run = resume(store, "census", actions)
    assert (run.status, run.output) == ("succeeded", CENSUS_OUTPUT)


def test_a_resumed_run_repeats_no_recorded_item(store, actions):
    resume(store, "census", actions)
    assert items_called(actions, "square") == [4, 5, 6, 7, 140]


def test_a_resumed_run_is_recorded_to_its_end(store, actions):
    before = recorded(store, "census").events
    run = resume(store, "census", actions)
    after = recorded(store, "census")
    assert (after.status, after.output) == ("succeeded", CENSUS_OUTPUT)
    assert after.events == run.events
    assert after.events[: len(before)] == before
    assert len(attune_nb.runs(store)) == len(STATUSES)


@WITH_ITS_PYTHON
@pytest.mark.parametrize("name", ["census", "nested", "stream", "join"])
def test_unchanged_actions_raise_no_alert(store, actions, name):
    """Resume runs of functions, core actions and a workflow used as an action."""
    area = attune_nb.load(STORES / "workflows" / "area.yaml")
    options = {"actions": {**actions.ACTIONS, "area": area}}
    if name == "stream":
        options["parameters"] = {"numbers": iter(range(8))}

    run = resume(store, name, actions, **options)
    assert not [alert for alert in run.alerts if "changed" in alert]


@WITH_ITS_PYTHON
@pytest.mark.parametrize("task", ["pairs", "later"])
def test_a_fork_raises_no_alert_of_unchanged_actions(store, actions, task):
    fork = recorded(store, "survey").fork(task, actions=actions.ACTIONS, progress=False)
    assert not [alert for alert in fork.alerts if "changed" in alert]


def test_the_recorded_digests_of_tasks_are_unchanged(store):
    """The digests decide whether the durations of two runs are compared."""
    count = 0
    for run_id, options in query(store, "SELECT run_id, options FROM runs"):
        workflow = attune_nb.open_run(run_id, store).workflow
        for path, recorded_digest in json.loads(options)["alike"]["tasks"].items():
            text = task_identity(workflow.spec.task(path))
            digest = hashlib.sha256(text.encode()).hexdigest()[:12]
            assert recorded_digest.split()[0] == digest
            count += 1
    assert count == 18


def test_a_changed_action_is_used_from_then_on(store, actions):
    run = resume(store, "census", actions, actions={"square": lambda number: number + 1})
    assert run.output["total"] == sum([0, 1, 4, 9, 5, 6, 7, 8])


@WITH_ITS_PYTHON
def test_a_changed_action_raises_an_alert(store, actions):
    run = resume(store, "census", actions, actions={"square": lambda number: number + 1})
    (alert,) = [alert for alert in run.alerts if "changed" in alert]
    assert "`count`" in alert


def test_a_killed_run_resumes_with_its_workflow(store, actions):
    census = attune_nb.load(STORES / "workflows" / "census.yaml")
    assert resume(store, "census", actions, workflow=census).output == CENSUS_OUTPUT


def test_a_killed_run_refuses_another_workflow(store, actions):
    with pytest.raises(StoreError, match="another workflow"):
        resume(store, "census", actions, workflow=recorded(store, "payments").workflow)


def test_an_ended_run_is_not_resumed(store, actions):
    with pytest.raises(StoreError, match="has ended"):
        resume(store, "survey", actions)


def test_a_paused_run_resumes_to_its_output(store, actions):
    run = resume(store, "paused", actions)
    assert (run.status, run.output) == ("succeeded", CENSUS_OUTPUT)
    assert items_called(actions, "square") == [4, 5, 6, 7, 140]


def test_attempts_in_doubt_are_listed(store, actions):
    run = resume(store, "payments", actions)
    assert run.status == "paused"
    assert [(doubt.task, doubt.visit, doubt.index, doubt.attempt) for doubt in run.in_doubt] == [
        ("pay", 1, 2, 1),
        ("pay", 1, 3, 1),
    ]
    assert actions.calls == []
    run.cancel()
    assert run.wait(PATIENCE)


def test_attempts_in_doubt_are_made_again(store, actions):
    run = resume(store, "payments", actions)
    run.rerun("pay")
    assert run.wait(PATIENCE)
    assert run.output == {"receipts": [f"paid {order}" for order in range(6)]}
    assert items_called(actions, "pay") == [2, 3, 4, 5]


def test_a_result_is_accepted_for_an_attempt_in_doubt(store, actions):
    run = resume(store, "payments", actions)
    run.accept("pay", "paid by card", 2)
    run.accept("pay", "paid in cash", 3)
    assert run.wait(PATIENCE)
    assert run.output["receipts"][1:5] == ["paid 1", "paid by card", "paid in cash", "paid 4"]
    assert items_called(actions, "pay") == [4, 5]


def test_a_question_is_asked_again(store, actions):
    run = resume(store, "approval", actions, background=True)
    (question,) = run.questions
    assert (question.task, question.prompt) == ("approve", "Ship 9?")
    assert question.response_schema == {"type": "integer", "minimum": 1}
    run.cancel()
    assert run.wait(PATIENCE)


def test_an_answer_lets_a_run_go_on(store, actions):
    run = resume(store, "approval", actions, background=True)
    run.answer("approve", 4)
    assert run.wait(PATIENCE)
    assert run.output == {"answer": 4, "shipped": 16}
    assert items_called(actions, "square") == [4]


def test_an_answer_must_fit_the_recorded_schema(store, actions):
    run = resume(store, "approval", actions, background=True)
    with pytest.raises(ParameterError):
        run.answer("approve", 0)
    run.cancel()
    assert run.wait(PATIENCE)


def test_a_run_with_an_inner_workflow_resumes(store, actions):
    area = attune_nb.load(STORES / "workflows" / "area.yaml")
    run = resume(store, "nested", actions, actions={**actions.ACTIONS, "area": area})
    assert run.output == {"areas": [{"area": 4}, {"area": 9}], "square": 81}
    assert items_called(actions, "square") == [3, 9]


def test_a_source_read_once_resumes_from_its_start(store, actions):
    run = resume(store, "stream", actions, parameters={"numbers": iter(range(8))})
    assert run.output == {"squares": [0, 1, 4, 9, 16, 25, 36, 49]}
    assert items_called(actions, "square") == [4, 5, 6, 7]


def test_a_source_read_once_must_be_given_again(store, actions):
    with pytest.raises(ParameterError, match="`numbers`"):
        resume(store, "stream", actions)


def test_a_secret_must_be_given_again(store, actions):
    with pytest.raises(ParameterError, match=r"`key`.*`token`"):
        resume(store, "secret", actions)


def test_a_secret_in_a_result_is_put_back(store, actions):
    run = resume(store, "secret", actions, **SECRETS)
    assert actions.calls == [
        ("fetch", "fetch"),
        ("fetch with", "Bearer open-sesame tell-no-one"),
    ]
    assert run.output == {"fetched": "Bearer *** ***", "length": 11}


def test_a_secret_is_masked_on_record(store):
    run = recorded(store, "secret")
    assert run.result("login") == {"auth": "Bearer ***"}
    assert "sesame" not in repr(run.events)


def test_a_join_resumes_in_its_cycle(store, actions):
    run = resume(store, "join", actions)
    assert run.output == {"turns": 3, "last": "left 3, right 3"}
    assert sorted(item for _, item in actions.calls) == ["left 3", "right 2", "right 3"]


def test_a_recorded_timeout_matches_on_error(store, actions):
    run = resume(store, "retrying", actions)
    assert run.output == {"numbers": [1, 2]}
    assert actions.calls == [("late", 2)]
    assert list(run.items("call")["attempts"]) == [1, 2]


def test_a_fork_begins_with_recorded_results(store, actions):
    fork = recorded(store, "survey").fork("pairs", actions=actions.ACTIONS, progress=False)
    assert (fork.status, fork.output) == ("succeeded", SURVEY_OUTPUT)
    assert actions.calls == [("add", (5, 4)), ("add", (5, 5))]
    assert list(fork.items("probe")["attempts"]) == [1, 2, 1, 1]


def test_a_fork_with_another_parameter_goes_another_way(store, actions):
    run = recorded(store, "survey")
    fork = run.fork("optional", {"limit": 101}, actions=actions.ACTIONS, progress=False)
    assert fork.output == {**SURVEY_OUTPUT, "optional": "succeeded"}
    assert fork.result("optional") == {"message": 101}
    assert actions.calls == []


def test_a_fork_of_a_fork_begins_with_its_results(store, actions):
    fork = recorded(store, "survey", 1).fork("later", actions=actions.ACTIONS, progress=False)
    assert fork.output == {**SURVEY_OUTPUT, "optional": "succeeded"}
    assert actions.calls == []


def test_a_fork_alerts_about_a_changed_parameter(store, actions):
    run = recorded(store, "survey")
    fork = run.fork("pairs", {"limit": 4}, actions=actions.ACTIONS, progress=False)
    alerts = [alert for alert in fork.alerts if "`parameters.limit`" in alert]
    assert len(alerts) == 1
    assert "`optional`" in alerts[0]


def test_a_fork_needs_what_the_record_does_not_hold(store, actions):
    run = recorded(store, "values")
    with pytest.raises(ParameterError, match="`table`"):
        run.fork("rows", actions=actions.ACTIONS, progress=False)
    table = pd.DataFrame({"x": [4, 5, 6]})
    fork = run.fork("rows", {"table": table}, actions=actions.ACTIONS, progress=False)
    assert fork.output == {"rows": [16, 25, 36]}


def test_a_fork_reuses_a_large_result(store, actions):
    run = recorded(store, "large", 1)
    fork = run.fork("measure", actions=actions.ACTIONS, progress=False)
    assert fork.output == {"length": 70_000}
    assert actions.calls == []
    assert query(store, "SELECT count(*) FROM blobs") == [(1,)]


def test_a_fork_of_a_mocked_run_needs_its_mocks(store, actions):
    run = recorded(store, "rehearsal")
    with pytest.raises(ParameterError, match="the mock of `count`"):
        run.fork("tell", actions=actions.ACTIONS, progress=False)
    fork = run.fork("tell", mock={"count": 5, "tell": 2}, actions=actions.ACTIONS, progress=False)
    assert fork.output == {"total": 40, "square": 2}


def test_a_retry_runs_only_what_failed(store, actions):
    run = recorded(store, "inspection").retry(
        parameters={"repaired": True, "settings": {"limit": 3}},
        actions=actions.ACTIONS,
        progress=False,
    )
    kinds = ["fine", "value", "key", "timeout", "data"]
    assert run.output == {"inspected": [{"kind": kind} for kind in kinds], "limit": 3}
    assert actions.calls == [("inspect", kind) for kind in kinds[1:]]


def test_error_types_match_on_error_as_recorded(store, actions):
    before = recorded(store, "inspection")
    after = before.retry(actions=actions.ACTIONS, progress=False)
    assert after.status == "failed"
    assert error_types(after, "inspect") == error_types(before, "inspect")
    assert error_types(after, "sleep") == {0: ["Timeout", "Timeout"]}
    assert after.context.variables == before.context.variables


def test_errors_of_workers_match_on_error_as_recorded(store, actions):
    before = recorded(store, "crashes")
    after = before.retry(actions=actions.ACTIONS, progress=False)
    assert error_types(after, "crash") == {1: ["WorkerLost", "WorkerLost"], 2: ["NotSendable"]}
    assert after.context.variables["types"] == ["WorkerLost", "NotSendable"]


def test_a_retry_on_worker_processes_succeeds(store, actions):
    run = recorded(store, "crashes").retry(
        parameters={"repaired": True}, actions=actions.ACTIONS, progress=False
    )
    assert run.output == {"crashed": [{"kind": "fine"}, {"kind": "exit"}, {"kind": "lock"}]}
    assert list(run.items("crash")["attempts"]) == [1, 1, 1]


def test_a_retry_of_a_cancelled_run_goes_on(store, actions):
    run = recorded(store, "cancelled").retry(actions=actions.ACTIONS, progress=False)
    assert run.output == CENSUS_OUTPUT
    assert items_called(actions, "square") == [4, 5, 6, 7, 140]


def test_a_retry_needs_a_failure(store, actions):
    with pytest.raises(LookupFailed, match="nothing has failed"):
        recorded(store, "survey").retry(actions=actions.ACTIONS, progress=False)
