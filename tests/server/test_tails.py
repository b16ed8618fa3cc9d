"""The threads that look at stores: one a store while it is watched, however many watch."""

import asyncio
import shutil
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from support.item_runs import until
from support.watched_runs import start_asking

from attune_nb.errors import StoreError
from attune_nb.server.live.tails import Tails
from attune_nb.server.stores import Stores
from attune_nb.store.reading import ENDED, runs_in

OLD_STORE = Path(__file__).parent.parent / "store" / "stores" / "written_by_278221c.db"

# seconds between two looks: none but the one at each call
NEVER = 1_000.0


@pytest.fixture
def main_store(tmp_path):
    return tmp_path / ".attune" / "runs.db"


@asynccontextmanager
async def tails_of(folder, every=0.01, patterns=()):
    """Yield the tails of a server in a folder, and close them."""
    tails = Tails(Stores(folder, folder / ".attune" / "runs.db", patterns), every)
    try:
        yield tails
    finally:
        await tails.close()


def watch_many(main_store, run_id, count):
    """Let many clients watch a run up to its first state; return their messages."""

    async def watch():
        async with tails_of(main_store.parent.parent, NEVER) as tails:
            tail = tails.tail_of(main_store)
            clients = [tail.watch_run(run_id) for _ in range(count)]
            return [await anext(client.messages()) for client in clients]

    return asyncio.run(watch())


def test_a_hundred_watchers_read_the_store_once(main_store, statements):
    main_store.parent.mkdir()
    shutil.copyfile(OLD_STORE, main_store)
    (run, *_) = runs_in(main_store, lambda run: run.status == "interrupted")
    (message,) = watch_many(main_store, run.run_id, 1)
    reads_for_one = reads_in(statements)
    statements.clear()

    messages = watch_many(main_store, run.run_id, 100)

    # three, and all of them again, since the run seems interrupted
    assert len(reads_for_one) == 6
    assert reads_in(statements) == reads_for_one
    # one object: it was encoded once
    assert len(set(map(id, messages))) == 1
    assert messages[0] == message


def reads_in(statements):
    return [statement for statement in statements if statement.lstrip().startswith("SELECT")]


def test_without_watchers_the_store_is_not_read(main_store, statements):
    run = start_asking(main_store)

    async def watch():
        async with tails_of(main_store.parent.parent) as tails:
            tail = tails.tail_of(main_store)
            client = tail.watch_run(run.run_id)
            await anext(client.messages())
            client.close()
            # a look of the run that follows the end of the subscription
            with pytest.raises(StoreError, match="was removed"):
                await tail.read_run("f" * 12)
            statements.clear()
            await asyncio.sleep(0.1)
            return list(statements)

    assert asyncio.run(watch()) == []
    run.cancel()


def test_a_run_that_is_read_once_stays_watched(main_store):
    run = start_asking(main_store)

    async def watch():
        async with tails_of(main_store.parent.parent) as tails:
            tail = tails.tail_of(main_store)
            messages = tail.watch_run(run.run_id).messages()
            await anext(messages)
            states = await asyncio.gather(*(tail.read_run(run.run_id) for _ in range(3)))
            run.answer("ask", "yes")
            # to the end of the run
            async for _ in messages:
                pass
            return states, await tail.read_run(run.run_id)

    states, last = asyncio.run(watch())
    assert {state.status for state in states} == {"running"}
    assert last.status == "succeeded"


def test_a_client_that_leaves_does_not_end_a_reading(main_store):
    run = start_asking(main_store)

    async def watch():
        async with tails_of(main_store.parent.parent) as tails:
            tail = tails.tail_of(main_store)
            client = tail.watch_run(run.run_id)
            reading = asyncio.create_task(tail.read_run(run.run_id))
            await asyncio.sleep(0)
            client.close()
            return await reading

    assert asyncio.run(watch()).status == "running"
    run.cancel()


def test_the_runs_of_all_stores_are_one_list(tmp_path, main_store):
    other_store = tmp_path / "etl" / ".attune" / "runs.db"
    runs = {"": start_asking(main_store), "etl": start_asking(other_store)}

    async def watch():
        async with tails_of(tmp_path, patterns=["*/.attune/runs.db"]) as tails:
            messages = tails.watch_list().messages()
            async for _ in messages:
                if len(tails.run_list.runs) == 2:
                    break
            first = tails.run_list
            runs["etl"].answer("ask", "yes")
            async for _ in messages:
                if any(row.status in ENDED for row in tails.run_list.runs):
                    break
            return first, tails.run_list

    first, last = asyncio.run(watch())
    assert {row.store: row.id for row in first.runs} == {
        name: run.run_id for name, run in runs.items()
    }
    assert {row.store: row.status for row in last.runs} == {"": "running", "etl": "succeeded"}
    runs[""].cancel()


def test_a_fault_of_one_store_hides_no_other(tmp_path, main_store):
    other_store = tmp_path / "etl" / ".attune" / "runs.db"
    other_store.parent.mkdir(parents=True)
    other_store.write_bytes(b"no store" * 1_000)
    run = start_asking(main_store)

    async def watch():
        async with tails_of(tmp_path, patterns=["*/.attune/runs.db"]) as tails:
            async for _ in tails.watch_list().messages():
                if tails.run_list.runs and tails.run_list.problem:
                    break
            return tails.run_list

    runs = asyncio.run(watch())
    assert [row.id for row in runs.runs] == [run.run_id]
    assert "runs.db is no store" in runs.problem
    run.cancel()


def test_the_thread_ends_with_the_server(main_store):
    run = start_asking(main_store)

    async def watch():
        async with tails_of(main_store.parent.parent) as tails:
            tail = tails.tail_of(main_store)
            client = tail.watch_run(run.run_id)
            messages = client.messages()
            await anext(messages)
            await tails.close()
            return [message async for message in messages], client.has_stopped, tail.is_alive

    assert asyncio.run(watch()) == ([], True, False)
    until(lambda: run.status == "running")
    run.cancel()
