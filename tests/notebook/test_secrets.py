"""No byte of a secret is in the store, a page, a log, a picture or any repr of a run."""

import io
import logging
import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

import attune_nb
from attune_nb.notebook.publish import publish

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # of Jupyter's own packages
    pytest.mark.timeout(240),
]

PARAMETER, KEY, DEFAULT = "hunter2-hunter2", 'open "sesame"\n& more', "a-default-of-mine"
TEXTS = [
    *(each.encode() for each in (PARAMETER, DEFAULT, "sesame", "hunter2", "a-default")),
    b"aHVudGVyMi1odW50ZXIy",  # in base 64: nothing encodes it
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


def call(host, header, key, other):
    logging.getLogger("attune_nb").warning("calling %s", host)
    if host == 1:
        raise ValueError(f"{header} was refused with {key}, {key!r}, {other}")
    return {"header": header, "key": key, "nested": [other, {key: header}]}


def told(run):
    """Give everything that can be seen of a run, as one text."""
    frames = [run.tasks, run.items("call"), run.attempts, run.diff(run)]
    contexts = [run.context, run.context_at("tell")]
    parts = [
        run, run._repr_html_(), run.events, run.output, run.error, run.failures(),
        run.failure_text(), run.alerts, run.metrics, run.result("call"), run.result("tell"),
        run.workflow, run.workflow._repr_html_(), run.summary(), run.questions,
        *(each.to_csv() for each in frames), *(each.to_html() for each in frames),
        *contexts, *(each._repr_html_() for each in contexts),
        *(dict(each.variables) for each in contexts), *(each.parameters for each in contexts),
        *(each.keystore for each in contexts),
    ]  # fmt: skip
    for figure in (run.timeline(), run.graph()):
        picture = io.StringIO()
        figure.savefig(picture, format="svg")
        parts.append(picture.getvalue())
    return "\n".join(f"{each}\n{each!r}" for each in parts).encode()


def found_in(data):
    return [each for each in TEXTS if each in data]


def run_of(store):
    run = attune_nb.loads(TEXT).run(
        {"hosts": [0, 1, 2], "token": PARAMETER},
        actions={"call": call},
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
        run = run_of(store)
        seen = told(run)
        stored = attune_nb.open_run(run.run_id, store)
        again = told(stored)
    assert run.status == "failed" or run.output["header"] == "Bearer ***"
    assert b"***" in seen
    run.to_chrome_trace(tmp_path / "trace.json")
    files = b"".join(each.read_bytes() for each in tmp_path.iterdir())
    assert b"hidden" in files
    logs = caplog.text.encode() + "".join(capfd.readouterr()).encode()
    assert b"calling 0" in logs
    for data in (seen, again, files, logs):
        assert found_in(data) == []


def test_nor_after_the_run_was_forked(tmp_path):
    store = tmp_path / "runs.db"
    run = run_of(store)
    fork = run.fork("tell")
    assert found_in(told(fork)) == []
    stored = attune_nb.open_run(run.run_id, store)
    given = {"actions": {"call": call}, "keystore": {"key": KEY}}
    again = stored.fork("tell", {"token": PARAMETER, "other": DEFAULT}, **given)
    assert again.result("tell") == run.result("tell")
    assert found_in(told(again)) == []
    assert found_in(b"".join(each.read_bytes() for each in tmp_path.iterdir())) == []


SETUP = """import os
%load_ext attune_nb
token = os.environ["A_SECRET"]
def call(host, header, key, other):
    if host == 1:
        raise ValueError(header + other)
    return {"header": header, "other": other}
"""


def test_nor_in_a_published_page(tmp_path, monkeypatch):
    monkeypatch.setenv("A_SECRET", PARAMETER)
    monkeypatch.setenv("ATTUNE_NB_STORE", str(tmp_path / "runs.db"))
    text = re.sub(r".*core\.ask.*\n", "", TEXT).replace("[ask, tell]", "[tell]")
    text = text.replace("{{ keystore.key }}", "none")
    cells = [
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
    notebook = new_notebook(cells=[new_code_cell(each) for each in cells])
    nbformat.write(notebook, tmp_path / "book.ipynb")
    page = publish(tmp_path / "book.ipynb")
    data = page.read_bytes()
    assert b"Bearer ***" in data
    # the default stands in the cell's own text, which a person has written and sees
    assert [each for each in found_in(data) if DEFAULT.encode()[:9] not in each] == []
    assert found_in((tmp_path / "runs.db").read_bytes()) == []
