"""A real JupyterLab in a real browser, and a notebook opened in it."""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import nbformat
from playwright.sync_api import sync_playwright

SETTINGS = {
    "notification": {"fetchNews": "false", "checkForUpdates": False},
    "themes": {"theme": "JupyterLab Light"},
}
BROWSER = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage",
]  # fmt: skip
READY = """async () => {
  const shown = window.jupyterapp.shell.currentWidget;
  await shown.context.ready; await shown.sessionContext.ready;
  await shown.sessionContext.session.kernel.info; }"""
IDLE = """() => {
  const kernel = window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel;
  return !!kernel && kernel.connectionStatus === 'connected' && kernel.status === 'idle'; }"""
COMMAND = "name => { window.jupyterapp.commands.execute(name); }"  # not waited for
CLOSING = ("Canceled future", "Kernel connection", "WebSocket", "404", "Failed to load resource")


def chromium():
    """Give the browser's path, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Lab:
    """A server of its own in a temporary folder, and one browser."""

    def __init__(self, folder, browser):
        self.folder, self.browser = Path(folder), browser
        self.root = self.folder / "root"
        self.root.mkdir()
        self.token = secrets.token_hex(16)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    def start(self):
        """Start the server and wait until it answers."""
        places = {
            "HOME": "home", "JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime", "IPYTHONDIR": "ipython",
            "JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        }  # fmt: skip
        around = os.environ | {name: str(self.folder / place) for name, place in places.items()}
        around["PYTHONPATH"] = str(Path(__file__).parents[2])  # whatever is installed
        extension = self.folder / "settings/@jupyterlab/apputils-extension"
        extension.mkdir(parents=True)
        for name, value in SETTINGS.items():
            (extension / f"{name}.jupyterlab-settings").write_text(json.dumps(value))
        command = [
            sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1",
            f"--port={self.port}", "--ServerApp.port_retries=0", "--allow-root",
            f"--IdentityProvider.token={self.token}", f"--ServerApp.root_dir={self.root}",
            "--LabApp.expose_app_in_browser=True",
            "--JupyterNotebookApp.expose_app_in_browser=True",
        ]  # fmt: skip
        with (self.folder / "server.log").open("w") as log:
            self.server = subprocess.Popen(command, env=around, stdout=log, stderr=log)
        until = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{self.url('api/status')}?token={self.token}").close()
            except OSError:
                assert time.monotonic() < until, (self.folder / "server.log").read_text()
                time.sleep(0.1)
            else:
                return

    def stop(self):
        """End the server, and with it its kernels."""
        self.server.terminate()
        self.server.wait(20)

    def url(self, path):
        return f"http://127.0.0.1:{self.port}/{path}"

    @contextmanager
    def opened(self, *cells, name="work.ipynb", height=900, dark=False, place="lab/tree"):
        """Open a new notebook with these cells; give it, and afterwards hold it had no errors.

        It is opened in JupyterLab, or in Notebook where `place` is "notebooks".
        """
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        )
        nbformat.write(notebook, self.root / name)
        page = self.browser.new_page(viewport={"width": 1000, "height": height})
        shown = Notebook(self, page, f"{place}/{name}")
        try:
            shown.load()
            shown.forget_errors()
            shown.change_theme("Dark" if dark else "Light")
            yield shown
            assert not shown.errors, shown.errors
        finally:
            shown.shut_down()
            page.close()


class Notebook:
    """A notebook on a page."""

    def __init__(self, lab, page, place):
        self.lab, self.page, self.place = lab, page, place
        self.errors = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._told)

    def _told(self, message):
        # what the browser says of a connection that is closed at the end is no error of a page
        if message.type == "error" and not any(each in message.text for each in CLOSING):
            self.errors.append(message.text)

    def load(self):
        """Open it, and wait for its kernel."""
        self.page.goto(f"{self.lab.url(self.place)}?reset&token={self.lab.token}")
        self.page.locator(".jp-NotebookPanel .jp-Cell").first.wait_for(timeout=60_000)
        self.page.evaluate(READY)
        self.wait_until_idle()

    def forget_errors(self):
        """Let go of what the application said of itself while it opened: from now on it is ours."""
        self.errors.clear()

    def change_theme(self, name):
        """Change to the Light or the Dark theme, which stays for the pages to come."""
        self.page.evaluate(
            "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})",
            f"JupyterLab {name}",
        )
        body = self.page.locator(f"body[data-jp-theme-name='JupyterLab {name}']")
        body.wait_for(state="attached")

    def wait_until_idle(self, seconds=60):
        """Wait until the kernel has nothing to do."""
        self.page.wait_for_function(IDLE, timeout=seconds * 1000)

    def command(self, name):
        """Have JupyterLab do something, without waiting for it."""
        self.page.evaluate(COMMAND, name)

    def run(self, number, *, wait=True):
        """Run one cell, the first being 0."""
        self.page.evaluate(
            "number => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = number; }",
            number,
        )
        done = self.page.locator(".jp-CodeCell").nth(number).locator(".jp-InputPrompt")
        before = done.inner_text()
        self.command("notebook:run-cell")
        if wait:
            self.page.wait_for_function(
                "([number, before]) => { const told = document.querySelectorAll("
                "'.jp-CodeCell .jp-InputArea .jp-InputPrompt')[number].innerText;"
                " return told !== before && !told.includes('*'); }",
                arg=[number, before], timeout=90_000,
            )  # fmt: skip

    def output(self, number):
        """Give a cell's output area."""
        return self.page.locator(".jp-CodeCell").nth(number).locator(".jp-Cell-outputArea")

    def interrupt(self):
        """Press JupyterLab's own stop."""
        self.command("notebook:interrupt-kernel")

    def save(self):
        """Save, and give what was written."""
        self.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
        return nbformat.read(self.lab.root / Path(self.place).name, as_version=4)

    def picture(self, name):
        """Keep a screenshot, where somebody wants them."""
        folder = os.environ.get("ATTUNE_NB_SCREENSHOTS")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=f"{folder}/{name}.png")

    def shut_down(self):
        """End the kernel."""
        self.page.evaluate(
            "async () => { await window.jupyterapp.serviceManager.sessions.shutdownAll(); }"
        )


@contextmanager
def lab_in(folder):
    """Give a JupyterLab that serves a folder of its own, and a browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), headless=True, args=BROWSER
        )
        lab = Lab(folder, browser)
        lab.start()
        try:
            yield lab
        finally:
            lab.stop()
            browser.close()
