"""The entries of the reference: complete, plain, with examples that work."""

import inspect
import json
import re
from typing import Literal, get_args

import pytest
from support.pack_folders import write_pack

import attune_nb as attune
from attune_nb.actions.registry import CORE
from attune_nb.context import ENVELOPE_WORDS, INQUIRY_FIELDS, OUTCOME_FIELDS
from attune_nb.events import ItemStatus, RunStatus, TaskStatus
from attune_nb.language import editor_schema, load
from attune_nb.language.model import RESERVED_TARGETS
from attune_nb.language.reading import legacy_syntax, read_parameters, read_tasks
from attune_nb.language.reading.field_reader import FieldReader
from attune_nb.notebook import magics  # noqa: F401 - it registers the commands
from attune_nb.notebook.command import COMMANDS
from attune_nb.reference.entry import Kind
from attune_nb.reference.table import ENTRIES, PLACES, find_entries
from attune_nb.templates.compiler.calls import FILTER_NAMES
from attune_nb.templates.compiler.codegen import NAMESPACES
from attune_nb.templates.library.functions import FUNCTIONS, SCOPE_FUNCTIONS, TASK_FUNCTION
from attune_nb.templates.library.jinja_tests import TESTS
from attune_nb.templates.library.methods import METHODS
from attune_nb.templates.members import ITEM_NAMES

WORKFLOWS = [entry for entry in ENTRIES if "tasks:" in entry.example]
EXPRESSIONS = [entry for entry in ENTRIES if entry.result]
LINES = [entry for entry in ENTRIES if entry.example.startswith("%attune ")]
PACK_FILES = [entry for entry in ENTRIES if entry.kind in ("pack key", "pack action key")]

# these words are not written in a workflow
RESULT_KINDS = {
    "table", "column", "error", "metric", "span attribute", "environment variable", "term",
}  # fmt: skip

# a topic has more than one word, and a status is not written in a workflow either
WORDS = [
    entry
    for entry in ENTRIES
    if entry.kind not in {"topic", "task status", "run status", *RESULT_KINDS}
]

SCHEMA = editor_schema.json_schema()["$defs"]

# the definition of the schema whose keys have entries of a kind
DEFINITIONS = {
    "workflow key": "workflow",
    "task key": "task",
    "retry key": "retry",
    "rate limit key": "rate_limit",
    "wait for key": "wait_for",
    "transition key": "transition",
    "branch key": "branch",
    "decision key": "choice",
    "parameter key": "parameter",
}

# the names that the product itself knows, by the kind of their entries
LANGUAGE_NAMES = {
    "namespace": {*NAMESPACES, *ITEM_NAMES},
    "task field": {*OUTCOME_FIELDS, *ENVELOPE_WORDS},
    "inquiry field": INQUIRY_FIELDS,
    "target": RESERVED_TARGETS,
    "function": {*FUNCTIONS, *SCOPE_FUNCTIONS, "uuid", TASK_FUNCTION.name},
    "filter": FILTER_NAMES,
    "test": TESTS,
    "string method": METHODS["string"],
    "array method": METHODS["array"],
    "object method": METHODS["object"],
    "action": CORE,
}

# results of tasks that would wait for a person, or need a server
MOCKS = {"core.ask": {"response": True}, "core.http_request": {"status_code": 200}}


def name_of(entry):
    return f"{entry.kind} {entry.name}".replace(" ", "-")


def words_of(kind):
    return [entry.name for entry in ENTRIES if entry.kind == kind]


def run_example(entry):
    """Run the workflow of an example, with mocks for actions that wait or need a server."""
    workflow = attune.loads(entry.example)
    actions = {task.name: task.action for task in workflow.tasks}
    mocks = {name: MOCKS[action] for name, action in actions.items() if action in MOCKS}
    # no core action opens an inquiry
    mocks |= {task.name: None for task in workflow.tasks if task.wait_for is not None}
    assert workflow.check() == []
    if not mocks:
        return workflow.run()
    return workflow.run(mock=mocks)


