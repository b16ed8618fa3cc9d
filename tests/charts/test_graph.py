from __future__ import annotations

import dataclasses
import io
import subprocess
import sys
import threading
from collections import Counter

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.path import Path
from support.fake_runs import five_tasks
from support.layout_checks import assert_clear, inside, overlap, steps_of

import attune_nb
from attune_nb.charts import graph
from attune_nb.charts.graph_chart.model import format_condition, read_graph
from attune_nb.charts.graph_chart.plan import choose_plan
from attune_nb.charts.style import COLOURS, DARK, LIGHT

PAGE = (11.0, 40.0)
ROLLOUT = """
ref: deploy.rollout
tasks:
  - name: build
    action: core.shell
    input: {cmd: "true"}
    retry: {count: 3, delay: 0.01}
    next:
      - {when: "{{ succeeded() }}", do: [unit_tests, lint]}
      - {when: "{{ failed() }}", do: fail}
  - {name: unit_tests, action: core.echo, input: {message: ok}, next: [{do: publish}]}
  - name: lint
    action: core.fail
    input: {message: "line too long"}
    next:
      - {when: succeeded(), do: publish}
      - {when: failed(), do: [notify, noop]}
  - {name: publish, action: core.echo, join: all, delay: 0.5, input: {message: out}}
  - {name: notify, action: core.echo, input: {message: "lint failed"}}
"""
POLL = """
vars: [{n: 0}]
tasks:
  - {name: begin, action: core.noop, next: [{do: check}]}
  - name: check
    action: core.noop
    next:
      - {when: "{{ workflow.n < 2 }}", publish: [{n: "{{ workflow.n + 1 }}"}], do: wait}
      - {when: "{{ task.check == 'never' }}", do: check}
  - {name: wait, action: core.noop, next: [{do: check}]}
"""
GATHER = """
tasks:
  - name: gather
    type: parallel
    tasks:
      - {name: users, action: core.echo, input: {message: a}}
      - {name: orders, action: core.fail, input: {message: a}}
      - name: deeper
        type: parallel
        tasks: [{name: stock, action: core.noop}, {name: prices, action: core.noop}]
    next: [{when: failed(), do: noop}]
"""
FLEET = """
tasks:
  - name: check
    action: core.shell
    with_items: "{{ range(10) }}"
    concurrency: 5
    input: {argv: ["sh", "-c", "test {{ item }} -lt 8"]}
    next: [{when: failed(), do: alert}]
  - {name: alert, action: core.noop}
"""


def made(text, **more):
    return attune_nb.loads(text, **more)


def ran(text, **more):
    return made(text).run(progress=False, **more)


def flow_of(*tasks):
    """Make a workflow of names, each with the names it points at."""
    lines = ["tasks:"]
    for name, *targets in tasks:
        more = f", next: [{{do: [{', '.join(targets)}]}}]" if targets else ""
        lines.append(f"  - {{name: {name}, action: core.noop{more}}}")
    return made("\n".join(lines))


def many(count):
    """Make a workflow in which each task points at two of those that come next."""
    names = [f"t{i}" for i in range(count)]
    ways = [[f"t{min(i * 2 + k, count - 1)}" for k in (1, 2)] for i in range(count - 1)]
    return flow_of(*[(name, *dict.fromkeys(to)) for name, to in zip(names, ways, strict=False)],
                   (names[-1],))  # fmt: skip


