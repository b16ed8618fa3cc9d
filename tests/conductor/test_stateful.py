"""The conductor's promises hold for any inputs, in any order."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from support.manual_driver import make_batch
from support.random_workflows import flows, load_flow
from support.simulated_world import OUTCOMES, LazyItems, SimulatedWorld, result_of

from attune_nb.conductor.machine import initial_state, step
from attune_nb.conductor.state import ENDED, SetPaused, StartTask
from attune_nb.errors import Source, WorkflowError
from attune_nb.events import AskAnswered, AttemptsEnded, Event, RunStarted
from attune_nb.store.event_rows import event_of, row_of

NO_SOURCE = Source("<text>", "")
PATHS = st.sampled_from(["t0", "t1", "t2", "t3/q", "t9"])


def write_and_read(events, source=NO_SOURCE):
    """Return events as the store reads them."""
    return [event_of(row_of(event), source) for event in events]


def snapshot(state):
    """Return a text of everything in a state."""
    context = state.context
    values = (context.size_bytes, dict(context.variables), dict(context.tasks), context.system)
    fields = [getattr(state, name) for name in state.__struct_fields__ if name != "workflow"]
    return repr((fields, values))


class AnyOrder(RuleBasedStateMachine):
    world = None

    @initialize(flow=flows(), size=st.integers(0, 4))
    def begin(self, flow, size):
        try:
            workflow = load_flow(flow)
        except WorkflowError as error:
            # such as a join that could never be met
            assert "could never start" in str(error)
            workflow = load_flow({"tasks": [{"name": "t0", "action": "core.noop"}]})

        self.snapshots = []
        self.world = SimulatedWorld(workflow, lazy_size=size, config={"lazy": LazyItems()})
        self.take_snapshot()

    def take_snapshot(self):
        self.snapshots.append((self.world.state, snapshot(self.world.state)))

    @precondition(lambda self: self.world.busy_jobs())
    @rule(
        data=st.data(),
        count=st.integers(0, 3),
        outcomes=st.lists(st.sampled_from(OUTCOMES), min_size=3),
        engine_is_lost=st.booleans(),
    )
    def attempts_end(self, data, count, outcomes, engine_is_lost):
        """Some attempts end in any order; perhaps the engine is lost with the others."""
        key = data.draw(st.sampled_from(self.world.busy_jobs()))
        self.world.report_ends(key, count, outcomes, last_first=data.draw(st.booleans()))
        if engine_is_lost and not self.world.state.ended:
            self.world.lose_engine()

    @precondition(lambda self: self.world.delayed_jobs())
    @rule(data=st.data())
    def retry_is_due(self, data):
        self.world.make_retry_due(data.draw(st.sampled_from(self.world.delayed_jobs())))

    @rule(data=st.data())
    def batch_is_reported_twice(self, data):
        events = [event for event in self.world.log if isinstance(event, AttemptsEnded)]
        if events:
            event = data.draw(st.sampled_from(events))
            before = self.world.state
            decisions = self.world.feed(
                AttemptsEnded, task=event.task, visit=event.visit, batch=event.batch
            )

            assert decisions == []
            assert self.world.state.status == before.status

    @rule(data=st.data(), outcome=st.sampled_from(OUTCOMES[:3]), attempt=st.integers(1, 4))
    def report_is_late(self, data, outcome, attempt):
        """An attempt of a task that has ended is reported."""
        keys = list(self.world.task_ends)
        if keys:
            key = data.draw(st.sampled_from(keys))
            rows = [(0, attempt, outcome, result_of(outcome, key, 0, attempt))]
            before = self.world.state
            self.world.report(key, make_batch(rows))
            assert self.world.state == before

    @rule(path=PATHS, index=st.integers(5, 9))
    def unknown_attempt_is_reported(self, path, index):
        """An item that does not exist is reported, and an attempt that was not requested."""
        execution = self.world.state.executions.get((path, 1))
        if execution is None or execution.total is not None:
            for row in ((index, 1, "succeeded", 0), (0, 99, "failed", None)):
                self.world.report((path, 1), make_batch([row]))

    @precondition(lambda self: self.world.alarms)
    @rule(data=st.data(), times=st.integers(1, 2))
    def alarm_rings(self, data, times):
        alarm = data.draw(st.sampled_from(self.world.alarms))
        for _ in range(times):
            self.world.ring(alarm.kind, *alarm.key, alarm.inquiry)

    @rule(kind=st.sampled_from(["delay", "ask", "run", "?"]), path=PATHS, visit=st.integers(1, 2))
    def unset_alarm_rings(self, kind, path, visit):
        if all(alarm.kind != kind for alarm in self.world.alarms):
            before = self.world.state
            self.world.ring(kind, path, visit)
            assert self.world.state == before

    @precondition(lambda self: self.world.open_questions())
    @rule(data=st.data(), value=st.sampled_from(["yes", {"a": [1]}, None]))
    def question_is_answered(self, data, value):
        task, visit = data.draw(st.sampled_from(self.world.open_questions()))
        self.world.answer(task, value, visit)

    @precondition(lambda self: self.world.busy_jobs())
    @rule(data=st.data(), timeout=st.sampled_from([None, 5.0]))
    def action_asks(self, data, timeout):
        self.world.open_inquiry(data.draw(st.sampled_from(self.world.busy_jobs())), timeout)

    @precondition(lambda self: self.world.open_inquiries())
    @rule(data=st.data(), value=st.sampled_from(["yes", {"a": [1]}, None]))
    def inquiry_is_answered(self, data, value):
        fields = data.draw(st.sampled_from(self.world.open_inquiries()))
        self.world.feed(AskAnswered, value=value, by="ada", **fields)

    @rule(path=PATHS, inquiry=st.integers(1, 3))
    def no_inquiry_is_answered(self, path, inquiry):
        if all(fields["inquiry"] != inquiry for fields in self.world.open_inquiries()):
            before = self.world.state
            self.world.feed(AskAnswered, task=path, visit=1, value=1, inquiry=inquiry)
            assert self.world.state == before

    @rule(path=PATHS)
    def no_question_is_answered(self, path):
        if (path, 1) not in self.world.open_questions():
            before = self.world.state
            self.world.answer(path, 1)
            assert self.world.state == before

    @precondition(lambda self: len(self.world.log) > 3)
    @rule(force=st.booleans())
    def cancel(self, force):
        before = self.world.state
        self.world.cancel(force=force)
        assert self.world.state == before or self.world.state.status in ("cancelling", *ENDED)

    @rule()
    def pause(self):
        before = self.world.state
        self.world.pause()
        expected = "paused" if before.status == "running" else before.status
        assert self.world.state.status == expected

    @rule()
    def resume(self):
        before = self.world.state
        self.world.resume()
        if before.status != "paused":
            assert self.world.state == before

    @invariant()
    def nothing_starts_in_a_paused_run(self):
        if self.world is not None:
            is_paused = False
            for decision in self.world.decisions:
                if isinstance(decision, SetPaused):
                    is_paused = decision.paused
                assert not (is_paused and isinstance(decision, StartTask))

    @rule()
    def start_again(self):
        before = self.world.state
        self.world.feed(RunStarted, run_id="x", workflow="x", started_at=0.0, parameters={})
        assert self.world.state == before

    @rule()
    def continue_from_the_written_events(self):
        self.world.state = self.restore(self.world.log)

    def restore(self, events):
        state = self.world.initial
        facts = []
        source = self.world.initial.workflow.tasks[0].positions.name.source
        for event in write_and_read(events, source):
            state, decisions = step(state, event)
            facts += [decision for decision in decisions if isinstance(decision, Event)]

        assert state == self.world.state
        assert snapshot(state) == snapshot(self.world.state)
        assert write_and_read(facts, source) == write_and_read(self.world.facts, source)
        return state

    @precondition(lambda self: not self.world.state.ended)
    @rule()
    def engine_is_lost(self):
        """The attempts in flight are lost, and nothing else; the run is resumed."""
        self.world.lose_engine()

    @invariant()
    def no_earlier_state_has_changed(self):
        if self.world is not None:
            state, text = self.snapshots[-1]
            assert snapshot(state) == text
            if state is not self.world.state:
                self.take_snapshot()

    @invariant()
    def the_run_can_continue(self):
        assert self.world is None or not self.world.is_stuck()

    def teardown(self):
        if self.world is not None:
            self.world.finish()
            self.world.check_accounts()
            self.restore(self.world.log)
            for state, text in self.snapshots:
                assert snapshot(state) == text


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(
    max_examples=600,
    stateful_step_count=25,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def test_a_replay_begins_from_the_same_first_state():
    """Configuration and secrets are in no event, so they must be given again."""
    workflow = load_flow({"tasks": [{"name": "a", "action": "core.noop"}]})
    assert initial_state(workflow, {"k": 1}) != initial_state(workflow)
