"""The streams of a kernel: cells print as before while a run in the background prints, too."""

import pytest
from support.notebook_kernels import execute_cells

START = """
import logging, sys, threading, warnings
import attune_nb

logging.basicConfig(format="%(levelname)s of the cell: %(message)s", level=logging.INFO)
streams = sys.stdout, sys.stderr
may_end = threading.Event()

def work(x):
    while not may_end.is_set():
        print("attempt", x)
        logging.info("record %s", x)
        may_end.wait(0.01)

run = attune_nb.loads('''
tasks:
  - {name: a, action: work, with_items: [0, 1], concurrency: 2, input: {x: "{{ item }}"}}
''').run(actions={"work": work}, background=True, progress=False, store="none", logs="none")
while len(run.logs()) < 10:
    may_end.wait(0.01)
"""
PRINT = """
print("the cell", end=" ")
print("prints")
logging.warning("careful")
"""
CAPTURED = """%%capture captured
print("captured")
import IPython
count = len(run.logs())
while len(run.logs()) < count + 10:
    may_end.wait(0.01)
"""
END = """
may_end.set()
run.wait()
"""
REPORT = """
texts = set(run.logs()["text"])
levels = set(run.logs()["level"])
captured.stdout, sorted(texts), sorted(levels), (sys.stdout, sys.stderr) == streams
"""


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """Return the outputs of the cells: start, print, captured, end, report."""
    folder = tmp_path_factory.mktemp("streams")
    cells = execute_cells(folder, START, PRINT, CAPTURED, END, REPORT).cells
    return [cell.outputs for cell in cells]


def test_cells_print_as_before(outputs):
    texts = {output["name"]: output["text"] for output in outputs[1]}

    assert texts == {"stdout": "the cell prints\n", "stderr": "WARNING of the cell: careful\n"}


def test_what_attempts_print_is_in_no_cell(outputs):
    assert "attempt" not in str(outputs[:4])
    assert "record" not in str(outputs[:4])


def test_capture_takes_only_what_its_cell_prints(outputs):
    report = outputs[4][0]["data"]["text/plain"]

    assert report.startswith("('captured\\n',")


def test_the_lines_of_the_attempts_are_all_there(outputs):
    report = outputs[4][0]["data"]["text/plain"]

    assert "['attempt 0', 'attempt 1', 'record 0', 'record 1']" in report
    assert "['INFO', 'stdout']" in report


def test_the_streams_are_those_of_the_kernel_again(outputs):
    assert outputs[4][0]["data"]["text/plain"].rstrip(")").endswith("True")
