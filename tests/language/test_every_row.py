"""Every row of the language's tables, run in the smallest workflow that shows its meaning.

A row is one test, named after it. Other tests have the forms and the edges. The last test
compares the rows with the tables of the language.
"""

import itertools
import json
import threading
import time

import pytest
from support.outcomes import seconds_until_first_attempt

import attune_nb
from attune_nb.actions.registry import CORE
from attune_nb.demo import FleetServer
from attune_nb.events import AttemptsEnded
from attune_nb.language import load
from attune_nb.language.reading import legacy_syntax, read_tasks
from attune_nb.templates.compiler.codegen import NAMESPACES

A = "tasks:\n  - name: a\n    action: core.noop\n"
B = "  - {name: b, action: core.noop}\n"
SLEEP = "tasks:\n  - name: a\n    action: core.sleep\n    input: {seconds: 60}\n"
NO = ValueError("no")


def run(text, parameters=None, **options):
    return attune_nb.loads(text).run(parameters, **options)


def statuses(finished):
    return dict(zip(finished.tasks["task"], finished.tasks["status"], strict=True))


def evaluate(expression, above="", **options):
    return run(f"{above}output_map: {{x: '{{{{ {expression} }}}}'}}\n{A}", **options).output["x"]


def find_next_tasks(result, form):
    """Return which of b, c and d ran after a task with the result, or the failure."""
    text = f"{A}    {form}\n{B}{B.replace('b,', 'c,')}{B.replace('b,', 'd,')}"
    text += "  - {name: z, action: core.noop, next: [{when: failed(), do: [b, c, d]}]}\n"
    finished = run(text, mock={"a": result})

    started = finished.tasks[finished.tasks["status"] != "pending"]
    return [name for name in started["task"] if name in "bcd"]


def measure_concurrency(text, expected):
    """Return the largest number of items that run at the same time; some wait for that."""
    running = set()
    has_reached = threading.Event()
    counts = []
    lock = threading.Lock()

    def act(**_):
        with lock:
            running.add(threading.get_ident())
            counts.append(len(running))
            if len(running) == expected:
                has_reached.set()
        assert has_reached.wait(60)
        time.sleep(0.02)
        with lock:
            running.discard(threading.get_ident())

    run(text.replace("core.noop", "act"), actions={"act": act})
    return max(counts)


def cancel(policy, seconds):
    """Cancel a run that sleeps for some seconds, and return the statuses of its tasks."""
    text = f"cancellation_policy: {policy}\n{SLEEP.replace('60', str(seconds))}"
    started = run(text, background=True)
    while statuses(started) != {"a": "running"}:
        time.sleep(0.01)

    started.cancel()

    assert started.wait(60)
    return statuses(started)


class TestWorkflow:
    def test_name(self):
        assert run("name: nightly report\n" + A).events[0].workflow == "nightly report"

    def test_ref(self):
        assert evaluate("system.workflow_ref", "ref: ops.me\n") == "ops.me"
        child = attune_nb.loads("ref: ops.child\noutput_map: {x: 1}\n" + A)
        finished = run(A.replace("core.noop", "ops.child"), actions={"any name": child})
        assert finished.result("a") == {"x": 1}

    @pytest.mark.parametrize("written", ["label: My check", 'description: "no"', "tags:\n  - x"])
    def test_fields_for_people(self, written):
        assert attune_nb.loads(f"{written}\n{A}").to_yaml().startswith(written)

    test_label = test_description = test_tags = test_fields_for_people

    def test_version(self):
        assert attune_nb.loads(A).version == "1.0.0"
        assert attune_nb.loads("version: 1.10\n" + A).version == "1.10"

    def test_parameters(self):
        assert run("parameters: {n: {}}\n" + A, {"n": 2}).context.parameters == {"n": 2}
        with pytest.raises(attune_nb.ParameterError, match="no parameter `m`"):
            run("parameters: {n: {}}\n" + A, {"m": 2})

    def test_output(self):
        text = "output:\n  type: object\n"
        assert attune_nb.loads(text + A).to_yaml().startswith(text)

    def test_vars(self):
        assert evaluate("workflow.y", "vars: [{x: 2}, {y: '{{ x + 1 }}'}]\n") == 3

    def test_tasks(self):
        assert statuses(run(A + B)) == {"a": "succeeded", "b": "succeeded"}
        with pytest.raises(attune_nb.WorkflowError, match="tasks"):
            attune_nb.loads("version: 1\n")

    def test_output_map(self):
        assert run("output_map: {x: [1, '{{ 1 + 1 }}']}\n" + A).output == {"x": [1, 2]}
        assert run(A).output is None

    def test_cancellation_policy(self):
        assert cancel("allow_finish", 0.3) == {"a": "succeeded"}
        assert cancel("cancel_running", 60) == {"a": "cancelled"}

    def test_timeout(self):
        assert run("timeout: 0.1\ncancellation_policy: cancel_running\n" + SLEEP).status == (
            "timed_out"
        )


