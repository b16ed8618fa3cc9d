"""A world for the conductor: a backend, timers and people who do things in any order."""

import msgspec

from attune_nb.conductor.recovery import recover
from attune_nb.conductor.state import Alarm, RetryItem, StartTask, StopTask
from attune_nb.events import (
    FINAL,
    AskOpened,
    AttemptsEnded,
    RunEnded,
    RunResumed,
    TaskEnded,
    TaskStarted,
)
from support.manual_driver import LOST, ByHand, batch_of

OUTCOMES = ("succeeded", "failed", "timed_out", "lost")


class Lazy:
    """Items that can be read only once, and whose number nobody knows."""

    def __iter__(self):
        return self

    def __next__(self):
        raise StopIteration


class Job(msgspec.Struct, kw_only=True):
    """What the backend knows of a task that it was given."""

    size: int  # how many items there are, known to the backend alone
    told: int | None  # how many the conductor knows of
    lazy: bool
    concurrency: int
    taken: int = 0
    stopped: bool = False
    under_way: list[tuple[int, int]] = msgspec.field(default_factory=list)
    again: list[tuple[int, int]] = msgspec.field(default_factory=list)
    waiting: list[tuple[int, int]] = msgspec.field(default_factory=list)  # for their retry's time
    given_up: list[tuple[int, int]] = msgspec.field(default_factory=list)

    def fill(self):
        while not self.stopped and len(self.under_way) < self.concurrency:
            if self.again:
                self.under_way.append(self.again.pop(0))
            elif self.taken < self.size:
                self.under_way.append((self.taken, 1))
                self.taken += 1
            else:
                break

    def stop(self, *, force):
        if not self.stopped and not self.lazy and self.told == 1 and not self.taken:
            self.given_up.append((0, 1))
            self.taken = 1
        self.stopped = True
        self.given_up += self.again + self.waiting
        self.again, self.waiting = [], []
        if force:
            self.given_up += self.under_way
            self.under_way = []

    @property
    def total(self):
        """What a drain says of the number of items."""
        over = self.stopped or (self.taken == self.size and not self.under_way)
        return self.taken if over and self.taken != self.told else None

    @property
    def outstanding(self):
        return [*self.under_way, *self.again, *self.waiting, *self.given_up]


