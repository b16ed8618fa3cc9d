"""A JupyterLab server and a browser, and a notebook opened in them."""

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
from playwright.sync_api import TimeoutError as PageTimeout

import attune_nb

PACKAGE = Path(attune_nb.__file__).parent
# files of the package, and where they are in the server's folder
INSTALLED_FILES = {
    "labextension": "jupyter/labextensions/attune-nb",
    "server/jupyter_config.json": "config/jupyter_server_config.d/attune_nb.json",
}

SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "apputils-extension/themes": {"theme": "JupyterLab Light"},
    # a kernel of a busy machine may answer late
    "completer-extension/manager": {"providerTimeout": 60_000},
}

# milliseconds for the page to do anything, on a busy machine
TIMEOUT = 90_000
# seconds after which a server that does not stop is killed
STOP_TIMEOUT = 30
BROWSER_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
SERVER_ARGUMENTS = [
    "--no-browser",
    "--ip=127.0.0.1",
    "--ServerApp.port_retries=0",
    "--allow-root",
    "--LabApp.expose_app_in_browser=True",
    "--JupyterNotebookApp.expose_app_in_browser=True",
]

# environment variables of the server, and the folders that they name
SERVER_FOLDERS = {
    "HOME": "home",
    "JUPYTER_CONFIG_DIR": "config",
    "JUPYTER_DATA_DIR": "data",
    "JUPYTER_RUNTIME_DIR": "runtime",
    "IPYTHONDIR": "ipython",
    "JUPYTERLAB_SETTINGS_DIR": "settings",
    "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
}

WAIT_FOR_KERNEL = """async () => {
  const panel = window.jupyterapp.shell.currentWidget;
  await panel.context.ready; await panel.sessionContext.ready;
  await panel.sessionContext.session.kernel.info; }"""
IS_IDLE = """() => {
  const kernel = window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel;
  return !!kernel && kernel.connectionStatus === 'connected' && kernel.status === 'idle'; }"""
# in one call: a field that loses the focus in between would activate its own cell again
RUN_CELL = """number => {
  window.jupyterapp.shell.currentWidget.content.activeCellIndex = number;
  window.jupyterapp.commands.execute('notebook:run-cell'); }"""
HAS_RUN = """([number, before]) => {
  const prompts = document.querySelectorAll('.jp-CodeCell .jp-InputArea .jp-InputPrompt');
  const prompt = prompts[number].innerText;
  return prompt !== before && !prompt.includes('*'); }"""
HAS_INK = """([element, kind]) => {
  const colour = getComputedStyle(element).color.match(/[\\d.]+/g).slice(0, 3).map(Number);
  return kind === 'light' ? Math.min(...colour) > 180 : Math.max(...colour) < 90; }"""
SHUT_DOWN = "async () => { await window.jupyterapp.serviceManager.sessions.shutdownAll(); }"

# the command's promise is not returned, so that the call does not wait for it
EXECUTE_COMMAND = "name => { window.jupyterapp.commands.execute(name); }"

# messages of a browser about connections that are closed at the end, and about widgets whose
# kernel is gone
CLOSING_MESSAGES = (
    "Canceled future",
    "Kernel connection",
    "WebSocket",
    "404",
    "Failed to load resource",
    "widget model not found",
)

SCREENSHOTS_VARIABLE = "ATTUNE_NB_SCREENSHOTS"
"""The environment variable that names a folder for screenshots."""


def chromium():
    """Return the path of the browser, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Lab:
    """A JupyterLab server in a folder of its own.

    Attributes:
        browser: The browser that opens its notebooks; set by its user.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        self.browser = None
        self.root = self.folder / "root"
        self.root.mkdir()

        self.token = secrets.token_hex(16)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    def start(self):
        """Start the server and wait until it answers."""
        self._write_settings()
        self._install_extensions()
        command = [
            sys.executable,
            "-m",
            "jupyterlab",
            *SERVER_ARGUMENTS,
            f"--port={self.port}",
            f"--IdentityProvider.token={self.token}",
            f"--ServerApp.root_dir={self.root}",
        ]
        with (self.folder / "server.log").open("w") as log:
            self.server = subprocess.Popen(command, env=self._environment(), stdout=log, stderr=log)
        self._wait_until_ready()

    def stop(self):
        """Stop the server, which ends its kernels."""
        self.server.terminate()
        try:
            self.server.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            # Jupyter waits for ever for a thread whose request was cut off (a thread of anyio,
            # which ends with the task that used it)
            self.server.kill()
            self.server.wait(STOP_TIMEOUT)

    def url(self, path):
        return f"http://127.0.0.1:{self.port}/{path}"

    @contextmanager
    def opened(self, *sources, name="work.ipynb", height=900, dark=False, path="lab/tree"):
        """Open a new notebook with these cells; assert at the end that its page had no errors.

        Args:
            sources: The sources of the cells.
            name: The notebook's file name.
            height: The height of the window in pixels.
            dark: Use the dark theme.
            path: "lab/tree" opens it in JupyterLab, "notebooks" in Jupyter Notebook.
        """
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(source) for source in sources],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        )
        nbformat.write(notebook, self.root / name)

        theme = "Dark" if dark else "Light"
        page = self.browser.new_page(viewport={"width": 1000, "height": height})
        page.set_default_timeout(TIMEOUT)
        opened_notebook = Notebook(self, page, f"{path}/{name}")
        try:
            opened_notebook.load()
            opened_notebook.forget_errors()
            opened_notebook.change_theme(theme)
            yield opened_notebook
            assert not opened_notebook.errors, opened_notebook.errors
        finally:
            opened_notebook.shut_down()
            page.close()

    def _write_settings(self):
        for name, value in SETTINGS.items():
            path = self.folder / f"settings/@jupyterlab/{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(value))

    def _environment(self):
        environment = dict(os.environ)
        for name, folder in SERVER_FOLDERS.items():
            environment[name] = str(self.folder / folder)

        # this project's package, also if another version is installed
        environment["PYTHONPATH"] = str(PACKAGE.parent)
        environment["JUPYTER_PATH"] = str(self.folder / "jupyter")
        return environment

    def _install_extensions(self):
        """Install the extensions of JupyterLab and of its server, as the wheel does."""
        for path, name in INSTALLED_FILES.items():
            link = self.folder / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(PACKAGE / path)

    def _wait_until_ready(self):
        deadline = time.monotonic() + TIMEOUT / 1000
        while True:
            try:
                urllib.request.urlopen(f"{self.url('api/status')}?token={self.token}").close()
            except OSError:
                assert time.monotonic() < deadline, (self.folder / "server.log").read_text()
                time.sleep(0.1)
            else:
                return