class TestParameter:
    @pytest.mark.parametrize(
        ("kind", "good", "bad"),
        [
            ("string", "x", 1),
            ("number", 1.5, "1"),
            ("integer", 1, 1.5),
            ("boolean", True, 1),
            ("array", [1], {"x": 1}),
            ("object", {"x": 1}, [1]),
        ],
    )
    def test_type(self, kind, good, bad):
        text = f"parameters: {{p: {{type: {kind}}}}}\n{A}"
        assert run(text, {"p": good}).context.parameters["p"] == good
        with pytest.raises(attune_nb.ParameterError):
            run(text, {"p": bad})

    def test_type_any(self):
        thing = object()
        assert run(f"parameters: {{p: {{type: any}}}}\n{A}", {"p": thing}).status == "succeeded"

    def test_required(self):
        with pytest.raises(attune_nb.ParameterError, match="needs"):
            run("parameters: {p: {required: true}}\n" + A)
        assert run("parameters: {p: {required: false}}\n" + A).context.parameters == {}

    def test_default(self):
        assert run("parameters: {p: {default: 3}}\n" + A).context.parameters == {"p": 3}

    @pytest.mark.parametrize(
        ("rule", "good", "bad"),
        [
            ("enum: [1, 2]", 1, 3),
            ("items: {type: integer}", [1], ["x"]),
            ("minimum: 2", 2, 1),
            ("maxLength: 2", "ab", "abc"),
        ],
    )
    def test_rules(self, rule, good, bad):
        text = f"parameters: {{p: {{{rule}}}}}\n{A}"
        assert run(text, {"p": good}).status == "succeeded"
        with pytest.raises(attune_nb.ParameterError):
            run(text, {"p": bad})

    def test_secret(self):
        shown = run("parameters: {p: {secret: true}}\noutput_map: {x: '{{ parameters.p }}'}\n" + A,
                    {"p": "hunter22"})  # fmt: skip
        assert (shown.output, "hunter22" in f"{shown!r}{shown.events}") == ({"x": "***"}, False)

    def test_description(self):
        text = "parameters:\n  p:\n    type: any\n    description: what it is\n"
        assert attune_nb.loads(text + A).to_yaml().startswith(text)


