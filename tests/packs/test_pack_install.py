"""The environment of a pack: made when asked, whole or not at all, and found again."""

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest
from support.command_line import attune_here
from support.item_runs import until
from support.small_packs import make_pack, make_wheel

import attune_nb
from attune_nb.errors import PackError, ParameterError
from attune_nb.packs.environments.cache import (
    Environment,
    make_environments_folder,
    python_key,
    write_record,
)
from attune_nb.packs.environments.find import InterpreterFinder
from attune_nb.packs.environments.install import install_pack
from attune_nb.packs.environments.programs import kernel_python
from attune_nb.packs.environments.requirements import read_requirements

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Return a cache of the test's own, in a process that finds no index of packages."""
    monkeypatch.setenv("ATTUNE_NB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "cache" / "packs"


def pack_that_needs(tmp_path, requirements="tongue>=1"):
    """Write a pack whose package `tongue` has the versions 1.0 and 2.0 in the pack's own folder.

    An installer starts in this folder: its modules must not stand for those of Python.
    """
    action = make_pack(
        tmp_path / "speech",
        code="import json, tongue; print(json.dumps(tongue.VERSION))",
        requirements=f"--no-index\n--find-links wheels\n{requirements}\n",
    )
    for name in ("json.py", "venv.py", "pip.py"):
        (tmp_path / "speech" / name).write_text("raise SystemExit('wrong module')")
    for version in ("1.0", "2.0"):
        make_wheel(tmp_path / "speech" / "wheels", "tongue", version, code=f"VERSION = '{version}'")
    return action


def install(action, **options):
    return install_pack(action.pack, [action], **options)


def find(action, **options):
    return InterpreterFinder(**options).find(action)


def spoken(action):
    """Run the action's script by its interpreter; return its output."""
    command = [find(action).program, "-u", str(action.entry_point)]
    return json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)


def new_folder(action):
    """Make a folder for an environment of a pack, as an installation begins; return it."""
    texts = read_requirements(action.pack.folder).texts
    key = python_key(action.pack.ref, texts, kernel_python())
    make_environments_folder()
    with key.new_folder() as folder:
        return folder


def commands_with(word):
    """Return the commands of the running processes that name a folder."""
    processes = psutil.process_iter(["cmdline"])
    commands = [process.info["cmdline"] or [] for process in processes]
    return [command for command in commands if word in " ".join(command)]


def folders(cache):
    return sorted(path for path in cache.glob("*") if path.is_dir())


def test_an_environment_is_made_once_and_found(tmp_path, cache, monkeypatch):
    # as a kernel has it: the lines would hold codes of colours
    monkeypatch.setenv("FORCE_COLOR", "1")
    action = pack_that_needs(tmp_path)
    assert find(action).program is None

    lines = []
    (environment,) = install(action, progress=lines.append)

    assert lines[0].startswith("making an environment for `speech` with Python 3.")
    assert "[0m" not in "".join(lines)
    assert lines[-1] == f"installed in {environment.folder}"
    assert find(action).program == f"{environment.folder}/bin/python"
    assert spoken(action) == "2.0"

    (again,) = install(action, progress=lines.append)
    assert again.folder == environment.folder
    assert lines[-1] == f"`speech` is installed in {environment.folder}"
    assert folders(cache) == [Path(environment.folder)]

    # another requirement needs another environment
    (tmp_path / "speech" / "requirements.txt").write_text("--no-index\ntongue>=1.5\n")
    assert "lacks what `speech.run` needs: `tongue>=1.5`" in find(action).problem


def test_a_constraint_chooses_the_version(tmp_path):
    action = pack_that_needs(tmp_path)

    install(action, constraints={"Tongue": "1.0"})

    assert spoken(action) == "1.0"
    assert find(action, constraints={"tongue": "1.0"}).program is not None
    assert "--constraint 'tongue<1'" in find(action, constraints={"tongue": "<1"}).problem

    install(action)
    assert spoken(action) == "2.0"