def words(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def names(figure):
    """Give the drawn name of each task, by its path."""
    return {text.get_gid(): text for text in figure.axes[0].texts if text.get_gid()}


def legend(figure):
    found = figure.axes[0].get_legend()
    return [text.get_text() for text in found.get_texts()] if found else []


def shapes(figure, **look):
    """Give the boxes of the shapes with a look: their left, top, right and bottom."""
    found = []
    for each in figure.axes[0].collections:
        if isinstance(each, PathCollection) and _looks(each, **look):
            found += [path.get_extents().extents for path in each.get_paths()]
    return found


def _looks(collection, face=None, edge=None, hatch=None):
    faces, edges = collection.get_facecolor(), collection.get_edgecolor()
    wrong_face = face and (not len(faces) or to_hex(faces[0]).upper() != face.upper())
    wrong_edge = edge and (not len(edges) or to_hex(edges[0]).upper() != edge.upper())
    return not wrong_face and not wrong_edge and (hatch is None or collection.get_hatch() == hatch)


def card_of(figure, path):
    """Give the box of a task: the smallest shape around where its name begins."""
    x, y = names(figure)[path].get_position()
    around = [b for b in shapes(figure) if b[0] < x < b[2] and b[1] < y < b[3]]
    return min(around, key=lambda box: (box[2] - box[0]) * (box[3] - box[1]))


def contains(outer, inner):
    return all(outer[:2] <= inner[:2]) and all(outer[2:] >= inner[2:])


PARTS = [f"part_{i}" for i in range(12)]
PICTURES = {
    "single": lambda: flow_of(("a",)),
    "rollout": lambda: made(ROLLOUT),
    "rollout_run": lambda: ran(ROLLOUT),
    "poll_run": lambda: ran(POLL),
    "gather_run": lambda: ran(GATHER),
    "fleet_run": lambda: ran(FLEET),
    "fan": lambda: flow_of(("split", *PARTS), *[(part,) for part in PARTS]),
    "sixty": lambda: many(60),
}


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", PICTURES)
def test_draws_without_a_warning(name, dark, tmp_path):
    figure = graph(PICTURES[name](), dark=dark)
    assert isinstance(figure, Figure)
    figure.savefig(tmp_path / "graph.png")
    assert (tmp_path / "graph.png").stat().st_size > 1000


@pytest.mark.parametrize("name", PICTURES)
def test_every_task_is_drawn_once(name):
    drawn = PICTURES[name]()
    workflow = getattr(drawn, "workflow", drawn)
    found = [text.get_gid() for text in graph(drawn).axes[0].texts if text.get_gid()]
    assert Counter(found) == Counter(path for path, _ in workflow.walk())


@pytest.mark.parametrize("name", PICTURES)
def test_no_text_leaves_its_card(name):
    figure = graph(PICTURES[name]())
    figure.draw_without_rendering()
    ax = figure.axes[0]
    for path, text in names(figure).items():
        box = text.get_window_extent().transformed(ax.transData.inverted())
        left, top, right, bottom = card_of(figure, path)
        assert left < box.x0 < box.x1 < right
        assert top < box.ymin < box.ymax < bottom


@pytest.mark.parametrize("name", PICTURES)
def test_no_text_lies_on_another(name):
    figure = graph(PICTURES[name]())
    figure.draw_without_rendering()
    boxes = [text.get_window_extent().extents for text in figure.axes[0].texts]
    inner = [box + np.array([0.5, 1.5, -0.5, -1.5]) for box in boxes]  # fonts have some air
    assert not any(overlap(a, b) for i, a in enumerate(inner) for b in inner[:i])


@pytest.mark.parametrize("name", PICTURES)
def test_no_link_runs_below_a_card_or_through_a_condition(name):
    plan = choose_plan(read_graph(PICTURES[name]()), PAGE, 0.0)
    assert len(plan.routes) == len(plan.layout.stations)
    assert_clear(plan.layout, sizes_of(plan), [], plan.routes)


def sizes_of(plan):
    sizes = [(card.width, card.height) for card in plan.boxes]
    return [size[::-1] for size in sizes] if plan.sideways else sizes


def test_a_card_says_name_action_and_settings():
    shown = words(graph(made(ROLLOUT)))
    assert {"build", "core.shell", "retry 3", "join all · delay 0.5 s"} <= set(shown)


def test_settings_that_do_not_fit_become_dots():
    text = """
tasks:
  - name: a
    action: core.echo
    with_items: [1, 2]
    concurrency: 2
    batch_size: 10
    retry: {count: 7}
    timeout: 100
    when: "{{ 1 < 2 }}"
    input: {message: x}
"""
    assert "with_items · retry 7 · when 1 < 2 · …" in words(graph(made(text)))


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("succeeded()", "succeeded"),
        ("{{ timed_out() }}", "timed out"),
        ("{{ failed() and 1 < 2 }}", "failed() and 1 < 2"),
        ("{{- 1 < 2 -}}", "1 < 2"),
        ("{{ result().message == 'a very long text' }}", "result().message == 'a very l…"),
    ],
)
def test_a_condition_is_said_without_its_braces(when, said):
    task = f'{{name: a, action: core.noop, next: [{{when: "{when}", do: noop}}]}}'
    assert format_condition(made(f"tasks: [{task}]").tasks[0].next[0].when) == said
    assert said in words(graph(made(f"tasks: [{task}]")))


