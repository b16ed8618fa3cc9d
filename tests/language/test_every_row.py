"""Every row of the language's tables, run for what it means; none is left out.

Other tests try the forms and the edges. Here a row is one test, named for it, that runs the
smallest workflow showing what the row means; the last test holds the rows against what the
language knows.
"""

import itertools
import json
import threading
import time

import pytest

import attune_nb
from attune_nb.actions.registry import CORE
from attune_nb.demo import FleetServer
from attune_nb.language import load
from attune_nb.language.reading import legacy_syntax, read_tasks
from attune_nb.templates.compiler.codegen import NAMESPACES

A = "tasks:\n  - name: a\n    action: core.noop\n"
B = "  - {name: b, action: core.noop}\n"
SLEEP = "tasks:\n  - name: a\n    action: core.sleep\n    input: {seconds: 60}\n"
NO = ValueError("no")


def run(text, parameters=None, **options):
    return attune_nb.loads(text).run(parameters, **options)


def ends(ended):
    return dict(zip(ended.tasks["task"], ended.tasks["status"], strict=True))


def gives(expression, above="", **options):
    return run(f"{above}output_map: {{x: '{{{{ {expression} }}}}'}}\n{A}", **options).output["x"]


def after(result, form):
    """Give which of b, c and d ran after a task with the result, or the failure."""
    text = f"{A}    {form}\n{B}{B.replace('b,', 'c,')}{B.replace('b,', 'd,')}"
    text += "  - {name: z, action: core.noop, next: [{when: failed(), do: [b, c, d]}]}\n"
    ended = run(text, mock={"a": result})
    return [name for name, status in ends(ended).items() if name in "bcd" and status != "pending"]


def most_at_once(text):
    here, most, lock = set(), [], threading.Lock()

    def act(**_):
        with lock:
            here.add(threading.get_ident())
            most.append(len(here))
        time.sleep(0.02)
        with lock:
            here.discard(threading.get_ident())

    run(text.replace("core.noop", "act"), actions={"act": act})
    return max(most)


def cancelled(policy, seconds):
    text = f"cancellation_policy: {policy}\n{SLEEP.replace('60', str(seconds))}"
    ended = run(text, background=True)
    while ends(ended) != {"a": "running"}:
        time.sleep(0.01)
    ended.cancel()
    assert ended.wait(30)
    return ends(ended)


