"""The interpreter of a pack's action, and the message when none fits."""

import json
import os
import sys

import pytest
from support.small_packs import make_pack, make_wheel

import attune_nb
from attune_nb.errors import ParameterError
from attune_nb.packs.environments.find import InterpreterFinder
from attune_nb.packs.environments.requirements import read_requirements, split_constraints


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ATTUNE_NB_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def find(action, **options):
    """Return the interpreter of one action, or None if it needs no particular one."""
    return InterpreterFinder(**options).find(action)


def make_program(path, text):
    """Write a shell script that stands for an interpreter."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def make_python(path, folders):
    """Write a script that answers as a Python 3.95 with these folders of modules."""
    facts = {"program": "/p", "version": [3, 95, 0], "paths": folders}
    make_program(path, f"echo '{json.dumps(facts)}'")


def add_package(site, name, requires=()):
    """Write the metadata of a package, as an installation leaves it."""
    folder = site / f"{name}-1.dist-info"
    folder.mkdir(parents=True)
    lines = [f"Name: {name}", "Version: 1", *(f"Requires-Dist: {text}" for text in requires)]
    (folder / "METADATA").write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    "requirements",
    [
        None,
        "",
        "# nothing but a comment\n\n",
    ],
    ids=["no file", "empty", "comment"],
)
def test_a_pack_without_requirements_runs_anywhere(tmp_path, requirements):
    assert find(make_pack(tmp_path / "plain", requirements=requirements)) is None


@pytest.mark.parametrize(
    "requirements",
    [
        "msgspec\n",
        "MsgSpec >= 0.19  # a comment\n",
        "msgspec>=0.19 \\\n  ,<90\n",
        "absent ; python_version < '3'\n",
        "jinja2>=3 --hash=sha256:0123\n",
        "--index-url https://user:word@host/simple\nmsgspec\n",
        "-c limits.txt\nmsgspec\n",
    ],
    ids=["name", "range", "two lines", "marker", "hash", "index", "limits"],
)
def test_the_own_python_is_used_if_it_has_all(tmp_path, requirements):
    action = make_pack(tmp_path / "met", requirements=requirements)
    (tmp_path / "met" / "limits.txt").write_text("msgspec<90\n")

    assert find(action).program == sys.executable


@pytest.mark.parametrize(
    ("requirements", "fault"),
    [
        ("absent-package>=2\n", "`absent-package>=2` (requirements.txt, line 1) is not installed"),
        ("\nmsgspec>=90\n", "`msgspec>=90` (requirements.txt, line 2) is not installed in this"),
        ("-r more.txt\n", "`absent[x]` (more.txt, line 2) is not installed"),
        ("./vendored\n", "`./vendored` (requirements.txt, line 1) is a path or a URL"),
        ("msgspec @ https://me:word@host/m.zip\n", "`msgspec @ https://***@host/m.zip` (requir"),
        ("git+https://host/m.git#egg=msgspec\n", "is not installed from there"),
        ("-c limits.txt\nmsgspec\n", "must be `<0.1` by the constraints"),
    ],
    ids=["absent", "version", "other file", "path", "url", "egg", "limits"],
)
def test_a_missing_package_is_named_with_the_command(tmp_path, requirements, fault):
    action = make_pack(tmp_path / "un met", requirements=requirements)
    (tmp_path / "un met" / "more.txt").write_text("msgspec\nabsent[x]\n")
    (tmp_path / "un met" / "limits.txt").write_text("msgspec<0.1\n")

    interpreter = find(action)

    assert interpreter.program is None
    assert fault in interpreter.problem
    assert f"({sys.executable}) lacks what `un met.run` needs" in interpreter.problem
    assert "`attune-nb pack install 'un met'`" in interpreter.problem
    assert "`%attune pack 'un met' --install` in a notebook" in interpreter.problem


def test_packages_of_packages_and_extras_must_be_there(tmp_path, monkeypatch):
    """pip would install the missing dependencies of an installed package and of its extra."""
    site = tmp_path / "site"
    add_package(site, "half", ["absent-below>=3"])
    add_package(site, "whole", ["msgspec", "absent-extra; extra == 'more'"])
    make_python(tmp_path / "bin" / "python3.95", [str(site), _own_site()])
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))

    def problem(requirements, name):
        action = make_pack(tmp_path / name, version="3.95", requirements=requirements)
        return find(action).problem

    assert "needs `absent-below>=3` for `half`, which is not installed" in problem("half", "a")
    assert "needs `absent-extra` for `whole`" in problem("whole[more]", "b")
    assert problem("whole", "c") is None


@pytest.mark.parametrize(
    "metadata",
    [b"", b"Name: broken\n", b"Name: broken\nVersion: new\n", b"Version: \xff\xfe\n", None],
    ids=["empty", "no version", "bad version", "binary", "no file"],
)
def test_damaged_metadata_are_no_package(tmp_path, monkeypatch, metadata):
    folder = tmp_path / "site" / "broken-1.dist-info"
    folder.mkdir(parents=True)
    if metadata is not None:
        (folder / "METADATA").write_bytes(metadata)
    make_python(tmp_path / "bin" / "python3.95", [str(tmp_path / "site")])
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))

    action = make_pack(tmp_path / "p", version="3.95", requirements="broken")

    assert "`broken` (requirements.txt, line 1) is not installed" in find(action).problem


def test_a_package_that_was_installed_counts_at_once(tmp_path, monkeypatch):
    make_python(tmp_path / "bin" / "python3.95", [str(tmp_path / "site")])
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    action = make_pack(tmp_path / "p", version="3.95", requirements="late>=1")
    assert "`late>=1` (requirements.txt, line 1) is not installed" in find(action).problem

    add_package(tmp_path / "site", "late")
    assert find(action).program == "/p"


def _own_site():
    return os.path.dirname(os.path.dirname(pytest.__file__))  # noqa: PTH120 - a text is needed


def test_a_variable_of_this_process_adds_no_package(tmp_path, monkeypatch):
    """A pack's process has no PYTHONPATH, so modules that only this one finds are missing there."""
    wheel = make_wheel(tmp_path / "wheels", "only_here", "1.0")
    monkeypatch.setenv("PYTHONPATH", str(wheel))
    monkeypatch.syspath_prepend(str(wheel))

    action = make_pack(tmp_path / "variable", requirements="only_here\n")

    assert "`only_here` (requirements.txt, line 1) is not installed" in find(action).problem