def test_a_transition_without_a_condition_has_no_label():
    assert words(graph(flow_of(("a", "b"), ("b",)))) == ["a", "core.noop", "b", "core.noop"]


def test_links_of_one_transition_share_its_condition():
    assert words(graph(made(ROLLOUT))).count("succeeded") == 2  # of `build`, and of `lint`


def test_ends_are_marks_and_no_tasks():
    figure = graph(made(ROLLOUT))
    shown = words(figure)
    assert shown.count("noop") == shown.count("fail") == 1
    assert not {"noop", "fail"} & names(figure).keys()
    assert figure.axes[0].get_title(loc="left") == "deploy.rollout · 5 tasks"


def test_an_end_that_no_transition_came_to_is_faint():
    figure = graph(ran(ROLLOUT))
    assert len(shapes(graph(made(ROLLOUT)), face=LIGHT.paper, edge=COLOURS["failed"])) == 1
    assert len(shapes(figure, face=LIGHT.paper, edge=LIGHT.muted)) == 1  # of `noop`, which fired


def test_a_join_is_marked():
    assert legend(graph(made(ROLLOUT))) == ["join"]
    figure = graph(made(ROLLOUT))
    bar = shapes(figure, face=LIGHT.ink)
    card = card_of(figure, "publish")
    assert len(bar) == 1
    assert bar[0][1] < card[1] < bar[0][3]


def test_a_parallel_task_encloses_its_tasks():
    figure = graph(made(GATHER))
    outer = card_of(figure, "gather")
    inner = [card_of(figure, f"gather/{name}") for name in ("users", "orders", "deeper")]
    assert all(contains(outer, each) for each in inner)
    assert not any(overlap(a, b) for i, a in enumerate(inner) for b in inner[:i])
    assert contains(inner[2], card_of(figure, "gather/deeper/stock"))
    assert "parallel · 3 tasks" in words(figure)


def test_states_are_colours_hatches_and_words():
    figure = graph(ran(GATHER))
    shown = words(figure)
    assert (shown.count("succeeded"), shown.count("failed")) == (4, 3)  # one is a condition
    assert len(shapes(figure, face=COLOURS["succeeded"], hatch=None)) == 4
    assert len(shapes(figure, face=COLOURS["failed"], hatch="////")) == 2
    assert legend(figure) == ["succeeded", "failed", "fired"]


def test_a_task_that_was_not_reached_is_muted_and_says_so():
    figure = graph(ran(ROLLOUT))
    assert words(figure).count("not reached") == 1
    assert names(figure)["publish"].get_color() == LIGHT.muted
    assert names(figure)["notify"].get_color() == LIGHT.ink


def test_items_are_counted():
    assert "failed · 10/10 · 2 failed" in words(graph(ran(FLEET)))


def test_attempts_are_counted():
    text = "tasks: [{name: a, action: core.fail, input: {message: x}, retry: {count: 2}}]"
    assert "failed · 3 attempts" in words(graph(ran(text)))


def test_visits_and_firings_are_counted():
    figure = graph(ran(POLL))
    assert names(figure)["check"].get_text() == "check #3"
    assert names(figure)["begin"].get_text() == "begin"
    assert {"workflow.n < 2 · \N{MULTIPLICATION SIGN}2", "\N{MULTIPLICATION SIGN}2"} <= set(
        words(figure)
    )


