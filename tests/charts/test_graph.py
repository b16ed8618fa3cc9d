"""The graph of a workflow: boxes, edges, labels, states of a run, and sizes."""

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
from support.figures import drawn_texts, legend_texts
from support.layout_checks import any_overlap, assert_clear, inside, points_along
from support.pictures import clipped_shapes, overlapping_texts

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


def load(text):
    return attune_nb.loads(text)


def run(text, **options):
    return load(text).run(progress=False, **options)


def workflow_of(*tasks):
    """Return a workflow of tasks: each has its name, and the names of its targets."""
    lines = ["tasks:"]
    for name, *targets in tasks:
        transitions = ""
        if targets:
            transitions = f", next: [{{do: [{', '.join(targets)}]}}]"
        lines.append(f"  - {{name: {name}, action: core.noop{transitions}}}")
    return load("\n".join(lines))


def tree(count):
    """Return a workflow in which each task points at two later ones."""
    last = count - 1
    tasks = []
    for number in range(last):
        targets = {min(number * 2 + 1, last), min(number * 2 + 2, last)}
        tasks.append((f"t{number}", *(f"t{target}" for target in sorted(targets))))
    return workflow_of(*tasks, (f"t{last}",))


def chain(count):
    """Return a workflow in which each task points at the next one."""
    tasks = [(f"t{number}", f"t{number + 1}") for number in range(count)]
    return workflow_of(*tasks, (f"t{count}",))


def unconnected(count):
    """Return a workflow of tasks without transitions."""
    return workflow_of(*[(f"t{number}",) for number in range(count)])


def drawn_names(figure):
    """Return the drawn name of each task, by its path."""
    return {text.get_gid(): text for text in figure.axes[0].texts if text.get_gid()}


def shapes(figure, **style):
    """Return the boxes of the shapes with a style: their left, top, right and bottom."""
    boxes = []
    for collection in figure.axes[0].collections:
        if isinstance(collection, PathCollection) and has_style(collection, **style):
            boxes += [path.get_extents().extents for path in collection.get_paths()]
    return boxes


def has_style(collection, face=None, edge=None, hatch="any"):
    """Return whether shapes have a colour inside, a colour of their outline, and a hatch."""
    if face is not None and not has_colour(collection.get_facecolor(), face):
        return False
    if edge is not None and not has_colour(collection.get_edgecolor(), edge):
        return False
    return hatch == "any" or collection.get_hatch() == hatch


def has_colour(colours, colour):
    return len(colours) > 0 and to_hex(colours[0]).upper() == colour.upper()


def box_of(figure, path):
    """Return the box of a task: the smallest shape around the start of its name."""
    x, y = drawn_names(figure)[path].get_position()
    around = [box for box in closed_shapes(figure) if inside(np.array([[x, y]]), box).all()]
    return min(around, key=area)


def closed_shapes(figure):
    """Return the boxes of all shapes but edges, which are open."""
    boxes = []
    for collection in figure.axes[0].collections:
        paths = [path for path in collection.get_paths() if not is_open(path)]
        boxes += [path.get_extents().extents for path in paths]
    return boxes


def area(box):
    left, top, right, bottom = box
    return (right - left) * (bottom - top)


def contains(outer, inner):
    return all(outer[:2] <= inner[:2]) and all(outer[2:] >= inner[2:])


PARTS = [f"part_{number}" for number in range(12)]
DRAWN = {
    "one task": lambda: workflow_of(("a",)),
    "rollout": lambda: load(ROLLOUT),
    "run of rollout": lambda: run(ROLLOUT),
    "run of poll": lambda: run(POLL),
    "run of gather": lambda: run(GATHER),
    "run of fleet": lambda: run(FLEET),
    "fan": lambda: workflow_of(("split", *PARTS), *[(part,) for part in PARTS]),
    "sixty tasks": lambda: tree(60),
}


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", DRAWN)
def test_draws_without_a_warning(name, dark, tmp_path):
    figure = graph(DRAWN[name](), dark=dark)
    assert isinstance(figure, Figure)
    figure.savefig(tmp_path / "graph.png")
    assert (tmp_path / "graph.png").stat().st_size > 1000


@pytest.mark.parametrize("name", DRAWN)
def test_every_task_is_drawn_once(name):
    drawn = DRAWN[name]()
    workflow = getattr(drawn, "workflow", drawn)
    paths = [text.get_gid() for text in graph(drawn).axes[0].texts if text.get_gid()]
    assert Counter(paths) == Counter(path for path, _ in workflow.walk())