class Notebook:
    """A notebook that is open in a page.

    Attributes:
        lab: The server.
        page: The page of the browser.
        path: The path in the page's address.
        errors: The errors of the page.
    """

    def __init__(self, lab, page, path):
        self.lab = lab
        self.page = page
        self.path = path
        self.errors = []

        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._record_error)

    def _record_error(self, message):
        is_closing = any(text in message.text for text in CLOSING_MESSAGES)
        if message.type == "error" and not is_closing:
            self.errors.append(message.text)

    def load(self):
        """Open it, and wait for its kernel."""
        self.page.goto(f"{self.lab.url(self.path)}?reset&token={self.lab.token}")
        self.page.locator(".jp-NotebookPanel .jp-Cell").first.wait_for()
        self.page.evaluate(WAIT_FOR_KERNEL)
        self.wait_until_idle()

    def reopen(self):
        """Open it again in the same page, without running anything."""
        self.page.goto("about:blank")
        self.load()
        self.forget_errors()

    def forget_errors(self):
        """Remove the errors so far: those during loading are JupyterLab's own."""
        self.errors.clear()

    def change_theme(self, name):
        """Change to the Light or the Dark theme, for this page and later ones."""
        self.page.evaluate(
            "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})",
            f"JupyterLab {name}",
        )
        body = self.page.locator(f"body[data-jp-theme-name='JupyterLab {name}']")
        body.wait_for(state="attached")

    def wait_until_idle(self):
        """Wait until the kernel is idle."""
        self.page.wait_for_function(IS_IDLE)

    def wait_for_ink(self, element, kind):
        """Wait until the text of an element is light, for a dark page, or dark, for a light one.

        Args:
            element: A locator.
            kind: "light" or "dark".
        """
        self.page.wait_for_function(HAS_INK, arg=[element.element_handle(), kind])

    def execute_command(self, name):
        """Execute a command of JupyterLab without waiting for its end."""
        self.page.evaluate(EXECUTE_COMMAND, name)

    def code_cell(self, number):
        """Return a cell; the first is 0."""
        return self.page.locator(".jp-CodeCell").nth(number)

    def run(self, number, *, wait=True):
        """Run a cell; the first is 0."""
        before = self.code_cell(number).locator(".jp-InputPrompt").inner_text()
        self.page.evaluate(RUN_CELL, number)

        if not wait:
            return
        try:
            self.page.wait_for_function(HAS_RUN, arg=[number, before])
        except PageTimeout as error:
            error.add_note(self.page.locator("body").inner_text())
            raise

    def output(self, number):
        """Return the output area of a cell."""
        return self.code_cell(number).locator(".jp-Cell-outputArea")

    def interrupt(self):
        """Interrupt the kernel, as JupyterLab's stop button does."""
        self.execute_command("notebook:interrupt-kernel")

    def click_button(self, name):
        """Click the button with a label."""
        self.page.get_by_role("button", name=name).click()

    def save(self):
        """Save the notebook, and read the file."""
        self.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
        return nbformat.read(self.lab.root / Path(self.path).name, as_version=4)

    def take_screenshot(self, name):
        """Write a screenshot, if the environment names a folder for them."""
        folder = os.environ.get(SCREENSHOTS_VARIABLE)

        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=f"{folder}/{name}.png")

    def shut_down(self):
        """End the kernel."""
        self.page.evaluate(SHUT_DOWN)


@contextmanager
def lab_in(folder):
    """Start a JupyterLab whose files are in a folder; stop it at the end."""
    lab = Lab(folder)
    lab.start()
    try:
        yield lab
    finally:
        lab.stop()