def test_what_fired_is_drawn_stronger_than_what_did_not():
    figure = graph(ran(POLL))
    lines = {}
    for each in figure.axes[0].collections:
        if each.get_facecolor().size == 0 or not each.get_facecolor()[0][3]:
            lines[to_hex(each.get_edgecolor()[0]).upper()] = each
    fired, silent = lines[LIGHT.ink], lines[LIGHT.waiting]
    assert (len(fired.get_paths()), len(silent.get_paths())) == (3, 1)
    assert fired.get_linewidth()[0] > silent.get_linewidth()[0]
    assert legend(figure) == ["succeeded", "fired", "did not fire"]


def test_a_run_under_way_is_drawn_as_it_is():
    going, go = threading.Event(), threading.Event()

    def work():
        going.set()
        go.wait(10)

    text = "tasks: [{name: a, action: work, next: [{do: b}]}, {name: b, action: core.noop}]"
    run = made(text).run(actions={"work": work}, progress=False, background=True)
    try:
        assert going.wait(30)
        figure = graph(run)
        assert {"running", "not reached"} <= set(words(figure))
        assert figure.axes[0].get_title(loc="left").endswith(" so far")
    finally:
        go.set()
        run.wait(10)
    assert "running" not in words(graph(run))


def test_a_question_waits_and_a_false_condition_skips():
    text = """
tasks:
  - {name: a, action: core.ask, input: {prompt: "go?"}}
  - {name: b, action: core.noop, when: "{{ false }}"}
"""
    run = made(text).run(progress=False, background=True)
    while not run.questions:
        run.wait(0.01)
    figure = graph(run)
    run.cancel()
    run.wait(10)
    assert {"waiting", "skipped"} <= set(words(figure))
    assert legend(figure) == ["skipped", "waiting"]
    assert "cancelled" in words(graph(run))


def test_the_legend_of_a_workflow_without_joins_is_left_out():
    assert legend(graph(flow_of(("a", "b"), ("b",)))) == []


def test_a_dollar_sign_is_a_dollar_sign():
    text = """
tasks:
  - {name: a, action: "$x^{$", next: [{when: "'$^{$' == ''", do: noop}]}
"""
    figure = graph(made(text))
    assert {"$x^{$", "'$^{$' == ''"} <= set(words(figure))
    assert not any(each.get_parse_math() for each in figure.axes[0].texts)
    figure.savefig(io.BytesIO())


def test_control_characters_are_not_drawn():
    workflow = flow_of(("a",))
    task = dataclasses.replace(workflow.tasks[0], action="a\x1b[31m\nb")
    assert words(graph(dataclasses.replace(workflow.spec, tasks=(task,)))) == ["a", "a[31m b"]


def test_a_name_is_shortened_but_its_visits_are_kept():
    run = ran(POLL.replace("check", "check_" * 8))
    shown = names(graph(run))["check_" * 8].get_text()
    assert len(shown) < 30
    assert shown.endswith("… #3")


def test_the_dark_theme_is_dark():
    figure = graph(ran(ROLLOUT), dark=True)
    assert to_hex(figure.get_facecolor()).upper() == DARK.paper
    assert names(figure)["build"].get_color() == DARK.ink
    assert shapes(figure, face=DARK.paper)
    assert not shapes(figure, face=LIGHT.paper)


def test_axes_that_it_is_given_get_the_colours_of_the_theme():
    figure = Figure()
    ax = figure.subplots()
    graph(made(POLL), ax=ax, dark=True)
    assert ax.patch.get_visible()
    assert to_hex(ax.get_facecolor()).upper() == DARK.paper


@pytest.mark.parametrize("layout", [None, "constrained", "tight"])
def test_draws_on_the_axes_it_is_given(layout):
    figure = Figure(figsize=(12, 6), layout=layout)
    left, right = figure.subplots(1, 2)
    assert graph(made(ROLLOUT), ax=right) is figure
    assert not left.has_data()
    figure.draw_without_rendering()
    frame = right.get_window_extent()
    for text in right.texts:
        box = text.get_window_extent()
        assert frame.x0 - 1 < box.x0 < box.x1 < frame.x1 + 1
        assert frame.y0 - 1 < box.y0 < box.y1 < frame.y1 + 1


