"""The modules that a pack's process finds: those of its interpreter and of its `lib` folder."""

from pathlib import Path

import pytest
from support.small_packs import make_pack

import attune_nb
from attune_nb.packs.options import Interpreter, PackOptions
from attune_nb.packs.process.pack_function import PackFunction

WORKFLOW = "tasks: [{name: act, action: kit.run}]"


def run_act(action, backend="threads", **options):
    """Run an action as the only task of a workflow."""
    function = PackFunction(action, PackOptions(**options))
    return attune_nb.loads(WORKFLOW).run(backend=backend, actions={"kit.run": function})


def test_a_module_in_lib_counts_before_all_others(tmp_path):
    action = make_pack(tmp_path / "kit", code="import json, msgspec; print(msgspec.WORD)")
    (tmp_path / "kit" / "lib").mkdir()
    (tmp_path / "kit" / "lib" / "msgspec.py").write_text("WORD = 'own'")

    run = run_act(action)

    assert run.result("act")["stdout"] == "own\n"


def test_the_product_is_no_module_named_attune(tmp_path, monkeypatch):
    """Only the platform's SDK has this name: packs import it."""
    folder = Path(attune_nb.__file__).parent
    monkeypatch.setenv("PYTHONPATH", f"{folder.parent}:{folder}")
    code = "import importlib.util; print(importlib.util.find_spec('attune'))"

    run = run_act(make_pack(tmp_path / "kit", code=code))

    assert run.status == "succeeded"
    assert str(folder) not in run.result("act")["stdout"]


@pytest.mark.slow
def test_an_interpreter_that_a_worker_lacks_is_named(tmp_path):
    interpreter = Interpreter(program=str(tmp_path / "elsewhere" / "python"))
    action = make_pack(tmp_path / "kit")

    run = run_act(action, backend="processes", interpreters={"kit.run": interpreter})

    assert run.status == "failed"
    assert f"cannot start `{interpreter.program}`: there is no such file on " in run.failure_text()
    assert "so a worker on another machine must have it at the same place" in run.failure_text()
