"""Packs that escape, that are huge or broken: messages, and nothing outside them is read."""

import os

import pytest
from support.command_line import attune_here
from support.pack_folders import problems_of_pack, write_pack

import attune_nb as attune
from attune_nb.errors import WorkflowError
from attune_nb.packs.reading.read_pack import find_packs, read_pack

_RUN = "ref: demo.run\nentry_point: {}\n"


def _problem_of_entry_point(folder, text):
    """Return the message about an entry point, which stands in line 2 of the action's file."""
    write_pack(folder, {"actions/run.yaml": _RUN.format(text)})
    ((severity, place, message),) = problems_of_pack(folder)
    assert (severity, place) == ("error", ("actions/run.yaml", 2, 14))
    assert read_pack(folder).actions == {}
    return message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("/bin/true", "`/bin/true` is an absolute path; write the path from the folder `actions`"),
        ("C:/run.sh", "`C:/run.sh` is an absolute path"),
        ("../run.sh", "`../run.sh` leads out of the folder `actions`; move the file there"),
        ("sub/../../../run.sh", "leads out of the folder `actions`"),
        ("rnu.sh", "`rnu.sh` does not exist; did you mean `run.sh`?"),
        (".", "`.` is a folder"),
        ("' '", "`entry_point` is empty"),
        ('"run\\0.sh"', "cannot be opened"),
        ("x" * 5000, "cannot be opened: File name too long"),
    ],
)
def test_an_entry_point_is_a_file_below_actions(tmp_path, text, message):
    assert message in _problem_of_entry_point(tmp_path / "pack", text)


def test_a_link_out_of_the_pack_is_no_entry_point(tmp_path):
    (tmp_path / "outside.sh").write_text("echo outside\n")
    pack = write_pack(tmp_path / "pack")
    (pack / "actions" / "link.sh").symlink_to(tmp_path / "outside.sh")

    message = _problem_of_entry_point(pack, "link.sh")

    assert message == (
        f"`link.sh` is a link that leads out of the pack, to `{tmp_path / 'outside.sh'}`"
    )


def test_a_link_within_the_pack_is_an_entry_point(tmp_path):
    write_pack(tmp_path, {"actions/run.yaml": _RUN.format("link.sh"), "bin/run.sh": "echo\n"})
    (tmp_path / "actions" / "link.sh").symlink_to("../bin/run.sh")

    assert list(read_pack(tmp_path).actions) == ["demo.run"]


def test_a_loop_of_links_is_a_problem(tmp_path):
    write_pack(tmp_path)
    (tmp_path / "actions" / "a.sh").symlink_to("b.sh")
    (tmp_path / "actions" / "b.sh").symlink_to("a.sh")

    assert "cannot be opened" in _problem_of_entry_point(tmp_path, "a.sh")


def test_a_pipe_is_no_file_of_a_pack(tmp_path):
    """To open it would wait for a writer."""
    write_pack(tmp_path)
    os.mkfifo(tmp_path / "actions" / "pipe.sh")
    os.mkfifo(tmp_path / "actions" / "pipe.yaml")
    write_pack(tmp_path, {"actions/run.yaml": _RUN.format("pipe.sh")})

    messages = [message for _, _, message in problems_of_pack(tmp_path)]

    assert messages == [
        f"`{tmp_path / 'actions/pipe.yaml'}` is no ordinary file",
        "`pipe.sh` is no ordinary file",
    ]


@pytest.mark.parametrize("name", ["pack.yaml", "actions"])
def test_a_pack_is_not_made_of_links_to_elsewhere(tmp_path, name):
    outside = write_pack(tmp_path / "outside", {"actions/run.yaml": _RUN.format("run.sh")})
    pack = write_pack(tmp_path / "pack")
    (pack / "actions" / "run.sh").unlink()
    (pack / "actions").rmdir()
    if name == "pack.yaml":
        (pack / "pack.yaml").unlink()
    (pack / name).symlink_to(outside / name)

    outcome = attune_here("check", str(pack))

    assert outcome.exit_code == 2
    assert f"`{pack / name}` is a link that leads out of the pack" in outcome.stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"ref: demo.run\n# " + b"x" * 10_000_000, "the text is larger than 1 MiB"),
        (b"\x00\x01\x02", "the character U+0000 cannot stand in an action"),
        (b"ref: \xff\xfe\n", "it is not UTF-8 text"),
        (b"[" * 5000, "nested deeper than 100 levels"),
        (b"a: &a [x]\nb: &b [" + b"*a," * 9000 + b"]\nc: [" + b"*b," * 9000 + b"]", "more than"),
        (b"", "an action cannot be empty"),
        (b"- 3\n", "an action must be an object of names and values, not an array"),
        (b"a" * 1000, "an action must be an object of names and values, not a string"),
    ],
    ids=["10 MB", "binary", "no text", "deep", "aliases", "empty", "array", "string"],
)
def test_a_broken_file_does_not_hide_the_others(tmp_path, content, message):
    write_pack(tmp_path, {"actions/run.yaml": _RUN.format("run.sh")})
    (tmp_path / "actions" / "broken.yaml").write_bytes(content)

    contents = read_pack(tmp_path)

    assert list(contents.actions) == ["demo.run"]
    assert any(message in problem.message for problem in contents.problems)
    assert all("broken.yaml" in str(problem) for problem in contents.problems)


