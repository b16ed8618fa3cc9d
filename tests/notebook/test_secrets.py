"""No byte of a secret is in the store, a page, a log, a picture or any repr of a run."""

import base64
import io
import logging
import re
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

import attune_nb
from attune_nb.notebook.publish import publish

pytestmark = [
    # of Jupyter's own packages
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.timeout(240),
]

PARAMETER = "hunter2-hunter2"
KEY = 'open "sesame"\n& more'
DEFAULT = "a-default-of-mine"

SECRET_PARTS = [
    *(text.encode() for text in (PARAMETER, DEFAULT, "sesame", "hunter2", "a-default")),
    # PARAMETER in base64, alone and after `me:`
    b"aHVudGVyMi1odW50ZXIy",
    b"h1bnRlcjItaHVudGVy",
    DEFAULT.encode().hex().encode(),
]
TEXT = """
label: hidden
parameters:
  hosts: {type: array}
  token: {type: string, secret: true}
  other: {type: string, secret: true, default: a-default-of-mine}
vars: [{header: "Bearer {{ parameters.token }}"}]
tasks:
  - name: call
    action: call
    with_items: "{{ parameters.hosts }}"
    retry: {count: 1}
    input:
      host: "{{ item }}"
      header: "{{ workflow.header }}"
      key: "{{ keystore.key }}"
      other: "{{ parameters.other }}"
    next: [{do: [ask, tell], publish: [{seen: "{{ result() }}"}]}]
  - {name: tell, action: core.echo, input: {message: "{{ workflow.header }} {{ keystore.key }}"}}
  - {name: ask, action: core.ask, input: {prompt: "use {{ parameters.token }}?"}}
output_map: {seen: "{{ workflow.seen }}", header: "{{ workflow.header }}"}
"""


@dataclass
class Login:
    password: str


def call(host, header, key, other):
    logging.getLogger("attune_nb").warning("calling %s", host)
    if host == 1:
        raise ValueError(f"{header} was refused with {key}, {key!r}, {other}")
    basic = base64.b64encode(f"me:{PARAMETER}".encode()).decode()
    return {
        "header": header,
        "key": key,
        "nested": [other, {key: header}],
        "raw": header.encode(),
        "forms": [basic, other.encode().hex(), {other.encode()}],
    }


def call_with_objects(host, header, key, other):
    result = call(host, header, key, other)
    return {**result, "login": Login(header), "path": Path("/srv") / other}


def visible_data(run):
    """Return everything that can be seen of a run, as one text."""
    parts = [
        run,
        run._repr_html_(),
        run.events,
        run.output,
        run.error,
        run.errors(),
        run.failure_text(),
        run.alerts,
        run.metrics,
        run.result("call"),
        run.result("tell"),
        run.workflow,
        run.workflow._repr_html_(),
        run.summary(),
        run.questions,
    ]
    frames = (
        run.tasks,
        run.items("call"),
        run.items("call", expand=True),
        run.failures(),
        run.successes(),
        run.attempts(),
        run.diff(run),
    )
    for frame in frames:
        parts += [frame.to_csv(), frame.to_html()]

    for context in (run.context, run.context_at("tell")):
        parts += [
            context,
            context._repr_html_(),
            dict(context.variables),
            context.parameters,
            context.keystore,
        ]

    for figure in (run.timeline(), run.graph()):
        picture = io.StringIO()
        figure.savefig(picture, format="svg")
        parts.append(picture.getvalue())
    return "\n".join(f"{part}\n{part!r}" for part in parts).encode()


def find_secrets(data):
    """Return the parts of secrets that are in some data."""
    return [part for part in SECRET_PARTS if part in data]


def read_files(folder):
    return b"".join(path.read_bytes() for path in folder.iterdir())


def run_workflow(store, action=call):
    run = attune_nb.loads(TEXT).run(
        {"hosts": [0, 1, 2], "token": PARAMETER},
        actions={"call": action},
        keystore={"key": KEY},
        store=store,
        background=True,
    )
    while not run.questions:
        assert not run.wait(0.02)

    run.answer("ask", {"said": f"yes, {PARAMETER}"})
    assert run.wait(60)
    return run


def test_no_byte_of_a_secret_is_anywhere(tmp_path, caplog, capfd):
    store = tmp_path / "runs.db"
    with caplog.at_level(logging.DEBUG):
        run = run_workflow(store, call_with_objects)
        live_data = visible_data(run)
        stored_data = visible_data(attune_nb.open_run(run.run_id, store))
    assert run.status == "failed" or run.output["header"] == "Bearer ***"
    assert b"***" in live_data

    run.to_chrome_trace(tmp_path / "trace.json")
    file_data = read_files(tmp_path)
    assert b"hidden" in file_data

    printed = "".join(capfd.readouterr())
    log_data = f"{caplog.text}{printed}".encode()
    assert b"calling 0" in log_data
    for data in (live_data, stored_data, file_data, log_data):
        assert find_secrets(data) == []


def test_no_byte_of_a_secret_is_in_a_fork(tmp_path):
    store = tmp_path / "runs.db"
    run = run_workflow(store)
    fork = run.fork("tell")
    assert find_secrets(visible_data(fork)) == []

    stored_run = attune_nb.open_run(run.run_id, store)
    stored_fork = stored_run.fork(
        "tell",
        {"token": PARAMETER, "other": DEFAULT},
        actions={"call": call},
        keystore={"key": KEY},
    )
    assert stored_fork.result("tell") == run.result("tell")
    assert find_secrets(visible_data(stored_fork)) == []
    assert find_secrets(read_files(tmp_path)) == []


SETUP = """import os
%load_ext attune_nb
token = os.environ["A_SECRET"]
class Login:
    def __init__(self, header):
        self.header = header
    def __repr__(self):
        return f"Login({self.header})"
def call(host, header, key, other):
    if host == 1:
        raise ValueError(header + other)
    return {"header": header, "other": other, "raw": header.encode(), "login": Login(header)}
"""


def test_no_byte_of_a_secret_is_in_a_published_page(tmp_path, monkeypatch):
    monkeypatch.setenv("A_SECRET", PARAMETER)
    monkeypatch.setenv("ATTUNE_NB_STORE", str(tmp_path / "runs.db"))
    text = re.sub(r".*core\.ask.*\n", "", TEXT).replace("[ask, tell]", "[tell]")
    text = text.replace("{{ keystore.key }}", "none")
    sources = [
        SETUP,
        f"%%attune hidden --set hosts=[0,1,2] --set token=token --out run\n{text}",
        "run",
        "run.items('call')",
        "run.events",
        "%attune context run",
        "%attune events run",
        "%attune results run",
        "%attune timeline run",
        "%attune graph run",
        "%attune show hidden",
        "%attune runs",
    ]
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
    nbformat.write(notebook, tmp_path / "book.ipynb")

    page = publish(tmp_path / "book.ipynb")

    data = page.read_bytes()
    assert b"Bearer ***" in data
    # the default is in the cell's own text, which its author sees anyway
    default_start = DEFAULT.encode()[:9]
    assert [part for part in find_secrets(data) if default_start not in part] == []
    assert find_secrets((tmp_path / "runs.db").read_bytes()) == []
