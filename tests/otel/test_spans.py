"""Spans of OpenTelemetry, made from the events of runs."""

import os
import subprocess
import sys
import textwrap

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import NoOpTracerProvider, StatusCode
from support.item_runs import until
from support.recorded_spans import RecordedSpans

import attune_nb
from attune_nb import otel

BRANCHES = """
name: branches
tasks:
  - {name: start, action: core.noop, next: [{do: [left, right]}]}
  - {name: left, action: core.noop, next: [{do: both}]}
  - {name: right, action: core.noop, next: [{do: both}]}
  - {name: both, action: core.noop, join: all}
"""
ITEMS = """
name: items
tasks:
  - name: work
    action: work
    with_items: "{{ range(6) }}"
    concurrency: 3
    retry: {count: 1, delay: 0}
    input: {number: "{{ item }}"}
"""


@pytest.fixture
def spans():
    return RecordedSpans()


def fail_odd(number):
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number


def test_a_run_and_its_tasks_are_spans_of_one_trace(spans):
    run = attune_nb.loads(BRANCHES).run(readers=[spans.reader()])

    assert spans.names == [
        "run branches", "task both", "task left", "task right", "task start",
    ]  # fmt: skip
    root = spans.only("run branches")
    tasks = [span for span in spans.all if span is not root]
    assert root.parent is None
    assert {span.parent.span_id for span in tasks} == {root.context.span_id}
    assert {span.context.trace_id for span in tasks} == {root.context.trace_id}
    assert root.attributes == {
        "attune.workflow.name": "branches",
        "attune.run.id": run.run_id,
        "attune.backend": "threads",
        "attune.run.status": "succeeded",
        "attune.run.tasks": 4,
        "attune.run.items": 0,
        "attune.run.items.failed": 0,
    }
    assert root.status.status_code is StatusCode.UNSET
    assert all(root.start_time <= span.start_time <= span.end_time for span in tasks)
    assert all(span.end_time <= root.end_time for span in tasks)


def test_a_join_links_to_the_tasks_before_it(spans):
    attune_nb.loads(BRANCHES).run(readers=[spans.reader()])

    linked = {link.context.span_id for link in spans.only("task both").links}
    before = {spans.only(f"task {name}").context.span_id for name in ("left", "right")}
    assert linked == before


def test_items_are_counted_and_make_no_spans(spans):
    attune_nb.loads(ITEMS).run(actions={"work": fail_odd}, readers=[spans.reader()])

    assert spans.names == ["run items", "task work"]
    attributes = spans.only("task work").attributes
    assert attributes["attune.task.status"] == "failed"
    assert attributes["attune.task.items"] == 6
    assert attributes["attune.task.items.failed"] == 3
    assert attributes["attune.task.attempts"] == 9
    assert attributes["attune.task.concurrency"] == 3


def test_a_failure_is_the_status_of_its_task_and_its_run(spans):
    attune_nb.loads(ITEMS).run(actions={"work": fail_odd}, readers=[spans.reader()])

    for name in ("task work", "run items"):
        span = spans.only(name)
        assert span.status.status_code is StatusCode.ERROR
        assert "is odd" in span.status.description
        assert span.attributes["error.type"] == "ValueError"


def test_failed_attempts_can_be_events_of_their_task(spans):
    attune_nb.loads(ITEMS).run(actions={"work": fail_odd}, readers=[spans.reader(items="failed")])

    events = spans.only("task work").events
    assert spans.names == ["run items", "task work"]
    assert {event.name for event in events} == {"attempt failed"}
    places = [
        (event.attributes["attune.item.index"], event.attributes["attune.item.attempt"])
        for event in events
    ]
    assert sorted(places) == [(1, 1), (1, 2), (3, 1), (3, 2), (5, 1), (5, 2)]
    assert events[0].attributes["error.type"] == "ValueError"


def test_events_of_failed_attempts_end_at_a_hundred(spans):
    text = ITEMS.replace("range(6)", "range(1000)")
    attune_nb.loads(text).run(actions={"work": fail_odd}, readers=[spans.reader(items="failed")])

    assert len(spans.only("task work").events) == 100


def test_a_sample_of_the_items_gets_spans(spans):
    text = ITEMS.replace("range(6)", "range(1000)")
    attune_nb.loads(text).run(
        actions={"work": lambda number: number}, readers=[spans.reader(items="sample:4")]
    )

    sample = spans.named("attempt work")
    indexes = sorted(span.attributes["attune.item.index"] for span in sample)
    assert indexes == [0, 250, 500, 750]
    task = spans.only("task work")
    assert {span.parent.span_id for span in sample} == {task.context.span_id}


