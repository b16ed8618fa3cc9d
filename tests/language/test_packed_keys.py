"""Keys of the Attune platform in a workflow's text."""

import attune_nb

DRAWN = """
tasks:
  - name: build
    action: core.noop
    trace_tag_template: "{{ parameters.version }}"
    __chart_meta__: {position: {x: 80, y: 40}}
    next:
      - do: ship
        __chart_meta__: {label: built, color: "#3b82f6"}
  - name: ship
    action: core.noop
"""


def test_the_drawing_of_a_transition_is_kept():
    (transition,) = attune_nb.loads(DRAWN).tasks[0].next
    assert transition.attune_fields == {"__chart_meta__": {"label": "built", "color": "#3b82f6"}}


def test_the_keys_of_the_platform_are_written_again():
    text = attune_nb.loads(DRAWN).to_yaml()

    assert 'trace_tag_template: "{{ parameters.version }}"' in text
    assert 'color: "#3b82f6"' in text
    assert attune_nb.loads(text) == attune_nb.loads(DRAWN)