class TestTask:
    def test_name(self):
        assert list(statuses(run(A.replace("name: a", "name: no")))) == ["no"]

    @pytest.mark.parametrize("action", ["site.act", "act", "json:dumps"])
    def test_action(self, action):
        text = A.replace("core.noop", action) + "    input: {obj: 1}\n"
        actions = dict.fromkeys(["site.act", "act"], json.dumps)
        assert run(text, actions=actions, allow_imports=True).result("a") == "1"

    def test_wait_for(self):
        wait = A + "    wait_for: {inquiry: '{{ 4 + 3 }}'}\n"
        assert "names inquiry 7, which no action" in run(wait).failure_text()
        assert statuses(run(wait, mock={"a": 1})) == {"a": "succeeded"}

    def test_type(self):
        text = "tasks: [{name: p, type: parallel, tasks: [{name: x, action: core.noop}]}]\n"
        assert run(text).result("p") == {"x": {}}
        child = attune_nb.loads("output_map: {x: 1}\n" + A)
        text = A.replace("core.noop", "child\n    type: {}")
        for kind in ("workflow", "action"):
            assert run(text.format(kind), actions={"child": child}).result("a") == {"x": 1}
        with pytest.raises(attune_nb.WorkflowError, match="workflow"):
            run(A + "    type: workflow\n")

    def test_input(self):
        assert run(A).result("a") == {}
        assert run(A + "    input: {x: [1, '{{ 1 + 1 }}']}\n").result("a") == {"x": [1, 2]}

    def test_when(self):
        finished = run(
            A + "    when: 1 > 2\n    next: [{when: skipped() and succeeded(), do: b}]\n" + B
        )
        assert statuses(finished) == {"a": "skipped", "b": "succeeded"}

    def test_with_items(self):
        for items in ("[1, '{{ 1 + 1 }}']", "'{{ [1, 2] }}'"):
            text = f"{A}    with_items: {items}\n    input: {{x: '{{{{ [item, index] }}}}'}}\n"
            assert run(text).result("a") == [{"x": [1, 0]}, {"x": [2, 1]}]

    def test_concurrency(self):
        text = A + "    with_items: [1, 2, 3, 4, 5, 6, 7, 8]\n"
        assert measure_concurrency(text, 1) == 1
        assert measure_concurrency(text + "    concurrency: 3\n", 3) == 3
        assert measure_concurrency(text + "    concurrency: '{{ 1 + 1 }}'\n", 2) == 2

    def test_batch_size(self):
        text = A + "    with_items: [1, 2, 3]\n    batch_size: 2\n"
        finished = run(text + "    input: {x: '{{ item }}', n: '{{ index }}'}\n")
        assert finished.result("a") == [{"x": [1, 2], "n": 0}, {"x": [3], "n": 1}]

    def test_retry(self):
        act = in_turn(NO, NO, 5)
        assert run(A + "    retry: {count: 1}\n", mock={"a": act}).status == "failed"
        assert run(A + "    retry: {count: 1}\n", mock={"a": act}).result("a") == 5

    def test_max_failures(self):
        text = A + "    with_items: [1, 2, 3, 4]\n"
        for value, attempts in (("0", 1), ("1", 2), ("50%", 3), ("'{{ 1 + 1 }}'", 3), ("4", 4)):
            finished = run(f"{text}    max_failures: {value}\n", mock={"a": NO})
            assert (finished.status, finished.tasks["attempts"][0]) == ("failed", attempts)

    def test_rate_limit(self):
        text = A + "    with_items: [1, 2, 3, 4, 5]\n    rate_limit: %s\n"
        for limit in ("50/s", "{count: 1, per: 0.02}"):
            starts = run(text % limit).attempts()["start"]
            # 0.08 s, or less if the first was late; without a limit it is a few milliseconds
            assert (starts.max() - starts.min()).total_seconds() >= 0.04

    def test_report_every(self):
        text = A + "    with_items: [1, 2, 3, 4]\n    report_every: 1\n"
        events = run(text, mock={"a": 1}).events
        batches = [event for event in events if isinstance(event, AttemptsEnded)]
        assert len(batches) == 4

    def test_timeout(self):
        assert statuses(run(SLEEP + "    timeout: 0.1\n")) == {"a": "timed_out"}

    def test_delay(self):
        assert seconds_until_first_attempt(run(A + "    delay: 0.2\n")) >= 0.2

    def test_keep_results(self):
        # without a cluster, the run has the results; `store` has tests of its own
        for location in ("run", "cluster"):
            assert run(A + f"    keep_results: {location}\n").result("a") == {}
        with pytest.raises(attune_nb.WorkflowError, match="keep_results"):
            run(A + "    keep_results: disk\n")

    def test_join(self):
        text = A.replace("noop", "sleep\n    input: {seconds: 0.2}")
        text += "    next: [{do: c}]\n  - {name: b, action: core.noop, next: [{do: c}]}\n"
        text += "  - {name: c, action: core.noop, join: %s}\n"
        assert list(run(text % "all").tasks["task"]) == ["a", "b", "c"]
        for join, names in (("all", ["a", "b"]), (1, ["b"])):
            assert sorted(run(text % join).context_at("c").tasks) == names

    def test_next(self):
        assert list(statuses(run(A + "    next: [{do: b}]\n" + B))) == ["a", "b"]

    def test_start(self):
        again = "{when: workflow.n < 1, publish: [{n: 1}], do: a}"
        text = A + "    start: true\n    next: [{do: b}]\n"
        text += f"  - {{name: b, action: core.noop, next: [{again}]}}\nvars: {{n: 0}}\n"
        assert list(run(text).tasks["task"]) == ["a", "b", "a", "b"]

    def test_tasks(self):
        text = "tasks: [{name: p, type: parallel, tasks: {x: {action: core.noop}}}]\n"
        assert run(text, mock={"x": 3}).result("p") == {"x": 3}

    @pytest.mark.parametrize(
        "key",
        [
            "permission_set_refs",
            "worker_tolerations",
            "worker_affinity",
            "__chart_meta__",
        ],
    )
    def test_fields_for_attune(self, key):
        text = f"{A}    {key}:\n      - x\n"
        assert attune_nb.loads(text).to_yaml() == text

    def test_worker_selector(self):
        text = f"{A}    worker_selector:\n      region: north\n      GPU: 1\n"
        assert attune_nb.loads(text).to_yaml() == text