def test_all_attempts_get_spans_with_a_warning(spans):
    with pytest.warns(UserWarning, match="makes a span of each attempt"):
        reader = spans.reader(items="all")
    attune_nb.loads(ITEMS).run(actions={"work": fail_odd}, readers=[reader])

    attempts = spans.named("attempt work")
    assert len(attempts) == 9
    failed = [span for span in attempts if span.status.status_code is StatusCode.ERROR]
    assert len(failed) == 6


@pytest.mark.parametrize("items", ["some", "sample", "sample:", "sample:0", "sample:-1", 3, None])
def test_a_wrong_choice_of_items_is_an_error(spans, items):
    with pytest.raises(attune_nb.ParameterError, match='`items` must be "none", "failed"'):
        spans.reader(items=items)


def test_spans_hold_no_values_and_no_secrets(spans):
    text = """
    name: private
    parameters: {token: {type: string, secret: true}, place: {type: string}}
    tasks:
      - name: use
        action: use
        input: {token: "{{ parameters.token }}", place: "{{ parameters.place }}"}
    """

    def use(token, place):
        raise ValueError(f"no entry with {token} " + 300 * "x")

    attune_nb.loads(textwrap.dedent(text)).run(
        {"token": "hunter2hunter2", "place": "a private place"},
        actions={"use": use},
        readers=[spans.reader(items="failed")],
    )

    shown = "".join(span.to_json() for span in spans.all)
    assert "no entry with ***" in shown
    assert "hunter2" not in shown
    assert "private place" not in shown
    assert len(spans.only("task use").status.description) <= 200


def test_a_child_run_is_a_span_within_its_task(spans):
    child = attune_nb.loads("tasks: [{name: inner, action: core.noop}]")
    text = "name: outer\ntasks: [{name: nested, action: child, with_items: [1, 2]}]"
    attune_nb.loads(text).run(actions={"child": child}, readers=[spans.reader()])

    task = spans.only("task nested")
    children = spans.named("run child")
    assert len(children) == 2
    assert {span.parent.span_id for span in children} == {task.context.span_id}
    inner_parents = {span.parent.span_id for span in spans.named("task inner")}
    assert inner_parents == {span.context.span_id for span in children}
    assert len({span.context.trace_id for span in spans.all}) == 1


def test_tasks_of_a_parallel_task_are_spans_within_it(spans):
    text = """
    name: parallel
    tasks:
      - name: group
        type: parallel
        tasks: [{name: a, action: core.noop}, {name: b, action: core.noop}]
    """
    attune_nb.loads(textwrap.dedent(text)).run(readers=[spans.reader()])

    group = spans.only("task group")
    for name in ("task group/a", "task group/b"):
        assert spans.only(name).parent.span_id == group.context.span_id


def test_a_skipped_task_is_a_span_of_no_length(spans):
    text = "name: w\ntasks: [{name: s, action: core.noop, when: '{{ false }}'}]"
    attune_nb.loads(text).run(readers=[spans.reader()])

    span = spans.only("task s")
    assert span.attributes["attune.task.status"] == "skipped"
    assert span.start_time == span.end_time


def test_a_retry_makes_spans_of_what_it_runs(spans):
    failing = [1]

    def work(number):
        if number in failing:
            raise ValueError("not yet")
        return number

    text = """
    name: again
    tasks:
      - {name: before, action: core.noop, next: [{do: work}]}
      - {name: work, action: work, with_items: [0, 1], input: {number: "{{ item }}"}}
    """
    run = attune_nb.loads(textwrap.dedent(text)).run(
        actions={"work": work}, readers=[spans.reader()]
    )
    first = spans.only("run again")
    failing.clear()
    run.retry(readers=[spans.reader()])

    _, second = spans.named("run again")
    assert len(spans.named("task before")) == 1
    assert second.context.trace_id != first.context.trace_id
    assert [link.context.span_id for link in second.links] == [first.context.span_id]
    retried = spans.named("task work")[1]
    assert retried.start_time >= second.start_time


def test_spans_within_an_action_are_part_of_the_task(spans):
    tracer = spans.provider.get_tracer("actions")

    def work(number):
        with tracer.start_as_current_span("within"):
            return number

    assert_spans_are_part_of_the_task(spans, work)


def test_spans_within_a_coroutine_are_part_of_the_task(spans):
    tracer = spans.provider.get_tracer("actions")

    async def work(number):
        with tracer.start_as_current_span("within"):
            return number

    assert_spans_are_part_of_the_task(spans, work)


def assert_spans_are_part_of_the_task(spans, work):
    attune_nb.loads(ITEMS).run(actions={"work": work}, readers=[spans.reader(propagate=True)])

    within = spans.named("within")
    assert len(within) == 6
    assert {span.parent.span_id for span in within} == {spans.only("task work").context.span_id}


