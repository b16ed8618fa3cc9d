"""How the extension comes into a server of Jupyter."""

import json
import logging
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import jupyter_server
import pytest
from support.command_line import attune

import attune_nb
from attune_nb.server import _jupyter_server_extension_points
from attune_nb.server.app import AttuneApp
from attune_nb.server.too_old import _load_jupyter_server_extension

ROOT = Path(attune_nb.__file__).parent.parent

# the modules that a notebook without a server must not pay for
HEAVY = ("tornado", "jupyter_server", "prometheus_client")

RUN = """
import attune_nb
attune_nb.loads("tasks: [{name: greet, action: core.echo, input: {message: hi}}]").run()
"""


def test_installing_the_package_enables_it():
    """A wheel puts the file into the folder of configuration that Jupyter reads."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    shared = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    (source,) = [
        source
        for source, target in shared.items()
        if target == "etc/jupyter/jupyter_server_config.d/attune_nb.json"
    ]

    enabled = json.loads((ROOT / source).read_text())
    assert attune_nb.server.__version__ == attune_nb.__version__
    assert enabled == {"ServerApp": {"jpserver_extensions": {"attune_nb.server": True}}}
    assert _jupyter_server_extension_points() == [
        {"module": "attune_nb.server.app", "app": AttuneApp}
    ]


def test_an_older_jupyter_server_starts_without_a_warning(monkeypatch, caplog):
    monkeypatch.setattr(jupyter_server, "version_info", (2, 7, 3, "", ""))
    monkeypatch.setattr(jupyter_server, "__version__", "2.7.3")
    caplog.set_level(logging.INFO)

    assert _jupyter_server_extension_points() == [{"module": "attune_nb.server.too_old"}]
    _load_jupyter_server_extension(SimpleNamespace(log=logging.getLogger("server")))

    (record,) = caplog.records
    assert record.levelno == logging.INFO
    assert record.message == (
        "runs are shown by jupyter_server 2.13 or newer, and 2.7.3 is installed: "
        "pip install 'attune_nb[server]'"
    )


@pytest.mark.slow
def test_the_package_imports_no_server():
    assert loaded_modules(HEAVY, RUN) == "[]"


@pytest.mark.slow
def test_jupyter_starts_without_the_parts_that_run_workflows():
    """Every start of Jupyter imports the extension, also if it is not used."""
    parts = ("attune_nb.running.workflow", "attune_nb.explore.data", "pandas", "matplotlib")
    assert loaded_modules(parts, "import attune_nb.server.app") == "[]"


def loaded_modules(names, code):
    """Return those of some modules, as a text, that a new process has loaded after some code."""
    words = f"import sys\n{code}\nprint([name for name in {names} if name in sys.modules])"
    process = subprocess.run(
        [sys.executable, "-c", words], capture_output=True, text=True, check=True, timeout=120
    )
    return process.stdout.strip()


@pytest.mark.slow
def test_serve_names_the_extra_that_is_missing():
    process = attune("serve", before="import sys; sys.modules['jupyter_server'] = None")

    assert process.returncode == 2
    assert "jupyter_server is missing: pip install 'attune_nb[server]'" in process.stderr