def test_a_constraint_counts_before_the_own_python(tmp_path, cache):
    """An environment that was asked for with a constraint is used until it is installed without."""
    action = make_pack(tmp_path / "plain", requirements="packaging\n")
    wheels = tmp_path / "wheels"
    make_wheel(wheels, "packaging", "1.0")
    (tmp_path / "plain" / "requirements.txt").write_text(
        f"--no-index\n--find-links {wheels}\npackaging\n"
    )
    assert find(action).program == sys.executable

    install(action, constraints={"packaging": "1.0"})
    assert find(action).program.startswith(str(cache))

    assert install(action) == ()
    assert find(action).program == sys.executable


def test_a_failed_installation_leaves_nothing(tmp_path, cache):
    action = pack_that_needs(tmp_path, "tongue>=1\nnowhere-to-be-found==7")

    with pytest.raises(PackError) as caught:
        install(action)

    message = str(caught.value)
    assert message.startswith("`speech` is not installed: ")
    assert "failed with exit code 1. Nothing was changed. Its last lines:\n" in message
    assert "nowhere-to-be-found" in message
    assert folders(cache) == []
    assert find(action).program is None


def test_an_index_that_cannot_be_reached_is_reported(tmp_path, cache, monkeypatch):
    action = make_pack(tmp_path / "speech", requirements="tongue\n")
    for name in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/simple")
    # no proxy may answer in its place
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    # pip says why it has nothing only as it tries again
    for name in ("PIP_RETRIES", "UV_HTTP_RETRIES", "UV_NO_CACHE", "PIP_NO_CACHE_DIR"):
        monkeypatch.setenv(name, "1")

    with pytest.raises(PackError) as caught:
        install(action)

    assert "cannot reach the index of packages. Nothing was changed. Its" in str(caught.value)
    assert folders(cache) == []


def test_a_cache_that_cannot_be_written_is_named(tmp_path, cache):
    action = pack_that_needs(tmp_path)
    cache.parent.write_text("a file")

    with pytest.raises(PackError) as caught:
        install(action)

    assert f"`speech` cannot be installed below {cache}: " in str(caught.value)
    assert str(caught.value).endswith("; ATTUNE_NB_CACHE names another folder")


def test_an_interrupted_installation_leaves_nothing(tmp_path, cache):
    action = pack_that_needs(tmp_path)

    def interrupt(line):
        if line.startswith("  "):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        install(action, progress=interrupt)

    assert folders(cache) == []
    until(lambda: commands_with(str(cache)) == [])


def test_remains_of_a_killed_installation_are_removed(tmp_path, cache):
    action = pack_that_needs(tmp_path)
    half_made = new_folder(action)

    assert find(action).program is None
    (environment,) = install(action)

    assert folders(cache) == [Path(environment.folder)]
    assert not half_made.exists()
    assert find(action).program == f"{environment.folder}/bin/python"


def test_two_installations_at_once_make_one(tmp_path, cache):
    """The second one waits for the first, and finds its environment."""
    action = pack_that_needs(tmp_path)
    holds_lock = threading.Event()
    second_waits = threading.Event()
    lines = []

    def hold(line):
        if line.startswith("making"):
            holds_lock.set()
            assert second_waits.wait(60)

    def follow(line):
        lines.append(line)
        if "another process" in line:
            second_waits.set()

    first = threading.Thread(target=install, args=[action], kwargs={"progress": hold})
    first.start()
    assert holds_lock.wait(60)
    install(action, progress=follow)
    first.join()

    assert lines[0] == "another process installs for this pack; waiting"
    assert lines[1].startswith("`speech` is installed in ")
    assert len(folders(cache)) == 1


def test_a_removed_interpreter_is_not_used(tmp_path, cache):
    """An environment links to the Python that it was made with."""
    action = pack_that_needs(tmp_path)
    folder = new_folder(action)
    (folder / "pyvenv.cfg").write_text("home = /removed/bin\n")
    write_record(Environment(pack="speech", folder=str(folder), base="Python 3.11"))

    assert "lacks what `speech.run` needs" in find(action).problem

    (environment,) = install(action)
    assert folders(cache) == [Path(environment.folder)]