@pytest.mark.parametrize("entry", WORKFLOWS, ids=name_of)
def test_an_example_runs_as_pasted(entry):
    run = run_example(entry)

    statuses = {run.status, *run.tasks["status"]}
    if "status" in entry.kind and entry.name in {"succeeded", "failed", "timed_out", "skipped"}:
        assert entry.name in statuses
    elif entry.name == "core.fail":
        assert run.status == "failed"
    else:
        assert run.status == "succeeded"


@pytest.mark.parametrize("entry", EXPRESSIONS, ids=name_of)
def test_an_expression_has_the_result_that_is_shown(entry):
    context = attune.WorkflowContext.create()

    value = attune.Template(f"{{{{ {entry.example} }}}}").render(context)

    assert json.dumps(value) == json.dumps(json.loads(entry.result))


@pytest.mark.parametrize("entry", LINES, ids=name_of)
def test_a_line_names_a_command(entry):
    assert entry.example.split()[1] in {*COMMANDS, "run"}


@pytest.mark.parametrize("entry", PACK_FILES, ids=name_of)
def test_a_file_of_a_pack_has_no_problem(entry, tmp_path):
    files = {"pack.yaml": "ref: hostkit\nversion: 1.0.0\n", "actions/disk.sh": "echo\n"}
    if entry.kind == "pack key":
        files["pack.yaml"] = entry.example
    else:
        files["actions/example.yaml"] = entry.example
    if entry.name == "workflow_file":
        files["actions/workflows/flow.workflow.yaml"] = "tasks: [{name: a, action: core.noop}]"

    assert attune.load_pack(write_pack(tmp_path, files)).check() == []


def test_each_example_is_of_one_of_the_four_kinds():
    examples = [*WORKFLOWS, *EXPRESSIONS, *LINES, *PACK_FILES]

    assert len(examples) == sum(entry.kind not in RESULT_KINDS for entry in ENTRIES)


@pytest.mark.parametrize("entry", WORDS, ids=name_of)
def test_an_example_has_the_word(entry):
    assert entry.name in entry.example


@pytest.mark.parametrize("entry", ENTRIES, ids=name_of)
def test_an_explanation_is_short(entry):
    assert entry.explanation[0].isupper() or entry.explanation.startswith("`")
    assert entry.explanation.endswith(".")

    # a topic introduces several words
    longest = 5 if entry.kind == "topic" else 3
    assert entry.explanation.count(". ") + 1 <= longest


@pytest.mark.parametrize("entry", ENTRIES, ids=name_of)
def test_related_words_lead_to_entries_or_commands(entry):
    for word in entry.related:
        assert find_entries(word) or word in COMMANDS, word
        assert word != entry.name or len(find_entries(word)) > 1


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_the_editor_shows_the_explanation_of_each_key(kind):
    described = {
        key: schema["description"]
        for key, schema in SCHEMA[DEFINITIONS[kind]]["properties"].items()
        if "-" not in key
    }

    entries = {
        entry.name: entry.explanation
        for entry in ENTRIES
        if entry.kind == kind and entry.form != "rare"
    }
    assert described == entries


def names_without_entry(kind, names):
    """Return the names that have no entry of a kind."""
    return set(names) - set(words_of(kind))


@pytest.mark.parametrize("kind", LANGUAGE_NAMES)
def test_every_name_of_the_language_has_an_entry(kind):
    names = LANGUAGE_NAMES[kind]

    assert names_without_entry(kind, names) == set()
    assert set(words_of(kind)) <= set(names)


@pytest.mark.parametrize("kind", LANGUAGE_NAMES)
def test_a_new_name_without_an_entry_is_noticed(kind):
    assert names_without_entry(kind, {*LANGUAGE_NAMES[kind], "shout"}) == {"shout"}


def test_every_status_has_an_entry():
    item_statuses, task_statuses, run_statuses = map(
        read_literal, (ItemStatus, TaskStatus, RunStatus)
    )

    assert item_statuses <= task_statuses == set(words_of("task status"))
    assert run_statuses == set(words_of("run status"))


