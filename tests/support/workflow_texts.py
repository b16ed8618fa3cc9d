"""Every workflow that stands as a text in the tests or in the demo."""

import ast
from pathlib import Path

import pytest

import attune_nb
from attune_nb.errors import WorkflowError

ROOT = Path(attune_nb.__file__).parents[1]

# the tests of the export write odd texts on purpose
_FILES = [
    ROOT / "attune_nb" / "demo.py",
    *(path for path in sorted((ROOT / "tests").rglob("*.py")) if path.name != "test_export.py"),
]


def _find_workflow_texts():
    for path in _FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and "tasks:" in str(node.value) and _loads(node):
                yield pytest.param(node.value, id=f"{path.name}-{node.lineno}")


def _loads(node):
    try:
        attune_nb.loads(node.value)
    except WorkflowError:
        return False
    return True


WORKFLOW_TEXTS = list(_find_workflow_texts())
