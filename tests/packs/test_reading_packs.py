"""Reading a pack: the data of its files, in both spellings, and the order of reading."""

import pickle

import pytest
from support.pack_folders import PACKS, read_fixture, write_pack

from attune_nb.packs.reading.read_pack import find_packs, read_pack


def test_the_actions_of_a_folder_of_packs_are_read():
    refs = []
    for folder in find_packs(PACKS):
        refs += read_pack(folder).actions

    assert refs == [
        "alerts.note",
        "hostkit.disk",
        "hostkit.greet",
        "nodekit.slug",
        "reporting.lines",
        "reporting.summary",
        "ticketing.ticket_close",
        "ticketing.ticket_open",
    ]


def test_hidden_folders_hold_no_packs(tmp_path):
    for name in ("shown", ".hidden"):
        write_pack(tmp_path / name)

    assert find_packs(tmp_path) == [tmp_path / "shown"]


def test_the_manifest_has_the_keys_of_pack_yaml():
    manifest = read_fixture("ticketing").manifest

    assert (manifest.ref, manifest.version, manifest.label) == ("ticketing", "0.2.0", "Ticketing")
    assert manifest.conf_schema == {"base_url": {"type": "string"}}
    assert manifest.runtime_deps == ("python",)
    assert manifest.folder == (PACKS / "ticketing").resolve()


def test_an_action_has_the_keys_of_its_file():
    action = read_fixture("ticketing").actions["ticketing.ticket_open"]

    assert action.entry_point == action.pack.folder / "actions" / "dispatch.py"
    assert (action.runner, action.runtime_version, action.timeout) == ("python", ">=3.11", 60)
    assert (action.delivery, action.parameter_format, action.output_format) == (
        "stdin",
        "json",
        "json",
    )
    assert action.parameters["title"] == {"type": "string", "required": True}
    assert list(action.output) == ["id", "state"]
    assert action.permission_sets == ("standard",)


def test_keys_that_are_left_out_have_their_defaults(tmp_path):
    write_pack(tmp_path, {"actions/run.yaml": "ref: demo.run\nentry_point: run.sh\n"})

    action = read_pack(tmp_path).actions["demo.run"]

    assert (action.runner, action.delivery, action.parameter_format) == ("shell", "stdin", "json")
    assert (action.output_format, action.timeout, action.enabled) == ("text", 600, True)
    assert (action.parameters, action.output, action.runtime_version) == ({}, {}, None)


@pytest.mark.parametrize(
    ("word", "runner"),
    [
        ("bash", "shell"),
        ("sh", "shell"),
        ("python3", "python"),
        ("node", "nodejs"),
        ("node.js", "nodejs"),
        ("Python", "python"),
        ("core.nodejs", "nodejs"),
        ("null", "shell"),
    ],
)
def test_a_runner_has_several_names(tmp_path, word, runner):
    text = f"ref: demo.run\nentry_point: run.sh\nrunner_type: {word}\n"
    write_pack(tmp_path, {"actions/run.yaml": text})

    assert read_pack(tmp_path).actions["demo.run"].runner == runner


def test_older_spellings_of_a_manifest_are_read(tmp_path):
    manifest = (
        "ref: demo\nversion: 0.10\nname: Demo\nconfig_schema: {url: {type: string}}\n"
        "metadata: {team: ops}\nkeywords: [a, b]\n"
    )
    contents = read_pack(write_pack(tmp_path, manifest=manifest))

    assert contents.problems == ()
    assert (contents.manifest.version, contents.manifest.label) == ("0.10", "Demo")
    assert contents.manifest.conf_schema == {"url": {"type": "string"}}
    assert contents.manifest.meta == {"team": "ops"}
    assert contents.manifest.tags == ("a", "b")


@pytest.mark.parametrize(
    ("text", "refs"),
    [("{}", ()), ("[]", ()), ("[a, core, a]", ("a",)), ("{a: 1.0.0}", ("a",)), ("a", ("a",))],
)
def test_dependencies_are_an_array_or_an_object(tmp_path, text, refs):
    manifest = f"ref: demo\nversion: 1\ndependencies: {text}\n"

    assert read_pack(write_pack(tmp_path, manifest=manifest)).manifest.dependencies == refs


def test_parameters_as_one_object_schema_become_flat(tmp_path):
    text = (
        "ref: demo.run\nentry_point: run.sh\nparameters:\n  type: object\n  required: [host]\n"
        "  properties: {host: {type: string}, port: {type: integer}}\n"
    )
    write_pack(tmp_path, {"actions/run.yaml": text})

    assert read_pack(tmp_path).actions["demo.run"].parameters == {
        "host": {"type": "string", "required": True},
        "port": {"type": "integer"},
    }


def test_keys_of_workers_are_kept(tmp_path):
    text = "ref: demo.run\nentry_point: run.sh\nworker_selector: {zone: a}\n"
    write_pack(tmp_path, {"actions/run.yaml": text})

    action = read_pack(tmp_path).actions["demo.run"]

    assert action.worker_fields == {"worker_selector": {"zone": "a"}}


def test_triggers_and_rules_are_listed_by_name():
    assert read_fixture("alerts").listed == {"rules": ("on_disk_low",), "triggers": ("disk_low",)}


def test_an_action_can_be_pickled():
    action = read_fixture("hostkit").actions["hostkit.disk"]

    assert pickle.loads(pickle.dumps(action)) == action
