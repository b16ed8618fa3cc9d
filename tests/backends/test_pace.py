"""The times at which the attempts of a job may start."""

import pytest
from support.set_clocks import Clock

from attune_nb.backends.attempt.pace import MAX_AHEAD, SLACK, Pace


@pytest.fixture
def clock():
    return Clock()


def start_all(pace, clock, until):
    """Start attempts as soon as they are due, until a time; return when each started."""
    starts = []
    while clock.now < until:
        wait = pace.seconds_until_due()
        if wait > 0:
            clock.now += wait
        else:
            pace.record_start()
            starts.append(round(clock.now, 6))
    return starts


def test_the_first_attempt_starts_at_once(clock):
    pace = Pace(0.5, clock)
    assert pace.seconds_until_due() <= 0
    assert pace.count_due() == 1


def test_attempts_start_at_equal_distances(clock):
    assert start_all(Pace(0.5, clock), clock, 2.0) == [0.0, 0.5, 1.0, 1.5]


def test_a_late_start_does_not_shift_the_others(clock):
    pace = Pace(0.5, clock)
    pace.record_start()
    assert pace.seconds_until_due() == 0.5

    clock.now = 0.6
    pace.record_start()
    assert pace.seconds_until_due() == pytest.approx(0.4)


def test_late_starts_are_made_up_for_without_a_burst(clock):
    pace = Pace(0.1, clock)
    pace.record_start()
    pace.seconds_until_due()
    clock.now = 0.24

    assert start_all(pace, clock, 0.5) == [0.24, 0.29, 0.34, 0.4]


def test_a_start_that_is_too_late_is_not_made_up_for(clock):
    pace = Pace(0.1, clock)
    pace.record_start()
    pace.seconds_until_due()
    clock.now = 0.1 + SLACK + 0.01
    assert start_all(pace, clock, 0.6) == [0.26, 0.36, 0.46, 0.56]


def test_a_worker_that_was_not_ready_shifts_the_starts(clock):
    pace = Pace(0.1, clock)
    pace.record_start()
    clock.now = 0.3
    pace.restart(0.25)
    assert pace.seconds_until_due() == pytest.approx(0.05)


def test_starts_that_nothing_waited_for_are_not_made_up_for(clock):
    pace = Pace(0.1, clock)
    pace.record_start()
    clock.now = 10.0
    assert start_all(pace, clock, 10.35) == [10.0, 10.1, 10.2, 10.3]


def test_a_resumed_job_goes_on_from_its_last_start(clock):
    pace = Pace(0.5, clock, last_start=-0.2)
    assert pace.seconds_until_due() == pytest.approx(0.3)


def test_several_attempts_are_due_together_at_a_high_rate(clock):
    pace = Pace(0.001, clock)
    pace.record_start()
    assert pace.seconds_until_due(waiting=100) == pytest.approx(0.02)
    assert pace.seconds_until_due(waiting=3) == pytest.approx(0.003)

    clock.now = 0.0205
    assert pace.count_due() == 20


def test_attempts_that_no_worker_has_made_are_due_again(clock):
    pace = Pace(0.5, clock)
    for _ in range(3):
        pace.record_start()
    assert pace.seconds_until_due() == 1.5

    pace.give_back(2)
    assert pace.seconds_until_due() == 0.5


def send_all(pace, clock, times):
    """Send the attempts that are due at some times; return how many are sent at each of them."""
    counts = []
    for time in times:
        pace.seconds_until_due()
        clock.now = time
        counts.append(pace.count_due())
        for _ in range(counts[-1]):
            pace.record_start()
    return counts


def test_attempts_are_sent_one_by_one_to_a_free_worker(clock):
    assert send_all(Pace(0.125, clock), clock, [0.0, 0.125, 0.25, 0.375]) == [1, 1, 1, 1]


def test_a_worker_that_is_free_too_late_gets_the_next_attempts(clock):
    """At the next time it is free the rate has been kept: the attempts were sent ahead."""
    pace = Pace(1 / 32, clock)
    assert send_all(pace, clock, [0.0, 0.125, 0.25, 0.375, 0.5]) == [1, 7, 3, 3, 5]
    assert pace.spacing == 1 / 32


def test_no_more_attempts_are_sent_ahead_than_the_rate_allows(clock):
    times = [0.125 * number for number in range(100)]
    count = sum(send_all(Pace(1 / 32, clock), clock, times))
    assert times[-1] <= count / 32 <= times[-1] + MAX_AHEAD


def test_attempts_at_a_high_rate_are_sent_when_they_are_due(clock):
    pace = Pace(0.01, clock)
    assert send_all(pace, clock, [0.0, 0.1, 0.2]) == [1, 10, 10]
    assert pace.spacing == 0.0
