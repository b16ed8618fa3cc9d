"""Starting runs: new ones of workflow files, interrupted ones, and retries of failures."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgspec
from jupyter_server.utils import ensure_async
from tornado.ioloop import IOLoop

from attune_nb.server.starts.options import RepeatOptions, StartOptions
from attune_nb.server.starts.workflow_files import WorkflowRow  # noqa: TC001 - read by msgspec
from attune_nb.server.web.access import RESOURCE, ApiError, AttuneHandler, requires
from attune_nb.server.web.problems import StartRefused
from attune_nb.server.web.route import PARAMETERS
from attune_nb.server.web.run_handlers import RunsHandler
from attune_nb.store.output_files import read_output

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune_nb.server.starts.starting import Started, Starter
    from attune_nb.server.starts.workflow_files import WorkflowFiles

__all__ = [
    "AllRunsHandler",
    "LogHandler",
    "LogQuery",
    "RepeatRequest",
    "ResumeHandler",
    "RetryHandler",
    "StartReply",
    "StartRequest",
    "WorkflowList",
    "WorkflowsHandler",
    "WorkflowsQuery",
]

# A start may wait for many seconds, and must not keep commands from being sent.
_threads = ThreadPoolExecutor(8, "attune start")

# bytes of a part of a log
_MAX_PART = 1_000_000

# the header by which a client makes a request that may be sent twice
_KEY = "Idempotency-Key"


class StartRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new run of a workflow file.

    Attributes:
        file: The path of the file below the folder of the server, as `GET /api/workflows` has it.
        parameters: The values of parameters by name.
        entered: The entries of the form, by the names of its fields: a text, a boolean, or the
            index of a choice. It goes with, or in place of, `parameters`.
        options: Further options.
    """

    file: str
    parameters: dict[str, Any] = {}
    entered: dict[str, str | bool | int | None] | None = None
    options: StartOptions = StartOptions()


class RepeatRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The values that a resumed or retried run does not take from the record.

    Attributes:
        parameters: The secret parameters, which no record holds; of a retry also changed ones.
        options: Options in place of those of the run.
    """

    parameters: dict[str, Any] = {}
    options: RepeatOptions = RepeatOptions()


class StartReply(msgspec.Struct, frozen=True, kw_only=True):
    """A run that was started.

    Attributes:
        run_id: Its id.
        recorded: Whether its record has begun; if not, it will within a moment.
    """

    run_id: str
    recorded: bool = True


class WorkflowsQuery(msgspec.Struct, frozen=True):
    """The parameters of the address of the list of workflows.

    Attributes:
        file: Only this file.
    """

    file: str = ""


class WorkflowList(msgspec.Struct, frozen=True, kw_only=True):
    """The workflow files below the folder of the server.

    Attributes:
        workflows: The files, by their paths.
        cut: Whether there may be more: the search has limits.
        can_start: Whether the caller may start them.
        reason: Why not.
    """

    workflows: list[WorkflowRow]
    cut: bool = False
    can_start: bool = True
    reason: str = ""


class LogQuery(msgspec.Struct, frozen=True):
    """The parameters of the address of a log.

    Attributes:
        offset: Where the part begins, in bytes; below 0 it counts from the end.
    """

    offset: int = 0


class _StartingHandler(AttuneHandler):
    """A handler that starts a process."""

    @property
    def starter(self) -> Starter:
        """The starter of runs.

        Raises:
            ApiError: 403: this server starts none.
        """
        if not self.settings["attune_allow_start"]:
            raise ApiError(403, _explain_no_start())
        starter: Starter = self.settings["attune_starter"]
        return starter

    def read_key(self) -> str | None:
        """Return the id that the caller has chosen for the new run; None for any.

        Raises:
            ApiError: 422: it is no id.
        """
        key = self.request.headers.get(_KEY)
        if key is not None and re.fullmatch(PARAMETERS["run_id"], key) is None:
            raise ApiError(
                422, f"{_KEY} must be the id of the new run: 12 digits from 0 to 9 and a to f"
            )
        return key

    async def start_run(self, start: Callable[[], Started]) -> None:
        """Start a run in a thread, and send its id."""
        try:
            started = await IOLoop.current().run_in_executor(_threads, start)
        except StartRefused as refusal:
            raise ApiError(refusal.status, str(refusal), refusal.problems) from None

        self.set_header("Location", f"{self.base_url}attune/api/runs/{started.run_id}")
        reply = StartReply(run_id=started.run_id, recorded=started.is_recorded)
        status = 201 if started.is_new else 200
        self.reply(reply, status)


class AllRunsHandler(_StartingHandler, RunsHandler):
    """The list of all runs, and new ones."""

    @requires("execute", kernels=True)
    async def post(self) -> None:
        """Start a run of a workflow file."""
        starter = self.starter
        request: StartRequest = self.read_body(StartRequest)
        run_id = self.read_key()
        actor = self.actor
        await self.start_run(
            lambda: starter.start(
                request.file,
                parameters=request.parameters,
                entered=request.entered,
                options=request.options,
                run_id=run_id,
                actor=actor,
            )
        )


class ResumeHandler(_StartingHandler):
    """The continuation of an interrupted run."""

    @requires("execute", kernels=True)
    async def post(self, run_id: str) -> None:
        """Continue a run whose process is gone."""
        starter = self.starter
        request: RepeatRequest = self.read_body(RepeatRequest)
        store = await self.find_store(run_id)
        actor = self.actor
        await self.start_run(
            lambda: starter.resume(
                store,
                run_id,
                parameters=request.parameters,
                options=request.options,
                actor=actor,
            )
        )


class RetryHandler(_StartingHandler):
    """A new run of the tasks and items that have failed in another run."""

    @requires("execute", kernels=True)
    async def post(self, run_id: str) -> None:
        """Run the failed tasks and items of a run again."""
        starter = self.starter
        request: RepeatRequest = self.read_body(RepeatRequest)
        new_id = self.read_key()
        store = await self.find_store(run_id)
        actor = self.actor
        await self.start_run(
            lambda: starter.retry(
                store,
                run_id,
                parameters=request.parameters,
                options=request.options,
                new_id=new_id,
                actor=actor,
            )
        )


class WorkflowsHandler(AttuneHandler):
    """The workflow files."""

    @requires("read")
    async def get(self) -> None:
        """Send the workflow files, or one of them."""
        query = self.read_query(WorkflowsQuery)
        files: WorkflowFiles = self.settings["attune_workflow_files"]
        is_cut = False
        if query.file:
            row = await self.in_thread(files.find_row, query.file)
            if row is None:
                raise ApiError(404, "there is no such workflow file here")
            rows = [row]
        else:
            rows, is_cut = await self.in_thread(files.list_rows)

        reason = await self._explain_no_start()
        self.reply(WorkflowList(workflows=rows, cut=is_cut, can_start=not reason, reason=reason))

    async def _explain_no_start(self) -> str:
        """Return why the caller may start no run; empty if it may."""
        if not self.settings["attune_allow_start"]:
            return _explain_no_start()
        for resource in (RESOURCE, "kernels"):
            answer = self.authorizer.is_authorized(self, self.current_user, "execute", resource)
            if not await ensure_async(answer):
                return "you may look at runs here, and not start any"
        return ""


class LogHandler(AttuneHandler):
    """All output of a run that a server has started."""

    @requires("read")
    async def get(self, run_id: str) -> None:
        """Send a part of the output as text; `X-Attune` has its place in the file."""
        query = self.read_query(LogQuery)
        store = await self.in_thread(self.stores.find, run_id)
        if store is None:
            # it may not be on record yet
            store = self.stores.main

        part = await self.in_thread(read_output, store, run_id, query.offset, _MAX_PART)
        if part is None:
            raise ApiError(
                404,
                f"there is no log of run {run_id}: only runs that a server has started have one",
            )

        place = {"offset": part.offset, "next": part.next, "size": part.size}
        self.set_header("X-Attune", msgspec.json.encode(place).decode())
        self.set_header("Cache-Control", "no-store")
        self.finish(part.text, set_content_type="text/plain; charset=UTF-8")


def _explain_no_start() -> str:
    return (
        "this server starts no runs; `attune-nb serve --allow-start`, or "
        "`c.AttuneApp.allow_start = True`, allows it"
    )
