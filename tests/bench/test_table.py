"""The quick table: its parts, its exit status, and rows whose other side is missing."""

import subprocess
import sys
import types
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))  # the benchmarks are no part of what is installed

import benchmarks.__main__ as table  # noqa: E402
from benchmarks import fanout  # noqa: E402
from benchmarks.verdict import Verdict  # noqa: E402


def part(monkeypatch, *verdicts):
    made = types.SimpleNamespace(__doc__="A part.\n", measure=lambda: iter(verdicts))
    monkeypatch.setattr(table.importlib, "import_module", lambda _name: made)


@pytest.mark.parametrize(("holds", "status", "mark"), [(True, 0, "ok"), (False, 1, "MISSED")])
def test_the_exit_status_is_1_when_a_row_is_missed(holds, status, mark, monkeypatch, capsys):
    part(monkeypatch, Verdict("a thing", "at most 2x", "1x", holds=holds))
    assert table.main(["scopes"]) == status
    assert f"  {mark}" in capsys.readouterr().out


def test_what_is_only_shown_says_so(monkeypatch, capsys):
    part(monkeypatch, Verdict("a thing", "shown", "1x"))
    assert table.main(["scopes"]) == 0
    told = capsys.readouterr().out
    assert "  shown  a thing" in told
    assert "wanted" not in told


def test_without_parts_all_are_measured(monkeypatch, capsys):
    part(monkeypatch)
    table.main([])
    told = capsys.readouterr().out
    assert [name for name in table.PARTS if f"\n{name}: A part." in told] == list(table.PARTS)


def test_help_names_the_parts():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--help"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    assert "[]" not in done.stdout
    assert all(name in done.stdout for name in table.PARTS)


def test_an_unknown_part_is_told(capsys):
    with pytest.raises(SystemExit) as caught:
        table.main(["nope"])
    assert caught.value.code == 2
    assert "there is no part 'nope'" in capsys.readouterr().err


def test_a_pool_that_was_left_out_is_a_missed_row_and_no_crash():
    verdict = fanout.against_executor(pd.DataFrame({"attune_nb": [1.0], "for loop": [0.5]}))
    assert not verdict.holds
    assert "too long" in verdict.found