class TestWorkflow:
    def test_ref(self):
        assert gives("system.workflow_ref", "ref: ops.me\n") == "ops.me"
        child = attune_nb.loads("ref: ops.child\noutput_map: {x: 1}\n" + A)
        ended = run(A.replace("core.noop", "ops.child"), actions={"any name": child})
        assert ended.result("a") == {"x": 1}

    @pytest.mark.parametrize("written", ["label: My check", 'description: "no"', "tags:\n  - x"])
    def test_what_is_kept(self, written):
        assert attune_nb.loads(f"{written}\n{A}").to_yaml().startswith(written)

    test_label = test_description = test_tags = test_what_is_kept

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
        assert gives("workflow.y", "vars: [{x: 2}, {y: '{{ x + 1 }}'}]\n") == 3

    def test_tasks(self):
        assert ends(run(A + B)) == {"a": "succeeded", "b": "succeeded"}
        with pytest.raises(attune_nb.WorkflowError, match="tasks"):
            attune_nb.loads("version: 1\n")

    def test_output_map(self):
        assert run("output_map: {x: [1, '{{ 1 + 1 }}']}\n" + A).output == {"x": [1, 2]}
        assert run(A).output is None

    def test_cancellation_policy(self):
        assert cancelled("allow_finish", 0.3) == {"a": "succeeded"}
        assert cancelled("cancel_running", 60) == {"a": "cancelled"}

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
        assert list(ends(run(A.replace("name: a", "name: no")))) == ["no"]

    @pytest.mark.parametrize("action", ["site.act", "act", "json:dumps"])
    def test_action(self, action):
        text = A.replace("core.noop", action) + "    input: {obj: 1}\n"
        actions = dict.fromkeys(["site.act", "act"], json.dumps)
        assert run(text, actions=actions, allow_imports=True).result("a") == "1"

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
        ended = run(
            A + "    when: 1 > 2\n    next: [{when: skipped() and succeeded(), do: b}]\n" + B
        )
        assert ends(ended) == {"a": "skipped", "b": "succeeded"}

    def test_with_items(self):
        for items in ("[1, '{{ 1 + 1 }}']", "'{{ [1, 2] }}'"):
            text = f"{A}    with_items: {items}\n    input: {{x: '{{{{ [item, index] }}}}'}}\n"
            assert run(text).result("a") == [{"x": [1, 0]}, {"x": [2, 1]}]

    def test_concurrency(self):
        text = A + "    with_items: [1, 2, 3, 4, 5, 6, 7, 8]\n"
        assert most_at_once(text) == 1
        assert most_at_once(text + "    concurrency: 3\n") == 3
        assert most_at_once(text + "    concurrency: '{{ 1 + 1 }}'\n") == 2

    def test_batch_size(self):
        text = A + "    with_items: [1, 2, 3]\n    batch_size: 2\n"
        ended = run(text + "    input: {x: '{{ item }}', n: '{{ index }}'}\n")
        assert ended.result("a") == [{"x": [1, 2], "n": 0}, {"x": [3], "n": 1}]

    def test_retry(self):
        act = in_turn(NO, NO, 5)
        assert run(A + "    retry: {count: 1}\n", mock={"a": act}).status == "failed"
        assert run(A + "    retry: {count: 1}\n", mock={"a": act}).result("a") == 5

    def test_timeout(self):
        assert ends(run(SLEEP + "    timeout: 0.1\n")) == {"a": "timed_out"}

    def test_delay(self):
        assert run(A + "    delay: 0.2\n").attempts["start"][0] >= 0.2

    def test_keep_results(self):
        for kept in ("run", "cluster"):  # where there is no cluster, the run has them
            assert run(A + f"    keep_results: {kept}\n").result("a") == {}
        with pytest.raises(attune_nb.WorkflowError, match="keep_results"):
            run(A + "    keep_results: disk\n")

    def test_join(self):
        text = A.replace("noop", "sleep\n    input: {seconds: 0.2}")
        text += "    next: [{do: c}]\n  - {name: b, action: core.noop, next: [{do: c}]}\n"
        text += "  - {name: c, action: core.noop, join: %s}\n"
        assert list(run(text % "all").tasks["task"]) == ["a", "b", "c"]
        for join, saw in (("all", ["a", "b"]), (1, ["b"])):
            assert sorted(run(text % join).context_at("c").tasks) == saw

    def test_next(self):
        assert list(ends(run(A + "    next: [{do: b}]\n" + B))) == ["a", "b"]

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
    def test_what_is_kept_for_attune(self, key):
        text = f"{A}    {key}:\n      - x\n"
        assert attune_nb.loads(text).to_yaml() == text

    def test_worker_selector(self):
        text = f"{A}    worker_selector:\n      region: north\n      GPU: 1\n"
        assert attune_nb.loads(text).to_yaml() == text


class TestRetry:
    def waits(self, retry):
        """Give the seconds between attempts: the least of three runs, as each may be late."""
        text = f"{A}    retry: {{count: 3, {retry}}}\n"
        runs = [run(text, dry_run=False, mock={"a": NO}) for _ in range(3)]
        starts = [[*each.attempts["start"]] for each in runs]
        gaps = [[b - a for a, b in itertools.pairwise(each)] for each in starts]
        return [round(min(each), 1) for each in zip(*gaps, strict=True)]

    def test_count(self):
        assert run(A + "    retry: {count: 3}\n", mock={"a": NO}).tasks["attempts"][0] == 4

    def test_delay(self):
        assert self.waits("delay: 0.1") == [0.1, 0.1, 0.1]

    def test_backoff(self):
        assert self.waits("delay: 0.1, backoff: constant") == [0.1, 0.1, 0.1]
        assert self.waits("delay: 0.1, backoff: linear") == [0.1, 0.2, 0.3]
        assert self.waits("delay: 0.1, backoff: exponential") == [0.1, 0.2, 0.4]

    def test_max_delay(self):
        assert self.waits("delay: 0.1, backoff: linear, max_delay: 0.2") == [0.1, 0.2, 0.2]

    def test_on_error(self):
        for pattern, tries in (("ValueError", 4), ("no", 4), ("KeyError", 1), ("[x, ^n]", 4)):
            text = f"{A}    retry: {{count: 3, on_error: {pattern}}}\n"
            assert run(text, mock={"a": NO}).tasks["attempts"][0] == tries