@pytest.mark.parametrize("name", DRAWN)
def test_no_text_leaves_its_box(name):
    figure = graph(DRAWN[name]())
    figure.draw_without_rendering()
    ax = figure.axes[0]

    for path, text in drawn_names(figure).items():
        extent = text.get_window_extent().transformed(ax.transData.inverted())
        left, top, right, bottom = box_of(figure, path)
        assert left < extent.x0 < extent.x1 < right
        assert top < extent.ymin < extent.ymax < bottom


@pytest.mark.parametrize("name", DRAWN)
def test_no_text_lies_on_another(name):
    figure = graph(DRAWN[name]())
    figure.draw_without_rendering()
    # fonts have some air
    air = np.array([0.5, 1.5, -0.5, -1.5])
    boxes = [text.get_window_extent().extents + air for text in figure.axes[0].texts]
    assert not any_overlap(boxes)


@pytest.mark.parametrize("name", DRAWN)
def test_no_edge_crosses_a_box_or_a_condition(name):
    plan = choose_plan(read_graph(DRAWN[name]()), PAGE, 0.0)
    assert len(plan.routes) == len(plan.layout.stations)
    assert_clear(plan.layout, sizes_of(plan), [], plan.routes)


def sizes_of(plan):
    """Return the size of each box, across and along the flow."""
    if plan.sideways:
        return [(box.height, box.width) for box in plan.boxes]
    return [(box.width, box.height) for box in plan.boxes]


def test_a_box_has_a_name_an_action_and_settings():
    texts = drawn_texts(graph(load(ROLLOUT)))
    assert {"build", "core.shell", "retry 3", "join all · delay 0.5 s"} <= set(texts)


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
    assert "with_items · retry 7 · when 1 < 2 · …" in drawn_texts(graph(load(text)))


@pytest.mark.parametrize(
    ("when", "label"),
    [
        ("succeeded()", "succeeded"),
        ("{{ timed_out() }}", "timed out"),
        ("{{ failed() and 1 < 2 }}", "failed() and 1 < 2"),
        ("{{- 1 < 2 -}}", "1 < 2"),
        ("{{ result().message == 'a very long text' }}", "result().message == 'a very l…"),
    ],
)
def test_a_condition_is_drawn_without_its_braces(when, label):
    task = f'{{name: a, action: core.noop, next: [{{when: "{when}", do: noop}}]}}'
    workflow = load(f"tasks: [{task}]")
    assert format_condition(workflow.tasks[0].next[0].when) == label
    assert label in drawn_texts(graph(workflow))


def test_a_transition_without_a_condition_has_no_label():
    texts = drawn_texts(graph(workflow_of(("a", "b"), ("b",))))
    assert texts == ["a", "core.noop", "b", "core.noop"]


def test_edges_of_one_transition_share_its_condition():
    # one of `build`, and one of `lint`
    assert drawn_texts(graph(load(ROLLOUT))).count("succeeded") == 2


def test_ends_are_marks_and_not_tasks():
    figure = graph(load(ROLLOUT))
    texts = drawn_texts(figure)

    assert texts.count("noop") == texts.count("fail") == 1
    assert not {"noop", "fail"} & drawn_names(figure).keys()
    assert figure.axes[0].get_title(loc="left") == "deploy.rollout · 5 tasks"


def test_an_end_that_no_transition_reached_is_faint():
    figure = graph(run(ROLLOUT))
    assert len(shapes(graph(load(ROLLOUT)), face=LIGHT.paper, edge=COLOURS["failed"])) == 1
    # the transition to `noop` fired
    assert len(shapes(figure, face=LIGHT.paper, edge=LIGHT.muted)) == 1


def test_a_join_is_marked():
    figure = graph(load(ROLLOUT))

    assert legend_texts(figure) == ["join"]
    [bar] = shapes(figure, face=LIGHT.ink)
    _, top, _, _ = box_of(figure, "publish")
    assert bar[1] < top < bar[3]


def test_the_mark_of_a_join_that_was_not_reached_is_faint():
    text = """
tasks:
  - {name: a, action: core.fail, input: {message: no}, next: [{when: succeeded(), do: b}]}
  - {name: b, action: core.noop, join: all}
"""
    figure = graph(run(text))
    assert shapes(figure, face=LIGHT.ink) == []
    # the mark, and the head of the arrow to it
    assert len(shapes(figure, face=LIGHT.waiting)) == 2