@pytest.mark.parametrize(
    ("kind", "statuses"), [("task status", TaskStatus), ("run status", RunStatus)]
)
def test_a_new_status_without_an_entry_is_noticed(kind, statuses):
    more_statuses = Literal[statuses, "resting"]

    assert names_without_entry(kind, read_literal(more_statuses)) == {"resting"}


def read_literal(literal):
    """Return the words of a `Literal`, which may hold others."""
    words = set()
    for argument in get_args(literal):
        words |= {argument} if isinstance(argument, str) else read_literal(argument)
    return words


def test_the_values_of_a_key_name_each_choice():
    entries = {(entry.kind, entry.name): entry for entry in ENTRIES}
    choices = {
        ("retry key", "backoff"): read_tasks.BACKOFFS,
        ("task key", "type"): read_tasks.TASK_TYPES,
        ("task key", "keep_results"): read_tasks.RESULT_LOCATIONS,
        ("parameter key", "type"): read_parameters.PARAMETER_TYPES,
    }

    for word, words in choices.items():
        assert all(f"`{choice}`" in entries[word].values for choice in words), word


def test_no_word_has_two_entries_of_one_kind():
    # two tables may have a column of the same name
    words = [(entry.kind, entry.name, entry.group) for entry in ENTRIES]

    assert len(words) == len(set(words))


def test_every_kind_is_described():
    assert set(PLACES) == set(get_args(Kind))


@pytest.mark.parametrize(
    ("word", "kinds"),
    [
        ("with_items", {"task key"}),
        ("with-items", {"task key"}),
        ("{{ failed() }}", {"function"}),
        ("retry.delay", {"retry key"}),
        ("task.delay", {"task key"}),
        ("timeout", {"workflow key", "task key"}),
        ("attempt_ms", {"column"}),
        ("run.items()", {"table"}),
        ("conductor", {"term"}),
        ("failed.item", {"term"}),
        ("edge", {"term"}),
        ("StoreError", {"error"}),
        ("attune_runs_total", {"metric"}),
        ("ATTUNE_NB_STORE", {"environment variable"}),
        ("task.check.status", {"task field"}),
        ("parameters.url", {"namespace"}),
        ("core.shell", {"action"}),
        ("failed", {"function", "task status", "run status", "column"}),
        ("text.split", {"function", "string method"}),
        ("onError", {"retry key"}),
        ("minlength", {"parameter key"}),
        ("Retry", {"task key", "term"}),
        ("nonsense", set()),
        ("", set()),
    ],
)
def test_a_word_finds_its_entries(word, kinds):
    assert {entry.kind for entry in find_entries(word)} == kinds


@pytest.fixture
def keys_read(monkeypatch):
    """The keys that the loader knows in each object, by its words for the object."""
    keys_by_owner = {}
    read_object = FieldReader.read_object

    def record(reader, data, path, known_keys, owner, rare_keys=()):
        keys_by_owner[owner] = {*known_keys, *rare_keys}
        return read_object(reader, data, path, known_keys, owner, rare_keys)

    monkeypatch.setattr(FieldReader, "read_object", record)
    for entry in WORKFLOWS:
        attune.loads(entry.example)
    return keys_by_owner


def test_every_key_that_the_loader_reads_has_an_entry(keys_read):
    """A key that is not taken from the reference has no help, and completion lacks it."""
    assert owners_without_entries(keys_read) == []


def test_a_new_key_without_an_entry_is_noticed(keys_read):
    keys_read["a task"].add("colour")

    assert owners_without_entries(keys_read) == ["a task"]


def owners_without_entries(keys_by_owner):
    """Return the objects that have other keys than the reference."""
    tables = [set(words_of(kind)) for kind in get_args(Kind) if kind.endswith(" key")]
    return [owner for owner, keys in keys_by_owner.items() if keys not in tables]


def test_the_examples_have_every_object_that_the_loader_reads(keys_read):
    sources = [inspect.getsource(module) for module in (load, read_tasks, legacy_syntax)]

    # the branches of `on_success` and its like are read in one place
    places = {re.sub("`on_.*`", "`on_...`", owner) for owner in keys_read}
    assert len(places) == sum(source.count(".read_object(") for source in sources)
