"""The sample packs, packs that a test writes, and calls of their actions."""

import pytest

from attune_nb.errors import ActionError
from attune_nb.packs.options import PackOptions
from attune_nb.packs.process.pack_function import PackFunction
from attune_nb.packs.reading.read_pack import read_pack
from support.pack_folders import PACKS

__all__ = ["call_action", "failure_of", "find_action", "write_action"]


def find_action(ref, folder=None):
    """Return an action of a sample pack, or of the pack in a folder."""
    if folder is None:
        folder = PACKS / ref.partition(".")[0]
    return read_pack(folder).actions[ref]


def call_action(ref, parameters, folder=None, options=None, cancel=None):
    """Run an action's process; return its envelope."""
    function = PackFunction(find_action(ref, folder), options or PackOptions())
    return function(parameters, cancel=cancel)


def failure_of(ref, parameters, folder=None, options=None, cancel=None):
    """Run an action's process that fails; return its error."""
    with pytest.raises(ActionError) as caught:
        call_action(ref, parameters, folder, options, cancel)
    return caught.value


def write_action(folder, script, *, name="act.sh", **keys):
    """Write a pack `kit` with one action `kit.act`; return its folder.

    Args:
        folder: The pack's folder.
        script: The text of its script.
        name: The script's name.
        keys: Further keys of the action's file, as text.
    """
    actions = folder / "actions"
    actions.mkdir(parents=True, exist_ok=True)
    (folder / "pack.yaml").write_text("ref: kit\nversion: 1.0.0\n")
    (actions / name).write_text(script)
    lines = ["ref: kit.act", f"entry_point: {name}"]
    lines += [f"{key}: {value}" for key, value in keys.items()]
    (actions / "act.yaml").write_text("\n".join(lines) + "\n")
    return folder