def test_a_parallel_task_encloses_its_tasks():
    figure = graph(load(GATHER))
    outer = box_of(figure, "gather")
    inner = [box_of(figure, f"gather/{name}") for name in ("users", "orders", "deeper")]

    assert all(contains(outer, box) for box in inner)
    assert not any_overlap(inner)
    assert contains(inner[2], box_of(figure, "gather/deeper/stock"))
    assert "parallel · 3 tasks" in drawn_texts(figure)


def test_states_are_colours_hatches_and_words():
    figure = graph(run(GATHER))
    texts = drawn_texts(figure)

    assert texts.count("succeeded") == 4
    # one of these is a condition
    assert texts.count("failed") == 3
    assert len(shapes(figure, face=COLOURS["succeeded"], hatch=None)) == 4
    assert len(shapes(figure, face=COLOURS["failed"], hatch="////")) == 2
    assert legend_texts(figure) == ["succeeded", "failed", "fired"]


def test_a_task_that_was_not_reached_is_muted():
    figure = graph(run(ROLLOUT))
    assert drawn_texts(figure).count("not reached") == 1
    assert drawn_names(figure)["publish"].get_color() == LIGHT.muted
    assert drawn_names(figure)["notify"].get_color() == LIGHT.ink


def test_items_are_counted():
    assert "failed · 10/10 · 2 failed" in drawn_texts(graph(run(FLEET)))


def test_attempts_are_counted():
    text = "tasks: [{name: a, action: core.fail, input: {message: x}, retry: {count: 2}}]"
    assert "failed · 3 attempts" in drawn_texts(graph(run(text)))


def test_visits_and_firings_are_counted():
    figure = graph(run(POLL))

    assert drawn_names(figure)["check"].get_text() == "check #3"
    assert drawn_names(figure)["begin"].get_text() == "begin"
    twice = "\N{MULTIPLICATION SIGN}2"
    assert {f"workflow.n < 2 · {twice}", twice} <= set(drawn_texts(figure))


def is_filled(collection):
    colours = collection.get_facecolor()
    return colours.size > 0 and colours[0][3] > 0


def test_a_transition_that_fired_is_drawn_stronger():
    figure = graph(run(POLL))
    lines = {}
    for collection in figure.axes[0].collections:
        if not is_filled(collection):
            lines[to_hex(collection.get_edgecolor()[0]).upper()] = collection

    fired = lines[LIGHT.ink]
    unfired = lines[LIGHT.waiting]
    assert len(fired.get_paths()) == 3
    assert len(unfired.get_paths()) == 1
    assert fired.get_linewidth()[0] > unfired.get_linewidth()[0]
    assert legend_texts(figure) == ["succeeded", "fired", "did not fire"]


def test_a_run_under_way_is_drawn_as_it_is():
    started = threading.Event()
    finish = threading.Event()

    def work():
        started.set()
        finish.wait(10)

    text = "tasks: [{name: a, action: work, next: [{do: b}]}, {name: b, action: core.noop}]"
    started_run = run(text, actions={"work": work}, background=True)
    try:
        assert started.wait(30)
        figure = graph(started_run)
        assert {"running", "not reached"} <= set(drawn_texts(figure))
        assert figure.axes[0].get_title(loc="left").endswith(" so far")
    finally:
        finish.set()
        started_run.wait(10)
    assert "running" not in drawn_texts(graph(started_run))


def test_a_question_waits_and_a_false_condition_skips():
    text = """
tasks:
  - {name: a, action: core.ask, input: {prompt: "go?"}}
  - {name: b, action: core.noop, when: "{{ false }}"}
"""
    started_run = run(text, background=True)
    while not started_run.questions:
        started_run.wait(0.01)
    figure = graph(started_run)
    started_run.cancel()
    started_run.wait(10)

    assert {"waiting", "skipped"} <= set(drawn_texts(figure))
    assert legend_texts(figure) == ["skipped", "waiting"]
    assert "cancelled" in drawn_texts(graph(started_run))


def test_the_legend_of_a_workflow_without_joins_is_left_out():
    assert legend_texts(graph(workflow_of(("a", "b"), ("b",)))) == []


def test_a_dollar_sign_is_a_dollar_sign():
    text = """
tasks:
  - {name: a, action: "$x^{$", next: [{when: "'$^{$' == ''", do: noop}]}
"""
    figure = graph(load(text))

    assert {"$x^{$", "'$^{$' == ''"} <= set(drawn_texts(figure))
    assert not any(text.get_parse_math() for text in figure.axes[0].texts)
    figure.savefig(io.BytesIO())


