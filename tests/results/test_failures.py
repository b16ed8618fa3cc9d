"""The description of a failure: the task, the item, and the user's own lines."""

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


def failure_of(text, parameters=None, **options):
    run = attune_nb.loads(text).run(parameters, actions={"ping": ping}, **options)
    assert run.status == "failed"
    return run.failure_text()


def test_the_first_failed_item_and_its_frames_are_shown():
    hosts = [{"name": "web"}, {"name": "db"}, {"name": "mail"}]
    text = failure_of(FAN_OUT, {"hosts": hosts})

    assert text.startswith("task `check`, item 1: {'name': 'db'}\nTraceback")
    assert "in ping" in text
    assert text.endswith("ConnectionError: no answer from db")
    assert "attune_nb/backends" not in text


def test_an_item_that_succeeded_in_a_retry_is_not_shown():
    calls = []

    def flaky(host):
        calls.append(host)
        if host == "mail" or calls.count(host) == 1:
            raise OSError(host)

    hosts = [{"name": "web"}, {"name": "mail"}]
    text = FAN_OUT + "    retry: {count: 1, delay: 0.001}\n"
    run = attune_nb.loads(text).run({"hosts": hosts}, actions={"ping": flaky})

    assert "item 1: {'name': 'mail'}" in run.failure_text()


def test_the_item_of_an_iterator_is_shown():
    text = failure_of(FAN_OUT, {"hosts": ({"name": name} for name in ("web", "db"))})
    assert "item 1: {'name': 'db'}" in text


def test_a_failed_expression_shows_the_workflows_lines():
    """There is no traceback."""
    text = failure_of(FAN_OUT, {"hosts": [{"name": "web"}, {}]})
    assert text.startswith("task `check`, item 1: {}\n")
    assert "has no `name`" in text
    assert '    7 |     input: {host: "{{ item.name }}"}\n' in text
    assert text.rstrip().endswith("^")
    assert "Traceback" not in text
    assert text.count("line 7") == 1


def test_a_task_without_items_is_shown_by_its_name():
    text = failure_of("tasks: [{name: a, action: ping, input: {host: db}}]")
    assert text.startswith("task `a`\nTraceback")


def test_a_large_item_is_shown_as_a_summary():
    text = failure_of(FAN_OUT, {"hosts": [{"name": "db", "log": ["line"] * 100_000}]})
    assert text.startswith("task `check`, item 0: an object of 2: name, log\n")


def test_a_secret_in_an_item_is_masked():
    keystore = {"token": "hunter2-hunter2"}
    text = failure_of(FAN_OUT, {"hosts": [{"name": "hunter2-hunter2"}]}, keystore=keystore)

    assert "item 0: {'name': '***'}" in text
    assert "hunter2" not in text


def test_a_run_that_succeeded_has_no_description():
    run = attune_nb.loads(FAN_OUT).run({"hosts": []}, actions={"ping": ping})
    assert run.failure_text() == ""


def test_the_description_has_no_characters_that_a_terminal_obeys():
    text = failure_of(FAN_OUT, {"hosts": [{"name": "\x1b[2J\x07db"}]})
    assert "no answer from [2Jdb" in text
    assert text.replace("\n", "").isprintable()
