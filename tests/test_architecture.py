"""The import tables of docs/explanation/architecture.md, held against the imports themselves."""

import ast
import re
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import attune_nb

ROOT = Path(attune_nb.__file__).parent
PAGE = ROOT.parent / "docs" / "explanation" / "architecture.md"

# modules of Python that do I/O, read a clock, start threads or draw random numbers
IMPURE = {
    "asyncio", "threading", "time", "random", "os", "sqlite3", "datetime", "socket",
    "subprocess", "secrets", "multiprocessing", "concurrent", "logging", "io", "pathlib", "uuid",
}  # fmt: skip


def module_name(path):
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


PATHS = {module_name(path): path for path in sorted(ROOT.rglob("*.py"))}


def names_imported(source):
    """Yield the dotted names that a source imports, lazily and for types too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            for alias in node.names:
                yield f"{node.module}.{alias.name}"


def module_of(name):
    """Return the module of the package that a dotted name lies in, or an empty string."""
    while name and name not in PATHS:
        name = name.rpartition(".")[0]
    return name


def modules_imported(source):
    """Return the modules of the package that a source imports."""
    modules = {module_of(name) for name in names_imported(source)}
    return modules - {""}


IMPORTS = {
    name: modules_imported(path.read_text(encoding="utf-8")) - {name}
    for name, path in PATHS.items()
}


def place(module, depth=1):
    """Return the file or folder that a module belongs to: `backends`, `backends/dask`."""
    parts = module.split(".")[1 : 1 + depth]
    return "/".join(parts) or "attune_nb"


def read_tables():
    """Return the rows of the page's two import tables: importer -> places it may import."""
    rows = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        match = re.fullmatch(r"\| `([\w/]+)` \|((?: `[\w/]+`,?)*) \|", line)
        if match:
            rows[match[1]] = set(re.findall(r"`([\w/]+)`", match[2]))
    return rows


TABLE = read_tables()
OUTER = {importer for importer in TABLE if "/" not in importer}
INNER = {importer for importer in TABLE if "/" in importer}


def forbidden(module, imported):
    """Return the imports of a module that the tables do not allow."""
    places = set()
    importer = place(module)
    for name in imported:
        imported_place = place(name)
        if imported_place != importer and imported_place not in TABLE[importer]:
            places.add(imported_place)

    inner_importer = place(module, depth=2)
    if inner_importer in INNER:
        for name in imported:
            inner_place = place(name, depth=2)
            within = place(name) == importer and "/" in inner_place
            if within and inner_place not in TABLE[inner_importer] | {inner_importer}:
                places.add(inner_place)
    return places


def circle(graph):
    """Return the nodes of a circle of a graph, or an empty list if it has none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def folder_graph():
    """Return the imports between folders; a file beside folders counts for itself."""
    folders = {module.rpartition(".")[0] for module in PATHS if module.count(".") > 0}
    has_folders = {folder.rpartition(".")[0] for folder in folders}

    def folder_of(module):
        path = PATHS[module]
        parent = module if path.name == "__init__.py" else module.rpartition(".")[0]
        if path.name == "__init__.py" or parent in has_folders:
            return module
        return parent

    graph = {}
    for module, imported in IMPORTS.items():
        folder = folder_of(module)
        edges = graph.setdefault(folder, set())
        edges |= {folder_of(name) for name in imported} - {folder}
    return graph


def test_every_file_and_folder_has_a_row():
    assert {place(module) for module in PATHS} == OUTER


def test_the_tables_name_only_what_exists():
    places = {place(module) for module in PATHS} | {place(module, depth=2) for module in PATHS}
    for importer, allowed in TABLE.items():
        assert {importer, *allowed} <= places, importer


@pytest.mark.parametrize("module", PATHS)
def test_a_module_imports_only_what_its_row_names(module):
    assert forbidden(module, IMPORTS[module]) == set()


@pytest.mark.parametrize("importer", sorted(OUTER))
def test_an_import_against_the_table_is_found(importer):
    """Add an import of every other place to a module of the importer: only its row is allowed."""
    module = next(name for name in PATHS if place(name) == importer)
    for other in PATHS:
        imported = IMPORTS[module] | modules_imported(f"import {other}")
        against_table = place(other) not in TABLE[importer] | {importer}
        assert bool(forbidden(module, imported)) == against_table


@pytest.mark.parametrize("importer", sorted(INNER))
def test_an_import_against_the_inner_table_is_found(importer):
    module = next(name for name in PATHS if place(name, depth=2) == importer)
    outer = importer.partition("/")[0]
    for other in INNER:
        if other.startswith(f"{outer}/"):
            name = f"attune_nb.{other.replace('/', '.')}"
            against_table = other not in TABLE[importer] | {importer}
            assert bool(forbidden(module, {name})) == against_table


def test_there_is_no_circle_among_files():
    assert circle(IMPORTS) == []


def test_there_is_no_circle_among_folders():
    assert circle(folder_graph()) == []


def test_a_circle_is_found():
    assert set(circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})) == {"a", "b", "c"}
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


@pytest.mark.parametrize("path", sorted((ROOT / "conductor").glob("*.py")), ids=lambda p: p.name)
def test_the_conductor_imports_nothing_impure(path):
    source = path.read_text(encoding="utf-8")
    assert not {name.split(".")[0] for name in names_imported(source)} & IMPURE


@pytest.mark.parametrize("module", PATHS)
def test_a_module_is_named_for_its_purpose(module):
    assert not {"utils", "helpers", "common", "manager"} & set(module.split("."))


@pytest.mark.parametrize("module", PATHS)
def test_a_function_is_at_most_60_lines(module):
    for node in ast.walk(ast.parse(PATHS[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.lineno
            if ast.get_docstring(node) and len(node.body) > 1:
                first = node.body[1].lineno
            assert node.end_lineno - first < 60, f"{node.name} is too long"


@pytest.mark.parametrize(
    ("statement", "heavy_modules"),
    [
        ("attune_nb; attune_nb.loads", {"pandas", "matplotlib", "ipywidgets", "dask"}),
        (
            "attune_nb.backends.worker.remote_functions",
            {"jinja2", "yaml", "asyncio", "sqlite3", "IPython"},
        ),
    ],
    ids=["the package", "a worker process"],
)
def test_an_import_is_light(statement, heavy_modules):
    code = f"import sys, {statement}; print(*{heavy_modules} & set(sys.modules))"
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert process.stdout.split() == []


@pytest.mark.parametrize("name", attune_nb.__all__)
def test_every_public_name_exists(name):
    assert getattr(attune_nb, name) is not None
    assert name in dir(attune_nb)
