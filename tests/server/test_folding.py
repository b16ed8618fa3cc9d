"""The states that the server sends are those that `results` reads from the whole run."""

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.random_workflows import flows, load_flow
from support.simulated_world import OUTCOMES, LazyItems, SimulatedWorld
from support.watched_runs import Client, fold_events, list_row, rows_by_progress, state_by_progress

from attune_nb.errors import WorkflowError
from attune_nb.events import AskAnswered, Event, RerunRequested, RunResumed

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
    """Changes, applied one after another, give what the whole gives, and what `results` reads."""
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
