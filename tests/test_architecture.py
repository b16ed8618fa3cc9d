"""The layer table of the architecture, read from the imports themselves."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import attune_nb

ROOT = Path(attune_nb.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))
IDS = [str(path.relative_to(ROOT)) for path in MODULES]

BASE = {"errors", "values", "context", "events"}
MAY = {
    "errors": set(),
    "html": set(),
    "events": {"errors", "values"},
    "values": set(),
    "context": {"errors", "html", "values"},
    "templates": {"errors", "context", "values"},
    "language": {"errors", "context", "values", "templates"},
    "conductor": {"language", "templates"} | BASE,
    "actions": {"errors", "templates", "context", "values"},
    "backends": {"actions", "templates"} | BASE,
    "results": {"events", "context", "values", "html", "errors"},
    "charts": {"results", "errors"},
}
MUST_NOT = {
    "notebook": {"conductor", "engine", "backends"},
    "cli": {"conductor", "engine", "backends"},
}
IMPURE = {
    "asyncio", "threading", "time", "random", "os", "sqlite3", "datetime", "socket",
    "subprocess", "secrets", "multiprocessing", "concurrent", "logging", "io", "pathlib", "uuid",
}  # fmt: skip


def layer(path):
    return path.relative_to(ROOT).with_suffix("").parts[0]


def imports(path):
    """Give the dotted names of everything a module imports, wherever it stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            if node.module == "attune_nb":
                yield from (f"attune_nb.{each.name}" for each in node.names)
            else:
                yield node.module


def ours(path):
    return {name.split(".")[1] for name in imports(path) if name.startswith("attune_nb.")}


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_a_module_imports_only_what_its_layer_may(path):
    here, used = layer(path), ours(path)
    if here in MAY:
        assert used <= MAY[here] | {here}
    assert not used & MUST_NOT.get(here, set())


@pytest.mark.parametrize("path", sorted((ROOT / "conductor").glob("*.py")), ids=lambda p: p.name)
def test_the_conductor_is_pure(path):
    assert not {name.split(".")[0] for name in imports(path)} & IMPURE


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_a_module_is_named_for_what_it_does(path):
    assert not {"utils", "helpers", "common", "manager"} & set(
        path.relative_to(ROOT).with_suffix("").parts
    )


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_a_module_is_at_most_400_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_a_function_is_at_most_60_lines(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = (
                node.body[1].lineno if ast.get_docstring(node) and node.body[1:] else node.lineno
            )
            assert node.end_lineno - first < 60, f"{node.name} is too long"


@pytest.mark.parametrize(
    ("used", "heavy"),
    [
        ("attune_nb; attune_nb.loads", {"pandas", "matplotlib", "ipywidgets", "dask"}),
        (
            "attune_nb.backends.worker.remote_functions",
            {"jinja2", "yaml", "asyncio", "sqlite3", "IPython"},
        ),
    ],
    ids=["the package", "a worker process"],
)
def test_an_import_is_light(used, heavy):
    code = f"import sys, {used}; print(*{heavy} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == []


@pytest.mark.parametrize("name", attune_nb.__all__)
def test_every_public_name_exists(name):
    assert getattr(attune_nb, name) is not None
    assert name in dir(attune_nb)
