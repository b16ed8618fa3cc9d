"""The files that a release changes together say the same."""

import re
import tomllib
from pathlib import Path

import attune_nb

ROOT = Path(attune_nb.__file__).parents[1]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()
RELEASES = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)$", CHANGELOG, re.MULTILINE)


def test_the_changelog_begins_with_the_unreleased_changes():
    headings = re.findall(r"^## (.*)$", CHANGELOG, re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    assert headings[1:] == [f"[{version}] - {date}" for version, date in RELEASES]


def test_the_changelog_has_the_kinds_of_changes_of_its_format():
    kinds = set(re.findall(r"^### (.*)$", CHANGELOG, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert kinds


def test_the_version_is_that_of_the_newest_release():
    assert RELEASES[0][0] == attune_nb.__version__


def test_the_citation_has_the_version_and_its_date():
    citation = (ROOT / "CITATION.cff").read_text()
    version, date = RELEASES[0]
    assert f"\nversion: {version}\n" in citation
    assert f'\ndate-released: "{date}"\n' in citation


def test_a_small_installation_leaves_out_the_packages_of_notebooks():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    small = (ROOT / "small-requirements.txt").read_text().splitlines()
    small = [line for line in small if not line.startswith("#")]

    left_out = {name_of(line) for line in set(project["dependencies"]) - set(small)}
    assert left_out == {"comm", "ipython", "ipywidgets", "matplotlib", "pandas", "pillow"}
    assert set(small) <= set(project["dependencies"])


def name_of(requirement):
    return re.match(r"[\w-]+", requirement)[0]


def test_the_build_tests_every_python_from_the_oldest_one():
    """A new version of Python is added to the sessions of nox and to the build at once."""
    [oldest] = re.findall(r'requires-python = ">=3\.(\d+)"', (ROOT / "pyproject.toml").read_text())
    [listed] = re.findall(r'name="test-on", python=\[(.*?)\]', (ROOT / "noxfile.py").read_text())
    minors = [int(minor) for minor in re.findall(r"3\.(\d+)", listed)]
    assert minors == list(range(int(oldest), minors[-1] + 1))

    run_in_build = re.findall(r"test-on-3\.(\d+)", (ROOT / ".ci" / "run").read_text())
    assert [int(minor) for minor in run_in_build] == minors[1:]