@pytest.mark.parametrize(
    ("requirements", "fault"),
    [
        ("what is this\n", "requirements.txt, line 1, column 1: `what is this` is no requirement"),
        ("\n--indx-url x\n", "line 2, column 1: `--indx-url` is no option of a file of requirem"),
        ("-r ../outside.txt\n", "outside.txt` is outside the pack"),
        ("-r absent.txt\n", "absent.txt` cannot be read: No such file or directory"),
        ("-r https://me:word@host/x.txt\n", "`https://***@host/x.txt`: copy this file into the"),
    ],
    ids=["no requirement", "option", "outside", "absent", "url"],
)
def test_a_fault_in_the_file_has_its_position(tmp_path, requirements, fault):
    (tmp_path / "outside.txt").write_text("msgspec\n")

    problem = find(make_pack(tmp_path / "faulty", requirements=requirements)).problem

    assert "what the pack `faulty` needs cannot be read: " in problem
    assert fault in problem
    assert "word" not in problem


@pytest.mark.parametrize(
    "line", ["./\033[31mred", "--\033[31mred", "a\033[31m==1"], ids=["path", "option", "name"]
)
def test_no_text_of_a_pack_colours_a_terminal(tmp_path, line):
    problem = find(make_pack(tmp_path / "red", requirements=f"{line}\n")).problem

    assert "[31m" in problem
    assert "\033" not in problem


def test_a_check_finds_the_fault_too(tmp_path):
    make_pack(tmp_path / "faulty", requirements="msgspec\n\n>=1\n")

    (problem,) = attune_nb.load_pack("faulty").check()

    assert problem.severity == "error"
    assert problem.message.startswith("`>=1` is no requirement: ")
    assert str(problem.position) == "faulty/requirements.txt, line 3, column 1"


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * 1_000_001], ids=["binary", "huge"])
def test_a_file_that_is_no_text_is_refused(tmp_path, content):
    action = make_pack(tmp_path / "odd", requirements="")
    (tmp_path / "odd" / "requirements.txt").write_bytes(content)

    assert "what the pack `odd` needs cannot be read" in find(action).problem


def test_files_that_name_each_other_are_read_once(tmp_path):
    action = make_pack(tmp_path / "loop", requirements="-r requirements.txt\n-r b.txt\nmsgspec\n")
    (tmp_path / "loop" / "b.txt").write_text("-r requirements.txt\n")

    assert find(action).program == sys.executable


