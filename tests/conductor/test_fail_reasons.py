"""The error of a run that went to `fail`: that of the task whose failure led there."""

import pytest

import attune_nb

DEPLOY = """
tasks:
  - name: deploy
    action: core.shell
    input: {cmd: "echo disk full >&2; exit 5"}
    next:
      - {when: "{{ failed() }}", do: cleanup}
  - name: cleanup
    action: core.noop
    next: [{do: fail}]
"""


def run(text, **options):
    return attune_nb.loads(text).run(**options)


def test_the_error_of_the_handled_task_is_the_reason():
    failed_run = run(DEPLOY)

    assert failed_run.status == "failed"
    assert failed_run.error == (
        "task `deploy` failed: command exited with 5: disk full; handled by `cleanup`, then `fail`"
    )
    with pytest.raises(attune_nb.RunFailed, match="command exited with 5: disk full; handled by"):
        failed_run.raise_for_status()


def test_all_handlers_on_the_way_are_named():
    text = DEPLOY.replace("[{do: fail}]", "[{do: report}]")
    text += "  - {name: report, action: core.noop, next: [{do: fail}]}\n"

    assert run(text).error.endswith("disk full; handled by `cleanup`, `report`, then `fail`")


def test_a_task_may_lead_its_own_failure_to_fail():
    text = DEPLOY.replace("do: cleanup", "do: fail").partition("  - name: cleanup")[0]
    assert run(text).error == "task `deploy` failed: command exited with 5: disk full; then `fail`"


def test_a_task_that_did_not_fail_chose_fail_itself():
    text = "tasks: [{name: judge, action: core.noop, next: [{do: fail}]}]"
    assert run(text).error == "task `judge` went to `fail`"


def test_a_failure_that_was_mended_is_no_reason():
    text = """
vars: [{tries: 0}]
tasks:
  - name: start
    action: core.noop
    next: [{do: poll}]
  - name: poll
    action: poll
    next:
      - {when: "{{ failed() }}", do: poll}
      - {when: "{{ succeeded() }}", do: judge}
  - {name: judge, action: core.noop, next: [{do: fail}]}
"""
    answers = iter([TimeoutError("no answer"), None])

    def poll():
        answer = next(answers)
        if answer is not None:
            raise answer

    assert run(text, actions={"poll": poll}).error == "task `judge` went to `fail`"


def test_each_failed_task_before_a_join_is_a_reason():
    text = """
tasks:
  - {name: a, action: core.fail, input: {message: no disk}, next: [{when: "{{ failed() }}", do: c}]}
  - {name: b, action: core.fail, input: {message: no host}, next: [{when: "{{ failed() }}", do: c}]}
  - {name: c, action: core.noop, join: all, next: [{do: fail}]}
"""
    assert run(text, backend="inline").error == (
        "task `a` failed: no disk, and task `b` failed: no host; handled by `c`, then `fail`"
    )


def test_the_reason_is_on_record(tmp_path):
    store = tmp_path / "runs.db"
    failed_run = run(DEPLOY, store=store)

    assert attune_nb.open_run(failed_run.run_id, store).error == failed_run.error