def current_span_ids(number):
    context = trace.get_current_span().get_span_context()
    return [str(context.trace_id), str(context.span_id), os.getpid()]


@pytest.mark.slow
def test_a_worker_process_has_the_span_of_the_task(spans):
    run = attune_nb.loads(ITEMS).run(
        actions={"work": current_span_ids},
        backend="processes",
        workers=1,
        readers=[spans.reader(propagate=True)],
    )

    context = spans.only("task work").context
    for trace_id, span_id, process_id in run.result("work"):
        assert (int(trace_id), int(span_id)) == (context.trace_id, context.span_id)
        assert process_id != os.getpid()


def test_the_span_of_the_caller_is_linked(spans):
    tracer = spans.provider.get_tracer("caller")
    with tracer.start_as_current_span("calling"):
        attune_nb.loads(BRANCHES).run(readers=[spans.reader()])

    root = spans.only("run branches")
    assert root.parent is None
    calling = spans.only("calling").context
    assert [link.context.span_id for link in root.links] == [calling.span_id]


def test_pauses_and_questions_are_span_events(spans):
    text = "name: asks\ntasks: [{name: ask, action: core.ask, input: {prompt: 'go?'}}]"
    run = attune_nb.loads(text).run(readers=[spans.reader()], background=True)
    until(lambda: run.questions)
    run.pause()
    until(lambda: run.status == "paused")
    run.resume()
    run.answer("ask", "a private answer")
    run.wait()

    assert [event.name for event in spans.only("run asks").events] == ["paused", "continued"]
    events = spans.only("task ask").events
    assert [event.name for event in events] == ["question opened", "question answered"]
    assert "private answer" not in spans.only("task ask").to_json()


def test_a_sampler_that_drops_the_run_drops_all():
    spans = RecordedSpans(sampler=ALWAYS_OFF)
    run = attune_nb.loads(BRANCHES).run(readers=[spans.reader(propagate=True)])

    assert run.status == "succeeded"
    assert run.alerts == []
    assert spans.names == []


def test_a_tracer_that_makes_its_own_ids_has_one_trace_a_run(spans):
    class OwnTracer:
        """A tracer of another library, without an id generator."""

        def __init__(self, tracer):
            self.start_span = tracer.start_span

    class OwnProvider:
        def get_tracer(self, *names):
            return OwnTracer(spans.provider.get_tracer(*names))

    reader = otel.reader(tracer_provider=OwnProvider())
    attune_nb.loads(BRANCHES).run(readers=[reader])

    root = spans.only("run branches")
    tasks = [span for span in spans.all if span is not root]
    assert {span.context.trace_id for span in tasks} == {root.context.trace_id}
    assert {span.parent.span_id for span in tasks} == {root.context.span_id}


def test_a_run_with_a_silent_provider_is_a_run():
    run = attune_nb.loads(BRANCHES).run(
        readers=[otel.reader(tracer_provider=NoOpTracerProvider(), propagate=True, cicd=True)]
    )

    assert run.status == "succeeded"
    assert run.alerts == []


def test_a_follower_gets_no_dropped_results(spans):
    """Other readers get the results of `keep_results: none`, which costs their making."""
    text = ITEMS.replace("concurrency: 3", "keep_results: none")
    run = attune_nb.loads(text).run(actions={"work": fail_odd}, readers=[spans.reader()])

    assert run.alerts == []
    attributes = spans.only("task work").attributes
    assert attributes["attune.task.items"] == 6
    assert attributes["attune.task.items.failed"] == 3


FIRST_PROCESS = """
import os
import sqlite3
import time
import attune_nb
from attune_nb import otel
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

provider = TracerProvider()
line = lambda span: f"{span.name},{span.context.trace_id},{span.parent.span_id}\\n"
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(formatter=line)))

def die():
    query = "SELECT 1 FROM events WHERE kind = 'TaskEnded'"
    while not sqlite3.connect("runs.db").execute(query).fetchall():
        time.sleep(0.01)
    os._exit(9)

attune_nb.load_file("chain.yaml").run(
    actions={"die": die},
    readers=[otel.reader(tracer_provider=provider)],
    store="runs.db",
    progress=False,
)
"""


