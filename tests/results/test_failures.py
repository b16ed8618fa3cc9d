"""What is told of a run that failed: the task, the item, its index, and the user's own lines."""

import attune_nb

FAN_OUT = """
parameters: {hosts: {}}
tasks:
  - name: check
    action: ping
    with_items: "{{ parameters.hosts }}"
    input: {host: "{{ item.name }}"}
"""


def ping(host):
    if host != "web":
        raise ConnectionError(f"no answer from {host}")


def told(text, parameters=None, **options):
    run = attune_nb.loads(text).run(parameters, actions={"ping": ping}, **options)
    assert run.status == "failed"
    return run.failure_text()


def test_the_first_failed_item_is_told_with_its_index_and_the_users_frames():
    hosts = [{"name": "web"}, {"name": "db"}, {"name": "mail"}]
    text = told(FAN_OUT, {"hosts": hosts})
    assert text.startswith("task `check`, item 1: {'name': 'db'}\nTraceback")
    assert "in ping" in text
    assert text.endswith("ConnectionError: no answer from db")
    assert "attune_nb/backends" not in text


def test_an_item_that_succeeded_in_the_end_is_no_failure():
    seen = []

    def flaky(host):
        seen.append(host)
        if host == "mail" or seen.count(host) == 1:
            raise OSError(host)

    hosts = [{"name": "web"}, {"name": "mail"}]
    text = FAN_OUT + "    retry: {count: 1, delay: 0.001}\n"
    run = attune_nb.loads(text).run({"hosts": hosts}, actions={"ping": flaky})
    assert "item 1: {'name': 'mail'}" in run.failure_text()


def test_the_item_of_a_source_that_can_be_read_once_is_told_too():
    text = told(FAN_OUT, {"hosts": ({"name": each} for each in ("web", "db"))})
    assert "item 1: {'name': 'db'}" in text


def test_an_expression_that_fails_shows_the_lines_of_the_workflow_and_no_traceback():
    text = told(FAN_OUT, {"hosts": [{"name": "web"}, {}]})
    assert text.startswith("task `check`, item 1: {}\n")
    assert "has no `name`" in text
    assert '    7 |     input: {host: "{{ item.name }}"}\n' in text
    assert text.rstrip().endswith("^")
    assert "Traceback" not in text
    assert text.count("line 7") == 1


def test_a_task_without_items_is_told_by_its_name():
    text = told("tasks: [{name: a, action: ping, input: {host: db}}]")
    assert text.startswith("task `a`\nTraceback")


def test_a_large_item_is_told_by_what_it_is():
    text = told(FAN_OUT, {"hosts": [{"name": "db", "log": ["line"] * 100_000}]})
    assert text.startswith("task `check`, item 0: an object of 2: name, log\n")


def test_a_secret_in_an_item_is_not_told():
    keystore = {"token": "hunter2-hunter2"}
    text = told(FAN_OUT, {"hosts": [{"name": "hunter2-hunter2"}]}, keystore=keystore)
    assert "item 0: {'name': '***'}" in text
    assert "hunter2" not in text


def test_nothing_is_told_of_a_run_that_succeeded():
    run = attune_nb.loads(FAN_OUT).run({"hosts": []}, actions={"ping": ping})
    assert run.failure_text() == ""
