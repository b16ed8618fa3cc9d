"""Charts of measurements say what was measured, and nothing else."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from attune_nb import charts


def frame(strategies, sizes=(0, 1_000, 10_000, 100_000), counts=(100,), repeats=3):
    rows = [
        {
            "strategy": name,
            "kind": "list",
            "size": size,
            "n": n,
            "repeat": repeat,
            "seconds": n * (1e-7 + cost * size) * (1 + 0.1 * repeat),
            "bytes": 40 + 8e7 * cost * size,
        }
        for name, cost in strategies.items()
        for size in sizes
        for n in counts
        for repeat in range(repeats)
    ]
    return pd.DataFrame(rows)


BOTH = {"attune_nb": 0.0, "deep copy": 1e-7, "$x^{$ <b>": 1e-8}


def words(figure):
    (ax,) = figure.axes
    figure.canvas.draw()
    return [each.get_text() for each in ax.texts] + [ax.get_title(loc="left"), ax.get_xlabel()]


@pytest.mark.parametrize("draw", [charts.clone_cost, charts.memory, charts.scaling, charts.speedup])
@pytest.mark.parametrize("dark", [False, True])
def test_a_chart_is_a_figure_that_can_be_saved(draw, dark, tmp_path):
    counts = (100, 1_000, 10_000) if draw is charts.scaling else (100,)
    figure = draw(frame(BOTH, counts=counts), dark=dark)
    assert isinstance(figure, Figure)
    figure.savefig(tmp_path / "chart.png")
    assert 5_000 < (tmp_path / "chart.png").stat().st_size < 200_000


def test_it_is_drawn_on_the_axes_that_are_given():
    figure = Figure()
    ax = figure.add_subplot()
    assert charts.clone_cost(frame(BOTH), ax) is figure
    assert len(ax.lines) >= len(BOTH)


def test_lines_go_through_medians_and_bands_from_least_to_most():
    (ax,) = charts.clone_cost(frame({"deep copy": 1e-7}, sizes=(1_000, 10_000))).axes
    (line,) = [each for each in ax.lines if len(each.get_xdata()) == 2 and each.get_linewidth() > 2]
    assert np.allclose(line.get_ydata(), [1.1 * (1e-7 + 1e-7 * size) for size in (1_000, 10_000)])
    heights = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert np.allclose([heights.min(), heights.max()], [1e-7 * 1_001, 1.2e-7 * 10_001])


def test_the_ratio_of_both_sides_stands_between_them():
    told = words(charts.clone_cost(frame(BOTH)))
    assert "100,001 times " in told
    assert any(each.startswith("deep copy  (slope 1.00)") for each in told)
    assert any(each.startswith("attune_nb  (slope 0.00)") for each in told)


def test_without_the_other_side_there_is_no_ratio():
    assert not any("times" in each for each in words(charts.clone_cost(frame({"attune_nb": 0.0}))))


def test_speedup_tells_ratios_within_repeats():
    told = words(charts.speedup(frame({"attune_nb": 0.0, "deep copy": 1e-7})))
    assert "  100,001 times" in told
    with pytest.raises(ValueError, match="`x` is not among the strategies"):
        charts.speedup(frame(BOTH), to="x")


def test_memory_is_by_items_where_these_were_measured():
    by_items = frame(BOTH, sizes=(1_000,), counts=(100, 1_000))
    assert "items" in words(charts.memory(by_items))
    assert "elements or characters in the context" in words(charts.memory(frame(BOTH)))
