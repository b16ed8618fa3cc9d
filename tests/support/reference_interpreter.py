"""Section 3 of the language, read out loud: plain, mutable, slow, and nothing of the conductor.

A workflow is the data that its text would hold. Conditions and values are texts that this
module knows by heart (`CONDITIONS`, `VALUES`); an outcome is looked up by the task, the item
and how often that item was attempted before. What takes no time (a skipped task, an empty
list) happens at once; everything else ends in the order in which it began.
"""

from collections import Counter, deque
from unittest.mock import ANY


class BrokenExpressionError(Exception):
    """An expression could not be evaluated."""


def _broken(run, end):
    raise BrokenExpressionError


CONDITIONS = {
    "succeeded()": lambda run, end: end in ("succeeded", "skipped"),
    "failed()": lambda run, end: end == "failed",
    "timed_out()": lambda run, end: end == "timed_out",
    "skipped()": lambda run, end: end == "skipped",
    "workflow.n < 4": lambda run, end: run.variables["n"] < 4,
    "workflow.n > 1": lambda run, end: run.variables["n"] > 1,
    "workflow.m.none": _broken,
    "false": lambda run, end: False,
}
VALUES = {
    "{{ workflow.n + 1 }}": lambda run, result: run.variables["n"] + 1,
    "{{ workflow.m.none }}": _broken,
    "{{ result() }}": lambda run, result: result,
}
FAILED = {"error": "it broke", "error_type": "ValueError"}
TIMED_OUT = {"error": "too slow", "error_type": "Timeout"}
BROKEN = {"error": ANY, "error_type": "TemplateError"}


class Reference:
    """Runs a workflow; afterwards holds what became of it.

    `outcome(path, index, number)` says how attempt `number` (over all visits) of an item ends.
    """

    def __init__(self, flow, outcome):
        self.tasks = {task["name"]: task for task in flow["tasks"]}
        self.variables = dict(flow["vars"])
        self.outcome = outcome
        self.attempted = Counter()  # (path, index) -> attempts so far
        self.at_once = deque()
        self.under_way = deque()
        self.started = set()  # (name, visit)
        self.arrived = {}  # (name, visit) -> {source: past}
        self.ended = []  # (path, visit, status, attempts)
        self.results = {}
        self.unhandled = []
        self.went_to_fail = False
        for task in flow["tasks"]:
            if not self.sources(task["name"]):
                self.start(task, 1, {})
        while self.at_once or self.under_way:
            (self.at_once or self.under_way).popleft()()
        self.unmet = self.joins_that_wait()
        bad = self.unhandled or self.went_to_fail or self.unmet
        self.status = "failed" if bad else "succeeded"
        self.output = None
        if not bad and "output_map" in flow:
            self.output = {key: self.variables[key] for key in flow["output_map"]}

    def sources(self, name):
        return [
            task["name"]
            for task in self.tasks.values()
            if any(name in step["do"] for step in task.get("next", ()))
        ]

    def start(self, task, visit, past, path=None, whole=None):
        """Begin a task; `whole` is told of the end of a part of a parallel task."""
        path = path or task["name"]

        def end(*how):
            self.at_once.append(lambda: self.end(task, path, visit, past, whole, *how))

        condition = task.get("when")
        try:
            if condition is not None and not CONDITIONS[condition](self, None):
                end("skipped", None, 0)
            elif task.get("type") == "parallel":
                self.start_parts(task, visit, path, end)
            elif task.get("with_items") == []:
                end("succeeded", [], 0)
            else:
                self.under_way.append(
                    lambda: self.end(task, path, visit, past, whole, *self.work(task, path))
                )
        except BrokenExpressionError:
            end("failed", BROKEN, 0)

    def start_parts(self, task, visit, path, end):
        ended = {}

        def part_ended(name, status, result):
            ended[name] = (status, result)
            if len(ended) == len(task["tasks"]):
                statuses = {how for how, _ in ended.values()}
                status = next((s for s in ("failed", "timed_out") if s in statuses), "succeeded")
                end(status, {each["name"]: ended[each["name"]][1] for each in task["tasks"]}, 0)

        for part in task["tasks"]:
            inside = f"{path}/{part['name']}"
            self.at_once.append(
                lambda part=part, inside=inside: self.start(part, visit, {}, inside, part_ended)
            )

    def work(self, task, path):
        """Attempt every item as often as its retries allow."""
        if "with_items" not in task:
            status, result, attempts = self.attempt(task, path, 0)
            return status, result, attempts
        items = [self.attempt(task, path, index) for index in range(len(task["with_items"]))]
        bad = {status for status, _, _ in items} - {"succeeded"}
        status = "succeeded" if not bad else "timed_out" if bad == {"timed_out"} else "failed"
        return status, [result for _, result, _ in items], sum(made for _, _, made in items)

    def attempt(self, task, path, index):
        allowed = 1 + task.get("retry", {}).get("count", 0)
        pattern = task.get("retry", {}).get("on_error", "")
        for made in range(1, allowed + 1):
            self.attempted[path, index] += 1
            status = self.outcome(path, index, self.attempted[path, index])
            if status == "succeeded":
                return status, [path, index], made
            error = FAILED if status == "failed" else TIMED_OUT
            if pattern not in error["error"] and pattern not in error["error_type"]:
                break
        return status, dict(error), made

    def end(self, task, path, visit, past, whole, status, result, attempts):
        if whole is not None:
            self.ended.append((path, visit, status, attempts))
            whole(task["name"], status, result)
            return
        targets, broken = [], False
        try:
            for step in task.get("next", ()):
                if "when" in step and not CONDITIONS[step["when"]](self, status):
                    continue
                for published in step.get("publish", ()):
                    ((name, value),) = published.items()
                    self.variables[name] = VALUES[value](self, result)
                self.variables["trace"] += f"{path}>{','.join(step['do'])};"
                targets += step["do"]
        except BrokenExpressionError:
            status, targets, broken = "failed", [], True
            result = BROKEN if result is None else result
        self.ended.append((path, visit, status, attempts))
        self.results[path] = result
        if status in ("failed", "timed_out") and (broken or not targets):
            self.unhandled.append(path)
        for name in targets:
            if name == "fail":
                self.went_to_fail = True
            elif name != "noop":
                self.at_once.append(
                    lambda name=name: self.arrive(name, path, {**past, path: visit})
                )

    def arrive(self, name, source, past):
        """A branch comes to a task, with how often each task has run on its way."""
        visit = past.get(name, 0) + 1
        if (name, visit) in self.started:
            return
        join = self.tasks[name].get("join")
        if join is not None:
            waiting = self.arrived.setdefault((name, visit), {})
            for each, count in waiting.get("past", {}).items():
                past[each] = max(count, past.get(each, 0))
            waiting["past"] = past
            waiting.setdefault("from", set()).add(source)
            wanted = len(self.sources(name)) if join == "all" else join
            if len(waiting["from"]) < wanted:
                return
        self.started.add((name, visit))
        self.start(self.tasks[name], visit, past)

    def joins_that_wait(self):
        return {
            name: sorted(set(self.sources(name)) - waiting["from"])
            for (name, visit), waiting in self.arrived.items()
            if (name, visit) not in self.started
        }
