"""A simulated backend, timers and users: anything happens to the conductor, in any order."""

import msgspec

from attune_nb.conductor.recovery import recover
from attune_nb.conductor.state import Alarm, RetryItem, StartTask, StopTask
from attune_nb.events import (
    FINAL,
    AskAnswered,
    AskOpened,
    AttemptsEnded,
    InquiryOpened,
    RunEnded,
    RunResumed,
    TaskEnded,
    TaskStarted,
)
from support.manual_driver import LOST, ManualDriver, make_batch

OUTCOMES = ("succeeded", "failed", "timed_out", "lost")


class LazyItems:
    """Items that can be read only once, and whose number is not known."""

    def __iter__(self):
        return self

    def __next__(self):
        raise StopIteration


class SimulatedJob(msgspec.Struct, kw_only=True):
    """The state of a job at the backend. An attempt is its item's index and its number.

    Attributes:
        size: The number of items. Only the backend knows it, if they are lazy.
        reported_total: The number of items that the conductor knows of.
        lazy: Whether the items are lazy.
        concurrency: The most attempts in flight.
        read: How many items have been read.
        stopped: Whether no more attempts are started.
        in_flight: The attempts in flight.
        ready: The retries to start next.
        delayed: The retries that wait for their time.
        abandoned: Attempts that end as cancelled.
        most: How many items may fail until no more begin.
        failed: How many have failed for good.
        may_report_begun: Whether the number of items that have begun is to be reported, once it
            is known.
        lost: The items that had begun in a lost engine, and do not begin again, as too many
            have failed.
    """

    size: int
    reported_total: int | None
    lazy: bool
    concurrency: int
    read: int = 0
    stopped: bool = False
    in_flight: list[tuple[int, int]] = msgspec.field(default_factory=list)
    ready: list[tuple[int, int]] = msgspec.field(default_factory=list)
    delayed: list[tuple[int, int]] = msgspec.field(default_factory=list)
    abandoned: list[tuple[int, int]] = msgspec.field(default_factory=list)
    most: int | None = None
    failed: int = 0
    may_report_begun: bool = True
    lost: set[int] = msgspec.field(default_factory=set)

    def fill(self):
        """Start attempts up to the concurrency."""
        while not self.stopped and len(self.in_flight) < self.concurrency:
            if self.ready:
                self.in_flight.append(self.ready.pop(0))
            elif self.read < self.size and not self.is_closed:
                self.in_flight.append((self.read, 1))
                self.read += 1
            else:
                break

    def stop(self, *, force):
        """Start no more attempts; `force` also abandons those in flight."""
        is_single = not self.lazy and self.reported_total == 1
        if not self.stopped and is_single and not self.read:
            self.abandoned.append((0, 1))
            self.read = 1

        self.stopped = True
        self.abandoned += self.ready + self.delayed
        self.ready = []
        self.delayed = []
        if force:
            self.abandoned += self.in_flight
            self.in_flight = []

    @property
    def is_closed(self):
        """Whether too many items have failed for more to begin."""
        return self.most is not None and self.failed > self.most

    @property
    def begun(self):
        """The number of items that have begun, if no more will and that was not reported."""
        if not self.is_closed or not self.may_report_begun:
            return None
        return self.read - len(self.lost)

    @property
    def total(self):
        """The number of items, if it is known by now and was not reported."""
        if self.is_closed and not self.lazy:
            # the items that never began count, too
            return None
        is_read = self.read == self.size and not self.in_flight
        is_read = is_read or (self.lazy and self.is_closed)
        if (self.stopped or is_read) and self.read != self.reported_total:
            return self.read
        return None

    @property
    def outstanding(self):
        """The attempts that have begun or are due, and have not been reported."""
        return [*self.in_flight, *self.ready, *self.delayed, *self.abandoned]