@pytest.mark.slow
def test_a_resumed_run_is_one_trace(spans, tmp_path):
    text = "tasks:\n- {name: a, action: core.noop, next: [{do: b}]}\n- {name: b, action: die}\n"
    (tmp_path / "chain.yaml").write_text(text)
    command = [sys.executable, "-c", FIRST_PROCESS]
    first = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert first.returncode == 9, first.stderr

    store = tmp_path / "runs.db"
    run_id = attune_nb.runs(store)["run_id"][0]
    attune_nb.resume(
        run_id, store, actions={"die": lambda: None}, readers=[spans.reader()], progress=False
    )

    name, trace_id, parent_id = first.stdout.strip().split(",")
    assert name == "task a"
    task, root = spans.all[:2]
    assert [task.name, root.name] == ["task b", f"run {root.attributes['attune.workflow.name']}"]
    assert root.context.trace_id == task.context.trace_id == int(trace_id)
    assert root.context.span_id == task.parent.span_id == int(parent_id)
    assert [event.name for event in root.events] == ["resumed"]
    assert root.start_time <= task.start_time


FAMILY = """
name: outer
tasks:
  - {name: before, action: core.noop, next: [{do: nested}]}
  - name: nested
    action: child
    with_items: [1, 2, 3]
    concurrency: 2
    input: {number: "{{ item }}"}
"""
MEMBER = """
name: member
parameters: {number: {type: integer}}
tasks:
  - {name: work, action: work, input: {number: "{{ parameters.number }}"}}
"""


def described(spans):
    """Return the spans, sorted, without the additions of a provider."""
    return sorted(map(fields_of, spans.all))


def fields_of(span):
    """Return the fields of a span that do not depend on the provider."""
    parent = 0 if span.parent is None else span.parent.span_id
    return (
        span.name,
        span.context.trace_id,
        span.context.span_id,
        parent,
        span.start_time,
        span.end_time,
        sorted(span.attributes.items()),
        span.status.status_code.name,
        str(span.status.description),
        [link.context.span_id for link in span.links],
        [(event.name, event.timestamp) for event in span.events],
    )


def test_the_record_gives_the_spans_of_the_run(spans, tmp_path):
    store = tmp_path / "runs.db"
    run = attune_nb.loads(FAMILY).run(
        actions={"child": attune_nb.loads(MEMBER), "work": fail_odd},
        store=store,
        readers=[spans.reader(items="failed")],
    )
    assert len(spans.named("run member")) == 3

    from_record = RecordedSpans()
    otel.send(run.run_id, store, items="failed", tracer_provider=from_record.provider)
    assert described(from_record) == described(spans)


def test_spans_of_a_run_that_is_running_are_not_sent(spans, tmp_path):
    store = tmp_path / "runs.db"
    text = "name: asks\ntasks: [{name: ask, action: core.ask, input: {prompt: 'go?'}}]"
    run = attune_nb.loads(text).run(store=store, background=True)
    until(lambda: run.run_id in set(attune_nb.runs(store)["run_id"]))
    try:
        with pytest.raises(attune_nb.ParameterError, match="has not ended"):
            otel.send(run.run_id, store, tracer_provider=spans.provider)
    finally:
        run.cancel()
        run.wait()


def test_retried_items_have_the_span_of_their_task(spans):
    failing = [3]

    def work(number):
        if number in failing:
            raise ValueError("not yet")
        return current_span_ids(number)

    run = attune_nb.loads(ITEMS).run(actions={"work": work})
    failing.clear()
    retried = run.retry(readers=[spans.reader(propagate=True)])

    trace_id, span_id, _ = retried.result("work")[3]
    context = spans.only("task work").context
    assert (int(trace_id), int(span_id)) == (context.trace_id, context.span_id)


def test_a_command_has_the_span_in_its_environment(spans):
    text = """
    name: commands
    tasks:
      - {name: plain, action: core.shell, input: {cmd: "echo $TRACEPARENT"}, next: [{do: own}]}
      - name: own
        action: core.shell
        input: {cmd: "echo $TRACEPARENT $MORE", env: {TRACEPARENT: mine, MORE: more}}
    """
    run = attune_nb.loads(textwrap.dedent(text)).run(readers=[spans.reader(propagate=True)])

    context = spans.only("task plain").context
    header = f"00-{context.trace_id:032x}-{context.span_id:016x}-"
    assert run.result("plain")["stdout"].startswith(header)
    assert run.result("own")["stdout"].strip() == "mine more"


def test_a_run_that_has_timed_out_says_so(spans):
    text = "name: late\ntimeout: 0.1\ntasks: [{name: z, action: core.sleep, input: {seconds: 60}}]"
    run = attune_nb.loads(text).run(readers=[spans.reader(cicd=True)])

    assert run.status == "timed_out"
    span = spans.only("RUN late")
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] == "timed_out"
    assert span.attributes["cicd.pipeline.result"] == "timeout"
    task = spans.only("task z")
    assert task.attributes["attune.task.status"] == "cancelled"
    assert task.status.status_code is StatusCode.UNSET
