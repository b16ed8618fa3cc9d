"""A run that is attended from elsewhere: the call waits while the run needs a person."""

import threading

import pytest
from support.item_runs import until

import attune_nb as attune

ASK = """
tasks:
  - name: approve
    action: core.ask
    input: {prompt: "Ship it?", response_schema: {type: boolean}}
output_map: {answer: "{{ task.approve.result.response }}"}
"""


@pytest.mark.parametrize("backend", ["threads", "inline"])
def test_a_call_waits_for_an_answer_from_elsewhere(backend, tmp_path, caplog):
    events = []
    ended = []
    workflow = attune.loads(ASK)
    options = {"backend": backend, "store": tmp_path / "runs.db", "readers": [events.extend]}

    def run():
        ended.append(workflow.run(attended=True, **options))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    until(lambda: events)
    waiting = attune.last_run()
    until(lambda: waiting.questions)
    assert waiting.status == "running"
    command = f"`attune-nb answer {waiting.run_id} approve true --store {waiting.store}`"
    until(lambda: caplog.messages)
    assert caplog.messages == [f"task `approve` asks: Ship it?; to answer: {command}"]

    waiting.answer("approve", value=True)
    thread.join()
    assert ended == [waiting]
    assert waiting.output == {"answer": True}


def test_a_run_without_a_store_is_attended_by_nobody():
    with pytest.raises(attune.StoreError, match="attend to needs a store, by which they find it"):
        attune.loads(ASK).run(attended=True, store="none")
