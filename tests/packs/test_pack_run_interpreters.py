"""A run finds the interpreters of its pack actions first: if one is missing, nothing runs."""

import pytest
from support.small_packs import make_pack

import attune_nb
from attune_nb.errors import WorkflowError

WORKFLOW = """
tasks:
  - name: first
    action: good.run
    next: [{do: second}]
  - name: second
    action: bad.run
"""


@pytest.fixture
def packs(tmp_path, monkeypatch):
    """Return the folders of two packs; a package that the second one needs is missing."""
    monkeypatch.setenv("ATTUNE_NB_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    code = "open('ran', 'w').close()"
    make_pack(tmp_path / "good", code=code, requirements="msgspec\n")
    make_pack(tmp_path / "bad", code=code, requirements="absent-package\n")
    return [tmp_path / "good", tmp_path / "bad"]


def test_a_run_with_a_missing_package_does_not_start(packs):
    with pytest.raises(WorkflowError) as caught:
        attune_nb.loads(WORKFLOW).run(packs=packs)

    (problem,) = caught.value.problems
    assert "lacks what `bad.run` needs: `absent-package` (requirements.txt" in problem.message
    assert (problem.position.line, problem.position.column) == (7, 13)
    assert not (packs[0] / "ran").exists()


def test_a_mocked_action_needs_no_interpreter(packs):
    run = attune_nb.loads(WORKFLOW).run(packs=packs, mock={"first": 1, "second": 1})

    assert run.status == "succeeded"


def test_a_check_is_for_every_machine(packs):
    assert attune_nb.loads(WORKFLOW).check(packs=packs) == []
