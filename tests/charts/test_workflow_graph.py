"""A workflow draws its own graph, as a run does; the charts of a dry run say so."""

import pytest

import attune_nb

TEXT = "tasks: [{name: fetch, action: core.noop, next: [{do: store}]}, {name: store, action: x}]\n"


def test_a_workflow_draws_its_graph():
    workflow = attune_nb.loads(TEXT)
    texts = [text.get_text() for text in workflow.graph().axes[0].texts]
    assert {"fetch", "store"} <= set(" ".join(texts).split())
    assert workflow.graph(dark=True).get_facecolor() != workflow.graph().get_facecolor()


@pytest.mark.parametrize("chart", ["graph", "timeline"])
def test_the_charts_of_a_dry_run_say_so(chart):
    run = attune_nb.loads(TEXT).run(dry_run=True, progress=False)
    title = getattr(run, chart)().axes[0].get_title(loc="left")
    assert " · succeeded · dry run · " in title