@pytest.mark.parametrize("size", [(6, 6), (14, 4)])
def test_the_condition_of_a_loop_is_clear_of_every_link(size):
    text = """
tasks:
  - {name: a, action: core.noop, next: [{do: b}]}
  - {name: b, action: core.noop, next: [{do: c}]}
  - name: c
    action: core.noop
    next: [{when: failed(), do: b}, {when: 1 < 2, do: c}, {do: d}]
  - {name: d, action: core.noop, next: [{when: failed(), do: c}]}
"""
    figure = Figure(figsize=size)
    ax = figure.subplots()
    graph(made(text), ax=ax)
    figure.draw_without_rendering()
    label = next(each for each in ax.texts if each.get_text() == "1 < 2")
    box = label.get_window_extent().transformed(ax.transData.inverted()).extents
    box = np.array([box[0], min(box[1::2]), box[2], max(box[1::2])])
    lines = [path for each in ax.collections for path in each.get_paths() if len(path) < 60]
    links = [path for path in lines if path.codes is not None and path.codes[-1] != Path.CLOSEPOLY]
    assert len(links) == 6
    assert not any(inside(steps_of(link), box).any() for link in links)


def test_a_subfigure_is_no_trouble():
    figure = Figure(figsize=(12, 6))
    assert graph(ran(POLL), ax=figure.subfigures(1, 2)[0].subplots()) is figure


def test_axes_too_small_for_words_get_shapes():
    figure = Figure(figsize=(2, 2))
    graph(ran(ROLLOUT), ax=figure.subplots())
    assert words(figure) == ["left out: names"]
    assert len(shapes(figure, face=COLOURS["failed"])) == 1


def test_a_wide_fork_flows_from_the_left_to_the_right():
    plans = [choose_plan(read_graph(PICTURES[name]()), PAGE, 0.5) for name in ("rollout", "fan")]
    assert [plan.sideways for plan in plans] == [False, True]


def test_forty_tasks_have_their_names_and_the_rest_is_said_to_be_left_out():
    figure = graph(many(60))
    assert len(names(figure)) == 60
    assert words(figure)[0] == "left out: actions and settings of the tasks"


def test_a_thousand_tasks_are_a_few_artists():
    figure = graph(many(1000))
    assert len(figure.axes[0].get_children()) < 30
    assert words(figure) == [
        "1,000 tasks, 1,498 transitions; left out: names, actions, settings and conditions"
    ]
    boxes = [len(each.get_paths()) for each in figure.axes[0].collections]
    assert sorted(boxes) == [1000, 1498]
    lines = [each for each in figure.axes[0].collections if isinstance(each, LineCollection)]
    assert len(lines) == 1


def test_the_number_of_artists_follows_the_states_not_the_tasks():
    runs = [many(count).run(progress=False) for count in (200, 800)]
    few, more = (len(graph(run).axes[0].get_children()) for run in runs)
    assert few == more


def test_the_figure_grows_with_its_tasks_up_to_a_limit():
    chains = [
        flow_of(*[(f"t{i}", f"t{i + 1}") for i in range(n)], (f"t{n}",)) for n in (1, 9, 80, 999)
    ]
    heights = [graph(each).get_figheight() for each in chains]
    assert heights[0] < heights[1] < heights[2] < 50
    assert heights[3] < 50


def test_a_look_at_the_record_changes_no_settings_of_matplotlib():
    before = dict(mpl.rcParams)
    graph(made(ROLLOUT))
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("flow.yaml", "a string"),
        (None, "null"),
        ({"tasks": []}, "an object"),
        (five_tasks(), "a value of type `FakeRun`"),
        (Figure(), "a value of type `Figure`"),
    ],
)
def test_any_other_value_is_refused_by_its_kind(value, kind):
    message = f"of a workflow or a run, not of {kind}; `attune_nb.load"
    with pytest.raises(TypeError, match=message):
        graph(value)


def test_pyplot_is_never_loaded():
    code = (
        "import sys, attune_nb; from attune_nb.charts import graph; "
        "graph(attune_nb.loads('tasks: [{name: a, action: core.noop}]')); "
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
