"""A second interpreter of the language: plain, mutable, slow, and independent of the conductor.

A workflow is the data of its text. Conditions and values are strings that this module knows
(`CONDITIONS`, `VALUES`). An outcome is looked up by the task, the item and the number of the
attempt. A task that takes no time (skipped, or over an empty array) ends at once; all others
end in the order in which they began.
"""

from collections import Counter, deque
from unittest.mock import ANY


class BrokenExpressionError(Exception):
    """An expression that cannot be evaluated."""


def _broken(run, value):
    raise BrokenExpressionError


CONDITIONS = {
    "succeeded()": lambda run, status: status in ("succeeded", "skipped"),
    "failed()": lambda run, status: status == "failed",
    "timed_out()": lambda run, status: status == "timed_out",
    "skipped()": lambda run, status: status == "skipped",
    "workflow.n < 4": lambda run, status: run.variables["n"] < 4,
    "workflow.n > 1": lambda run, status: run.variables["n"] > 1,
    "workflow.m.none": _broken,
    "false": lambda run, status: False,
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
    """Runs a workflow, and then has its outcome.

    Attributes:
        ended_tasks: The path, visit, status and attempts of the tasks, in order of their ends.
        results: The result of each task, by path.
        unhandled: The paths of the tasks with unhandled failures.
        went_to_fail: Whether a transition led to `fail`.
        unmet: The tasks that each unmet join still waited for.
        status: The status of the run.
        output: The output of the run.

    Args:
        flow: The workflow.
        outcome: Returns, for a path, an index and a number, how that attempt of the item ends.
            The number counts the attempts of all visits.
    """

    def __init__(self, flow, outcome):
        self.tasks = {task["name"]: task for task in flow["tasks"]}
        self.variables = dict(flow["vars"])
        self.outcome = outcome
        self.attempts = Counter()  # (path, index) -> attempts so far
        self.immediate = deque()
        self.in_flight = deque()
        self.started = set()  # (name, visit)
        self.arrivals = {}  # (name, visit) -> {"from": names, "past": visits}
        self.ended_tasks = []
        self.results = {}
        self.unhandled = []
        self.went_to_fail = False

        for task in flow["tasks"]:
            if not self.sources(task["name"]):
                self.start(task, 1, {})
        while self.immediate or self.in_flight:
            calls = self.immediate or self.in_flight
            call = calls.popleft()
            call()

        self.unmet = self.find_unmet_joins()
        is_failed = bool(self.unhandled or self.went_to_fail or self.unmet)
        self.status = "failed" if is_failed else "succeeded"
        self.output = None
        if not is_failed and "output_map" in flow:
            self.output = {key: self.variables[key] for key in flow["output_map"]}

    def sources(self, name):
        """Return the names of the tasks that lead to a task."""
        return [task["name"] for task in self.tasks.values() if leads_to(task, name)]

    def start(self, task, visit, past, path=None, end_inner=None):
        """Start a task. The end of a task within a parallel one is passed to `end_inner`."""
        if path is None:
            path = task["name"]

        def end(*end_of_task):
            self.immediate.append(
                lambda: self.end(task, path, visit, past, end_inner, *end_of_task)
            )

        condition = task.get("when")
        try:
            if condition is not None and not CONDITIONS[condition](self, None):
                end("skipped", None, 0)
            elif task.get("type") == "parallel":
                self.start_inner_tasks(task, visit, path, end)
            elif task.get("with_items") == []:
                end("succeeded", [], 0)
            else:
                self.in_flight.append(
                    lambda: self.end(
                        task, path, visit, past, end_inner, *self.attempt_all(task, path)
                    )
                )
        except BrokenExpressionError:
            end("failed", BROKEN, 0)

    def start_inner_tasks(self, task, visit, path, end):
        """Start the tasks of a parallel task, which ends after all of them."""
        inner_tasks = task["tasks"]
        statuses = {}
        results = {}

        def end_inner(name, status, result):
            statuses[name] = status
            results[name] = result
            if len(statuses) == len(inner_tasks):
                names = [inner["name"] for inner in inner_tasks]
                end(worst_status(statuses.values()), {name: results[name] for name in names}, 0)

        for inner in inner_tasks:
            inner_path = f"{path}/{inner['name']}"
            self.immediate.append(
                lambda inner=inner, inner_path=inner_path: self.start(
                    inner, visit, {}, inner_path, end_inner
                )
            )

    def attempt_all(self, task, path):
        """Attempt every item as often as its retries allow. Return status, result, attempts."""
        if "with_items" not in task:
            return self.attempt_item(task, path, 0)

        ends = []
        for index in range(len(task["with_items"])):
            failed = sum(status != "succeeded" for status, _, _ in ends)
            if failed > task.get("max_failures", failed):
                # a skipped item
                ends.append(("succeeded", None, 0))
            else:
                ends.append(self.attempt_item(task, path, index))
        failures = {status for status, _, _ in ends} - {"succeeded"}
        status = "succeeded"
        if failures:
            status = "timed_out" if failures == {"timed_out"} else "failed"
        results = [result for _, result, _ in ends]
        return status, results, sum(attempts for _, _, attempts in ends)

    def attempt_item(self, task, path, index):
        allowed = 1 + task.get("retry", {}).get("count", 0)
        pattern = task.get("retry", {}).get("on_error", "")
        for attempt in range(1, allowed + 1):
            self.attempts[path, index] += 1
            status = self.outcome(path, index, self.attempts[path, index])
            if status == "succeeded":
                return status, [path, index], attempt

            error = FAILED if status == "failed" else TIMED_OUT
            if pattern not in error["error"] and pattern not in error["error_type"]:
                break
        return status, dict(error), attempt

    def end(self, task, path, visit, past, end_inner, status, result, attempts):
        """End a task, and follow its transitions."""
        if end_inner is not None:
            self.ended_tasks.append((path, visit, status, attempts))
            end_inner(task["name"], status, result)
            return

        is_broken = False
        try:
            targets = self.fire_transitions(task, path, status, result)
        except BrokenExpressionError:
            is_broken = True
            status = "failed"
            targets = []
            if result is None:
                result = BROKEN

        self.ended_tasks.append((path, visit, status, attempts))
        self.results[path] = result
        if status in ("failed", "timed_out") and (is_broken or not targets):
            self.unhandled.append(path)
        self.follow(targets, path, {**past, path: visit})

    def fire_transitions(self, task, path, status, result):
        """Publish the variables of a task's transitions, and return their targets."""
        targets = []
        for transition in task.get("next", ()):
            if "when" in transition and not CONDITIONS[transition["when"]](self, status):
                continue

            for published in transition.get("publish", ()):
                ((name, value),) = published.items()
                self.variables[name] = VALUES[value](self, result)
            self.variables["trace"] += f"{path}>{','.join(transition['do'])};"
            targets += transition["do"]
        return targets

    def follow(self, targets, path, past):
        for name in targets:
            if name == "fail":
                self.went_to_fail = True
            elif name != "noop":
                self.immediate.append(lambda name=name: self.arrive(name, path, dict(past)))

    def arrive(self, name, source, past):
        """Let a branch reach a task; `past` has how often each task has run on its way."""
        visit = past.get(name, 0) + 1
        if (name, visit) in self.started:
            return

        join = self.tasks[name].get("join")
        if join is not None:
            arrivals = self.arrivals.setdefault((name, visit), {"from": set(), "past": {}})
            for task, count in arrivals["past"].items():
                past[task] = max(count, past.get(task, 0))
            arrivals["past"] = past
            arrivals["from"].add(source)

            needed = len(self.sources(name)) if join == "all" else join
            if len(arrivals["from"]) < needed:
                return

        self.started.add((name, visit))
        self.start(self.tasks[name], visit, past)

    def find_unmet_joins(self):
        unmet = {}
        for (name, visit), arrivals in self.arrivals.items():
            if (name, visit) not in self.started:
                unmet[name] = sorted(set(self.sources(name)) - arrivals["from"])
        return unmet


def leads_to(task, name):
    return any(name in transition["do"] for transition in task.get("next", ()))


def worst_status(statuses):
    if "failed" in statuses:
        return "failed"
    if "timed_out" in statuses:
        return "timed_out"
    return "succeeded"
