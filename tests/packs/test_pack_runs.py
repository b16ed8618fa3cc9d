"""Runs whose tasks name the actions and workflows of packs by their refs."""

import pytest
from support.pack_folders import PACKS, write_pack

import attune_nb as attune
from attune_nb.errors import ParameterError, WorkflowError

GREET = """
tasks:
  - name: greet
    action: hostkit.greet
    input: {who: "{{ parameters.who }}", loud: true}
parameters: {who: {type: string, default: ann}}
"""


def test_a_task_runs_the_action_of_a_pack():
    run = attune.loads(GREET).run(packs=[PACKS / "hostkit"])

    assert run.status == "succeeded", run.failure_text()
    assert run.result("greet")["stdout"] == "HELLO ANN\n"


@pytest.mark.parametrize("backend", ["inline", "threads", "processes", "dask"])
def test_a_process_of_a_pack_runs_where_the_attempt_runs(backend, cluster):
    run = attune.loads(GREET).run(packs=[PACKS], backend=backend)

    assert run.result("greet")["stdout"] == "HELLO ANN\n"


def test_a_function_of_the_same_name_comes_first():
    def greet(who, loud):
        return f"{who} {loud}"

    run = attune.loads(GREET).run(packs=[PACKS], actions={"hostkit.greet": greet})

    assert run.result("greet") == "ann True"


def test_a_workflow_of_a_pack_runs_as_a_task(tmp_path):
    write_pack(
        tmp_path,
        {
            "actions/run.yaml": "ref: demo.run\nentry_point: run.sh\n",
            "actions/twice.yaml": "ref: demo.twice\nworkflow_file: workflows/twice.yaml\n",
            "actions/workflows/twice.yaml": (
                "tasks:\n"
                "  - {name: run, action: demo.run, with_items: [1, 2], input: {}}\n"
                "output_map: {texts: '{{ task.run.result | map(attribute=\"stdout\") | list }}'}\n"
            ),
        },
    )

    run = attune.loads("tasks: [{name: both, action: demo.twice}]").run(packs=[tmp_path])

    assert run.result("both") == {"texts": ["done\n", "done\n"]}


@pytest.mark.parametrize("name", ["fail", "noop", "yaml", "yml"])
def test_an_action_may_have_any_name(tmp_path, name):
    """`fail` and `noop` are targets of a workflow, and `.yaml` is the end of a file's name."""
    action = f"ref: demo.{name}\nentry_point: run.sh\n"
    pack = attune.load_pack(write_pack(tmp_path, {f"actions/{name}.yaml": action}))

    run = pack.run(f"demo.{name}", backend="inline")

    assert run.output["result"]["stdout"] == "done\n"


def test_without_its_pack_a_task_says_how_to_name_it():
    with pytest.raises(WorkflowError, match=r"name the pack `hostkit`: packs= \(`--pack FOLDER`\)"):
        attune.loads(GREET).run()


def test_a_misspelled_ref_gets_the_nearest_one():
    text = GREET.replace("hostkit.greet", "hostkit.gret")

    with pytest.raises(WorkflowError, match=r"`hostkit.gret`; did you mean `hostkit.greet`\?"):
        attune.loads(text).run(packs=[PACKS])


def test_a_written_parameter_is_judged_before_the_run():
    problems = attune.loads(GREET.replace("true}", "loudly}")).check(packs=[PACKS])

    assert [str(problem) for problem in problems] == [
        "<text>, line 5, column 42: parameter `loud` must be a boolean, not a string"
    ]


def test_a_disabled_action_does_not_run(tmp_path):
    action = "ref: demo.run\nentry_point: run.sh\nenabled: false\n"
    write_pack(tmp_path, {"actions/run.yaml": action})

    with pytest.raises(
        WorkflowError, match=r"`demo.run` is switched off: `run.yaml` says `enabled: false`"
    ):
        attune.loads("tasks: [{name: run, action: demo.run}]").run(packs=[tmp_path])


def test_an_action_with_a_problem_says_it_where_it_is_named(tmp_path):
    write_pack(tmp_path, {"actions/run.yaml": "ref: demo.run\nentry_point: ../run.sh\n"})

    with pytest.raises(WorkflowError, match=r"`demo.run` cannot be used: .*line 2, column"):
        attune.loads("tasks: [{name: run, action: demo.run}]").run(packs=[tmp_path])


@pytest.mark.parametrize(
    ("packs", "message"),
    [
        (3, r"`packs` must be folders or packs, such as \[.*\], not an integer"),
        ([None], "the folder of a pack must be a path, not null"),
    ],
)
def test_another_value_is_no_pack(packs, message):
    with pytest.raises(ParameterError, match=message):
        attune.loads(GREET).run(packs=packs)


def test_two_packs_of_one_ref_are_refused(tmp_path):
    for name in ("one", "two"):
        write_pack(tmp_path / name)

    with pytest.raises(WorkflowError, match=r"two packs are named `demo`: `.*one` and `.*two`"):
        attune.loads("tasks: [{name: a, action: core.noop}]").run(
            packs=[tmp_path / "one", tmp_path / "two"]
        )


def test_a_resumed_run_asks_for_its_packs(tmp_path):
    """A record names code, and anyone may have written it: the packs are passed again."""
    store = tmp_path / "runs.db"
    run = attune.loads(GREET).run({"who": "ann"}, packs=[PACKS / "hostkit"], store=store)

    recorded = attune.open_run(run.run_id, store)

    with pytest.raises(
        ParameterError, match=r"the pack `hostkit` \(`packs=`, in a shell `--pack`; it was in "
    ):
        recorded.retry(failed_only=False)
    again = recorded.retry(failed_only=False, packs=[PACKS / "hostkit"])
    assert again.result("greet")["stdout"] == "HELLO ANN\n"


def test_the_retry_of_a_run_in_memory_has_its_packs():
    run = attune.loads(GREET).run(packs=[PACKS])

    assert run.retry(failed_only=False).status == "succeeded"
