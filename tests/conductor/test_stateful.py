"""Whatever happens, in whatever order: the conductor keeps its promises."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from support.manual_driver import batch_of
from support.random_workflows import flows, load
from support.simulated_world import OUTCOMES, Lazy, World, result

from attune_nb.conductor.machine import initial_state, step
from attune_nb.conductor.state import ENDED, Hold, StartTask
from attune_nb.errors import Source, WorkflowError
from attune_nb.events import AttemptsEnded, Event, RunStarted
from attune_nb.store.event_rows import event_of, row_of

NOWHERE = Source("<text>", "")


def written(events, source=NOWHERE):
    """Give events as they are read again."""
    return [event_of(row_of(event), source) for event in events]


NAMES = st.sampled_from(["t0", "t1", "t2", "t3/q", "t9"])


def picture(state):
    """Write down everything of a state."""
    context = state.context
    seen = (context.size_bytes, dict(context.variables), dict(context.tasks), context.system)
    fields = [getattr(state, name) for name in state.__struct_fields__ if name != "workflow"]
    return repr((fields, seen))


class AnyOrder(RuleBasedStateMachine):
    world = None

    @initialize(flow=flows(), size=st.integers(0, 4))
    def begin(self, flow, size):
        try:
            workflow = load(flow)
        except WorkflowError as error:  # a join that could never be met, and the like
            assert "could never start" in str(error)
            workflow = load({"tasks": [{"name": "t0", "action": "core.noop"}]})
        self.pictures = []
        self.world = World(workflow, lazy_size=size, config={"lazy": Lazy()})
        self.keep()

    def keep(self):
        self.pictures.append((self.world.state, picture(self.world.state)))

    @precondition(lambda self: self.world.busy())
    @rule(
        data=st.data(),
        many=st.integers(0, 3),
        how=st.lists(st.sampled_from(OUTCOMES), min_size=3),
        gone=st.booleans(),
    )
    def attempts_end(self, data, many, how, gone):
        """Some end, in any order; perhaps the engine is gone with the others."""
        key = data.draw(st.sampled_from(self.world.busy()))
        self.world.deliver(key, many, how, last_first=data.draw(st.booleans()))
        if gone and not self.world.state.ended:
            self.world.lose_engine()

    @precondition(lambda self: self.world.retries())
    @rule(data=st.data())
    def retry_comes_due(self, data):
        self.world.retry_due(data.draw(st.sampled_from(self.world.retries())))

    @rule(data=st.data())
    def told_twice(self, data):
        """Tell of a batch again."""
        told = [each for each in self.world.log if isinstance(each, AttemptsEnded)]
        if told:
            again = data.draw(st.sampled_from(told))
            before = self.world.state
            decided = self.world.feed(
                AttemptsEnded, task=again.task, visit=again.visit, batch=again.batch
            )
            assert decided == []
            assert self.world.state.status == before.status

    @rule(data=st.data(), how=st.sampled_from(OUTCOMES[:3]), attempt=st.integers(1, 4))
    def late(self, data, how, attempt):
        """Tell of an attempt of a task that is over."""
        over = list(self.world.over)
        if over:
            key = data.draw(st.sampled_from(over))
            rows = [(0, attempt, how, result(how, key, 0, attempt))]
            before = self.world.state
            self.world.tell(key, batch_of(rows))
            assert self.world.state == before

    @rule(task=NAMES, index=st.integers(5, 9))
    def never_to_be_made(self, task, index):
        """Tell of an item that there is not, of an attempt that nobody asked for."""
        execution = self.world.state.executions.get((task, 1))
        if execution is None or execution.total is not None:
            for rows in ([(index, 1, "succeeded", 0)], [(0, 99, "failed", None)]):
                self.world.tell((task, 1), batch_of(rows))

    @precondition(lambda self: self.world.alarms)
    @rule(data=st.data(), times=st.integers(1, 2))
    def alarm(self, data, times):
        alarm = data.draw(st.sampled_from(self.world.alarms))
        for _ in range(times):
            self.world.ring(alarm.kind, *alarm.key)

    @rule(kind=st.sampled_from(["delay", "ask", "run", "?"]), task=NAMES, visit=st.integers(1, 2))
    def alarm_unasked(self, kind, task, visit):
        asked = [each for each in self.world.alarms if each.kind == kind]
        if not asked:
            before = self.world.state
            self.world.ring(kind, task, visit)
            assert self.world.state == before

    @precondition(lambda self: self.world.open_questions())
    @rule(data=st.data(), value=st.sampled_from(["yes", {"a": [1]}, None]))
    def answer(self, data, value):
        task, visit = data.draw(st.sampled_from(self.world.open_questions()))
        self.world.answer(task, value, visit)

    @rule(task=NAMES)
    def answer_unasked(self, task):
        if (task, 1) not in self.world.open_questions():
            before = self.world.state
            self.world.answer(task, 1)
            assert self.world.state == before

    @precondition(lambda self: len(self.world.log) > 3)
    @rule(force=st.booleans())
    def cancel(self, force):
        before = self.world.state
        self.world.cancel(force=force)
        assert self.world.state == before or self.world.state.status in ("cancelling", *ENDED)

    @rule()
    def pause(self):
        """Nothing is begun from then on; asking twice changes nothing."""
        before = self.world.state
        self.world.pause()
        wanted = "paused" if before.status == "running" else before.status
        assert self.world.state.status == wanted

    @rule()
    def resume(self):
        before = self.world.state
        self.world.resume()
        if before.status != "paused":
            assert self.world.state == before

    @invariant()
    def nothing_begins_in_a_paused_run(self):
        if self.world is not None:
            held = False
            for decision in self.world.decided:
                if isinstance(decision, Hold):
                    held = not decision.over
                assert not (held and isinstance(decision, StartTask))

    @rule()
    def start_again(self):
        before = self.world.state
        self.world.feed(RunStarted, run_id="x", workflow="x", started_at=0.0, parameters={})
        assert self.world.state == before

    @rule()
    def serialise_and_restore(self):
        """Go on from what the written events give."""
        self.world.state = self.restored(self.world.log)

    def restored(self, events):
        state, facts = self.world.initial, []
        place = self.world.initial.workflow.tasks[0].positions.name
        for event in written(events, place.source):
            state, decided = step(state, event)
            facts += [each for each in decided if isinstance(each, Event)]
        assert state == self.world.state
        assert picture(state) == picture(self.world.state)
        assert written(facts, place.source) == written(self.world.facts, place.source)
        return state

    @precondition(lambda self: not self.world.state.ended)
    @rule()
    def the_engine_is_gone_and_the_run_is_taken_up(self):
        """What was under way is lost, and nothing else."""
        self.world.lose_engine()

    @invariant()
    def nothing_old_has_changed(self):
        if self.world is not None:
            before, seen = self.pictures[-1]
            assert picture(before) == seen
            if before is not self.world.state:
                self.keep()

    @invariant()
    def something_is_to_come(self):
        assert self.world is None or not self.world.is_stuck()

    def teardown(self):
        if self.world is not None:
            self.world.finish()
            self.world.check_accounts()
            self.restored(self.world.log)
            for state, seen in self.pictures:
                assert picture(state) == seen


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
    """What no event holds (configuration, secrets) must be given again."""
    workflow = load({"tasks": [{"name": "a", "action": "core.noop"}]})
    assert initial_state(workflow, {"k": 1}) != initial_state(workflow)
