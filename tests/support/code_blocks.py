"""The blocks of code in the documentation: Markdown files and docstrings."""

import doctest
import importlib
import inspect
import pkgutil
import re
from typing import NamedTuple

import attune_nb

# commands that `.ci/run` runs, or that start something for a person to look at
_INSTALLATION = re.compile(r"python3 -m venv|\.venv/bin/|pip install|apt-get|nox -s|pre-commit")

# `{code-cell}` and other directives of the site have braces
_FENCE = re.compile(r"^(`{3,})(\{?[\w-]*\}?)[^\n]*\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:(?<=\n\n)|\A)((?:    [^\n]*\n)+)")
_COMMAND = re.compile(r"(?:\$ )?(attune-nb|python3?|\.venv|nox|pip|pre-commit)\b")


class CodeBlock(NamedTuple):
    """A block of code of a Markdown file.

    Attributes:
        language: `python`, `yaml` or `shell`; cells that begin with a magic are `python`.
        text: Its text.
        line: The number of its first line.
    """

    language: str
    text: str
    line: int


def read_blocks(markdown):
    """Return the blocks of a Markdown text that a reader would paste, in order.

    Directives are left out: the build of the site executes its cells.
    """
    blocks = []
    fenced = list(_FENCE.finditer(markdown))
    for match in fenced:
        _, language, text = match.groups()
        if language.startswith("{"):
            continue
        if text.lstrip().startswith(("%", "!")):
            language = "python"
        if language in ("sh", "bash", "console"):
            language = "shell"
        if language != "text":
            blocks.append(CodeBlock(language, text.rstrip(), _line(markdown, match)))

    for match in _INDENTED.finditer(markdown):
        is_in_fence = any(fence.start() < match.start() < fence.end() for fence in fenced)
        lines = [line[4:] for line in match[1].splitlines()]
        if not is_in_fence and all(_COMMAND.match(line) for line in lines):
            blocks.append(CodeBlock("shell", "\n".join(lines), _line(markdown, match)))
    return sorted(blocks, key=lambda block: block.line)


def _line(text, match):
    return text.count("\n", 0, match.start(1)) + 1


def is_installation(block):
    """Return whether a block installs the package or runs the tests, which `.ci/run` does."""
    lines = block.text.splitlines()
    return block.language == "shell" and all(_INSTALLATION.search(line) for line in lines)


def to_cell(block):
    """Return the source of a cell that runs a block as a reader would."""
    if block.language == "python":
        return block.text

    assert block.language == "shell", f"line {block.line}: no way to run {block.language!r}"
    return f"import subprocess\nsubprocess.run({block.text!r}, shell=True, check=True)"


def public_docstrings():
    """Return the docstrings of all modules, classes and functions, by their names."""
    docstrings = {}
    for module_info in pkgutil.walk_packages(attune_nb.__path__, "attune_nb."):
        if module_info.name.endswith("__main__"):
            continue
        module = importlib.import_module(module_info.name)
        docstrings[module.__name__] = module.__doc__
        for value in vars(module).values():
            if getattr(value, "__module__", "") != module.__name__:
                continue
            if inspect.isclass(value) or inspect.isfunction(value):
                name = f"{module.__name__}.{value.__qualname__}"
                docstrings[name] = value.__doc__
            if inspect.isclass(value):
                for member_name, member in vars(value).items():
                    docstrings[f"{name}.{member_name}"] = _own_docstring(member)
    docstrings["attune_nb"] = attune_nb.__doc__
    return {name: text for name, text in docstrings.items() if isinstance(text, str)}


def _own_docstring(member):
    """Return the docstring of a method or a property; None for a plain value."""
    if isinstance(member, staticmethod | classmethod):
        member = member.__func__
    if inspect.isfunction(member) or isinstance(member, property):
        return member.__doc__
    return None


def read_examples(docstring):
    """Return the examples of a docstring: statements after `>>>` and the output they promise."""
    return doctest.DocTestParser().get_examples(inspect.cleandoc(docstring))