def test_a_link_out_of_the_pack_is_refused(tmp_path):
    action = make_pack(tmp_path / "link")
    (tmp_path / "outside.txt").write_text("msgspec\n")
    (tmp_path / "link" / "requirements.txt").symlink_to(tmp_path / "outside.txt")

    assert "is outside the pack" in find(action).problem


@pytest.mark.parametrize(
    ("constraints", "is_met"),
    [({"msgspec": ">=0.1"}, True), ({"MsgSpec": "0.0.1"}, False), ({"other": "1"}, True)],
    ids=["range", "version", "another package"],
)
def test_a_constraint_must_hold_too(tmp_path, constraints, is_met):
    interpreter = find(make_pack(tmp_path / "c", requirements="msgspec"), constraints=constraints)

    assert (interpreter.problem is None) is is_met
    if not is_met:
        assert "`attune-nb pack install c --constraint msgspec==0.0.1`" in interpreter.problem


def test_constraints_of_one_package_hold_together():
    assert split_constraints(["Some.Name>1", "some-name<3"]) == {"some-name": "<3,>1"}
    assert split_constraints([]) is None


@pytest.mark.parametrize("text", ["a", "a=1", "a @ https://host/a.zip", "a==1; x == 'y'", "a b"])
def test_a_text_that_is_no_constraint_is_refused(text):
    with pytest.raises(ParameterError, match="must be a package with a version, such as"):
        split_constraints([text])


def test_a_changed_package_in_the_pack_is_another_one(tmp_path):
    """Its environment does not fit any more, though `requirements.txt` is the same."""
    make_pack(tmp_path / "p", requirements="./vendored\n")
    module = tmp_path / "p" / "vendored" / "src" / "module.py"
    module.parent.mkdir(parents=True)
    module.write_text("")
    texts = read_requirements(tmp_path / "p").texts
    assert read_requirements(tmp_path / "p").texts == texts

    os.utime(module, (2_000_000_000, 2_000_000_000))
    assert read_requirements(tmp_path / "p").texts != texts


@pytest.mark.parametrize(
    ("constraints", "message"),
    [
        ({"a b": "1"}, "`constraints`: `a b` is no name of a package"),
        ({"a": "new"}, "`constraints`, `a`: `new` is no version; write a version such as"),
        ({"a": 1.0}, '`constraints`, `a`: write a version such as "0.3.0", or a range'),
        ([("a", "1")], '`constraints` must be an object such as {"attune-sdk": "0.3.0"}'),
        ({1: "1"}, "`constraints`: the name of a package must be a string, not the integer `1`"),
    ],
    ids=["name", "version", "number", "array", "key"],
)
def test_a_bad_constraint_is_refused(tmp_path, constraints, message):
    with pytest.raises(ParameterError) as caught:
        find(make_pack(tmp_path / "c"), constraints=constraints)

    assert message in str(caught.value)


def test_the_newest_python_that_fits_is_taken(tmp_path, monkeypatch):
    for minor in (93, 94, 95):
        make_program(
            tmp_path / "bin" / f"python3.{minor}",
            f"""echo '{{"program": "/opt/py/{minor}", "version": [3, {minor}, 1]}}'""",
        )
    make_program(tmp_path / "bin" / "python3", "exit 1")
    monkeypatch.setenv("PATH", f"relative:{tmp_path / 'bin'}")

    assert find(make_pack(tmp_path / "p", version=">=3.93 <3.95")).program == "/opt/py/94"
    assert find(make_pack(tmp_path / "q", version=">=3.11")).program == sys.executable


def test_no_other_python_stands_for_one_that_fails(tmp_path, monkeypatch):
    make_python(tmp_path / "bin" / "python3.95", [])
    make_program(tmp_path / "broken", "exit 1")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr("sys.executable", str(tmp_path / "broken"))

    problem = find(make_pack(tmp_path / "p", requirements="msgspec\n")).problem

    assert problem.startswith(f"the Python of this process, {tmp_path / 'broken'}, could not be")


def test_without_a_python_that_fits_all_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))

    problem = find(make_pack(tmp_path / "p", version="~3.95")).problem

    assert problem.startswith("`p.run` needs Python `~3.95` (its `runtime_version`); here are ")
    assert f"({sys.executable})" in problem
    assert problem.endswith("put one that fits on PATH")


