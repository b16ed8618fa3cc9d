"""The states that the server sends are those that `results` reads from the whole run."""

import contextlib

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.manual_driver import make_batch
from support.random_workflows import flows, load_flow
from support.simulated_world import OUTCOMES, LazyItems, SimulatedWorld
from support.watched_runs import Client, fold_events, list_row, rows_by_progress, state_by_progress

from attune_nb.errors import StoreError, WorkflowError
from attune_nb.events import (
    AskAnswered,
    AskOpened,
    AttemptsEnded,
    CancelRequested,
    Event,
    PauseRequested,
    RerunRequested,
    RunEnded,
    RunResumed,
    RunStarted,
    TaskEnded,
    TaskStarted,
)
from attune_nb.server.live.folding import FoldedRun
from attune_nb.server.live.messages import encode
from attune_nb.store.event_rows import EventRow, row_of

ROW = list_row()
STEPS = (
    "end", "end", "end", "retry", "ring", "answer", "inquiry", "reply", "lose", "doubt", "rerun",
    "pause", "resume", "cancel",
)  # fmt: skip


class RecordedWorld(SimulatedWorld):
    """Keeps all events, in the order in which they go on record."""

    def feed(self, event_type, /, **fields):
        decisions = super().feed(event_type, **fields)
        facts = [decision for decision in decisions if isinstance(decision, Event)]
        self.events = [*getattr(self, "events", []), self.log[-1], *facts]
        return decisions

    def note(self, event_type, **fields):
        """Keep an event that the simulated backend does not expect."""
        self.events.append(event_type(time=self.now, **fields))


def take_step(world, kind, data):
    """Let something happen to the run, if it can."""
    busy = world.busy_jobs()
    if kind == "end" and busy:
        outcomes = data.draw(st.lists(st.sampled_from(OUTCOMES), min_size=3, max_size=3))
        world.report_ends(data.draw(st.sampled_from(busy)), 2, outcomes)
    elif kind == "retry" and world.delayed_jobs():
        world.make_retry_due(data.draw(st.sampled_from(world.delayed_jobs())))
    elif kind == "ring" and world.alarms:
        alarm = data.draw(st.sampled_from(world.alarms))
        world.ring(alarm.kind, *alarm.key, alarm.inquiry)
    elif kind == "answer" and world.open_questions():
        task, visit = data.draw(st.sampled_from(world.open_questions()))
        world.answer(task, "yes", visit)
    elif kind == "inquiry" and busy:
        world.open_inquiry(data.draw(st.sampled_from(busy)), 5.0)
    elif kind == "reply" and world.open_inquiries():
        fields = data.draw(st.sampled_from(world.open_inquiries()))
        world.feed(AskAnswered, value="yes", by="ada", **fields)
    elif not world.state.ended:
        change_run(world, kind, data)


def change_run(world, kind, data):
    """Let something happen to the run as a whole."""
    busy = world.busy_jobs()
    if kind in ("pause", "resume", "cancel"):
        getattr(world, kind)()
    elif kind == "lose":
        world.lose_engine()
    elif kind == "doubt" and busy:
        doubts = tuple((*key, 0, 1) for key in busy)
        world.note(RunResumed, started_at=1e9 + 9, doubts=doubts)
    elif kind == "rerun" and busy:
        task, visit = data.draw(st.sampled_from(busy))
        world.note(RerunRequested, task=task, visit=visit, index=0)


@given(flow=flows(), size=st.integers(0, 4), data=st.data())
@settings(max_examples=60, database=None, derandomize=True,
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])  # fmt: skip
def test_folded_changes_are_the_folded_whole(flow, size, data):
    """Applied changes give the state of all events at once, and that which `results` reads."""
    try:
        workflow = load_flow(flow)
    except WorkflowError:
        return

    world = RecordedWorld(workflow, lazy_size=size, config={"lazy": LazyItems()})
    folded = fold_events(world.events)
    client = Client(folded.snapshot(ROW))
    for kind in data.draw(st.lists(st.sampled_from(STEPS), max_size=25)):
        take_step(world, kind, data)
        fold_events(world.events[folded.at :], folded, folded.at)
        client.send(folded.snapshot(ROW))
        check_state(client.state, world.events)
    world.finish()
    fold_events(world.events[folded.at :], folded, folded.at)
    client.send(folded.snapshot(ROW))

    check_state(client.state, world.events)
    assert client.state == fold_events(world.events).snapshot(ROW)


def check_state(state, events):
    rows = [msgspec.structs.replace(row, error="") for row in state.tasks]
    assert rows == rows_by_progress(events)
    questions = [(ask.task, ask.visit, ask.inquiry) for ask in state.asks]
    doubts = [(doubt.task, doubt.visit, doubt.index) for doubt in state.doubts]
    shown = (state.status, state.now, questions, doubts, state.handled)
    assert shown == state_by_progress(events)
    assert state.at == len(events)


