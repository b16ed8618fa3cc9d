"""`help()` and pydoc of the public names."""

import importlib
import inspect
import pydoc
import re
import subprocess
import sys

import pytest

import attune_nb
from attune_nb.context import Moment, Outcome
from attune_nb.errors import Position
from attune_nb.events import ErrorInfo
from attune_nb.running.recorded_run import RecordedRun

# objects that a user meets without naming them
MET = [ErrorInfo, Moment, Outcome, Position, RecordedRun]
CLASSES = [
    value
    for value in (*(getattr(attune_nb, name) for name in attune_nb.__all__), *MET)
    if inspect.isclass(value)
]


def render(thing):
    return pydoc.render_doc(thing, renderer=pydoc.plaintext)


@pytest.mark.parametrize("name", attune_nb.__all__)
def test_help_shows_the_docstring_of_each_public_name(name):
    value = getattr(attune_nb, name)

    first_line = inspect.getdoc(value).splitlines()[0]
    assert first_line in render(value)
    assert first_line.endswith(".")


@pytest.mark.parametrize("thing", CLASSES, ids=lambda thing: thing.__name__)
def test_help_of_each_class_works(thing):
    assert inspect.getdoc(thing).splitlines()[0] in render(thing)


@pytest.mark.parametrize("thing", CLASSES, ids=lambda thing: thing.__name__)
def test_every_public_member_has_a_docstring(thing):
    for owner in thing.__mro__:
        is_own = owner.__module__.startswith("attune_nb")
        for name, member in vars(owner).items() if is_own else ():
            is_described = inspect.isroutine(member) or isinstance(member, property)
            if is_described and not name.startswith("_"):
                assert inspect.getdoc(member), f"{owner.__name__}.{name}"


def test_help_of_the_package_lists_all_public_names():
    text = render(attune_nb)

    for name in attune_nb.__all__:
        assert name in text
        assert not name.startswith("_")
    assert "%attune help [WORD]" in text


@pytest.mark.slow
def test_help_works_before_a_name_was_used():
    """A name is imported when it is first used; pydoc itself must be able to do that."""
    code = "import pydoc, attune_nb; print(pydoc.render_doc(attune_nb))"
    outcome = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    # pydoc prints bold letters twice, with a backspace between them
    assert "class WorkflowContext" in re.sub(".\b", "", outcome.stdout)
    assert outcome.stderr == ""


@pytest.mark.slow
def test_pydoc_shows_the_package_in_a_shell():
    outcome = subprocess.run(
        [sys.executable, "-m", "pydoc", "attune_nb"], capture_output=True, text=True, check=True
    )

    assert outcome.stdout.startswith("Help on package attune_nb:")
    for name in attune_nb.__all__:
        assert name in outcome.stdout


@pytest.mark.parametrize("name", ["bench", "charts", "errors"])
def test_pydoc_shows_the_public_modules(name):
    module = importlib.import_module(f"attune_nb.{name}")

    for public_name in module.__all__:
        assert public_name in render(module)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module `attune_nb` has no `nonsense`"):
        attune_nb.nonsense  # noqa: B018 - the access is the test
