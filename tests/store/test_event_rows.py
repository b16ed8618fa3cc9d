"""Events to rows and back: a run's whole log, the same events again."""

from array import array

import pytest

import attune_nb
from attune_nb.errors import Position, Source, StoreError
from attune_nb.events import AttemptsEnded, Batch, ErrorInfo, TaskEnded
from attune_nb.store.event_rows import event_of, row_of
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
      - {when: "{{ failed() }}", do: [ask, both], publish: [{found: "{{ result() }}"}]}
  - {name: ask, action: core.ask, input: {prompt: Why?}, timeout: 0.05}
  - {name: both, type: parallel, tasks: [{name: a, action: core.noop}]}
output_map: {found: "{{ workflow.found }}"}
"""


def ping(host):
    if host == "db":
        raise attune_nb.ActionError("no answer", {"code": (7, b"x")})
    return {"host": host, "at": (1.5, None)}


@pytest.fixture(scope="module")
def events():
    hosts = (each for each in ["web", "db", "mail"])  # its items are in the batches
    run = attune_nb.loads(TEXT).run({"hosts": hosts}, actions={"ping": ping})
    run.pause()
    return run.events


def again(event):
    return event_of(row_of(event), SOURCE)


def test_every_event_of_a_run_comes_back_equal(events):
    assert len({type(each) for each in events}) >= 7
    for event in events[1:]:
        found = again(event)
        assert type(found) is type(event)
        assert found == event


def test_a_parameter_that_is_no_data_is_a_marker(events):
    assert again(events[0]).parameters == {"hosts": NotStored("builtins.generator")}


def test_a_batch_is_24_bytes_an_attempt_where_its_results_are_null():
    many = range(10_000)
    batch = Batch(
        index=array("q", many),
        attempt=array("q", [1] * 10_000),
        worker=array("q", [7] * 10_000),
        start=array("d", many),
        duration=array("d", many),
        status=bytes(10_000),
        results=[None] * 10_000,
        errors={},
    )
    row = row_of(AttemptsEnded(time=1.0, task="a", visit=1, batch=batch))
    assert len(row.columns) == 24 * 10_000
    assert len(row.data) < 100
    assert event_of(row, SOURCE).batch == batch


def test_a_position_refers_to_the_runs_own_text():
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
def test_a_row_that_cannot_be_read_is_told(events, change):
    row = next(row_of(each) for each in events if isinstance(each, AttemptsEnded))
    with pytest.raises(StoreError, match="cannot be read"):
        event_of(row._replace(**change), SOURCE)
