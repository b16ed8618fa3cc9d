"""Values and texts that break tools: none of them ends the record of a run, or the engine.

Each table below has one line a case; a new case needs no code. A case runs a workflow with a
store, and reads the run back.
"""

import datetime as dt
import sqlite3
import threading
import unittest.mock

import pytest
from support.item_runs import until

import attune_nb
from attune_nb.store import reading

# a file name that is no UTF-8, as Python reads it
SURROGATE = "caf\udce9"

CALL = """
tasks:
  - name: call
    action: act
output_map: {result: "{{ task.call.result }}"}
"""
PASS_ON = """
parameters: {value: {type: any}}
tasks:
  - name: call
    action: act
    input: {value: "{{ parameters.value }}"}
output_map: {result: "{{ task.call.result }}"}
"""
ASK = """
parameters: {value: {type: any}}
tasks:
  - {name: ask, action: core.ask, input: {prompt: "{{ parameters.value }}"}}
output_map: {result: "{{ task.ask.result.response }}"}
"""


def run_of(text, tmp_path, parameters=None, *, answer=None, **options):
    """Run a workflow with a store; return the run, and the same run read back from the store."""
    store = tmp_path / "runs.db"
    workflow = attune_nb.loads(text)
    if answer is not None:
        options["background"] = True
    run = workflow.run(parameters or {}, store=store, progress=False, **options)

    if answer is not None:
        until(lambda: run.questions or run.has_ended)
        run.answer("ask", answer)
        run.wait()
    return run, attune_nb.open_run(run.run_id, store=store)


def raise_error(error):
    """Return an action that raises an error."""

    def act(**_):
        raise error

    return act


def return_value(value):
    """Return an action that returns a value."""
    return lambda **_: value


def pass_on(value):
    return value


def measure(value):
    return len(value)


# each text is recorded, and read back as it was: where it stands, the workflow, the options
RECORDED_TEXTS = [
    ("an error", CALL, lambda text: {"actions": {"act": raise_error(ValueError(text))}}),
    ("the name of a run", CALL, lambda text: {"name": text, "actions": {"act": return_value(1)}}),
    ("a question", ASK, lambda text: {"parameters": {"value": text}, "answer": 1}),
    ("configuration", CALL, lambda text: {"config": {"a": text}, "actions": {"act": int}}),
    ("an error's data", CALL, lambda text: {"actions": {"act": raise_error(
        attune_nb.ActionError(text, {text: text}))}}),
    ("a type's module", CALL, lambda text: {"actions": {"act": return_value(
        type("Odd", (), {"__module__": text, "__qualname__": text})())}}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("workflow", "make_options"),
    [case[1:] for case in RECORDED_TEXTS],
    ids=[case[0] for case in RECORDED_TEXTS],
)
def test_any_text_is_recorded(workflow, make_options, tmp_path):
    run, reopened = run_of(workflow, tmp_path, **make_options(SURROGATE))

    assert reopened.status == run.status
    assert reopened.error == run.error
    assert reopened.workflow_name == run.workflow_name
    assert [type(event) for event in reopened.events] == [type(event) for event in run.events]


# messages of millions of characters: each stands on record once, short, with its length
LONG_MESSAGES = [
    ("one word", lambda: ValueError("x" * 50_000_000), "50,000,000"),
    ("many words", lambda: ValueError("word " * 10_000_000), "50,000,000"),
    ("a key", lambda: KeyError("x" * 50_000_000), "50,000,012"),
    ("an exit", lambda: SystemExit("x" * 50_000_000), "50,000,012"),
    ("a group", lambda: ExceptionGroup("g", [ValueError("x" * 50_000_000)]), "50,000,000"),
]


@pytest.mark.parametrize(
    ("make_error", "length"),
    [case[1:] for case in LONG_MESSAGES],
    ids=[case[0] for case in LONG_MESSAGES],
)
def test_a_long_message_is_cut_with_its_length(make_error, length, tmp_path):
    run, reopened = run_of(CALL, tmp_path, actions={"act": raise_error(make_error())})

    assert len(run.error) < 66_000
    assert length in run.error
    assert reopened.error == run.error
    assert (tmp_path / "runs.db").stat().st_size < 1_000_000


@pytest.fixture
def small_rows(monkeypatch):
    """Let SQLite hold at most a million bytes in a row, in place of a billion."""
    connect = sqlite3.connect

    def connect_with_limit(*arguments, **options):
        connection = connect(*arguments, **options)
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 1_000_000)
        return connection

    monkeypatch.setattr(sqlite3, "connect", connect_with_limit)