class SimulatedWorld(ManualDriver):
    """Executes the commands of the conductor, and checks that it may give them.

    Attributes:
        jobs: The jobs, by key.
        alarms: The alarms that were set.
        questions: The keys of the tasks that asked a question.
        reported: The outcome of each reported attempt, by the job's key.
        commanded: The retries so far.
        task_ends: The end of each task that ended.
        lazy_size: The number of lazy items.
    """

    def __init__(self, workflow, lazy_size=3, **options):
        self.jobs = {}
        self.alarms = []
        self.questions = []
        self.reported = {}
        self.commanded = set()
        self.task_ends = {}
        self.lazy_size = lazy_size
        self.executed_count = 0
        super().__init__(workflow, **options)

    def feed(self, event_type, /, **fields):
        decisions = super().feed(event_type, **fields)
        for decision in decisions:
            self.execute(decision)
        for job in self.jobs.values():
            job.fill()
        return decisions

    def execute(self, decision):
        earlier = self.decisions[: self.executed_count]
        assert not any(isinstance(executed, RunEnded) for executed in earlier)
        self.executed_count += 1

        if isinstance(decision, StartTask):
            self.start_job(decision)
        elif isinstance(decision, RetryItem):
            self.retry(decision)
        elif isinstance(decision, StopTask):
            self.jobs[decision.key].stop(force=decision.force)
        elif isinstance(decision, Alarm):
            self.alarms.append(decision)
        elif isinstance(decision, AskOpened) and not decision.inquiry:
            self.questions.append((decision.task, decision.visit))
        elif isinstance(decision, TaskEnded):
            assert (decision.task, decision.visit) not in self.task_ends
            self.task_ends[decision.task, decision.visit] = decision
        elif isinstance(decision, TaskStarted):
            assert self.state.status != "cancelling"

    def start_job(self, command):
        assert self.state.status != "cancelling"
        assert command.key not in self.jobs

        lazy = command.total is None
        size = self.lazy_size if lazy else command.total
        self.jobs[command.key] = SimulatedJob(
            size=size,
            reported_total=command.total,
            lazy=lazy,
            concurrency=command.concurrency,
            most=command.max_failures,
        )

    def retry(self, command):
        attempt = (command.key, command.index, command.attempt)
        outcome = self.reported[command.key][command.index, command.attempt - 1]
        task = self.state.workflow.task(command.key[0])
        assert attempt not in self.commanded
        assert self.state.status != "cancelling"
        assert outcome in ("failed", "timed_out", "lost")
        assert command.attempt <= task.retry.count + 1

        self.commanded.add(attempt)
        self.jobs[command.key].delayed.append((command.index, command.attempt))

    def report_ends(self, key, count, outcomes, *, last_first=False):
        """Report attempts that ended: the abandoned ones, then `count` of those in flight."""
        job = self.jobs[key]
        if last_first:
            job.in_flight.reverse()
        ended = [(index, attempt, "cancelled") for index, attempt in job.abandoned]
        for (index, attempt), outcome in zip(job.in_flight[:count], outcomes, strict=False):
            ended.append((index, attempt, outcome))
        job.abandoned = []
        job.in_flight = job.in_flight[count:]

        rows = []
        for index, attempt, outcome in ended:
            self.reported.setdefault(key, {}).setdefault((index, attempt), outcome)
            if outcome == "lost":
                rows.append((index, attempt, "failed", LOST))
            else:
                rows.append((index, attempt, outcome, result_of(outcome, key, index, attempt)))
            if self.is_final_failure(key, attempt, outcome):
                job.failed += 1

        total = job.total
        if total is not None:
            job.reported_total = total
        begun = job.begun
        if begun is not None:
            job.may_report_begun = False
        self.report(key, make_batch(rows, total, begun=begun))

    def is_final_failure(self, key, attempt, outcome):
        """Return whether an attempt has failed and is not repeated."""
        if outcome in ("succeeded", "cancelled"):
            return False

        retry = self.state.workflow.task(key[0]).retry
        if retry is None or attempt > retry.count:
            return True
        return bool(retry.on_error) and outcome != "lost"

    def report(self, key, batch):
        self.feed(AttemptsEnded, task=key[0], visit=key[1], batch=batch)

    def lose_engine(self):
        """Lose the backend with all attempts in flight, and resume from the events."""
        past = recover(self.initial, self.log)
        assert past.state == self.state

        open_keys = {key for key, job in self.jobs.items() if self.execution(key).outcome is None}
        assert {job.start.key for job in past.jobs} == open_keys
        for open_job in past.jobs:
            self.restart_job(open_job)
        self.check_timers(past, open_keys)

        for open_job in past.jobs:
            if open_job.stopping:
                self.jobs[open_job.start.key].stop(force=True)
        self.feed(RunResumed, started_at=1e9 + 50)

    def check_timers(self, past, open_keys):
        """Check that the recovered run has all alarms and retries that are due later."""
        commands = [timer.command for timer in past.timers]
        alarms = [command for command in commands if isinstance(command, Alarm)]
        expected = [*self.useful_alarms(), *self.inquiry_alarms()]
        assert [alarm for alarm in expected if alarm not in alarms] == []
        assert {alarm.kind for alarm in alarms} <= {"delay", "ask", "inquiry", "run"}

        retries = [command for command in commands if isinstance(command, RetryItem)]
        recovered = [(retry.key, retry.index, retry.attempt) for retry in retries]
        delayed = []
        for key in open_keys:
            delayed += [(key, index, attempt) for index, attempt in self.jobs[key].delayed]
        assert sorted(recovered) == sorted(delayed)

    def execution(self, key):
        return self.state.executions[key]

    def restart_job(self, open_job):
        """Start a job again with the attempts that were not reported."""
        job = self.jobs[open_job.start.key]
        last_attempts = open_job.last_attempts
        first = len(last_attempts.rstrip(b"\0"))
        holes = [(index, 1) for index in range(first) if not last_attempts[index]]
        retries = []
        for index, attempt in enumerate(last_attempts[:first]):
            if 0 < attempt < FINAL:
                retries.append((index, attempt + 1))

        begun = {attempt for attempt in job.outstanding if attempt[0] < first}
        open_holes = [hole for hole in holes if hole[0] not in job.lost]
        assert begun == {*open_holes, *retries}
        assert all(attempt == 1 for index, attempt in job.outstanding if index >= first)
        assert open_job.start.total == job.reported_total

        job.read = first
        job.failed = open_job.failed
        job.may_report_begun = True
        if job.is_closed:
            # items without an attempt on record count as not begun
            job.lost = {index for index, _ in holes}
            holes = []
        job.stopped = False
        job.in_flight = []
        job.abandoned = []
        job.ready = holes
        job.delayed = retries

    def busy_jobs(self):
        """Return the keys of the jobs that have something to report."""
        busy = []
        for key, job in self.jobs.items():
            has_news = job.total is not None or job.begun is not None
            if job.in_flight or job.abandoned or has_news:
                busy.append(key)
        return busy

    def delayed_jobs(self):
        """Return the keys of the jobs with retries that wait for their time."""
        return [key for key, job in self.jobs.items() if job.delayed]

    def make_retry_due(self, key):
        job = self.jobs[key]
        job.ready.append(job.delayed.pop(0))
        job.fill()

    def open_questions(self):
        executions = self.state.executions
        waiting = self.keys_with_status("waiting")
        open_keys = [key for key in waiting if not executions[key].inquiry]
        assert set(open_keys) <= set(self.questions)
        return open_keys

    def open_inquiries(self):
        """Return the inquiries that can be answered, as fields of an answer."""
        fields = []
        for inquiry in self.state.inquiries.values():
            if self.state.is_open((inquiry.task, inquiry.visit, inquiry.id)):
                names = {"task": inquiry.task, "visit": inquiry.visit, "inquiry": inquiry.id}
                fields.append(names)
        return fields

    def open_inquiry(self, key, timeout):
        """Let the action of a job ask a question."""
        number = len(self.state.inquiries) + 1
        task, visit = key
        self.feed(
            InquiryOpened, task=task, visit=visit, inquiry=number, prompt="go?", timeout=timeout
        )

    def useful_alarms(self):
        """Return the alarms for delays that are not over."""
        pending = self.keys_with_status("pending")
        delays = [alarm for alarm in self.alarms if alarm.kind == "delay"]
        return [alarm for alarm in delays if alarm.key in pending]

    def inquiry_alarms(self):
        """Return the alarms for inquiries that are open."""
        open_inquiries = [fields["inquiry"] for fields in self.open_inquiries()]
        return [alarm for alarm in self.alarms if alarm.inquiry in open_inquiries]

    def keys_with_status(self, status):
        executions = self.state.executions.items()
        return [key for key, execution in executions if execution.status == status]

    def is_stuck(self):
        """Return whether nothing can happen any more in a run that has not ended."""
        if self.state.ended or self.state.status == "paused":
            return False
        return not (
            self.busy_jobs()
            or self.delayed_jobs()
            or self.open_questions()
            or self.open_inquiries()
            or self.useful_alarms()
        )

    def finish(self):
        """Let everything happen that can happen, until the run ends."""
        while not self.state.ended:
            assert not self.is_stuck()

            self.resume()
            for key in self.delayed_jobs():
                self.make_retry_due(key)
            for key in self.busy_jobs():
                self.report_ends(key, 2, ["succeeded", "failed"], last_first=True)
            for alarm in self.useful_alarms():
                self.ring(alarm.kind, *alarm.key)
            for task, visit in self.open_questions():
                self.answer(task, "yes", visit)
            for fields in self.open_inquiries():
                self.feed(AskAnswered, value="yes", **fields)

    def check_accounts(self):
        """Check that each attempt ended once, and belongs to its execution."""
        for key, job in self.jobs.items():
            assert not job.outstanding
            rows = []
            for batch in self.state.executions[key].batches:
                rows += zip(batch.index, batch.attempt, strict=True)
            assert len(rows) == len(set(rows))
            assert set(rows) == set(self.reported.get(key, ()))
            assert self.task_ends[key].attempts == len(rows)

        assert set(self.task_ends) == set(self.state.executions)


def result_of(outcome, key, index, attempt):
    if outcome != "succeeded":
        return None
    return [*key, index, attempt]
