"""The application that Jupyter adds to its server, and that `attune-nb serve` starts by itself."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from jupyter_server.extension.application import ExtensionApp, ExtensionAppJinjaMixin
from tornado.ioloop import IOLoop, PeriodicCallback
from traitlets import Bool, Float, Int, List, TraitError, Unicode, validate

from attune_nb.server.jupyterlab import configure_jupyterlab
from attune_nb.server.live.tails import Tails
from attune_nb.server.metrics import MetricsSource
from attune_nb.server.routes import ROUTES
from attune_nb.server.starts.options import CodeOptions
from attune_nb.server.starts.starting import Starter
from attune_nb.server.starts.workflow_files import WorkflowFiles
from attune_nb.server.stores import Stores, check_pattern
from attune_nb.server.web.notices import RUN_STATE, RunState, StateWatch, schema
from attune_nb.server.web.unknown import UNKNOWN_PATTERN, UnknownHandler

__all__ = ["AttuneApp"]

_FOLDER = Path(__file__).parent

# for calls that block
_THREADS = 16

# the store of a notebook is in its own folder
_DEFAULT_STORE = ".attune/runs.db"


class AttuneApp(ExtensionAppJinjaMixin, ExtensionApp):
    """Runs of attune_nb: a page, an API and a live stream."""

    name = "attune"
    extension_url = "/attune"
    load_other_extensions = False
    static_paths = [str(_FOLDER / "static")]  # noqa: RUF012 - a trait of the parent
    template_paths = [str(_FOLDER / "templates")]  # noqa: RUF012

    store = Unicode(
        "",
        config=True,
        help="The record of runs that the server starts, and the first one that it shows. By "
        "default ATTUNE_NB_STORE, or .attune/runs.db in the folder of the server.",
    )
    stores = List(
        Unicode(),
        ["*/.attune/runs.db", "*/*/.attune/runs.db"],
        config=True,
        help="More records whose runs are shown: files, or patterns of files below the folder of "
        "the server. By default those of notebooks up to two folders deep.",
    )
    allow_start = Bool(
        default_value=True,
        config=True,
        help="Whether runs can be started. A user who may start a run can run code as this "
        "server's user; it needs the permission to execute kernels, too.",
    )
    allow_imports = Bool(
        default_value=False,
        config=True,
        help="Whether workflows that the server starts may call `module:function` as an action.",
    )
    action_files = List(
        Unicode(),
        config=True,
        help="Python files whose functions are actions of the runs that the server starts, as "
        "`attune-nb run --actions FILE.py`.",
    )
    packs = List(
        Unicode(),
        config=True,
        help="Packs, or folders of packs, whose actions and workflows the runs that the server "
        "starts may use, as `attune-nb run --pack FOLDER`.",
    )
    python = Unicode(
        sys.executable,
        config=True,
        help="The Python that executes the runs that the server starts, such as that of a kernel. "
        "It needs attune_nb, and the packages of the actions.",
    )
    most_started = Int(
        8, min=1, config=True, help="Number of started runs that may be alive at the same time."
    )
    tail_every = Float(
        0.1, min=0.01, config=True, help="Seconds between two looks at a record that is watched."
    )
    drop_after = Float(
        30.0,
        min=0.1,
        config=True,
        help="Seconds after which a client of the live stream that reads nothing is dropped.",
    )
    notice_every = Float(
        1.0,
        min=0.0,
        config=True,
        help="Seconds between two looks at the runs: a state that has changed is an event of "
        "Jupyter, and a started run that is alive is activity of the server. 0 for no looks.",
    )

    _notices: PeriodicCallback | None = None
    _has_failed = False

    @validate("stores")
    def _check_stores(self, proposal: Any) -> list[str]:
        for pattern in proposal["value"]:
            try:
                check_pattern(pattern)
            except ValueError as error:
                raise TraitError(f"c.AttuneApp.stores: {error}") from None
        value: list[str] = proposal["value"]
        return value

    @classmethod
    def get_extension_package(cls) -> str:
        """Return the module that Jupyter finds the extension by."""
        return "attune_nb.server"

    def initialize_settings(self) -> None:
        """Add the objects that the handlers share to the server's settings."""
        server: Any = self.serverapp
        root = Path(server.root_dir).resolve()
        stores = Stores(root, self._main_store(root), self.stores)
        threads = ThreadPoolExecutor(_THREADS, "attune")
        self.settings["attune_stores"] = stores
        self.settings["attune_threads"] = threads
        self.settings["attune_tails"] = Tails(stores, self.tail_every)
        self.settings["attune_drop_after"] = self.drop_after
        self.settings["attune_routes"] = ROUTES

        self.settings["attune_workflow_files"] = WorkflowFiles(root)
        self.settings["attune_allow_start"] = self.allow_start
        self.settings["attune_starter"] = Starter(
            root,
            stores.main,
            stores.paths,
            code=CodeOptions(
                allow_imports=self.allow_imports,
                action_files=[root / Path(name).expanduser() for name in self.action_files],
                packs=[root / Path(name).expanduser() for name in self.packs],
                python=self.python,
            ),
            most_started=self.most_started,
        )

        self._metrics = MetricsSource(stores, threads)
        self._metrics.register()
        # older versions of Jupyter Server do not say when their loop has begun
        server.io_loop.add_callback(self._start_looking)
        configure_jupyterlab(server)

    def _main_store(self, root: Path) -> Path:
        """Return the store that the options or the environment name, or the default one."""
        name = self.store
        if not name:
            name = os.environ.get("ATTUNE_NB_STORE", "")
        if name in ("", "none"):
            name = _DEFAULT_STORE
        return root / Path(name).expanduser()

    def initialize_handlers(self) -> None:
        """Add the routes."""
        routes: list[tuple[Any, ...]] = [(route.pattern, route.handler) for route in ROUTES]
        # the last one, since the first that matches is taken
        self.handlers.extend([*routes, (UNKNOWN_PATTERN, UnknownHandler)])

    def _start_looking(self) -> None:
        """Begin to look at the runs every second."""
        if not self.notice_every:
            return

        server: Any = self.serverapp
        logger = server.event_logger
        logger.register_event_schema(schema())
        watch = StateWatch(self.settings["attune_stores"])
        look = partial(self._look, watch, logger)
        self._notices = PeriodicCallback(look, self.notice_every * 1000)
        self._notices.start()

    async def _look(self, watch: StateWatch, logger: Any) -> None:
        """Send an event for each run whose state has changed, and note activity.

        A server may be stopped after a time without activity. In a container that would also end
        the runs that it has started.
        """
        starter = self.settings["attune_starter"]

        def look() -> tuple[list[RunState], bool]:
            return watch.look(), bool(starter.live_runs())

        threads = self.settings["attune_threads"]
        try:
            changes, is_busy = await IOLoop.current().run_in_executor(threads, look)
        except Exception:
            # such as a disk that is gone; logged once, as the next look comes in a second
            if not self._has_failed:
                self.log.exception("the runs cannot be looked at; it is tried again")
            self._has_failed = True
            return

        self._has_failed = False
        for change in changes:
            logger.emit(schema_id=RUN_STATE, data=change._asdict())
        if is_busy:
            self.settings["last_activity_times"][self.name] = datetime.now(UTC)

    async def stop_extension(self) -> None:
        """End the threads of the extension; the runs that it has started go on."""
        self.settings["attune_starter"].close()
        if self._notices is not None:
            self._notices.stop()
        self._metrics.unregister()
        await self.settings["attune_tails"].close()
        self.settings["attune_threads"].shutdown(wait=False, cancel_futures=True)
