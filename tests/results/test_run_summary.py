"""The summary of a run: a row for each task, its visits folded, its failures marked."""

import attune_nb

TIMES = "\N{MULTIPLICATION SIGN}"

LOOP = """
vars: {n: 1}
tasks:
  - name: page
    start: true
    action: fetch
    input: {n: "{{ n }}"}
    next:
      - {when: "{{ n < 30 }}", publish: [{n: "{{ n + 1 }}"}], do: page}
      - {do: store}
  - {name: store, action: core.noop}
"""

ITEMS_IN_A_LOOP = """
vars: {n: 0}
tasks:
  - name: batch
    start: true
    action: core.echo
    with_items: "{{ range(4) }}"
    input: {message: "{{ item }}"}
    next:
      - {when: "{{ n < 2 }}", publish: [{n: "{{ n + 1 }}"}], do: batch}
"""


def fetch(n):
    if n in (7, 9):
        raise ValueError(f"no page {n}")


def many_tasks(count, failing):
    """Return a run of tasks side by side of which one fails."""
    lines = ["tasks:"]
    for number in range(count):
        action = "core.fail, input: {message: no}" if number == failing else "core.noop"
        lines.append(f"  - {{name: t{number}, action: {action}}}")
    return attune_nb.loads("\n".join(lines)).run(backend="inline")


def run_loop():
    return attune_nb.loads(LOOP).run(backend="inline", actions={"fetch": fetch})


def test_the_visits_of_a_task_are_one_row():
    page, store = run_loop().summary()

    assert page["task"] == f"page {TIMES}30"
    assert page["status"] == "succeeded"
    assert page["failed visits"] == "2"
    assert page["longest visit"].startswith("#")
    assert page["error"] == "#9: no page 9"
    assert store["task"] == "store"
    assert store["longest visit"] == ""


def test_the_items_of_all_visits_are_counted():
    run = attune_nb.loads(ITEMS_IN_A_LOOP).run(backend="inline")
    (row,) = run.summary()
    assert (row["task"], row["items"]) == (f"batch {TIMES}3", "12/12")


def test_a_text_says_which_visits_failed_and_which_took_longest():
    text = repr(run_loop())
    assert f"page {TIMES}30" in text
    assert "2 visits failed, longest visit #" in text


def test_failures_in_the_table_have_a_colour_and_a_mark():
    html = run_loop()._repr_html_()
    mark = '<span style="color:#D55E00;font-weight:bold" aria-hidden="true">✗ </span>'

    assert f"{mark}<b>2</b>" in html
    assert f"{mark}<b>failed</b>" in many_tasks(2, failing=1)._repr_html_()


def test_a_failed_task_among_many_is_in_the_table():
    run = many_tasks(60, failing=55)

    assert "t55 " in repr(run)
    assert "t59 " not in repr(run)
    assert '<td style="text-align:left">t55</td>' in run._repr_html_()
    assert "and 20 more" in repr(run)