def test_each_state_of_a_run_takes_other_commands():
    """A page offers the commands that the run's process carries out."""
    started = [RunStarted(time=0.0, run_id="r", workflow="w", started_at=1e9, parameters={})]
    doubts = RunResumed(time=1.0, started_at=1e9, doubts=(("t", 1, 0, 1),))
    ask = AskOpened(time=1.0, task="t", visit=1, prompt="go?", response_schema=None)

    def commands(*events, **fields):
        return fold_events([*started, *events]).snapshot(list_row(**fields)).can

    assert commands() == ["pause", "cancel"]
    assert commands(ask) == ["pause", "cancel", "answer"]
    assert commands(PauseRequested(time=1.0)) == ["resume", "cancel"]
    assert commands(doubts) == ["resume", "cancel", "rerun", "accept"]
    assert commands(CancelRequested(time=1.0)) == ["cancel"]
    assert commands(RunEnded(time=1.0, status="failed", output=None, error="e")) == []
    assert commands(status="interrupted") == []
    # a child run, which is paused and resumed with its parent
    assert commands(parent="r") == ["cancel"]
    assert commands(PauseRequested(time=1.0), parent="r") == ["cancel"]
    # an older engine, which looks for no commands
    assert commands(steerable=False) == []


def test_a_secret_answer_is_described_without_its_values():
    schema = {"type": "string", "secret": True, "default": "sesame", "enum": ["sesame"]}
    properties = {"type": "object", "properties": {"key": schema, "name": {"default": "x"}}}
    ask = AskOpened(time=1.0, task="t", visit=1, prompt="key?", response_schema=properties)

    (shown,) = fold_events([ask]).snapshot(list_row()).asks

    assert shown.schema["properties"]["key"] == {"type": "string", "secret": True}
    assert shown.schema["properties"]["name"] == {"default": "x"}
    assert "sesame" not in repr(shown)


def test_a_task_that_ran_9000_times_is_one_row():
    events = []
    for visit in range(1, 9_001):
        status = "failed" if visit == 17 else "succeeded"
        events += [
            TaskStarted(
                time=0.0, task="step", visit=visit, total=1, with_items=False, concurrency=1,
                causes=(),
            ),
            TaskEnded(
                time=1.0, task="step", visit=visit, status=status, attempts=1, error=None,
                fired=(), handled=True,
            ),
        ]  # fmt: skip

    folded = fold_events(events)
    (row,) = folded.snapshot(list_row()).tasks

    assert (row.visits, row.open, row.failed_visits, row.status) == (9_000, 0, 1, "succeeded")
    assert len(encode(folded.snapshot(list_row()))) < 1_000


def test_the_most_important_of_many_tasks_are_shown():
    """Those that failed first, then those that are open, then the newest."""
    events = []
    for number in range(500):
        task = f"t{number}"
        events.append(
            TaskStarted(
                time=float(number), task=task, visit=1, total=1, with_items=False, concurrency=1,
                causes=(),
            )
        )  # fmt: skip
        if number != 7:
            status = "failed" if number == 3 else "succeeded"
            events.append(
                TaskEnded(
                    time=number + 0.5, task=task, visit=1, status=status, attempts=1, error=None,
                    fired=(), handled=True,
                )
            )  # fmt: skip

    state = fold_events(events).snapshot(list_row())

    names = [row.task for row in state.tasks]
    assert names == ["t3", "t7", *(f"t{number}" for number in range(302, 500))]
    assert state.hidden == 300


def test_an_unreadable_row_is_named():
    row = EventRow("TaskEnded", 1.0, "t", 1, b"{", None)
    with pytest.raises(StoreError, match="an event of kind TaskEnded cannot be read: "):
        FoldedRun().fold(0, row)


def test_a_kind_of_a_later_version_changes_nothing():
    folded = FoldedRun()
    folded.fold(0, EventRow("TaskPraised", 1.0, "t", 1, b'{"by": "ann"}', None))
    assert (folded.at, folded.now, folded.snapshot(list_row()).tasks) == (1, 1.0, [])


ROWS = [(0, 1, "succeeded", 1), (1, 1, "failed", None)]
EVENTS = [
    RunResumed(time=1.0, started_at=1e9, doubts=(("t", 1, 0, 1),)),
    TaskStarted(
        time=1.0, task="t", visit=1, total=3, with_items=True, concurrency=1, causes=(),
    ),
    AttemptsEnded(time=1.0, task="t", visit=1, batch=make_batch(ROWS)),
    AskOpened(time=1.0, task="t", visit=1, prompt="go?", response_schema={"type": "boolean"}),
    RunEnded(time=1.0, status="failed", output=None, error="e"),
]  # fmt: skip


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
@pytest.mark.parametrize("column", ["data", "columns"])
def test_damaged_bytes_raise_one_kind_of_error(event, column):
    """Whatever the bytes of a row mean, the other runs of the store are still watched."""
    row = row_of(event)
    content = getattr(row, column) or b""
    for place in range(len(content)):
        for byte in (b"", b"7", b'"', b"{", b"\xff"):
            damaged = content[:place] + byte + content[place + 1 :]
            folded = FoldedRun()
            with contextlib.suppress(StoreError):
                folded.fold(0, row._replace(**{column: damaged}))
            assert encode(folded.snapshot(list_row()))


def test_a_schema_that_is_no_text_of_utf_8_is_left_out():
    ask = AskOpened(
        time=1.0, task="t", visit=1, prompt="\udce9?", response_schema={"enum": ["\udce9"]}
    )
    (shown,) = fold_events([ask]).snapshot(list_row()).asks
    assert (shown.prompt, shown.schema) == ("??", None)