class TestRetry:
    def measure_waits(self, retry):
        """Return the seconds between attempts: the least of three runs, as each may be late."""
        text = f"{A}    retry: {{count: 3, {retry}}}\n"
        waits_of_runs = []
        for _ in range(3):
            finished = run(text, dry_run=False, mock={"a": NO})
            starts = finished.attempts()["start"]
            waits = [later - start for start, later in itertools.pairwise(starts)]
            waits_of_runs.append([wait.total_seconds() for wait in waits])

        return [round(min(waits), 1) for waits in zip(*waits_of_runs, strict=True)]

    def test_count(self):
        assert run(A + "    retry: {count: 3}\n", mock={"a": NO}).tasks["attempts"][0] == 4

    def test_delay(self):
        assert self.measure_waits("delay: 0.1") == [0.1, 0.1, 0.1]

    def test_backoff(self):
        assert self.measure_waits("delay: 0.1, backoff: constant") == [0.1, 0.1, 0.1]
        assert self.measure_waits("delay: 0.1, backoff: linear") == [0.1, 0.2, 0.3]
        assert self.measure_waits("delay: 0.1, backoff: exponential") == [0.1, 0.2, 0.4]

    def test_max_delay(self):
        assert self.measure_waits("delay: 0.1, backoff: linear, max_delay: 0.2") == [0.1, 0.2, 0.2]

    def test_on_error(self):
        for pattern, tries in (("ValueError", 4), ("no", 4), ("KeyError", 1), ("[x, ^n]", 4)):
            text = f"{A}    retry: {{count: 3, on_error: {pattern}}}\n"
            assert run(text, mock={"a": NO}).tasks["attempts"][0] == tries


class TestTransition:
    def test_when(self):
        form = "next: [{when: '{{ result() == 5 }}', do: b}, {when: failed(), do: c}, {do: d}]"
        assert find_next_tasks(5, form) == ["b", "d"]
        assert find_next_tasks(1, form) == ["d"]
        assert find_next_tasks(NO, form) == ["c", "d"]

    @pytest.mark.parametrize(
        "publish", ["[{x: '{{ result() }}'}, {y: '{{ x + 1 }}'}]", "[x, {y: 6}]", "{x: 5, y: 6}"]
    )
    def test_publish(self, publish):
        finished = run(f"{A}    next: [{{publish: {publish}}}]\n", mock={"a": 5})
        assert dict(finished.context.variables) == {"x": 5, "y": 6}

    def test_do(self):
        assert find_next_tasks(1, "next: [{do: b}]") == ["b"]
        assert find_next_tasks(1, "next: [{do: [b, c]}]") == ["b", "c"]
        for target, status in (("noop", "succeeded"), ("fail", "failed"), ("[]", "failed")):
            text = f"{A}    next: [{{when: failed(), do: {target}}}]\n"
            assert run(text, mock={"a": NO}).status == status


