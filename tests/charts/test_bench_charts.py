"""Charts of measurements: lines, bands, ratios, bars, captions and refused frames."""

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from support.figures import label_texts
from support.pictures import clipped_texts, overlapping_texts, visible_texts

from attune_nb import charts


def measurements(strategies, sizes=(0, 1_000, 10_000, 100_000), counts=(100,), repeats=3):
    """Return a frame of strategies, each with the seconds for one element of the context."""
    rows = []
    combinations = itertools.product(strategies.items(), sizes, counts, range(repeats))
    for (name, cost), size, n, repeat in combinations:
        row = {
            "strategy": name,
            "kind": "list",
            "size": size,
            "n": n,
            "repeat": repeat,
            "seconds": n * (1e-7 + cost * size) * (1 + 0.1 * repeat),
            "bytes": 40 + 8e7 * cost * size,
        }
        rows.append(row)
    return pd.DataFrame(rows)


BOTH = {"attune_nb": 0.0, "deep copy": 1e-7, "$x^{$ <b>": 1e-8}
CHARTS = [charts.clone_cost, charts.memory, charts.scaling, charts.speedup]
COUNTS = (100, 1_000, 10_000)


def all_texts(figure):
    """Return the texts on the axes, the title and the name of the x axis."""
    [ax] = figure.axes
    figure.canvas.draw()
    texts = [text.get_text() for text in ax.texts]
    return [*texts, ax.get_title(loc="left"), ax.get_xlabel()]


def has_text(texts, part):
    """Return whether any of the texts contains a part."""
    return any(part in text for text in texts)


def has_text_from(texts, start):
    """Return whether any of the texts starts with a part."""
    return any(text.startswith(start) for text in texts)


@pytest.mark.parametrize("draw", CHARTS)
@pytest.mark.parametrize("dark", [False, True])
def test_a_chart_is_a_figure_that_can_be_saved(draw, dark, tmp_path):
    counts = COUNTS if draw is charts.scaling else (100,)
    figure = draw(measurements(BOTH, counts=counts), dark=dark)

    assert isinstance(figure, Figure)
    figure.savefig(tmp_path / "chart.png")
    assert 5_000 < (tmp_path / "chart.png").stat().st_size < 200_000


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("draw", CHARTS)
def test_every_text_can_be_read(draw, dark):
    strategies = BOTH | {"pickle": 2e-8, "json": 5e-7}
    counts = COUNTS if draw is charts.scaling else (100,)
    figure = draw(measurements(strategies, counts=counts), dark=dark)

    assert clipped_texts(figure) == []
    assert overlapping_texts(figure) == []
    assert min(text.get_fontsize() for text in visible_texts(figure)) >= 9


def test_ratios_on_the_axis_are_short():
    figure = charts.speedup(measurements(BOTH))
    figure.canvas.draw()
    ticks = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert {"10", "1k", "100k"} <= set(ticks)


def test_it_is_drawn_on_axes_that_are_passed():
    figure = Figure()
    ax = figure.add_subplot()
    assert charts.clone_cost(measurements(BOTH), ax) is figure
    assert len(ax.lines) >= len(BOTH)


def test_lines_go_through_medians_and_bands_from_least_to_most():
    df = measurements({"deep copy": 1e-7}, sizes=(1_000, 10_000))
    [ax] = charts.clone_cost(df).axes
    thick = [line for line in ax.lines if line.get_linewidth() > 2]
    [line] = [line for line in thick if len(line.get_xdata()) == 2]
    assert np.allclose(line.get_ydata(), [1.1 * 1e-7 * 1_001, 1.1 * 1e-7 * 10_001])

    heights = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert np.allclose([heights.min(), heights.max()], [1e-7 * 1_001, 1.2e-7 * 10_001])


def test_the_ratio_of_both_sides_stands_between_them():
    texts = all_texts(charts.clone_cost(measurements(BOTH)))
    assert "100,001 times " in texts
    assert has_text_from(texts, "deep copy  (slope 1.00)")
    assert has_text_from(texts, "attune_nb  (slope 0.00)")