LARGE = "x" * 2_000_000
EACH = """
parameters: {values: {type: any}}
tasks:
  - name: call
    action: act
    with_items: "{{ parameters.values }}"
    input: {value: "{{ item }}"}
output_map: {count: "{{ task.call.total_count }}"}
"""

# values that no row can hold, and their names in the alert
TOO_LARGE = [
    ("a result", CALL, lambda: {"actions": {"act": return_value(LARGE)}}, "results of `call`"),
    ("one result of many", EACH, lambda: {
        "parameters": {"values": [1, 2, 3]},
        "actions": {"act": lambda value: LARGE if value == 2 else value},
    }, "results of `call`"),
    ("many results together", EACH, lambda: {
        # on a busy machine they come in several batches, of which one is too large all the same
        "parameters": {"values": [*range(1_000)]},
        "actions": {"act": lambda value: "x" * 5_000},
        "backend": "inline",
    }, "results of `call`"),
    ("items of a generator", EACH, lambda: {
        "parameters": {"values": iter([LARGE, "small"])},
        "actions": {"act": measure},
    }, "results of `call`"),
    ("a parameter", PASS_ON, lambda: {
        "parameters": {"value": LARGE}, "actions": {"act": measure},
    }, "parameters"),
    ("an answer", ASK, lambda: {"parameters": {"value": "?"}, "answer": LARGE},
     "the answer to `ask`"),
    ("data of an error", CALL, lambda: {
        "actions": {"act": raise_error(attune_nb.ActionError("no", {"body": LARGE}))},
    }, "results of `call`"),
]  # fmt: skip


@pytest.mark.usefixtures("small_rows")
@pytest.mark.parametrize(
    ("workflow", "make_options", "name"),
    [case[1:] for case in TOO_LARGE],
    ids=[case[0] for case in TOO_LARGE],
)
def test_what_no_row_can_hold_becomes_a_marker(workflow, make_options, name, tmp_path):
    run, reopened = run_of(workflow, tmp_path, **make_options())

    assert reopened.status == run.status
    assert [type(event) for event in reopened.events] == [type(event) for event in run.events]
    assert any(name in alert and "only a marker" in alert for alert in run.alerts)
    assert reopened.alerts == run.alerts


@pytest.mark.usefixtures("small_rows")
def test_the_results_beside_a_marker_are_on_record(tmp_path):
    _, reopened = run_of(
        EACH,
        tmp_path,
        {"values": [1, 2, 3]},
        actions={"act": lambda value: LARGE if value == 2 else value},
    )

    first, marker, last = reopened.result("call")
    assert (first, last) == (1, 3)
    assert repr(marker) == "<large string (2,000,002 bytes), which the store does not hold>"


@pytest.mark.usefixtures("small_rows")
def test_a_resumed_run_has_the_alerts_of_its_record(tmp_path):
    store = tmp_path / "runs.db"
    gate = threading.Event()
    text = """
tasks:
  - {name: call, action: act, next: [{do: hold}]}
  - {name: hold, action: hold}
"""
    run = attune_nb.loads(text).run(
        actions={"act": return_value(LARGE), "hold": gate.wait}, store=store, background=True
    )
    until(lambda: attune_nb.runs(store)["tasks"].sum() == 2)
    # as if the process was killed
    reading.LIVE.clear()

    resumed = attune_nb.resume(
        run.run_id, store, actions={"act": return_value(1), "hold": return_value(2)}
    )
    gate.set()
    assert run.alerts[0] in resumed.alerts
    assert "only a marker in place of results of `call`" in run.alerts[0]
    assert attune_nb.open_run(run.run_id, store).alerts == resumed.alerts


class RaisingError(Exception):
    """An error whose text raises."""

    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __str__


class ExitingError(Exception):
    """An error whose text ends the program."""

    def __str__(self):
        raise SystemExit(3)