class TestLegacyForm:
    ALL = "on_success: b\n    on_failure: c\n    on_timeout: d"

    def test_on_success(self):
        assert find_next_tasks(1, self.ALL) == ["b"]
        assert find_next_tasks(1, "on_success: [{when: result() > 3, do: b}, c]") == ["c"]

    def test_on_failure(self):
        assert find_next_tasks(NO, self.ALL) == ["c"]

    def test_on_timeout(self):
        assert find_next_tasks(attune_nb.Timeout(), self.ALL) == ["d"]

    def test_on_complete(self):
        for result in (1, NO, attune_nb.Timeout()):
            assert find_next_tasks(result, "on_complete: [b, c]") == ["b", "c"]

    @pytest.mark.parametrize("default", ["default: c", "default: true, next: c"])
    def test_decision(self, default):
        form = f"decision: [{{{default}}}, {{when: result() > 3, next: b}}]"
        assert (find_next_tasks(5, form), find_next_tasks(1, form)) == (["b"], ["c"])

    def test_publish(self):
        assert dict(run(A + "    publish: [x]\n", mock={"a": 5}).context.variables) == {"x": 5}


class TestNamespace:
    def test_parameters(self):
        assert evaluate("parameters.p", "parameters: {p: {default: 3}}\n") == 3

    @pytest.mark.parametrize("name", ["workflow.x", "vars.x", "variables.x", "x"])
    def test_workflow(self, name):
        assert evaluate(name, "vars: {x: 3}\n") == 3

    test_vars = test_variables = test_workflow

    @pytest.mark.parametrize("name", ["task", "tasks"])
    def test_task(self, name):
        assert evaluate(f"{name}.a", mock={"a": {"items": 1}})["status"] == "succeeded"
        assert evaluate(f"{name}.a.items", mock={"a": {"items": 1}}) == 1
        assert evaluate(f"{name}.a.result.items", mock={"a": {"items": 1}}) == 1

    test_tasks = test_task

    @pytest.mark.parametrize(
        ("field", "value"),
        [("result", {"x": 1}), ("status", "succeeded"), ("error", None), ("succeeded", True),
         ("attempts", 1)],
    )  # fmt: skip
    def test_task_record(self, field, value):
        assert evaluate(f"task.a.{field}", mock={"a": {"x": 1}}) == value
        assert evaluate("task.a.duration_ms") >= 0

    def test_inquiry(self):
        """A task whose result is mocked waits for no answer."""
        wait = A.replace("core.noop", "core.echo") + "    wait_for: {inquiry: 1}\n"
        text = "output_map: {x: '{{ inquiry.a.response }}'}\n" + wait
        assert run(text, mock={"a": 1}).output == {"x": None}

    def test_task_record_of_items(self):
        text = A + "    with_items: [1, 2]\n    next: [{when: failed(), do: noop}]\n"
        above = "output_map: {x: '{{ [task.a.total_count, task.a.failed_items] }}'}\n"
        finished = run(above + text, mock={"a": in_turn(NO, 1)})
        assert finished.output == {"x": [2, 1]}

        lists = "[task.a.failures[0].error, task.a.successes[0].item]"
        finished = run(
            f"output_map: {{x: '{{{{ {lists} }}}}'}}\n" + text, mock={"a": in_turn(NO, 1)}
        )
        assert finished.output == {"x": ["no", 2]}

    def test_task_record_by_function(self):
        assert evaluate('task("a").status', mock={"a": {"status": "own"}}) == "succeeded"

    def test_config(self):
        assert evaluate("config.c", config={"c": 3}) == 3

    def test_keystore(self):
        text = A.replace("noop", "echo") + "    input: {message: '{{ keystore.k }}'}\n"
        assert run(text, keystore={"k": "s3cret"}).result("a") == {"message": "***"}
        assert evaluate("length(keystore.k)", keystore={"k": "s3cret"}) == 6

    def test_item(self):
        text = A + "    with_items: [{n: 4}]\n    input: {x: '{{ item.n }}'}\n"
        assert run(text).result("a") == [{"x": 4}]

    def test_index(self):
        text = A + "    with_items: [7, 8]\n    input: {x: '{{ index }}'}\n"
        assert run(text).result("a") == [{"x": 0}, {"x": 1}]

    def test_system(self):
        assert len(evaluate("system.execution_id")) == 12
        start = evaluate("system.workflow_start")
        assert start <= evaluate("system.timestamp")
        assert evaluate("system.workflow_ref", name="me") == "me"