def test_a_pack_is_installed_as_it_is_loaded(tmp_path, capsys):
    pack_that_needs(tmp_path)

    pack = attune_nb.load_pack("speech", install=True, constraints={"tongue": "1.0"})

    assert capsys.readouterr().out.startswith("making an environment for `speech` with Python")
    run = attune_nb.loads("tasks: [{name: say, action: speech.run}]").run(packs=[pack])
    assert run.result("say")["stdout"] == '"1.0"\n'


def test_constraints_without_an_installation_are_refused(tmp_path):
    pack_that_needs(tmp_path)

    with pytest.raises(ParameterError, match="pass `install=True`, too"):
        attune_nb.load_pack("speech", constraints={"tongue": "1.0"})


def test_the_command_installs(tmp_path):
    action = pack_that_needs(tmp_path)
    (tmp_path / "speech" / "pack.yaml").write_text("ref: speech\nlabel: Speech\nversion: 1.0.0\n")

    process = attune_here("pack", "install", "speech", "--constraint", "tongue==1.0")

    assert process.exit_code == 0, process.stderr
    assert process.stdout.startswith("making an environment for `speech` with Python")
    assert spoken(action) == "1.0"


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not on PATH")
def test_packages_of_node_are_installed(tmp_path):
    action = make_pack(
        tmp_path / "web",
        runner="nodejs",
        code="console.log(JSON.stringify(require('tongue')))",
    )
    package = tmp_path / "web" / "vendored" / "package.json"
    package.parent.mkdir()
    package.write_text('{"name": "tongue", "version": "1.0.0", "main": "index.js"}')
    (package.parent / "index.js").write_text("module.exports = 'la';")
    (tmp_path / "web" / "package.json").write_text(
        '{"name": "web", "dependencies": {"tongue": "file:vendored"}}'
    )
    assert "`tongue@file:vendored` is not installed" in find(action).problem

    install(action)

    interpreter = find(action)
    output = subprocess.run(
        [interpreter.program, str(action.entry_point)],
        env={"NODE_PATH": interpreter.module_folders[0]},
        capture_output=True,
        check=True,
        timeout=60,
    ).stdout
    assert json.loads(output) == "la"
    assert not (tmp_path / "web" / "node_modules").exists()


def test_the_environments_of_packs_are_listed_and_removed(tmp_path, cache):
    folder = new_folder(pack_that_needs(tmp_path))
    (folder / "module.py").write_bytes(b" " * 2_500_000)
    write_record(
        Environment(
            pack="speech", folder=str(folder), base="Python 3.11", constraints={"tongue": "<2"}
        )
    )

    line = attune_here("pack", "list").stdout
    assert line.startswith("speech  2.5 MB  Python 3.11  tongue<2  ")
    assert line.endswith(f"{folder}\n")

    mistake = attune_here("pack", "uninstall", "speach")
    assert mistake.exit_code == 2
    assert mistake.stderr == "no environment was made for `speach`; did you mean `speech`?\n"

    assert attune_here("pack", "uninstall", "speech").stdout == f"removed {folder}\n"
    assert folders(cache) == []
    assert attune_here("pack", "list").stdout == "no environment was made for a pack\n"


def test_an_action_with_a_problem_is_left_out_and_named(tmp_path):
    make_pack(tmp_path / "speech")
    (tmp_path / "speech" / "actions" / "bad.yaml").write_text("ref: speech.bad\nlabell: x\n")

    process = attune_here("pack", "install", "speech")

    first_line, second_line = process.stdout.splitlines()
    assert first_line == "left out, since they have problems: speech.bad"
    assert second_line.startswith("`speech` needs nothing that Python 3.")


def test_an_installer_that_does_not_start_is_named(tmp_path, cache, monkeypatch):
    action = pack_that_needs(tmp_path)
    kernel_python()
    program = tmp_path / "bin" / "uv"
    program.parent.mkdir()
    program.write_text("#!/no/such/interpreter\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))

    with pytest.raises(PackError, match="`speech` is not installed: uv does not start: "):
        install(action)

    assert folders(cache) == []