def test_control_characters_are_not_drawn():
    workflow = workflow_of(("a",))
    task = dataclasses.replace(workflow.tasks[0], action="a\x1b[31m\nb")
    assert drawn_texts(graph(dataclasses.replace(workflow.spec, tasks=(task,)))) == ["a", "a[31m b"]


def test_a_name_is_shortened_but_not_its_visits():
    name = "check_" * 8
    figure = graph(run(POLL.replace("check", name)))
    text = drawn_names(figure)[name].get_text()

    assert len(text) < 30
    # numbered names differ at their ends
    assert text.startswith("check_check_")
    assert text.endswith("check_ #3")
    assert "…" in text


def test_the_dark_theme_is_dark():
    figure = graph(run(ROLLOUT), dark=True)

    assert to_hex(figure.get_facecolor()).upper() == DARK.paper
    assert drawn_names(figure)["build"].get_color() == DARK.ink
    assert shapes(figure, face=DARK.paper)
    assert not shapes(figure, face=LIGHT.paper)


def test_axes_that_are_passed_get_the_colours_of_the_theme():
    figure = Figure()
    ax = figure.subplots()
    graph(load(POLL), ax=ax, dark=True)

    assert ax.patch.get_visible()
    assert to_hex(ax.get_facecolor()).upper() == DARK.paper


@pytest.mark.parametrize("layout", [None, "constrained", "tight"])
def test_draws_within_axes_that_are_passed(layout):
    figure = Figure(figsize=(12, 6), layout=layout)
    left, right = figure.subplots(1, 2)
    assert graph(load(ROLLOUT), ax=right) is figure
    assert not left.has_data()
    figure.draw_without_rendering()
    frame = right.get_window_extent()

    for text in right.texts:
        extent = text.get_window_extent()
        assert frame.x0 - 1 < extent.x0 < extent.x1 < frame.x1 + 1
        assert frame.y0 - 1 < extent.y0 < extent.y1 < frame.y1 + 1


@pytest.mark.parametrize("size", [(6, 6), (14, 4)])
def test_the_condition_of_a_loop_is_clear_of_every_edge(size):
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
    graph(load(text), ax=ax)
    figure.draw_without_rendering()

    [label] = [text for text in ax.texts if text.get_text() == "1 < 2"]
    extent = label.get_window_extent().transformed(ax.transData.inverted())
    box = np.array([extent.xmin, extent.ymin, extent.xmax, extent.ymax])

    edges = edge_paths(ax)
    assert len(edges) == 6
    assert not any(inside(points_along(edge), box).any() for edge in edges)


def edge_paths(ax):
    """Return the paths that are not closed, as those of edges are."""
    paths = []
    for collection in ax.collections:
        paths += [path for path in collection.get_paths() if is_open(path)]
    return paths


def is_open(path):
    return path.codes is not None and path.codes[-1] != Path.CLOSEPOLY


def test_draws_in_a_subfigure():
    figure = Figure(figsize=(12, 6))
    assert graph(run(POLL), ax=figure.subfigures(1, 2)[0].subplots()) is figure


def test_axes_too_small_for_text_get_shapes():
    figure = Figure(figsize=(2, 2))
    graph(run(ROLLOUT), ax=figure.subplots())
    assert drawn_texts(figure) == ["left out: names"]
    assert len(shapes(figure, face=COLOURS["failed"])) == 1


def test_a_wide_fork_flows_from_the_left_to_the_right():
    rollout = choose_plan(read_graph(DRAWN["rollout"]()), PAGE, 0.5)
    fan = choose_plan(read_graph(DRAWN["fan"]()), PAGE, 0.5)
    assert not rollout.sideways
    assert fan.sideways


def test_sixty_tasks_have_only_names_and_a_note():
    figure = graph(tree(60))
    assert len(drawn_names(figure)) == 60
    assert drawn_texts(figure)[0] == "left out: actions and settings of the tasks"


@pytest.mark.parametrize("make", [tree, chain, unconnected])
def test_a_hundred_and_fifty_tasks_keep_their_names(make):
    figure = graph(make(150))
    assert len(drawn_names(figure)) >= 150
    assert all(text.get_text() == path for path, text in drawn_names(figure).items())
    assert figure.get_figwidth() <= 10.1


