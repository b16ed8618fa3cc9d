"""A measurement by its name, on the command line too."""

import functools

import pandas as pd
import pytest
from typer.testing import CliRunner

from attune_nb import bench
from attune_nb.bench import presets
from attune_nb.cli import app


@pytest.fixture(autouse=True)
def small(monkeypatch):
    known = presets.BENCHES
    few = functools.partial(bench.clone, [0, 10_240], ["attune_nb", "deep copy"], repeats=1)
    monkeypatch.setitem(known, "clone", few)
    peers = ["attune_nb", "for loop"]
    monkeypatch.setitem(known, "fanout", functools.partial(bench.fanout, [10, 100], [0], peers))


@pytest.mark.parametrize(
    ("name", "charts"), [("clone", ["clone_cost", "memory"]), ("fanout", ["speedup", "scaling"])]
)
def test_it_is_measured_told_written_and_drawn(name, charts, tmp_path):
    csv, folder = tmp_path / "all.csv", tmp_path / "charts"
    done = CliRunner().invoke(app, ["bench", name, "--csv", str(csv), "--charts", str(folder)])
    assert done.exit_code == 0, done.output
    assert "attune_nb" in done.output
    assert "us an item" in done.output
    assert "seconds" in pd.read_csv(csv).columns
    assert sorted(path.stem for path in folder.iterdir()) == sorted(charts)


def test_a_missing_folder_is_told_before_anything_is_measured(monkeypatch, tmp_path):
    monkeypatch.setitem(presets.BENCHES, "clone", lambda: pytest.fail("it was measured"))
    done = CliRunner().invoke(app, ["bench", "clone", "--csv", str(tmp_path / "no" / "x.csv")])
    assert done.exit_code == 2
    assert "there is no folder" in " ".join(done.output.split())
