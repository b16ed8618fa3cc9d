"""A run leaves the random numbers of the user's code alone: seeded results can be repeated."""

import random

import pytest

import attune_nb

TEXT = """
tasks:
  - name: draw
    action: draw
    with_items: "{{ range(5) }}"
    input: {index: "{{ item }}"}
    next: [{do: after}]
  - {name: after, action: core.echo, input: {message: "{{ uuid() }}"}}
"""


@pytest.mark.parametrize("backend", ["inline", "threads"])
def test_a_seeded_action_draws_the_same_numbers_in_each_run(backend):
    results = []
    for _ in range(2):
        random.seed(7)
        run = attune_nb.loads(TEXT).run(
            actions={"draw": lambda index: random.random()}, backend=backend, progress=False
        )
        results.append(run.result("draw"))

    expected = random.Random(7)
    assert results == [[expected.random() for _ in range(5)]] * 2
