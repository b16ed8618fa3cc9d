"""The graph of a workflow, with the state of a run in it."""