class TestCoreAction:
    """The results of core actions within a workflow; tests/actions has their edges."""

    def run_action(self, action, arguments):
        return run(f"tasks: [{{name: a, action: {action}, input: {arguments}}}]\n")

    def test_noop(self):
        assert self.run_action("core.noop", "{x: 1}").result("a") == {"x": 1}

    def test_echo(self):
        assert self.run_action("core.echo", "{message: [1]}").result("a") == {"message": [1]}

    def test_sleep(self):
        start = time.monotonic()
        assert self.run_action("core.sleep", "{seconds: 0.2}").status == "succeeded"
        assert time.monotonic() - start >= 0.2

    def test_fail(self):
        finished = self.run_action("core.fail", "{message: oh no}")
        assert (finished.status, "oh no" in finished.error) == ("failed", True)

    def test_shell(self):
        result = {"exit_code": 0, "stdout": "[1]\n", "stderr": "", "data": [1], "data_error": None}
        assert self.run_action("core.shell", "{cmd: 'echo [1]'}").result("a") == result
        assert self.run_action("core.shell", "{cmd: exit 3}").result("a")["exit_code"] == 3

    def test_http_request(self):
        with FleetServer(1, failing=[1]) as fleet:
            arguments = f"{{url: '{fleet.url}/health/1'}}"
            result = self.run_action("core.http_request", arguments).result("a")

        assert set(result) == {
            "status_code", "headers", "body", "json", "elapsed_ms", "url", "success",
            "error", "error_type", "content", "json_error", "saved_to",
        }  # fmt: skip
        assert result["error_type"] == "HTTPStatusError"
        assert (result["status_code"], result["success"]) == (503, False)
        assert self.run_action("core.http_request", arguments).status == "failed"

    def test_ask(self):
        text = "tasks: [{name: a, action: core.ask, input: {prompt: hm}}]\n"
        finished = run(text, background=True)
        while not finished.questions:
            time.sleep(0.01)

        finished.answer("a", 5)

        assert finished.wait(30)
        assert finished.result("a") == {"response": 5}


def in_turn(*outcomes):
    remaining = iter(outcomes)

    def act(_):
        outcome = next(remaining)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return act


def list_rows(table):
    """Return the rows that a class of tests has."""
    return {name.removeprefix("test_") for name in vars(table) if name.startswith("test_")}


@pytest.mark.parametrize(
    ("table", "keys"),
    [
        (TestWorkflow, load.WORKFLOW_KEYS),
        (TestParameter, ["type", "required", "default", "secret", "description"]),
        (TestTask, read_tasks.TASK_KEYS),
        (TestRetry, read_tasks.RETRY_KEYS),
        (TestTransition, read_tasks.TRANSITION_KEYS),
        (TestLegacyForm, legacy_syntax.LEGACY_KEYS),
        (TestNamespace, NAMESPACES),
        (TestCoreAction, [name.removeprefix("core.") for name in CORE]),
    ],
)
def test_every_row_has_a_test(table, keys):
    assert set(keys) - list_rows(table) == set()
