"""A secret of a child run is hidden in its parent, too, if the child's output holds it."""

import attune_nb

SECRET = "open-sesame"
ASKS = """
ref: ops.child
tasks:
  - name: ask
    action: core.ask
    input: {prompt: the key?, response_schema: {type: string, secret: true}}
output_map: {key: "got {{ task.ask.result.response }}"}
"""
TAKES = """
ref: ops.child
parameters: {key: {type: string, secret: true}}
tasks: [{name: nothing, action: core.noop}]
output_map: {key: "got {{ parameters.key }}"}
"""
PARENT = """
tasks:
  - name: go
    action: ops.child
    %s
    next: [{do: use}]
  - {name: use, action: use, input: {key: "{{ task.go.result.key }}"}}
output_map: {key: "{{ task.go.result.key }}"}
"""


def run(child, more, tmp_path, **options):
    used = []

    def use(key):
        used.append(key)

    outer = attune_nb.loads(PARENT % more).run(
        actions={"child": attune_nb.loads(child), "use": use},
        store=tmp_path / "runs.db",
        progress=False,
        **options,
    )
    assert outer.status == "succeeded", outer.error
    # the next task gets the secret itself
    assert used == [f"got {SECRET}"]
    return outer


def assert_hidden(outer, tmp_path):
    assert outer.output == {"key": "got ***"}
    assert outer.result("go") == {"key": "got ***"}
    assert SECRET not in repr(outer) + outer._repr_html_()
    assert SECRET.encode() not in b"".join(file.read_bytes() for file in tmp_path.iterdir())


def test_a_secret_answer_that_a_child_returns_is_hidden(tmp_path):
    outer = run(ASKS, "", tmp_path, answers={"go/ask": SECRET})
    assert_hidden(outer, tmp_path)


def test_a_secret_parameter_that_a_child_returns_is_hidden(tmp_path):
    outer = run(TAKES, "input: {key: \"{{ 'open-' ~ 'sesame' }}\"}", tmp_path)
    assert_hidden(outer, tmp_path)


def test_a_secret_in_the_config_is_hidden_in_the_rows_of_children(tmp_path):
    """As in the row of the outermost run."""
    outer = attune_nb.loads("tasks: [{name: go, action: ops.child}]").run(
        actions={"child": attune_nb.loads("ref: ops.child\ntasks: [{name: a, action: core.noop}]")},
        config={"url": f"https://x/?key={SECRET}"},
        keystore={"key": SECRET},
        store=tmp_path / "runs.db",
        progress=False,
    )
    assert outer.child("go").status == "succeeded"
    assert SECRET.encode() not in b"".join(file.read_bytes() for file in tmp_path.iterdir())