class DatalessError(attune_nb.ActionError):
    """An error whose data raises."""

    @property
    def data(self):
        raise RuntimeError("no data")

    @data.setter
    def data(self, _):
        pass


class Key:
    """A key of an object that cannot be compared, hashed a second time or written."""

    hashed = 0

    def __hash__(self):
        self.hashed += 1
        if self.hashed > 1:
            raise RuntimeError("no hash")
        return 1

    def __eq__(self, _):
        raise RuntimeError("not comparable")

    def __repr__(self):
        raise RuntimeError("no text")


class Zone(dt.tzinfo):
    """A time zone that raises."""

    def utcoffset(self, _):
        raise RuntimeError("no offset")

    dst = tzname = utcoffset


def array_of_levels(count):
    value = []
    for _ in range(count - 1):
        value = [value]
    return value


HUGE = 10**6_000

EVERYWHERE = ("result", "item", "parameter", "config", "keystore")

# values that ended a record, or came out as bare errors, and where they stand
VALUES = [
    ("an integer of many digits", lambda: HUGE, EVERYWHERE),
    ("a negative one", lambda: -HUGE, EVERYWHERE),
    ("such an integer in an array", lambda: [HUGE], EVERYWHERE),
    ("a key that raises", lambda: {Key(): 1}, EVERYWHERE),
    ("a time zone", lambda: dt.datetime(2024, 1, 1, tzinfo=Zone()), EVERYWHERE[:4]),
    ("very many levels", lambda: array_of_levels(199), ["item"]),
    ("a mock", unittest.mock.Mock, EVERYWHERE[:4]),
]
CASES = [
    pytest.param(make_value, place, id=f"{name}-{place}")
    for name, make_value, places in VALUES
    for place in places
]


def run_with(place, value, tmp_path):
    """Run a workflow with a value in one of the places."""
    if place == "result":
        return run_of(CALL, tmp_path, actions={"act": return_value(value)})
    if place == "item":
        return run_of(EACH, tmp_path, {"values": [1, value]}, actions={"act": pass_on})
    if place == "parameter":
        return run_of(PASS_ON, tmp_path, {"value": value}, actions={"act": pass_on})
    return run_of(CALL, tmp_path, actions={"act": int}, **{place: {"a": value}})


@pytest.mark.parametrize(("make_value", "place"), CASES)
def test_no_value_ends_a_record(make_value, place, tmp_path):
    run, reopened = run_with(place, make_value(), tmp_path)

    assert run.status == reopened.status == "succeeded"
    assert [type(event) for event in reopened.events] == [type(event) for event in run.events]
    assert run.run_id in repr(run)
    assert run.run_id in repr(reopened)


# errors whose own code raises: such an error fails its task, with the text that it has
ERRORS = [
    ("a text that exits", ExitingError, "ExitingError"),
    ("data that raises", lambda: DatalessError("no answer"), "no answer"),
    ("a group of such", lambda: ExceptionGroup("two", [RaisingError(), ExitingError()]), "Raising"),
    ("a text of another type", lambda: attune_nb.ActionError(["no", "text"]), "no"),
]


@pytest.mark.parametrize("backend", ["inline", "threads"])
@pytest.mark.parametrize(
    ("make_error", "text"), [case[1:] for case in ERRORS], ids=[case[0] for case in ERRORS]
)
def test_an_error_whose_code_raises_is_an_error(make_error, text, backend, tmp_path):
    actions = {"act": raise_error(make_error())}
    run, reopened = run_of(CALL, tmp_path, actions=actions, backend=backend)

    assert run.status == reopened.status == "failed"
    assert text in run.error
    assert "engine" not in run.error


@pytest.mark.usefixtures("small_rows")
def test_items_that_are_a_marker_are_described(tmp_path):
    actions = {"act": raise_error(ValueError("no"))}
    run, reopened = run_of(EACH, tmp_path, {"values": [LARGE, 2]}, actions=actions)

    assert reopened.status == "failed"
    assert "the store does not hold" in reopened.failure_text()
    assert reopened.error == run.error


def test_an_event_is_shown_whatever_it_holds(tmp_path):
    error = attune_nb.ActionError("no", {"key": {Key(): HUGE}})
    run, _ = run_of(CALL, tmp_path, actions={"act": raise_error(error)})

    assert all("(" in repr(event) for event in run.events)
