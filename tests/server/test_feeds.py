"""The messages of many clients: encoded once, and never more than one that waits to be sent."""

import asyncio

import msgspec
from support.watched_runs import list_row

from attune_nb.server.live import feeds
from attune_nb.server.live.feeds import Feed
from attune_nb.server.live.folding import catch_up, difference
from attune_nb.server.live.messages import (
    Delta,
    Gone,
    ListDelta,
    RunList,
    Snapshot,
    TaskRow,
    apply_delta,
    apply_list_delta,
)
from attune_nb.server.live.run_rows import list_difference, make_list, merge_lists

MESSAGE = Snapshot | Delta | Gone | RunList | ListDelta


def state(count, **fields):
    """Return a state after some events, with as many ended items for each of its 200 tasks."""
    rows = [
        TaskRow(task=f"task-{number}", number=number, done=count, total=None)
        for number in range(200)
    ]
    values = {"status": "running", "heard": float(count), "tasks": rows, **fields}
    return Snapshot(run="a" * 12, at=count, workflow="w", now=float(count), started=0.0, **values)


def decode(message):
    return msgspec.json.decode(message, type=MESSAGE)


async def receive_all(subscription):
    """Return all messages up to the end."""
    return [decode(message) async for message in subscription.messages()]


def run_feed():
    return Feed(difference, catch_up)


def test_a_client_gets_the_state_and_then_changes():
    async def watch():
        feed = run_feed()
        feed.publish(state(1))
        messages = feed.subscribe().messages()
        first = decode(await anext(messages))
        feed.publish(state(2, reason="why"))
        second = decode(await anext(messages))
        feed.publish(state(3, status="failed"), is_last=True)
        return first, second, [decode(message) async for message in messages]

    first, second, later_messages = asyncio.run(watch())
    assert first == state(1)
    assert apply_delta(first, second) == state(2, reason="why")
    (last,) = later_messages
    assert (last.status, last.at) == ("failed", 3)


def test_a_client_that_does_not_read_costs_no_message(monkeypatch):
    """The changes that it has missed come as one."""
    encoded = []
    encode = feeds.encode

    def count(message):
        encoded.append(message)
        return encode(message)

    monkeypatch.setattr(feeds, "encode", count)

    async def watch():
        feed = run_feed()
        feed.publish(state(0))
        stuck = [feed.subscribe().messages() for _ in range(50)]
        first = {await anext(messages) for messages in stuck}
        for number in range(1, 1_000):
            feed.publish(state(number))
        count_before = len(encoded)
        return first, count_before, {await anext(messages) for messages in stuck}

    first, count_before, changes = asyncio.run(watch())

    assert count_before == 1
    assert len(encoded) == 2
    (snapshot,) = map(decode, first)
    (change,) = map(decode, changes)
    assert apply_delta(snapshot, change) == state(999)


def test_a_client_that_comes_back_gets_a_change():
    async def watch():
        feed = run_feed()
        for number in range(3):
            feed.publish(state(number))
        # a later one with the same number
        feed.publish(state(2, status="interrupted", can=[]))
        before = feed.state
        feed.publish(state(2, can=["cancel"]), is_last=True)
        return before, await receive_all(feed.subscribe(2))

    before, (message,) = asyncio.run(watch())
    assert isinstance(message, Delta)
    assert message.tasks is msgspec.UNSET
    assert apply_delta(before, message) == state(2, can=["cancel"])


def test_a_client_from_long_ago_gets_the_whole_state():
    async def watch():
        feed = run_feed()
        for number in range(1_000):
            feed.publish(state(number), is_last=number == 999)
        return await receive_all(feed.subscribe(1))

    assert asyncio.run(watch()) == [state(999)]


def test_the_end_of_the_store_is_the_last_message():
    async def watch():
        feed = run_feed()
        feed.publish(state(1))
        feed.end("the store was removed")
        return await receive_all(feed.subscribe())

    assert asyncio.run(watch())[-1] == Gone(reason="the store was removed")


def test_a_client_that_has_left_ends_its_messages():
    async def watch():
        feed = run_feed()
        subscription = feed.subscribe()
        waiting = asyncio.create_task(receive_all(subscription))
        await asyncio.sleep(0)
        subscription.close()
        return await waiting, feed.watchers

    assert asyncio.run(watch()) == ([], set())


def test_the_changes_of_a_list_give_the_list():
    rows = [list_row(id=f"{number:012x}", started=float(number)) for number in range(4)]
    failed = msgspec.structs.replace(rows[2], status="failed", failed=1)
    before = make_list(rows[:3])
    after = make_list([rows[0], failed, rows[3]], problem="a store of a newer version")

    change = list_difference(before, after)

    assert [row.id for row in change.runs] == [rows[3].id, failed.id]
    assert change.dropped == [rows[1].id]
    assert apply_list_delta(before, change) == after
    assert list_difference(after, make_list(after.runs, after.problem)) is None


def test_a_list_of_several_stores_leads_to_their_older_runs():
    rows = [list_row(id=f"{number:012x}", started=float(number)) for number in range(4)]
    long = make_list([rows[3], rows[1]], following=f"1.0~{rows[1].id}")
    short = make_list([rows[2]], following=f"2.0~{rows[2].id}")
    before = merge_lists([long, short])
    assert before.next == short.next

    after = merge_lists([long, make_list([rows[2]])])
    change = list_difference(before, after)
    assert (change.next, apply_list_delta(before, change)) == (long.next, after)
