"""The handlers of the list of runs and of the state of one run."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from attune_nb.errors import StoreError, nearest
from attune_nb.events import RunStatus
from attune_nb.server.live.run_rows import RunFilter, make_page, read_page
from attune_nb.server.web.access import ApiError, AttuneHandler, requires
from attune_nb.store.event_rows import column_text

if TYPE_CHECKING:
    from attune_nb.server.live.messages import RunList, RunRow
    from attune_nb.server.stores import Stores

__all__ = ["RunHandler", "RunsHandler"]

# the final ones are literals of their own within the others
_STATUSES = tuple(get_args(RunStatus))


class RunsHandler(AttuneHandler):
    """The list of the runs of all stores, page by page."""

    @requires("read")
    async def get(self) -> None:
        """Send a page of runs."""
        run_filter = self.read_query(RunFilter)
        if run_filter.before and run_filter.cursor is None:
            raise ApiError(422, "`before` must be the `next` of the page before")
        for status in run_filter.statuses:
            if status not in _STATUSES:
                hint = nearest(status, _STATUSES)
                raise ApiError(422, f"there is no status `{status}` of runs{hint}")

        self.reply(await self.in_thread(_read_runs, self.stores, run_filter))


class RunHandler(AttuneHandler):
    """The state of one run."""

    @requires("read")
    async def get(self, run_id: str) -> None:
        """Send the state of a run, as its socket begins with it."""
        path = await self.find_store(run_id)
        self.reply(await self.tails.tail_of(path).read_run(run_id))


def _read_runs(stores: Stores, run_filter: RunFilter) -> RunList:
    """Return a page of the runs of all stores; a store that cannot be read is a problem of it."""
    rows: list[RunRow] = []
    problems = []
    for path in stores.paths():
        if not path.exists():
            continue

        try:
            rows += read_page(path, run_filter, stores.name_of(path))
        except StoreError as error:
            problems.append(column_text(str(error)))
    return make_page(rows, run_filter.limit, "; ".join(problems))
