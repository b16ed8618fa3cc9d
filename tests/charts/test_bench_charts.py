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


def turns(startup=True):
    """Work that takes a core 1 s in all, on threads, and on two processes that take 0.1 s more."""
    rows = [
        {
            "strategy": name,
            "size": 0,
            "n": 1_000,
            "repeat": turn,
            "seconds": s * speed,
            "startup": u,
        }
        for turn, speed in enumerate((1.0, 1.2, 1.1))
        for name, s, u in [("threads", 1.0, 0.0), ("processes", 0.6, 0.1)]
    ]
    df = pd.DataFrame(rows)
    return df if startup else df.drop(columns="startup")


def test_speedup_can_tell_how_many_times_as_fast():
    figure = charts.speedup(turns(startup=False), to="threads", faster=True, cores=2)
    (ax,) = figure.axes
    told = words(figure)
    assert "How many times as fast as threads" in told
    assert "1" in told
    assert "1.67 times as fast" in told
    assert any(each.startswith("1k items of 1.1 ms with threads; 2 cores") for each in told)
    assert not any("context" in each or "start" in each for each in told)
    assert sorted(bar.get_width() for bar in ax.patches) == pytest.approx([1.0, 1 / 0.6])
    assert [each.get_text() for each in ax.get_yticklabels()] == ["threads", "processes"]
    assert ax.get_xscale() == "linear"
    assert ax.get_xlim()[0] == 0
    assert ax.get_xlim()[1] > 2


def test_a_start_that_was_measured_is_told_apart():
    figure = charts.speedup(turns(), to="threads", faster=True)
    whole = sum(bar.get_width() for bar in figure.axes[0].patches)
    told = words(figure)
    assert any("; 1.96 times without a start of 100 ms" in each for each in told)
    assert 1.0 + 1 / 0.6 < whole < 1.0 + 2.0
    some = turns().assign(startup=lambda df: df["startup"].where(df["repeat"] > 0))
    assert not any(
        "start" in each for each in words(charts.speedup(some, to="threads", faster=True))
    )


def test_words_stand_beside_a_bar_that_is_short():
    (ax,) = charts.speedup(turns(startup=False), to="threads", faster=True, cores=64).axes
    places = {each.get_text(): each.xy[0] for each in ax.texts if hasattr(each, "xy")}
    assert places["1"] == pytest.approx(1.0)
    assert places["1.67 times as fast"] == pytest.approx(1 / 0.6)


def test_memory_is_by_items_where_these_were_measured():
    by_items = frame(BOTH, sizes=(1_000,), counts=(100, 1_000))
    assert "items" in words(charts.memory(by_items))
    assert "elements or characters in the context" in words(charts.memory(frame(BOTH)))


def of(df, bench):
    return df.assign(bench=bench)


@pytest.mark.parametrize("counts", [(100,), (100, 1_000)])
def test_memory_of_scopes_is_titled_so_and_by_context_however_many_were_made(counts):
    told = words(charts.memory(of(frame(BOTH, sizes=(1_000,), counts=counts), "clone")))
    assert "What one item's context holds" in told
    assert "elements or characters in the context" in told


@pytest.mark.parametrize(
    ("counts", "axis"),
    [((100,), "elements or characters in the context"), ((100, 1_000), "items")],
)
def test_memory_of_a_fan_out_is_titled_so(counts, axis):
    told = words(charts.memory(of(frame(BOTH, counts=counts), "fanout")))
    assert "The most memory that a fan-out took" in told
    assert axis in told


def test_memory_of_a_frame_that_does_not_say_claims_neither():
    assert "The memory that was measured" in words(charts.memory(frame(BOTH)))


def test_what_was_measured_once_has_no_band_and_the_chart_says_so():
    df = frame(BOTH)
    first, ours = df["repeat"] == 0, df["strategy"] == "attune_nb"
    wide = df.assign(bytes=df["bytes"] * (1 + df["repeat"]))
    some = wide.assign(bytes=wide["bytes"].where(first | ours))
    once = df.assign(bytes=df["bytes"].where(first))
    assert any("measured once has no band" in each for each in words(charts.memory(some)))
    assert any(each.startswith("each measured once") for each in words(charts.memory(once)))
    assert not any("measured once" in each for each in words(charts.memory(df)))


def below(figure):
    return next(each for each in words(figure) if "measured once" in each or "medians" in each)


def test_bands_and_slopes_are_spoken_of_only_where_they_are_drawn():
    df = frame(BOTH)
    assert below(charts.clone_cost(df)).endswith(
        "least to most; slope 0: constant, 1: in proportion"
    )
    few = frame(BOTH, sizes=(1_000, 10_000))
    assert below(charts.clone_cost(few)) == "medians, bands from least to most"
    thin = few.assign(seconds=few["seconds"].where(few["repeat"] == 0).ffill())
    assert below(charts.clone_cost(thin)) == "medians of repeats that lie within 0.1%"


def test_the_ratio_stands_where_it_covers_no_mark():
    df = frame({"attune_nb": 0.0, "deep copy": 1e-7, "in the middle": 3.16e-10})
    (ax,) = charts.clone_cost(df).axes
    (ratio,) = [each for each in ax.texts if "times" in each.get_text()]
    own = df[df["strategy"] == "in the middle"]
    value = (own["seconds"] / own["n"])[own["size"] == 100_000].median()
    assert abs(np.log10(ratio.get_position()[1] / value)) > 0.5


WIRE = {"attune_nb": (128, 0.0), "client.map, captured": (2_000, 1.0), "scattered": (2_816, 0.0)}


