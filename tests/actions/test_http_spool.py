"""The temporary files of large bodies: not too many bytes at once."""

import asyncio

import pytest

from attune_nb.actions import http_spool
from attune_nb.actions.http_spool import Spool

LARGE = b"x" * 300_000


@pytest.fixture(autouse=True)
def small_limit(monkeypatch):
    monkeypatch.setattr(http_spool, "MOST_ON_DISK", 500_000)


def test_a_body_waits_until_an_older_one_has_ended():
    async def read_two():
        with Spool() as newer:
            with Spool() as older:
                await older.write(LARGE)
                writing = asyncio.create_task(newer.write(LARGE))
                await asyncio.sleep(0)
                has_waited = not writing.done()

            await writing
            return has_waited, newer.read()

    assert asyncio.run(read_two()) == (True, LARGE)


def test_the_oldest_body_never_waits():
    async def read_one():
        with Spool() as oldest, Spool() as newer:
            await oldest.write(LARGE)
            waiting = asyncio.create_task(newer.write(LARGE))
            for _ in range(4):
                await oldest.write(LARGE)
            waiting.cancel()
            return oldest.read()

    assert asyncio.run(read_one()) == LARGE * 5


def test_a_small_body_waits_for_none():
    async def read_small():
        with Spool() as large, Spool() as small:
            await large.write(LARGE * 2)
            await small.write(b"a")
            await small.write(b"b")
            return small.read()

    assert asyncio.run(read_small()) == b"ab"


def test_a_cancelled_body_gives_its_space_back():
    async def cancel_and_read():
        async def hold():
            with Spool() as spool:
                await spool.write(LARGE)
                await asyncio.Event().wait()

        holding = asyncio.create_task(hold())
        await asyncio.sleep(0)
        with Spool() as spool:
            writing = asyncio.create_task(spool.write(LARGE))
            await asyncio.sleep(0)
            holding.cancel()
            await writing
            return spool.read()

    assert asyncio.run(cancel_and_read()) == LARGE
