"""Alerts of a run about promises that its pack actions did not keep."""

from support.item_runs import until
from support.packs import find_action, write_action

import attune_nb
from attune_nb.packs.options import PackOptions
from attune_nb.packs.process.pack_function import PackFunction


def run_script(folder, script, text, **keys):
    write_action(folder, script, **keys)
    function = PackFunction(find_action("kit.act", folder), PackOptions())
    return attune_nb.loads(text).run(actions={"kit.act": function})


def test_json_that_did_not_come_is_an_alert(tmp_path):
    text = "tasks: [{name: act, action: kit.act}]"

    run = run_script(tmp_path, "echo hello", text, output_format="json")

    assert run.status == "succeeded"
    assert run.alerts == ["`act`: `output_format: json` promises JSON, but the output has none"]


def test_an_alert_about_items_gives_their_number(tmp_path):
    text = "tasks: [{name: act, action: kit.act, with_items: [1, 2, 3], input: {n: '{{ item }}'}}]"
    script = 'read -r line; [ "$line" = \'{"n":2}\' ] && echo "$line"; exit 0'

    run = run_script(tmp_path, script, text, output_format="json")

    assert run.alerts == [
        "`act`: `output_format: json` promises JSON, but nothing was printed (2 of 3 items)"
    ]


def test_a_line_break_in_dotenv_is_an_alert(tmp_path):
    text = 'tasks: [{name: act, action: kit.act, input: {note: "a\\nb"}}]'

    run = run_script(tmp_path, "cat", text, parameter_format="dotenv")

    assert run.result("act")["stdout"] == "note='a\nb'\n"
    (alert,) = run.alerts
    assert alert.startswith("`act`: the parameter `note` holds a line break, which `dotenv` cannot")
    assert "set `parameter_format: json`" in alert


def test_a_run_without_warnings_has_no_alert(tmp_path):
    run = run_script(tmp_path, "echo hello", "tasks: [{name: act, action: kit.act}]")

    assert run.alerts == []


THOUSAND_PROCESSES = """
tasks:
  - name: act
    action: kit.act
    with_items: "{{ range(1000) }}"
    concurrency: 4
"""


def test_a_dry_run_says_what_many_processes_take(tmp_path):
    """A process of Python takes about 150 ms."""
    folder = write_action(tmp_path, "print()", name="act.py", runner_type="python")

    run = attune_nb.loads(THOUSAND_PROCESSES).run(packs=[folder], dry_run=True)

    (alert,) = run.alerts
    assert alert == (
        "`act` starts a process for each of its 1,000 items: about 150 ms each, 37.5 s in all at "
        "`concurrency: 4`; a higher `concurrency` takes less"
    )


def test_a_run_in_progress_says_what_its_processes_take(tmp_path):
    """The processes that have ended are the measure."""
    folder = write_action(tmp_path, "sleep 0.02")

    run = attune_nb.loads(THOUSAND_PROCESSES).run(packs=[folder], background=True)
    until(lambda: run.tasks["attempts"].sum() >= 10)
    alerts = run.alerts
    run.cancel(force=True)
    run.wait()

    assert alerts[0].startswith("`act` starts a process for each of its 1,000 items: about ")


def test_few_processes_need_no_alert(tmp_path):
    text = THOUSAND_PROCESSES.replace("1000", "999")

    assert attune_nb.loads(text).run(packs=[write_action(tmp_path, "")], dry_run=True).alerts == []