def test_the_way_to_a_failure_is_drawn_in_full():
    long_name = "a_task_with_quite_a_long_name"
    steps = [(f"t{number}", f"t{number + 1}") for number in range(69)]
    workflow = workflow_of(*steps, ("t69", long_name, "beside"), (long_name,), ("beside",))
    failing = workflow.to_yaml().replace(
        f"name: {long_name}\n    action: core.noop",
        f"name: {long_name}\n    action: core.fail\n    input: {{message: no}}",
    )
    figure = graph(run(failing))

    names = drawn_names(figure)
    assert names[long_name].get_text() == long_name
    assert names[long_name].get_weight() == names["t0"].get_weight() == "bold"
    assert names["beside"].get_weight() == "normal"
    assert "path to a failure" in legend_texts(figure)

    unfilled = [
        collection for collection in figure.axes[0].collections if not is_filled(collection)
    ]
    [marked] = [
        collection for collection in unfilled if has_style(collection, edge=COLOURS["failed"])
    ]
    assert len(marked.get_paths()) == 70


def test_a_thousand_tasks_are_a_few_artists():
    figure = graph(tree(1000))
    assert len(figure.axes[0].get_children()) < 30
    assert drawn_texts(figure) == [
        "1,000 tasks, 1,498 transitions; left out: names, actions, settings and conditions"
    ]

    collections = figure.axes[0].collections
    assert sorted(len(collection.get_paths()) for collection in collections) == [1000, 1498]
    lines = [artist for artist in collections if isinstance(artist, LineCollection)]
    assert len(lines) == 1


def test_the_number_of_artists_is_independent_of_tasks():
    counts = []
    for tasks in (450, 900):
        figure = graph(tree(tasks).run(progress=False))
        counts.append(len(figure.axes[0].get_children()))
    assert counts[0] == counts[1]


def test_the_figure_grows_with_its_tasks_up_to_a_limit():
    heights = [graph(chain(count)).get_figheight() for count in (1, 9, 80, 999)]
    assert heights[0] < heights[1] < 20
    # longer chains are folded into columns
    assert heights[1] < max(heights[2:]) < 20


def test_drawing_changes_no_settings_of_matplotlib():
    before = dict(mpl.rcParams)
    graph(load(ROLLOUT))
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


def test_failed_items_are_counted_where_only_names_are_drawn():
    tasks = "".join(f"  - {{name: t{number}, action: core.noop}}\n" for number in range(80))
    assert "failed · 10/10 · 2 failed" in drawn_texts(graph(run(FLEET + tasks)))


def test_failed_tasks_are_named_beside_a_large_graph():
    text = tree(450).to_yaml()
    for name in ("t20", "t449"):
        text = text.replace(
            f"name: {name}\n    action: core.noop",
            f"name: {name}\n    action: core.fail\n    input: {{message: no}}",
        )
    figure = graph(run(text))

    names = drawn_names(figure)
    assert set(names) == {"t20", "t449"}
    assert names["t20"].get_position()[1] < names["t449"].get_position()[1]
    assert drawn_texts(figure)[0].endswith(", except of failed tasks")


def test_the_rest_of_many_failed_tasks_is_counted():
    tasks = "\n".join(
        f"  - {{name: t{number}, action: core.fail, input: {{message: no}}}}"
        for number in range(450)
    )
    figure = graph(run(f"tasks:\n{tasks}"))
    texts = drawn_texts(figure)
    assert texts[-1] == f"and {450 - len(texts) + 2:,} more: `run.failures()`"


def test_two_loops_of_a_task_have_their_conditions_apart():
    text = """
tasks:
  - {name: a, action: core.noop, next: [{do: b}]}
  - name: b
    action: core.noop
    next: [{when: succeeded(), do: b}, {when: "{{ 1 < 2 and 3 < 4 }}", do: b}]
"""
    figure = graph(load(text))
    assert {"succeeded", "1 < 2 and 3 < 4"} <= set(drawn_texts(figure))
    assert overlapping_texts(figure, air=1.0) == []


@pytest.mark.parametrize("count", [2, 60])
def test_the_arc_of_a_loop_stays_in_the_picture(count):
    """Also where conditions are left out, and beside the border."""
    workflow = workflow_of(*[(f"t{number}", f"t{number}") for number in range(count)], ("z", "t0"))
    assert clipped_shapes(graph(workflow)) == []


def test_names_are_kept_where_edges_need_too_much_space():
    """Such edges run below the boxes."""
    names = [f"t{number}" for number in range(120)]
    tasks = [(name, *names[number + 1 :: 5]) for number, name in enumerate(names)]
    figure = graph(workflow_of(*tasks))
    assert len(drawn_names(figure)) == 120
    assert [type(artist) for artist in figure.axes[0].collections].count(LineCollection) == 1
