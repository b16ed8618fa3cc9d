"""A workflow draws its own graph, as a run does."""

import attune_nb

TEXT = "tasks: [{name: fetch, action: core.noop, next: [{do: store}]}, {name: store, action: x}]\n"


def test_a_workflow_draws_its_graph():
    workflow = attune_nb.loads(TEXT)
    texts = [text.get_text() for text in workflow.graph().axes[0].texts]
    assert {"fetch", "store"} <= set(" ".join(texts).split())
    assert workflow.graph(dark=True).get_facecolor() != workflow.graph().get_facecolor()
