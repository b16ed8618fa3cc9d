"""The commands of development: `nox -s fmt lint types test`; `nox -l` lists all."""

import shutil

import nox

nox.needs_version = ">=2024.3"
nox.options.sessions = ["lint", "types", "test"]
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_missing_interpreters = False


@nox.session
def fmt(session: nox.Session) -> None:
    """Format the code, and fix lint errors that have an automatic fix."""
    session.install("ruff>=0.9")
    session.run("ruff", "check", "--fix", ".")
    session.run("ruff", "format", ".")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, formatting and spelling."""
    session.install("ruff>=0.9", "codespell>=2.3")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("codespell")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types."""
    session.install("-e", ".[test]")
    session.run("mypy")


@nox.session
def test(session: nox.Session) -> None:
    """Run the fast tests; arguments after `--` go to pytest."""
    session.install("-e", ".[test]")
    session.run("pytest", "-n", "auto", "-m", "not slow", *session.posargs)


@nox.session(name="test-on", python=["3.11", "3.12", "3.13", "3.14"])
def test_on(session: nox.Session) -> None:
    """Run the fast tests on one version of Python; versions that are not installed are skipped."""
    test(session)


@nox.session
def lowest(session: nox.Session) -> None:
    """Run the fast tests with the lowest versions of the dependencies that `pyproject.toml` allows.

    The tools of the tests are the newest ones. Old versions warn about new ones of others, so a
    warning is no error here.
    """
    session.install("uv>=0.4")
    constraints = f"{session.create_tmp()}/lowest.txt"
    extras = [f"--extra={extra}" for extra in ("dask", "otel", "server", "tables")]
    session.run(
        "uv", "pip", "compile", "--quiet", "--resolution", "lowest-direct", *extras,
        "pyproject.toml", "--output-file", constraints,
    )  # fmt: skip
    session.run("uv", "pip", "install", "--quiet", "-c", constraints, "-e", ".[test]")
    session.run(
        "pytest", "-n", "auto", "-m", "not slow", "-o", "filterwarnings=default", *session.posargs
    )


@nox.session
def build(session: nox.Session) -> None:
    """Build the source archive and the wheel from it, and try the wheel in a fresh environment."""
    session.install("build>=1.2")
    session.run("python", "-m", "build", "--quiet", "--outdir", "dist")
    session.run("python", "tests/support/try_wheel.py", "dist")


@nox.session(name="test-all")
def test_all(session: nox.Session) -> None:
    """Run all tests: worker processes, Dask clusters, kernels, and JupyterLab in a browser."""
    session.install("-e", ".[lab,test]")
    session.run("pytest", "-n", "auto", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """Run all tests with coverage of lines and branches, and print the figure."""
    session.install("-e", ".[lab,test]", "pytest-cov>=5")
    session.run("pytest", "-n", "auto", "--cov", "--cov-report=term", *session.posargs)


@nox.session
def reference(session: nox.Session) -> None:
    """Write docs/reference from the tables and declarations of the package."""
    session.install("-e", ".[docs]")
    session.run("python", "-m", "reference_pages", "docs/reference")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation into docs/_build/html; the cells of its pages are executed.

    A warning is an error. If there is Chromium, it opens every page.
    """
    session.install("-e", ".[docs]", "playwright>=1.49")
    session.run(
        "python", "-m", "sphinx", "-b", "html", "-W", "--keep-going", "-j", "2",
        *session.posargs, "docs", "docs/_build/html",
    )  # fmt: skip
    if shutil.which("chromium"):
        environment = {"PYTHONPATH": "tests"}
        session.run("python", "tests/support/check_site.py", "docs/_build/html", env=environment)


@nox.session
def pictures(session: nox.Session) -> None:
    """Take the pictures of the README and of docs/ into docs/pictures; it needs Chromium."""
    session.install("-e", ".[lab,server,test]")
    environment = {"PYTHONPATH": "tests"}
    session.run("python", "tests/browser/pictures.py", "docs/pictures", env=environment)
    session.run("python", "-m", "benchmarks.headline")


@nox.session
def notebooks(session: nox.Session) -> None:
    """Execute the notebooks, and write their outputs; arguments are beginnings of names."""
    session.install("-e", ".[dask,tables,test]")
    session.run("python", "-m", "benchmarks.notebooks", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure, and compare the ratios with their limits; arguments name tables."""
    session.install("-e", ".[peers,test]")
    session.run("python", "-m", "benchmarks", *session.posargs)