def test_a_node_is_taken_by_its_version(tmp_path, monkeypatch):
    make_program(tmp_path / "old" / "node", "echo v16.1.0")
    make_program(tmp_path / "new" / "node", "echo v22.3.0")
    monkeypatch.setenv("PATH", f"{tmp_path / 'old'}:{tmp_path / 'new'}")

    action = make_pack(tmp_path / "p", runner="nodejs", version=">=18")

    assert find(action).program == str(tmp_path / "new" / "node")
    problem = find(make_pack(tmp_path / "q", runner="nodejs", version="^30")).problem
    assert "needs node `^30` (its `runtime_version`); here are node 16.1.0" in problem


def test_a_missing_node_is_reported(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))

    problem = find(make_pack(tmp_path / "p", runner="nodejs")).problem

    assert problem == "`p.run` needs node; there is no node on PATH: put one that fits on PATH"


def test_packages_of_node_may_lie_in_the_pack(tmp_path, monkeypatch):
    make_program(tmp_path / "bin" / "node", "echo v22.3.0")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    action = make_pack(tmp_path / "p", runner="nodejs")
    (tmp_path / "p" / "package.json").write_text('{"dependencies": {"pad": "^1.3.0"}}')

    problem = find(action).problem
    assert "node 22.3.0" in problem
    assert "lacks what `p.run` needs: `pad@^1.3.0` is not installed" in problem

    package = tmp_path / "p" / "node_modules" / "pad" / "package.json"
    package.parent.mkdir(parents=True)
    package.write_text('{"version": "2.0.0"}')
    problem = find(action).problem
    assert "`p.run`: `pad@^1.3.0` is not installed in this version; 2.0.0 is" in problem
    assert problem.endswith("in p/node_modules, where node looks first; remove it there")

    package.write_text('{"version": "1.3.1"}')
    assert find(action) is None


def test_the_packages_of_an_es_module_must_lie_in_the_pack(tmp_path, monkeypatch):
    """NODE_PATH leads `require` to an environment, but not `import`."""
    make_program(tmp_path / "bin" / "node", "echo v22.3.0")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    action = make_pack(tmp_path / "p", runner="nodejs")
    (tmp_path / "p" / "package.json").write_text('{"type": "module", "dependencies": {"pad": "1"}}')

    assert find(action).problem == (
        "`p.run`: `pad@1` is not installed, and node looks for the packages of an ES module in the "
        "pack alone; run `npm install` in p"
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", "is no JSON"),
        ("[]", "must be an object, not an array"),
        ('{"dependencies": {"../a": "1"}}', "has a name that leads out of `node_modules`"),
        ('{"dependencies": {"a": 1}}', "`dependencies` must be an object of strings"),
    ],
    ids=["no JSON", "array", "path", "number"],
)
def test_a_fault_in_package_json_is_reported(tmp_path, text, fault):
    action = make_pack(tmp_path / "p", runner="nodejs")
    (tmp_path / "p" / "package.json").write_text(text)

    assert fault in find(action).problem


def test_a_native_program_must_be_executable(tmp_path):
    action = make_pack(tmp_path / "p", runner="native", code="#!/bin/sh\n")
    assert "`chmod +x p/actions/run` makes it one" in find(action).problem

    action.entry_point.chmod(0o755)
    assert find(action) is None


def test_a_bad_runtime_version_is_reported(tmp_path):
    problem = find(make_pack(tmp_path / "p", version="new")).problem

    assert problem.startswith("`p.run`, `runtime_version`: `new` is no range of versions")


def test_a_shell_action_needs_nothing_else(tmp_path):
    assert find(make_pack(tmp_path / "p", runner="shell", requirements="absent\n")) is None


@pytest.mark.parametrize("name", ["requirements.txt", "package.json"])
@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (os.mkfifo, "is no regular file"),
        (os.mkdir, "is no regular file"),
        (lambda path: path.symlink_to(path), "cannot be read: Too many levels"),
    ],
    ids=["pipe", "folder", "link to itself"],
)
def test_a_manifest_that_is_no_file_is_refused(tmp_path, name, make, fault):
    runner = "python" if name == "requirements.txt" else "nodejs"
    action = make_pack(tmp_path / "odd", runner=runner)
    make(tmp_path / "odd" / name)

    assert f"odd/{name}` {fault}" in find(action).problem


def test_too_many_requirements_are_refused(tmp_path):
    action = make_pack(tmp_path / "many", requirements="a\n" * 100_000)

    assert "more than 2,000 requirements" in find(action).problem


def test_a_very_long_requirement_is_refused(tmp_path):
    action = make_pack(tmp_path / "long", requirements="a" * 500_000)

    assert "line 1, column 1: a requirement has at most 2,000 characters" in find(action).problem
