"""A dry run whose expressions read results that no action made: it goes on, and says which mock."""

import pytest

import attune_nb

ROLLOUT = """
parameters: {limit: {type: integer, default: 3}}
tasks:
  - name: find
    action: find
    next: [{do: check}]
  - name: check
    action: check
    with_items: "{{ task.find.result.hosts }}"
    input: {host: "{{ item.name }}"}
    next:
      - when: "{{ task.find.result.ready }}"
        do: deploy
        publish: [{count: "{{ result() | length }}"}]
      - {when: "{{ task.find.result.broken }}", do: fail}
  - name: deploy
    action: deploy
    input: {version: "{{ task.find.result.version }}", limit: "{{ parameters.limit }}"}
    next: [{do: report}]
  - {name: report, action: report, input: {text: "{{ task.deploy.result.text | upper }}"}}
output_map: {text: "{{ task.report.result.text }}"}
"""


def dry_run(text, **options):
    return attune_nb.loads(text).run(dry_run=True, progress=False, **options)


def statuses(run):
    return dict(zip(run.tasks["task"], run.tasks["status"], strict=True))


def notes(run):
    """Return the mocks that the alerts ask for, by the reader of the result."""
    mocks = {}
    for alert in run.alerts:
        reader, _, advice = alert.partition(" reads the result of ")
        mocks.setdefault(reader, []).append(advice.rpartition("as in ")[2])
    return mocks


def test_a_dry_run_goes_on_to_its_end():
    run = dry_run(ROLLOUT)
    assert run.status == "succeeded"
    assert statuses(run) == dict.fromkeys(["find", "check", "deploy", "report"], "succeeded")
    assert run.output is None


@pytest.mark.parametrize("path", ["task.find.json.hosts", "task.find.result.json.hosts"])
def test_a_mock_has_all_keys_that_are_read(path):
    text = f"""
tasks:
  - {{name: find, action: find, next: [{{do: use}}]}}
  - {{name: use, action: use, input: {{hosts: "{{{{ {path} }}}}"}}}}
"""
    assert notes(dry_run(text)) == {"`use`": ['`--mock find={"json": {"hosts": ...}}`']}


def test_each_missing_mock_is_named():
    assert notes(dry_run(ROLLOUT)) == {
        "`check`": [
            '`--mock find={"hosts": ...}`',
            '`--mock find={"ready": ...}`',
            '`--mock find={"broken": ...}`',
        ],
        "`deploy`": ['`--mock find={"version": ...}`'],
        "`report`": ['`--mock deploy={"text": ...}`'],
        "the output": ['`--mock report={"text": ...}`'],
    }


def test_a_note_says_what_cannot_be_evaluated():
    (alert,) = [alert for alert in dry_run(ROLLOUT).alerts if alert.startswith("`deploy`")]
    assert "which no action made in this dry run (" in alert
    assert "task.find.result.version" in alert
    assert "line 18" in alert


def test_with_the_mocks_nothing_is_missing():
    fleet = {
        "hosts": [{"name": "a"}, {"name": "b"}],
        "version": 2,
        "ready": True,
        "broken": False,
    }
    mocks = {"find": fleet, "deploy": {"text": "done"}, "report": {"text": "DONE"}}
    run = dry_run(ROLLOUT, mock=mocks)
    assert run.alerts == []
    assert run.output == {"text": "DONE"}
    assert run.context.variables["count"] == 2


def test_items_without_a_result_succeed_as_null():
    text = """
tasks:
  - {name: find, action: find, with_items: "{{ [1, 2] }}", next: [{do: check}]}
  - name: check
    action: check
    with_items: "{{ task.find.result }}"
    input: {host: "{{ item.name }}"}
"""
    run = dry_run(text)
    assert run.items("check")["status"].tolist() == ["succeeded", "succeeded"]
    assert notes(run) == {"`check`": ["`--mock find=...`"]}
    assert "0 failed" in repr(run)


def test_a_variable_leads_to_the_task_that_published_it():
    text = """
tasks:
  - {name: find, action: find, next: [{do: use, publish: [{host: "{{ result() }}"}]}]}
  - {name: use, action: use, input: {name: "{{ workflow.host.name }}"}}
"""
    run = dry_run(text)
    assert notes(run) == {"`use`": ['`--mock find={"name": ...}`']}


def test_a_cycle_of_a_dry_run_ends():
    text = """
tasks:
  - name: page
    action: page
    next: [{when: "{{ result().more }}", do: page}, {when: "{{ result().last }}", do: end}]
  - {name: end, action: end}
  - {name: begin, action: begin, next: [{do: page}]}
"""
    run = dry_run(text)
    assert statuses(run) == {"begin": "succeeded", "page": "succeeded", "end": "succeeded"}
    assert notes(run)["`page`"] == ["`--mock page=...`"] * 2


def test_another_error_of_a_dry_run_still_fails():
    text = """
parameters: {limits: {type: object, default: {}}}
tasks:
  - {name: find, action: find, next: [{do: use}]}
  - {name: use, action: use, input: {most: "{{ parameters.limits.most }}"}}
"""
    run = dry_run(text)
    assert statuses(run) == {"find": "succeeded", "use": "failed"}


def test_a_real_run_does_not_go_on():
    text = """
tasks:
  - {name: find, action: core.noop, next: [{do: use}]}
  - {name: use, action: core.echo, input: {message: "{{ task.find.result.text.more }}"}}
"""
    run = attune_nb.loads(text).run(progress=False)
    assert run.status == "failed"


def test_the_notes_are_on_record(tmp_path):
    run = dry_run(ROLLOUT, store=tmp_path / "runs.db")
    recorded = attune_nb.open_run(run.run_id, tmp_path / "runs.db")
    assert recorded.alerts == run.alerts != []
    assert statuses(recorded) == statuses(run)
    assert recorded.events == run.events


@pytest.mark.parametrize("view", [repr, lambda run: run._repr_html_()], ids=["text", "HTML"])
def test_the_notes_are_shown(view):
    run = dry_run(ROLLOUT)
    assert "which no action made in this dry run" in view(run)


def test_a_result_that_has_no_items_needs_an_array():
    text = """
tasks:
  - {name: find, action: find, next: [{do: check}]}
  - {name: check, action: check, with_items: "{{ task.find.result }}", next: [{do: count}]}
  - {name: count, action: count, input: {n: "{{ task.find.result | length }}"}}
"""
    run = dry_run(text)
    assert statuses(run) == dict.fromkeys(["find", "check", "count"], "succeeded")
    assert notes(run) == {"`check`": ["`--mock find=[...]`"], "`count`": ["`--mock find=[...]`"]}


def test_a_condition_of_a_task_counts_as_true():
    text = """
tasks:
  - {name: find, action: find, next: [{do: use}]}
  - {name: use, action: use, when: "{{ task.find.result.ready }}"}
"""
    run = dry_run(text)
    assert statuses(run) == {"find": "succeeded", "use": "succeeded"}


def test_tasks_within_a_parallel_task_lack_a_result():
    text = """
tasks:
  - name: both
    type: parallel
    tasks: [{name: left, action: left}, {name: right, action: right}]
    next: [{do: use}]
  - {name: use, action: use, input: {size: "{{ task.both.result.left.size }}"}}
"""
    assert notes(dry_run(text)) == {"`use`": ['`--mock both={"left": {"size": ...}}`']}
    mocks = {"left": {"size": 3}, "right": 1}
    assert dry_run(text, mock=mocks).alerts == []