def test_without_the_other_side_there_is_no_ratio():
    texts = all_texts(charts.clone_cost(measurements({"attune_nb": 0.0})))
    assert not has_text(texts, "times")


def test_speedup_shows_ratios_within_repeats():
    df = measurements({"attune_nb": 0.0, "deep copy": 1e-7})
    assert "  100,001 times" in all_texts(charts.speedup(df))


def test_speedup_refuses_an_unknown_strategy():
    with pytest.raises(ValueError, match="`x` is not among the strategies"):
        charts.speedup(measurements(BOTH), to="x")


def threads_and_processes():
    """Return a frame of 1 s of work on threads, and on two processes that start in 0.1 s."""
    rows = []
    sides = [("threads", 1.0, 0.0), ("processes", 0.6, 0.1)]
    for repeat, slowness in enumerate((1.0, 1.2, 1.1)):
        for name, seconds, startup in sides:
            row = {
                "strategy": name,
                "size": 0,
                "n": 1_000,
                "repeat": repeat,
                "seconds": seconds * slowness,
                "startup": startup,
            }
            rows.append(row)
    return pd.DataFrame(rows)


def without_startup():
    return threads_and_processes().drop(columns="startup")


def test_speedup_can_show_how_many_times_as_fast():
    figure = charts.speedup(without_startup(), to="threads", faster=True, cores=2)
    [ax] = figure.axes
    texts = all_texts(figure)
    assert "How many times as fast as threads" in texts
    assert "1" in texts
    assert "1.67 times as fast" in texts
    assert has_text_from(texts, "1k items of 1.1 ms with threads; 2 cores")
    assert not has_text(texts, "context")
    assert not has_text(texts, "start")

    assert sorted(bar.get_width() for bar in ax.patches) == pytest.approx([1.0, 1 / 0.6])
    assert label_texts(figure) == ["threads", "processes"]
    assert ax.get_xscale() == "linear"
    assert ax.get_xlim()[0] == 0
    assert ax.get_xlim()[1] > 2


def test_a_start_that_was_measured_has_a_part_of_the_bar():
    df = threads_and_processes()
    figure = charts.speedup(df, to="threads", faster=True)
    width = sum(bar.get_width() for bar in figure.axes[0].patches)

    assert has_text(all_texts(figure), "; 1.96 times without a start of 100 ms")
    assert 1.0 + 1 / 0.6 < width < 1.0 + 2.0


def test_a_start_that_was_measured_only_at_times_is_ignored():
    df = threads_and_processes()
    df["startup"] = df["startup"].where(df["repeat"] > 0)
    figure = charts.speedup(df, to="threads", faster=True)
    assert not has_text(all_texts(figure), "start")


def test_text_stands_beside_a_bar_that_is_short():
    [ax] = charts.speedup(without_startup(), to="threads", faster=True, cores=64).axes
    places = {text.get_text(): text.xy[0] for text in ax.texts if hasattr(text, "xy")}
    assert places["1"] == pytest.approx(1.0)
    assert places["1.67 times as fast"] == pytest.approx(1 / 0.6)


def test_memory_is_by_items_if_several_were_measured():
    by_items = measurements(BOTH, sizes=(1_000,), counts=(100, 1_000))
    assert "items" in all_texts(charts.memory(by_items))
    assert "elements or characters in the context" in all_texts(charts.memory(measurements(BOTH)))


def of(df, bench):
    """Return a frame that names its measurement."""
    return df.assign(bench=bench)


@pytest.mark.parametrize("counts", [(100,), (100, 1_000)])
def test_memory_of_scopes_is_by_context(counts):
    """However many scopes were made."""
    df = of(measurements(BOTH, sizes=(1_000,), counts=counts), "clone")
    texts = all_texts(charts.memory(df))
    assert "What one item's context holds" in texts
    assert "elements or characters in the context" in texts