class World(ByHand):
    """Carries out what the conductor commands, and holds it against what it may command."""

    def __init__(self, workflow, lazy_size=3, **options):
        self.jobs = {}
        self.alarms = []
        self.questions = []
        self.counted = {}  # key -> the attempts that have ended, each with its outcome
        self.commanded = set()
        self.over = {}  # key -> TaskEnded
        self.lazy_size = lazy_size
        self.read = 0
        super().__init__(workflow, **options)

    def feed(self, event_type, /, **fields):
        decided = super().feed(event_type, **fields)
        for each in decided:
            self.carry_out(each)
        for job in self.jobs.values():
            job.fill()
        return decided

    def carry_out(self, decision):
        assert not any(isinstance(each, RunEnded) for each in self.decided[: self.read])
        self.read += 1
        if isinstance(decision, StartTask):
            assert self.state.status != "cancelling"
            assert decision.key not in self.jobs
            lazy = decision.total is None
            self.jobs[decision.key] = Job(
                size=self.lazy_size if lazy else decision.total,
                told=decision.total,
                lazy=lazy,
                concurrency=decision.concurrency,
            )
        elif isinstance(decision, RetryItem):
            self.retry(decision)
        elif isinstance(decision, StopTask):
            self.jobs[decision.key].stop(force=decision.force)
        elif isinstance(decision, Alarm):
            self.alarms.append(decision)
        elif isinstance(decision, AskOpened):
            self.questions.append((decision.task, decision.visit))
        elif isinstance(decision, TaskEnded):
            assert (decision.task, decision.visit) not in self.over
            self.over[decision.task, decision.visit] = decision
        elif isinstance(decision, TaskStarted):
            assert self.state.status != "cancelling"

    def retry(self, command):
        attempt = (command.key, command.index, command.attempt)
        before = self.counted[command.key][command.index, command.attempt - 1]
        task = self.state.workflow.task(command.key[0])
        assert attempt not in self.commanded
        assert self.state.status != "cancelling"
        assert before in ("failed", "timed_out", "lost")
        assert command.attempt <= task.retry.count + 1
        self.commanded.add(attempt)
        self.jobs[command.key].waiting.append((command.index, command.attempt))

    def deliver(self, key, many, outcomes, *, last_first=False):
        """Tell of attempts that have ended: those given up on, then `many` under way."""
        job = self.jobs[key]
        if last_first:
            job.under_way.reverse()
        rows = [(*each, "cancelled") for each in job.given_up]
        rows += [(*each, how) for each, how in zip(job.under_way[:many], outcomes, strict=False)]
        job.given_up, job.under_way = [], job.under_way[many:]
        total = job.total
        if total is not None:
            job.told = total
        for index, attempt, how in rows:
            self.counted.setdefault(key, {}).setdefault((index, attempt), how)
        given = [
            (i, a, "failed", LOST) if how == "lost" else (i, a, how, result(how, key, i, a))
            for i, a, how in rows
        ]
        self.tell(key, batch_of(given, total))

    def tell(self, key, batch):
        self.feed(AttemptsEnded, task=key[0], visit=key[1], batch=batch)

    def lose_engine(self):
        """Lose the backend with what is under way, and go on from what the events tell."""
        past = recover(self.initial, self.log)
        assert past.state == self.state
        open_now = {key for key, job in self.jobs.items() if self.execution(key).outcome is None}
        assert {left.start.key for left in past.jobs} == open_now
        for left in past.jobs:
            self.take_up(left)
        alarms = [each.command for each in past.timers if isinstance(each.command, Alarm)]
        assert [each for each in self.useful_alarms() if each not in alarms] == []
        assert {each.kind for each in alarms} <= {"delay", "ask", "run"}
        retries = [each.command for each in past.timers if isinstance(each.command, RetryItem)]
        assert sorted((each.key, each.index, each.attempt) for each in retries) == sorted(
            (key, *each) for key in open_now for each in self.jobs[key].waiting
        )
        for left in past.jobs:
            if left.stopping:
                self.jobs[left.start.key].stop(force=True)
        self.feed(RunResumed, started_at=1e9 + 50)

    def execution(self, key):
        return self.state.executions[key]

    def take_up(self, left):
        """Begin a job again with what is left of it."""
        job, marks = self.jobs[left.start.key], left.last_attempts
        first = len(marks.rstrip(b"\0"))
        holes = [(index, 1) for index in range(first) if not marks[index]]
        again = [(i, mark + 1) for i, mark in enumerate(marks[:first]) if 0 < mark < FINAL]
        begun = {each for each in job.outstanding if each[0] < first}
        assert begun == {*holes, *again}
        assert all(attempt == 1 for index, attempt in job.outstanding if index >= first)
        assert left.start.total == job.told
        job.taken, job.stopped = first, False
        job.under_way, job.given_up, job.again, job.waiting = [], [], holes, again

    def busy(self):
        """Give the jobs with something to tell of."""
        return [
            key
            for key, job in self.jobs.items()
            if job.under_way or job.given_up or job.total is not None
        ]

    def retries(self):
        return [key for key, job in self.jobs.items() if job.waiting]

    def retry_due(self, key):
        job = self.jobs[key]
        job.again.append(job.waiting.pop(0))
        job.fill()

    def open_questions(self):
        open_now = [key for key, each in self.state.executions.items() if each.status == "waiting"]
        assert set(open_now) <= set(self.questions)
        return open_now

    def useful_alarms(self):
        pending = [key for key, each in self.state.executions.items() if each.status == "pending"]
        return [each for each in self.alarms if each.kind == "delay" and each.key in pending]

    def is_stuck(self):
        """Tell whether nothing can happen any more in a run that has not ended."""
        if self.state.ended or self.state.status == "paused":
            return False
        to_come = (self.busy, self.retries, self.open_questions, self.useful_alarms)
        return not any(each() for each in to_come)

    def finish(self):
        """Let everything that is under way come to its end."""
        while not self.state.ended:
            assert not self.is_stuck()
            self.resume()
            for key in self.retries():
                self.retry_due(key)
            for key in self.busy():
                self.deliver(key, 2, ["succeeded", "failed"], last_first=True)
            for alarm in self.useful_alarms():
                self.ring(alarm.kind, *alarm.key)
            for task, visit in self.open_questions():
                self.answer(task, "yes", visit)

    def check_accounts(self):
        """Every attempt that was begun has ended once, and stands in its execution."""
        for key, job in self.jobs.items():
            assert not job.outstanding
            batches = self.state.executions[key].batches
            rows = [
                (index, attempt)
                for batch in batches
                for index, attempt in zip(batch.index, batch.attempt, strict=True)
            ]
            assert len(rows) == len(set(rows))
            assert set(rows) == set(self.counted.get(key, ()))
            assert self.over[key].attempts == len(rows)
        assert set(self.over) == set(self.state.executions)


def result(how, key, index, attempt):
    return [*key, index, attempt] if how == "succeeded" else None