class TestTransition:
    def test_when(self):
        form = "next: [{when: '{{ result() == 5 }}', do: b}, {when: failed(), do: c}, {do: d}]"
        assert [after(5, form), after(1, form), after(NO, form)] == [["b", "d"], ["d"], ["c", "d"]]

    @pytest.mark.parametrize(
        "publish", ["[{x: '{{ result() }}'}, {y: '{{ x + 1 }}'}]", "[x, {y: 6}]", "{x: 5, y: 6}"]
    )
    def test_publish(self, publish):
        ended = run(f"{A}    next: [{{publish: {publish}}}]\n", mock={"a": 5})
        assert dict(ended.context.variables) == {"x": 5, "y": 6}

    def test_do(self):
        assert after(1, "next: [{do: b}]") == ["b"]
        assert after(1, "next: [{do: [b, c]}]") == ["b", "c"]
        for target, status in (("noop", "succeeded"), ("fail", "failed"), ("[]", "failed")):
            text = f"{A}    next: [{{when: failed(), do: {target}}}]\n"
            assert run(text, mock={"a": NO}).status == status


class TestOlderForm:
    ALL = "on_success: b\n    on_failure: c\n    on_timeout: d"

    def test_on_success(self):
        assert after(1, self.ALL) == ["b"]
        assert after(1, "on_success: [{when: result() > 3, do: b}, c]") == ["c"]

    def test_on_failure(self):
        assert after(NO, self.ALL) == ["c"]

    def test_on_timeout(self):
        assert after(attune_nb.Timeout(), self.ALL) == ["d"]

    def test_on_complete(self):
        for result in (1, NO, attune_nb.Timeout()):
            assert after(result, "on_complete: [b, c]") == ["b", "c"]

    @pytest.mark.parametrize("default", ["default: c", "default: true, next: c"])
    def test_decision(self, default):
        form = f"decision: [{{{default}}}, {{when: result() > 3, next: b}}]"
        assert (after(5, form), after(1, form)) == (["b"], ["c"])

    def test_publish(self):
        assert dict(run(A + "    publish: [x]\n", mock={"a": 5}).context.variables) == {"x": 5}


class TestNamespace:
    def test_parameters(self):
        assert gives("parameters.p", "parameters: {p: {default: 3}}\n") == 3

    @pytest.mark.parametrize("name", ["workflow.x", "vars.x", "variables.x", "x"])
    def test_workflow(self, name):
        assert gives(name, "vars: {x: 3}\n") == 3

    test_vars = test_variables = test_workflow

    @pytest.mark.parametrize("name", ["task", "tasks"])
    def test_task(self, name):
        assert gives(f"{name}.a", mock={"a": {"items": 1}})["status"] == "succeeded"
        assert gives(f"{name}.a.items", mock={"a": {"items": 1}}) == 1
        assert gives(f"{name}.a.result.items", mock={"a": {"items": 1}}) == 1

    test_tasks = test_task

    @pytest.mark.parametrize(
        ("field", "wanted"),
        [("result", {"x": 1}), ("status", "succeeded"), ("error", None), ("succeeded", True),
         ("attempts", 1)],
    )  # fmt: skip
    def test_task_record(self, field, wanted):
        assert gives(f"task.a.{field}", mock={"a": {"x": 1}}) == wanted
        assert gives("task.a.duration_ms") >= 0

    def test_task_record_of_items(self):
        text = A + "    with_items: [1, 2]\n    next: [{when: failed(), do: noop}]\n"
        above = "output_map: {x: '{{ [task.a.total_count, task.a.failed_items] }}'}\n"
        ended = run(above + text, mock={"a": in_turn(NO, 1)})
        assert ended.output == {"x": [2, 1]}

    def test_config(self):
        assert gives("config.c", config={"c": 3}) == 3

    def test_keystore(self):
        text = A.replace("noop", "echo") + "    input: {message: '{{ keystore.k }}'}\n"
        assert run(text, keystore={"k": "s3cret"}).result("a") == {"message": "***"}
        assert gives("length(keystore.k)", keystore={"k": "s3cret"}) == 6

    def test_item(self):
        text = A + "    with_items: [{n: 4}]\n    input: {x: '{{ item.n }}'}\n"
        assert run(text).result("a") == [{"x": 4}]

    def test_index(self):
        text = A + "    with_items: [7, 8]\n    input: {x: '{{ index }}'}\n"
        assert run(text).result("a") == [{"x": 0}, {"x": 1}]

    def test_system(self):
        assert len(gives("system.execution_id")) == 12
        began = gives("system.workflow_start")
        assert began <= gives("system.timestamp")
        assert gives("system.workflow_ref", name="me") == "me"


