"""The packs of the tests: six that are complete, and folders that a test writes itself."""

from pathlib import Path

from attune_nb.packs.reading.read_pack import read_pack

__all__ = ["PACKS", "problems_of_pack", "read_fixture", "write_pack"]

# hostkit, ticketing, nodekit, reporting, rollout and alerts
PACKS = Path(__file__).parent.parent / "packs" / "fixtures"

_MANIFEST = "ref: demo\nversion: 0.1.0\n"


def read_fixture(name):
    """Return one of the six packs."""
    return read_pack(PACKS / name)


def write_pack(folder, files=None, *, manifest=_MANIFEST):
    """Write the pack `demo` with a script `run.sh`, and more files by their paths."""
    texts = {"pack.yaml": manifest, "actions/run.sh": "echo done\n"}
    if files is not None:
        texts.update(files)

    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def problems_of_pack(folder):
    """Return the severity, the file's path in the pack, the line, the column and the message."""
    problems = []
    for problem in read_pack(folder).problems:
        place = None
        if problem.position is not None:
            name = Path(problem.position.source.name).relative_to(folder)
            place = (name.as_posix(), problem.position.line, problem.position.column)
        problems.append((problem.severity, place, problem.message))
    return problems