def test_a_thousand_broken_files_are_named_one_by_one(tmp_path):
    files = {f"actions/a{index:03}.yaml": f"ref: demo.a{index}\n" for index in range(1000)}
    write_pack(tmp_path, files)

    problems = read_pack(tmp_path).problems

    assert len(problems) == 1000
    assert {problem.position.line for problem in problems} == {1}
    assert "and 800 more" in attune.load_pack(tmp_path)._repr_html_()


def test_names_that_are_no_text_are_shown_without_them(tmp_path):
    write_pack(tmp_path)
    name = os.fsdecode(b"\xff\x1b[31m.yaml")
    (tmp_path / "actions" / name).write_text("ref: 3\n")

    outcome = attune_here("check", str(tmp_path))

    assert outcome.exit_code == 2
    assert "[31m.yaml, line 1, column 6: `ref` must be a string" in outcome.stderr
    assert "\x1b" not in outcome.stderr
    attune.load_pack(tmp_path)._repr_html_().encode()


def test_a_workflow_that_names_itself_is_a_problem(tmp_path):
    write_pack(tmp_path, {"actions/a.yaml": "ref: demo.a\nworkflow_file: a.yaml\n"})

    problems = problems_of_pack(tmp_path)

    assert {place[0] for _, place, _ in problems} == {"actions/a.yaml"}
    assert any("a workflow needs `tasks`" in message for _, _, message in problems)


@pytest.mark.parametrize("text", ["../../tasks.yaml", "/etc/passwd", "gone.yaml"])
def test_a_workflow_file_is_inside_the_pack(tmp_path, text):
    (tmp_path / "tasks.yaml").write_text("tasks: [{name: a, action: core.noop}]\n")
    pack = tmp_path / "pack"
    write_pack(pack, {"actions/a.yaml": f"ref: demo.a\nworkflow_file: {text}\n"})

    ((severity, place, _),) = problems_of_pack(pack)

    assert (severity, place) == ("error", ("actions/a.yaml", 2, 16))
    with pytest.raises(WorkflowError):
        attune.load_file(pack / "actions" / "a.yaml")


def test_a_folder_that_does_not_exist_is_no_pack(tmp_path):
    for read in (read_pack, find_packs, attune.load_pack):
        with pytest.raises(WorkflowError, match=r"cannot open the pack .*No such file"):
            read(tmp_path / "gone")


def test_a_native_program_must_be_executable(tmp_path):
    text = _RUN.format("run.sh") + "runner_type: native\n"
    write_pack(tmp_path, {"actions/run.yaml": text})

    ((_, place, message),) = problems_of_pack(tmp_path)

    assert place == ("actions/run.yaml", 2, 14)
    assert message.endswith("is not executable; allow it with `chmod +x`")
    (tmp_path / "actions" / "run.sh").chmod(0o755)
    assert problems_of_pack(tmp_path) == []


@pytest.fixture
def lock():
    """A function that takes all rights to a path, until the test has ended."""
    locked = []

    def take_rights(path):
        locked.append((path, path.stat().st_mode))
        path.chmod(0)

    yield take_rights
    for path, mode in locked:
        path.chmod(mode)


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read every file")
@pytest.mark.parametrize("name", ["actions/run.yaml", "actions", "triggers"])
def test_a_path_that_cannot_be_read_is_named(tmp_path, lock, name):
    files = {"actions/run.yaml": _RUN.format("run.sh"), "triggers/a.yaml": "ref: demo.a\n"}
    write_pack(tmp_path, files)
    lock(tmp_path / name)

    ((_, _, message),) = problems_of_pack(tmp_path)

    assert message == f"cannot read `{tmp_path / name}`: Permission denied"


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read every file")
def test_a_pack_that_cannot_be_read_does_not_stop_the_others(tmp_path, lock):
    write_pack(tmp_path / "good")
    write_pack(tmp_path / "locked")
    lock(tmp_path / "locked")

    with pytest.raises(WorkflowError, match="cannot be opened: Permission denied"):
        attune.load_pack(tmp_path / "locked")
    assert [folder.name for folder in find_packs(tmp_path)] == ["good"]