@pytest.mark.parametrize(
    ("counts", "axis"),
    [((100,), "elements or characters in the context"), ((100, 1_000), "items")],
)
def test_memory_of_a_fan_out_has_its_title(counts, axis):
    texts = all_texts(charts.memory(of(measurements(BOTH, counts=counts), "fanout")))
    assert "The most memory that a fan-out took" in texts
    assert axis in texts


def test_memory_without_a_measurement_has_a_neutral_title():
    assert "The memory that was measured" in all_texts(charts.memory(measurements(BOTH)))


def test_the_caption_notes_strategies_measured_once():
    df = measurements(BOTH)
    is_first = df["repeat"] == 0
    is_ours = df["strategy"] == "attune_nb"
    spread = df.assign(bytes=df["bytes"] * (1 + df["repeat"]))
    some_once = spread.assign(bytes=spread["bytes"].where(is_first | is_ours))
    all_once = df.assign(bytes=df["bytes"].where(is_first))

    assert has_text(all_texts(charts.memory(some_once)), "measured once has no band")
    assert has_text_from(all_texts(charts.memory(all_once)), "each measured once")
    assert not has_text(all_texts(charts.memory(df)), "measured once")


def caption(figure):
    """Return the text below the title."""
    [text] = [text for text in all_texts(figure) if "medians" in text]
    return text


def test_the_caption_explains_only_bands_and_slopes_that_exist():
    df = measurements(BOTH)
    explained = "least to most; slope 0: constant, 1: in proportion"
    assert caption(charts.clone_cost(df)).endswith(explained)

    few = measurements(BOTH, sizes=(1_000, 10_000))
    assert caption(charts.clone_cost(few)) == "medians, bands from least to most"

    thin = few.assign(seconds=few["seconds"].where(few["repeat"] == 0).ffill())
    assert caption(charts.clone_cost(thin)) == "medians of repeats that lie within 0.1%"


def test_the_ratio_covers_no_line():
    df = measurements({"attune_nb": 0.0, "deep copy": 1e-7, "in the middle": 3.16e-10})
    [ax] = charts.clone_cost(df).axes
    [ratio] = [text for text in ax.texts if "times" in text.get_text()]
    own = df[df["strategy"] == "in the middle"]
    value = (own["seconds"] / own["n"])[own["size"] == 100_000].median()
    assert abs(np.log10(ratio.get_position()[1] / value)) > 0.5


# the bytes of an item, and the share of the context that it takes
WIRE = {"attune_nb": (128, 0.0), "client.map, captured": (2_000, 1.0), "scattered": (2_816, 0.0)}


def wire_measurements(sizes):
    """Return a frame of bytes on the wire."""
    rows = []
    for (name, (fixed, share)), size, repeat in itertools.product(WIRE.items(), sizes, range(3)):
        row = {
            "bench": "crossing",
            "strategy": name,
            "size": size,
            "n": 4,
            "repeat": repeat,
            "seconds": 1.0,
            "bytes": (fixed + share * size) * (1 + 0.001 * repeat),
        }
        rows.append(row)
    return pd.DataFrame(rows)


def test_the_wire_is_shown_in_bytes_and_ratios():
    figure = charts.memory(wire_measurements([1_000_000, 100_000_000]))
    texts = all_texts(figure)
    assert "What crosses the wire for one more item" in texts
    assert "bytes of context" in texts
    ticks = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert ticks == ["1 MB", "100 MB"]

    assert "attune_nb\n128 B" in texts
    assert "client.map, captured\n100 MB, 780,000 times as much" in texts
    assert "scattered\n2.8 kB, 22 times as much" in texts
    assert has_text_from(texts, "medians of repeats that lie within 0.2%\n")


@pytest.mark.parametrize(
    "df",
    [
        pytest.param(wire_measurements([10_000, 1_000_000, 100_000_000]), id="wire"),
        pytest.param(measurements(BOTH), id="clone"),
    ],
)
def test_names_beside_the_lines_do_not_touch_the_edge(df):
    figure = charts.memory(df)
    figure.draw_without_rendering()
    right = max(text.get_window_extent().x1 for text in figure.axes[0].texts)
    assert right < figure.bbox.width - 15


