"""The files of the JupyterLab extension."""

import json
import re

from attune_nb import labextension

# a name, not an address
SVG_NAME = "http://www.w3.org/2000/svg"


def test_the_entry_has_the_hash_of_the_folder():
    """Else a browser goes on with the scripts of an earlier version."""
    name = f"remoteEntry.{labextension.compute_hash()}.js"
    assert labextension.find_entry().name == name, "run `python -m attune_nb.labextension`"

    package = json.loads((labextension.FOLDER / "package.json").read_text())
    assert package["jupyterlab"]["_build"]["load"] == f"static/{name}"


def test_the_hash_changes_with_each_file(tmp_path):
    static = tmp_path / "static"
    static.mkdir()
    (tmp_path / "package.json").write_text('{"jupyterlab": {"_build": {}}}')
    (static / "remoteEntry.js").write_text("entry")
    (static / "colours.js").write_text("colours")
    first = labextension.rename_entry(tmp_path)
    assert re.fullmatch(r"remoteEntry\.[0-9a-f]{12}\.js", first.name)
    assert labextension.rename_entry(tmp_path) == first

    (static / "colours.js").write_text("other colours")
    second = labextension.rename_entry(tmp_path)
    assert second != first
    assert not first.exists()
    second.write_text("another entry")
    assert labextension.rename_entry(tmp_path) not in (first, second)


def test_nothing_is_loaded_from_elsewhere():
    for path in labextension.FOLDER.glob("static/*"):
        text = path.read_text(encoding="utf-8").replace(SVG_NAME, "")
        assert "://" not in text, path
