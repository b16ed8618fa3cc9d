"""A measurement by its name, on the command line too."""

import functools

import pandas as pd
import pytest
from typer.testing import CliRunner

from attune_nb import bench
from attune_nb.bench import presets
from attune_nb.cli import app


@pytest.fixture(autouse=True)
def measurements_are_small(monkeypatch):
    strategies = ["attune_nb", "deep copy"]
    clone = functools.partial(bench.clone, [0, 10_240], strategies, repeats=1)
    monkeypatch.setitem(presets.BENCHES, "clone", clone)

    peers = ["attune_nb", "for loop"]
    fanout = functools.partial(bench.fanout, [10, 100], [0], peers)
    monkeypatch.setitem(presets.BENCHES, "fanout", fanout)


@pytest.mark.parametrize(
    ("name", "charts"), [("clone", ["clone_cost", "memory"]), ("fanout", ["speedup", "scaling"])]
)
def test_bench_prints_writes_and_draws(name, charts, tmp_path):
    csv = tmp_path / "all.csv"
    folder = tmp_path / "charts"
    arguments = ["bench", name, "--csv", str(csv), "--charts", str(folder)]
    result = CliRunner().invoke(app, arguments)

    assert result.exit_code == 0, result.output
    assert "attune_nb" in result.output
    assert "us an item" in result.output
    assert "seconds" in pd.read_csv(csv).columns
    assert sorted(path.stem for path in folder.iterdir()) == sorted(charts)


def test_a_missing_folder_is_reported_before_measuring(monkeypatch, tmp_path):
    monkeypatch.setitem(presets.BENCHES, "clone", lambda: pytest.fail("it was measured"))
    csv = tmp_path / "no" / "x.csv"
    result = CliRunner().invoke(app, ["bench", "clone", "--csv", str(csv)])

    assert result.exit_code == 2
    assert "there is no folder" in " ".join(result.output.split())
