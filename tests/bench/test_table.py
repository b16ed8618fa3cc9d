"""The quick table: its parts, its exit status, and rows of which a side is missing."""

import subprocess
import sys
import types
from pathlib import Path

import pytest

from attune_nb.bench import peers

ROOT = Path(__file__).parents[2]
# the benchmarks are not installed
sys.path.append(str(ROOT))

import benchmarks.__main__ as table  # noqa: E402
from benchmarks import fanout  # noqa: E402
from benchmarks.verdict import Verdict  # noqa: E402


def use_part(monkeypatch, *verdicts):
    """Make every part yield these verdicts."""
    part = types.SimpleNamespace(__doc__="A part.\n", measure=lambda: iter(verdicts))
    monkeypatch.setattr(table.importlib, "import_module", lambda _name: part)


@pytest.mark.parametrize(("holds", "status", "mark"), [(True, 0, "ok"), (False, 1, "MISSED")])
def test_the_exit_status_is_1_if_a_row_is_missed(holds, status, mark, monkeypatch, capsys):
    use_part(monkeypatch, Verdict("a thing", "at most 2x", "1x", holds=holds))
    assert table.main(["scopes"]) == status
    assert f"  {mark}" in capsys.readouterr().out


def test_a_row_without_a_limit_is_only_shown(monkeypatch, capsys):
    use_part(monkeypatch, Verdict("a thing", "shown", "1x"))

    assert table.main(["scopes"]) == 0
    output = capsys.readouterr().out
    assert "  shown  a thing" in output
    assert "limit" not in output


@pytest.mark.parametrize(("arguments", "figure"), [([], "short"), (["--long"], "long")])
def test_the_long_version_is_measured_if_asked_for(arguments, figure, monkeypatch, capsys):
    part = types.SimpleNamespace(
        __doc__="A part.\n",
        measure=lambda: [Verdict("a thing", "shown", "short")],
        measure_long=lambda: [Verdict("a thing", "shown", "long")],
    )
    monkeypatch.setattr(table.importlib, "import_module", lambda _name: part)

    table.main([*arguments, "scopes"])
    assert figure in capsys.readouterr().out


def test_without_parts_all_are_measured(monkeypatch, capsys):
    use_part(monkeypatch)
    table.main([])
    output = capsys.readouterr().out
    assert [name for name in table.PARTS if f"\n{name}: A part." in output] == list(table.PARTS)


def test_help_names_the_parts():
    process = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--help"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )

    assert "[]" not in process.stdout
    assert all(name in process.stdout for name in table.PARTS)


def test_an_unknown_part_is_refused(capsys):
    with pytest.raises(SystemExit) as exit_info:
        table.main(["nope"])
    assert exit_info.value.code == 2
    assert "there is no part 'nope'" in capsys.readouterr().err


def test_a_peer_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(peers.importlib.util, "find_spec", lambda _module: None)

    verdicts = list(fanout.compare_peers(["joblib"], 10, fanout.SMALL))
    assert [verdict.figure for verdict in verdicts] == ["not installed"]
    assert "joblib against attune_nb" in verdicts[0].subject