def crossed(sizes):
    rows = [
        {"bench": "crossing", "strategy": name, "size": size, "n": 4, "repeat": repeat}
        | {"seconds": 1.0, "bytes": (fixed + each * size) * (1 + 0.001 * repeat)}
        for name, (fixed, each) in WIRE.items()
        for size in sizes
        for repeat in range(3)
    ]
    return pd.DataFrame(rows)


def test_the_wire_is_told_in_bytes_and_held_against_each_of_the_others():
    figure = charts.memory(crossed([1_000_000, 100_000_000]))
    told = words(figure)
    assert "What crosses the wire for one more item" in told
    assert "bytes of context" in told
    ticks = [each.get_text() for each in figure.axes[0].get_xticklabels()]
    assert ticks == ["1 MB", "100 MB"]
    assert "attune_nb\n128 B" in told
    assert "client.map, captured\n100 MB, 780,000 times as much" in told
    assert "scattered\n2.8 kB, 22 times as much" in told
    assert any(each.startswith("medians of repeats that lie within 0.2%\n") for each in told)


@pytest.mark.parametrize("df", [crossed([10_000, 1_000_000, 100_000_000]), frame(BOTH)])
def test_names_beside_the_lines_do_not_touch_the_edge(df):
    figure = charts.memory(df)
    figure.draw_without_rendering()
    right = max(each.get_window_extent().x1 for each in figure.axes[0].texts)
    assert right < figure.bbox.width - 15


@pytest.mark.parametrize(
    ("draw", "bench"),
    [(charts.clone_cost, "fanout"), (charts.scaling, "clone")],
)
def test_a_frame_of_another_measurement_is_refused(draw, bench):
    with pytest.raises(ValueError, match=f"the frame is of bench.{bench}"):
        draw(of(frame(BOTH), bench))


def test_a_frame_of_both_measurements_is_refused():
    both = pd.concat([of(frame(BOTH), "clone"), of(frame(BOTH), "fanout")])
    with pytest.raises(ValueError, match="rows of clone and of fanout"):
        charts.memory(both)


def test_all_bars_are_of_the_most_items_that_all_share():
    df = frame({"attune_nb": 0.0, "deep copy": 1e-7}, sizes=(1_000,), counts=(100, 1_000))
    dear = frame({"naive": 1e-6}, sizes=(1_000,), counts=(100,))
    told = words(charts.speedup(pd.concat([df, dear])))
    assert any(each.startswith("100 items, 1k in the context") for each in told)
    assert not any("left out" in each for each in told)


def test_who_was_not_measured_at_that_many_is_named_as_left_out():
    df = frame({"attune_nb": 0.0, "deep copy": 1e-7}, sizes=(1_000,), counts=(1_000,))
    dear = frame({"$naive$": 1e-6}, sizes=(1_000,), counts=(100,))
    figure = charts.speedup(pd.concat([df, dear]))
    told = words(figure)
    assert any(each.startswith("1k items") for each in told)
    assert any("left out, not measured there: $naive$" in each for each in told)
    assert len(figure.axes[0].get_yticklabels()) == 2


def test_bars_of_what_shares_no_number_of_items_are_refused():
    df = frame({"attune_nb": 0.0}, sizes=(1_000,), counts=(1_000,))
    with pytest.raises(ValueError, match="lacks another strategy at the 1,000 items"):
        charts.speedup(pd.concat([df, frame({"deep copy": 1e-7}, sizes=(1_000,), counts=(10,))]))


DRAWN = [charts.clone_cost, charts.memory, charts.scaling, charts.speedup]


@pytest.mark.parametrize("draw", DRAWN)
@pytest.mark.parametrize("rows", ["empty", "no strategy"])
def test_a_frame_without_a_row_to_draw_is_refused(draw, rows):
    df = frame(BOTH)
    odd = df.iloc[:0] if rows == "empty" else df.assign(strategy=None)
    with pytest.raises(ValueError, match="the frame lacks a row to draw"):
        draw(odd)


@pytest.mark.parametrize("draw", DRAWN)
def test_a_missing_column_is_named(draw):
    with pytest.raises(ValueError, match="the frame lacks the column `strategy`"):
        draw(pd.DataFrame())


@pytest.mark.parametrize("draw", [charts.clone_cost, charts.scaling, charts.speedup])
@pytest.mark.parametrize("column", ["seconds", "n"])
def test_a_frame_of_nothing_but_zeros_is_refused(draw, column):
    with pytest.raises(ValueError, match="above 0"):
        draw(frame(BOTH).assign(**{column: 0}))


@pytest.mark.parametrize("draw", DRAWN)
def test_rows_that_have_no_place_are_left_out(draw, tmp_path):
    df = frame(BOTH, counts=(100, 1_000))
    odd = [
        df.iloc[:1].assign(n=0, seconds=0.0),
        df.iloc[:1].assign(strategy=None),
        df.iloc[:1].assign(seconds=float("nan"), bytes=float("nan")),
    ]
    draw(pd.concat([df, *odd])).savefig(tmp_path / "chart.png")


def test_twelve_ways_look_different_from_each_other():
    many = {"attune_nb": 0.0, "deep copy": 1e-7} | {f"way {at}": 1e-8 for at in range(10)}
    (ax,) = charts.clone_cost(frame(many)).axes
    lines = [line for line in ax.lines if line.get_marker() not in ("None", None)]
    looks = {(line.get_color(), line.get_marker(), line.get_linestyle()) for line in lines}
    assert len(looks) == len(lines) == 12
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 12