@pytest.mark.parametrize(
    ("draw", "bench"),
    [(charts.clone_cost, "fanout"), (charts.scaling, "clone")],
)
def test_a_frame_of_another_measurement_is_refused(draw, bench):
    with pytest.raises(ValueError, match=f"the frame is of bench.{bench}"):
        draw(of(measurements(BOTH), bench))


def test_a_frame_of_both_measurements_is_refused():
    df = pd.concat([of(measurements(BOTH), "clone"), of(measurements(BOTH), "fanout")])
    with pytest.raises(ValueError, match="rows of clone and of fanout"):
        charts.memory(df)


def test_all_bars_have_the_most_items_that_all_share():
    df = measurements({"attune_nb": 0.0, "deep copy": 1e-7}, sizes=(1_000,), counts=(100, 1_000))
    slow = measurements({"naive": 1e-6}, sizes=(1_000,), counts=(100,))
    texts = all_texts(charts.speedup(pd.concat([df, slow])))

    assert has_text_from(texts, "100 items, 1k in the context")
    assert not has_text(texts, "left out")


def test_a_strategy_measured_with_fewer_items_is_left_out():
    """The caption names it."""
    df = measurements({"attune_nb": 0.0, "deep copy": 1e-7}, sizes=(1_000,), counts=(1_000,))
    slow = measurements({"$naive$": 1e-6}, sizes=(1_000,), counts=(100,))
    figure = charts.speedup(pd.concat([df, slow]))
    texts = all_texts(figure)

    assert has_text_from(texts, "1k items")
    assert has_text(texts, "left out, not measured there: $naive$")
    assert len(figure.axes[0].get_yticklabels()) == 2


def test_bars_without_a_shared_number_of_items_are_refused():
    ours = measurements({"attune_nb": 0.0}, sizes=(1_000,), counts=(1_000,))
    copies = measurements({"deep copy": 1e-7}, sizes=(1_000,), counts=(10,))
    with pytest.raises(ValueError, match="lacks another strategy at the 1,000 items"):
        charts.speedup(pd.concat([ours, copies]))


@pytest.mark.parametrize("draw", CHARTS)
@pytest.mark.parametrize("rows", ["empty", "no strategy"])
def test_a_frame_without_a_row_to_draw_is_refused(draw, rows):
    df = measurements(BOTH)
    wrong = df.iloc[:0] if rows == "empty" else df.assign(strategy=None)
    with pytest.raises(ValueError, match="the frame lacks a row to draw"):
        draw(wrong)


@pytest.mark.parametrize("draw", CHARTS)
def test_a_missing_column_is_named(draw):
    with pytest.raises(ValueError, match="the frame lacks the column `strategy`"):
        draw(pd.DataFrame())


@pytest.mark.parametrize("draw", [charts.clone_cost, charts.scaling, charts.speedup])
@pytest.mark.parametrize("column", ["seconds", "n"])
def test_a_frame_of_nothing_but_zeros_is_refused(draw, column):
    with pytest.raises(ValueError, match="above 0"):
        draw(measurements(BOTH).assign(**{column: 0}))


@pytest.mark.parametrize("draw", CHARTS)
def test_rows_that_cannot_be_drawn_are_left_out(draw, tmp_path):
    df = measurements(BOTH, counts=(100, 1_000))
    undrawable = [
        df.iloc[:1].assign(n=0, seconds=0.0),
        df.iloc[:1].assign(strategy=None),
        df.iloc[:1].assign(seconds=float("nan"), bytes=float("nan")),
    ]
    draw(pd.concat([df, *undrawable])).savefig(tmp_path / "chart.png")


def test_twelve_strategies_look_different_from_each_other():
    strategies = {f"way {number}": 1e-8 for number in range(10)}
    [ax] = charts.clone_cost(measurements(strategies | {"attune_nb": 0.0, "deep copy": 1e-7})).axes
    lines = [line for line in ax.lines if line.get_marker() not in ("None", None)]
    looks = {(line.get_color(), line.get_marker(), line.get_linestyle()) for line in lines}

    assert len(looks) == len(lines) == 12
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 12