class TestCoreAction:
    """Their own edges are in tests/actions; here what they give within a workflow."""

    def go(self, action, given):
        return run(f"tasks: [{{name: a, action: {action}, input: {given}}}]\n")

    def test_noop(self):
        assert self.go("core.noop", "{x: 1}").result("a") == {"x": 1}

    def test_echo(self):
        assert self.go("core.echo", "{message: [1]}").result("a") == {"message": [1]}

    def test_sleep(self):
        began = time.monotonic()
        assert self.go("core.sleep", "{seconds: 0.2}").status == "succeeded"
        assert time.monotonic() - began >= 0.2

    def test_fail(self):
        ended = self.go("core.fail", "{message: oh no}")
        assert (ended.status, "oh no" in ended.error) == ("failed", True)

    def test_shell(self):
        given = {"exit_code": 0, "stdout": "[1]\n", "stderr": "", "data": [1]}
        assert self.go("core.shell", "{cmd: 'echo [1]'}").result("a") == given
        assert self.go("core.shell", "{cmd: exit 3}").result("a")["exit_code"] == 3

    def test_http_request(self):
        with FleetServer(1, failing=[1]) as fleet:
            given = f"{{url: '{fleet.url}/health/1'}}"
            found = self.go("core.http_request", given).result("a")
        assert set(found) == {
            "status_code", "headers", "body", "json", "elapsed_ms", "url", "success",
        }  # fmt: skip
        assert (found["status_code"], found["success"]) == (503, False)
        assert self.go("core.http_request", given).status == "failed"

    def test_ask(self):
        text = "tasks: [{name: a, action: core.ask, input: {prompt: hm}}]\n"
        ended = run(text, background=True)
        while not ended.questions:
            time.sleep(0.01)
        ended.answer("a", 5)
        assert ended.wait(30)
        assert ended.result("a") == {"response": 5}


def in_turn(*outcomes):
    left = iter(outcomes)

    def act(_):
        outcome = next(left)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return act


def tried(table):
    """Give the rows that a table of tests has."""
    return {name.removeprefix("test_") for name in vars(table) if name.startswith("test_")}


@pytest.mark.parametrize(
    ("table", "known"),
    [
        (TestWorkflow, load.WORKFLOW_KEYS),
        (TestParameter, ["type", "required", "default", "secret", "description"]),
        (TestTask, read_tasks.TASK_KEYS),
        (TestRetry, read_tasks.RETRY_KEYS),
        (TestTransition, read_tasks.TRANSITION_KEYS),
        (TestOlderForm, legacy_syntax.LEGACY_KEYS),
        (TestNamespace, NAMESPACES),
        (TestCoreAction, [name.removeprefix("core.") for name in CORE]),
    ],
)
def test_no_row_is_left_out(table, known):
    assert set(known) - tried(table) == set()
