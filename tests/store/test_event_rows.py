"""Events to rows and back: the whole log of a run is read back equal."""

from array import array

import pytest

import attune_nb
from attune_nb.errors import Position, Source, StoreError
from attune_nb.events import AttemptsEnded, Batch, ErrorInfo, RunStarted, TaskEnded
from attune_nb.store.event_rows import drop_values, event_of, row_of, row_within
from attune_nb.values.frozen import NotStored

SOURCE = Source("<cell>", "the text")
TEXT = """
parameters: {hosts: {}}
tasks:
  - name: check
    action: ping
    with_items: "{{ parameters.hosts }}"
    retry: {count: 1, delay: 0.001}
    input: {host: "{{ item }}"}
    next:
      - {when: "{{ failed() }}", do: [ask, both], publish: [{results: "{{ result() }}"}]}
  - {name: ask, action: core.ask, input: {prompt: Why?}, timeout: 0.05}
  - {name: both, type: parallel, tasks: [{name: a, action: core.noop}]}
output_map: {results: "{{ workflow.results }}"}
"""


def ping(host):
    if host == "db":
        raise attune_nb.ActionError("no answer", {"code": (7, b"x")})
    return {"host": host, "times": (1.5, None)}


@pytest.fixture(scope="module")
def events():
    # the items of a generator are in the batches
    hosts = (host for host in ["web", "db", "mail"])
    run = attune_nb.loads(TEXT).run({"hosts": hosts}, actions={"ping": ping})
    run.pause()
    return run.events


def read_back(event):
    return event_of(row_of(event), SOURCE)


def test_every_event_of_a_run_is_read_back_equal(events):
    assert len({type(event) for event in events}) >= 7
    for event in events[1:]:
        copy = read_back(event)
        assert type(copy) is type(event)
        assert copy == event


def test_a_parameter_that_is_an_object_becomes_a_marker(events):
    assert read_back(events[0]).parameters == {"hosts": NotStored("builtins.generator")}


def test_an_attempt_without_a_result_takes_24_bytes():
    numbers = range(10_000)
    batch = Batch(
        index=array("q", numbers),
        attempt=array("q", [1] * 10_000),
        worker=array("q", [7] * 10_000),
        start=array("d", numbers),
        duration=array("d", numbers),
        status=bytes(10_000),
        results=[None] * 10_000,
        errors={},
    )
    row = row_of(AttemptsEnded(time=1.0, task="a", visit=1, batch=batch))
    assert len(row.columns) == 24 * 10_000
    assert len(row.data) < 100
    assert event_of(row, SOURCE).batch == batch


def test_a_position_refers_to_the_text_of_the_run():
    error = ErrorInfo(type="E", message="m", position=Position(Source("x", "y" * 10_000), 3, 4))
    event = TaskEnded(
        time=1.0,
        task="a",
        visit=1,
        status="failed",
        attempts=1,
        error=error,
        fired=(),
        handled=False,
    )
    row = row_of(event)
    assert len(row.data) < 300
    assert event_of(row, SOURCE).error.position == Position(SOURCE, 3, 4)


@pytest.mark.parametrize(
    "change",
    [{"kind": "Nothing"}, {"data": b"{"}, {"data": b"{}"}, {"columns": b"123"}],
)
def test_an_unreadable_row_is_reported(events, change):
    batch_events = [event for event in events if isinstance(event, AttemptsEnded)]
    row = row_of(batch_events[0])
    with pytest.raises(StoreError, match="cannot be read"):
        event_of(row._replace(**change), SOURCE)


def test_only_the_largest_parameters_become_markers():
    parameters = {"small": "x" * 500, "large": "x" * 5_000, "$odd": [1]}
    event = RunStarted(time=0, run_id="r", workflow="w", started_at=0, parameters=parameters)

    row = row_within(event, 3_000)

    read = event_of(row, SOURCE).parameters
    assert len(row.data) < 3_000
    assert read == {**parameters, "large": NotStored("large string (5,002 bytes)")}


def test_an_event_without_its_values_can_be_read(events):
    for event in events:
        row = row_of(drop_values(event))
        assert type(event_of(row, SOURCE)) is type(event)
        assert b"no answer" not in row.data or type(event) is not AttemptsEnded
