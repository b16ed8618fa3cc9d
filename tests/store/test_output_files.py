"""The files with the output of runs that a server has started."""

import os

import pytest

import attune_nb
from attune_nb.store.output_files import (
    OutputPart,
    open_output,
    output_folder,
    output_path,
    prune_outputs,
    read_output,
)

RUN_ID = "0123456789ab"
MOST = 1_000_000


@pytest.fixture
def store(tmp_path):
    return tmp_path / "new" / "runs.db"


def write(store, data, run_id=RUN_ID):
    file = open_output(store, run_id)
    os.write(file, data)
    os.close(file)


def test_a_file_and_its_folder_are_for_their_owner_only(store):
    mask = os.umask(0)
    try:
        write(store, b"line\n")
    finally:
        os.umask(mask)
    assert output_path(store, RUN_ID).stat().st_mode & 0o777 == 0o600
    assert output_folder(store).stat().st_mode & 0o777 == 0o700


def test_a_file_that_is_there_is_appended_to(store):
    write(store, b"one\n")
    write(store, b"two\n")
    assert read_output(store, RUN_ID, 0, MOST) == OutputPart("one\ntwo\n", 0, 8, 8)


@pytest.mark.parametrize(
    ("offset", "most", "part"),
    [
        (0, 6, OutputPart("first\n", 0, 6, 13)),
        (6, 100, OutputPart("second\n", 6, 13, 13)),
        (13, 100, OutputPart("", 13, 13, 13)),
        # the file has become shorter: all of it is new
        (14, 100, OutputPart("first\nsecond\n", 0, 13, 13)),
        # from the end, whole lines
        (-100, 100, OutputPart("first\nsecond\n", 0, 13, 13)),
        (-9, 100, OutputPart("second\n", 6, 13, 13)),
        (-3, 100, OutputPart("", 13, 13, 13)),
    ],
)
def test_a_part_says_where_the_next_one_begins(store, offset, most, part):
    write(store, b"first\nsecond\n")
    assert read_output(store, RUN_ID, offset, most) == part


def test_a_character_is_not_cut(store):
    text = "a\u00e4\u20ac\U0001f600b"
    write(store, text.encode())
    for most in range(4, 12):
        parts = []
        offset = 0
        while offset < len(text.encode()):
            part = read_output(store, RUN_ID, offset, most)
            parts.append(part.text)
            offset = part.next
        assert "".join(parts) == text


def test_bytes_that_are_no_text_are_replaced(store):
    write(store, b"a\xffb\n")
    assert read_output(store, RUN_ID, 0, MOST).text == "a\ufffdb\n"


def test_a_link_in_place_of_a_file_is_not_followed(store, tmp_path):
    (tmp_path / "secret").write_text("hush")
    output_folder(store).mkdir(parents=True)
    output_path(store, RUN_ID).symlink_to(tmp_path / "secret")
    assert read_output(store, RUN_ID, 0, MOST) is None
    with pytest.raises(attune_nb.StoreError, match="cannot be written to"):
        open_output(store, RUN_ID)


def test_the_newest_files_are_kept(store):
    run_ids = [f"{number:012x}" for number in range(6)]
    for age, run_id in enumerate(run_ids):
        write(store, b"", run_id)
        os.utime(output_path(store, run_id), (1000 - age, 1000 - age))
    (output_folder(store) / "mine.log").touch()

    prune_outputs(store, keep=[run_ids[5]], most=3)
    remaining = sorted(path.stem for path in output_folder(store).iterdir())
    assert remaining == [*run_ids[:3], run_ids[5], "mine"]


def test_a_run_is_forgotten_with_its_output(store):
    workflow = attune_nb.loads("tasks: [{name: a, action: core.noop}]")
    run = workflow.run(store=store, progress=False)
    write(store, b"line\n", run.run_id)
    attune_nb.forget(run.run_id, store=store)
    assert not output_folder(store).exists()
