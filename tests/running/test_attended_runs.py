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
def test_a_call_waits_for_an_answer_from_elsewhere(backend):
    events = []
    ended = []
    workflow = attune.loads(ASK)

    def run():
        ended.append(workflow.run(attended=True, readers=[events.extend], backend=backend))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    until(lambda: events)
    waiting = attune.last_run()
    until(lambda: waiting.questions)
    assert waiting.status == "running"

    waiting.answer("approve", value=True)
    thread.join()
    assert ended == [waiting]
    assert waiting.output == {"answer": True}
