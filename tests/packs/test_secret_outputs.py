"""A part of an output that is declared `secret` goes to other tasks, and is shown nowhere."""

import pytest
from support.packs import find_action, write_action
from support.secret_search import read_files, visible_data

import attune_nb
from attune_nb.errors import StoreError
from attune_nb.packs.options import PackOptions
from attune_nb.packs.process.pack_function import PackFunction

SECRET = "tok-48xk2-97"

TEXT = """
tasks:
  - name: login
    action: kit.act
    input: {token: "{{ 'tok-' ~ parameters.number ~ '-97' }}"}
    next: [{do: use, publish: [{key: "{{ result().data.token }}"}]}]
  - name: use
    action: use
    input: {token: "{{ task.login.data.token }}", key: "{{ workflow.key }}"}
parameters: {number: {type: string}}
"""


@pytest.fixture
def login(tmp_path):
    """Return an action that prints its input, of which `token` is secret."""
    folder = write_action(tmp_path / "kit", "cat", output_format="json")
    with (folder / "actions" / "act.yaml").open("a") as file:
        file.write("output: {token: {type: string, secret: true}}\n")
    return PackFunction(find_action("kit.act", folder), PackOptions())


def test_a_secret_output_is_used_and_never_shown(login, tmp_path):
    used = []

    def use(token, key):
        used.append((token, key))
        return f"used {token}"

    run = attune_nb.loads(TEXT).run(
        {"number": "48xk2"}, actions={"kit.act": login, "use": use}, store=tmp_path / "runs.db"
    )

    assert used == [(SECRET, SECRET)]
    assert run.result("login")["data"] == {"token": "***"}
    assert run.result("use") == "used ***"
    assert SECRET.encode() not in visible_data(run, "login", "use")
    assert SECRET.encode() not in read_files(tmp_path)


def test_secret_outputs_of_items_are_hidden(login, tmp_path):
    text = """
tasks:
  - name: login
    action: kit.act
    with_items: "{{ range(3) }}"
    keep_results: store
    input: {token: "{{ 'tok-' ~ item ~ '-48xk2' }}"}
output_map: {tokens: "{{ task.login.result | map(attribute='data.token') | list }}"}
"""

    run = attune_nb.loads(text).run(actions={"kit.act": login}, store=tmp_path / "runs.db")

    assert run.output == {"tokens": ["***", "***", "***"]}
    assert b"-48xk2" not in visible_data(run, "login").replace(b"~ '-48xk2'", b"")


def test_a_fork_of_a_record_cannot_read_a_secret_output(login, tmp_path):
    """The record does not hold it; the task that made it must run again."""
    path = tmp_path / "runs.db"
    actions = {"kit.act": login, "use": lambda token, key: None}
    run = attune_nb.loads(TEXT).run({"number": "48xk2"}, actions=actions, store=path)

    stored = attune_nb.open_run(run.run_id, path)

    with pytest.raises(StoreError, match="held a secret that no record holds; fork the run at"):
        stored.fork("use", actions=actions)
    assert stored.fork("login", actions=actions).status == "succeeded"


@pytest.fixture
def echo(tmp_path):
    """Return an action that prints its input, in which a parameter is secret."""
    folder = write_action(tmp_path / "kit", "cat", output_format="json")
    with (folder / "actions" / "act.yaml").open("a") as file:
        file.write("parameters: {token: {secret: true}, port: {}}\n")
    return PackFunction(find_action("kit.act", folder), PackOptions())


@pytest.mark.parametrize("backend", ["threads", "processes"])
def test_a_secret_parameter_that_is_printed_is_hidden(echo, tmp_path, backend):
    """A template made it, so the run does not know it. Later tasks get it."""
    used = []
    run = attune_nb.loads(TEXT).run(
        {"number": "48xk2"},
        actions={"kit.act": echo, "use": lambda token, key: used.append((token, key))},
        store=tmp_path / "runs.db",
        backend=backend,
    )

    if backend == "threads":
        assert used == [(SECRET, SECRET)]
    assert run.result("login")["data"] == {"token": "***"}
    assert set(run.result("login")) == {"exit_code", "duration_ms", "succeeded", "data", "stderr"}
    assert SECRET.encode() not in visible_data(run, "login", "use")
    assert SECRET.encode() not in read_files(tmp_path)


@pytest.mark.parametrize("action", ["login", "echo"])
def test_secrets_do_not_stay_on_a_cluster(action, request, cluster):
    """The engine could not hide them there."""
    text = """
tasks:
  - name: act
    action: kit.act
    keep_results: cluster
    with_items: [1, 2]
    input: {token: "{{ 'tok-' ~ item ~ '-48xk2' }}"}
"""

    run = attune_nb.loads(text).run(
        actions={"kit.act": request.getfixturevalue(action)}, backend="dask"
    )

    tokens = [result["data"] for result in run.result("act")]
    assert tokens == [{"token": "***"}, {"token": "***"}]


def test_a_secret_parameter_does_not_change_the_data(echo):
    """A secret object may have a port or a name that other data has, too."""
    text = """
tasks:
  - name: act
    action: kit.act
    with_items: [1, 2]
    input: {token: {port: "{{ item - item + 22 }}"}, port: "{{ 20 + 2 }}"}
    next: [{do: use}]
  - {name: use, action: use, input: {port: "{{ task.act.result[1].data.port }}"}}
"""
    ports = []

    def use(port):
        ports.append(port)

    run = attune_nb.loads(text).run(actions={"kit.act": echo, "use": use})

    assert run.status == "succeeded", run.failure_text()
    assert ports == [22]


def test_a_secret_parameter_in_the_text_is_hidden(tmp_path):
    """Its value stands in the workflow, which a record and a page would show."""
    folder = write_action(tmp_path / "kit", "cat")
    with (folder / "actions" / "act.yaml").open("a") as file:
        file.write("parameters: {token: {type: string, secret: true}}\n")
    text = f"tasks: [{{name: act, action: kit.act, input: {{token: {SECRET}}}}}]"

    run = attune_nb.loads(text).run(packs=[folder], store=tmp_path / "runs.db")

    assert run.result("act")["stdout"] == '{"token":"***"}\n'
    assert SECRET.encode() not in read_files(tmp_path)
