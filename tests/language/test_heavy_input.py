"""Input that is made to be heavy is refused within 2 seconds and 200 MB, and nothing crashes."""

import sys

import pytest
from bounds import tried

TASK = 'tasks:\n  - {{name: a, action: core.noop, input: {{x: "{{{{ {} }}}}"}}}}\n'

TEXTS = {
    "an empty text": "",
    "a binary file": bytes(range(256)).decode("latin-1") * 100,
    "2 MiB": "a: " + "x" * 2**21,
    "an alias bomb": "a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "".join(
        f"{n}: &{n} [{', '.join(['*' + p] * 9)}]\n"
        for p, n in zip("abcdefgh", "bcdefghi", strict=True)
    )
    + "tasks: *i\n",
    "a merge bomb": "a: &a {x: 1}\n"
    + "".join(
        f"{n}: &{n} {{<<: [*{p}, *{p}, *{p}]}}\n"
        for p, n in zip("abcdefgh", "bcdefghi", strict=True)
    ),
    "100,000 brackets": "[" * 100_000,
    "100,000 dashes": "- " * 100_000,
    "100,000 keys": "".join(f"k{n}: 1\n" for n in range(100_000)),
    "a number of 100,000 digits": "timeout: " + "9" * 100_000,
    "10,000 tasks of one name": "tasks:\n" + "  - {name: a, action: core.noop}\n" * 10_000,
    "3,000 parentheses": TASK.format("(" * 3000 + "1" + ")" * 3000),
    "range(10**9)": TASK.format("range(10**9)"),
    "a text times 10**9": TASK.format("'a' * 10**9"),
    "a list times 10**9": TASK.format("[0] * 10**9"),
    "9**(9**9)": TASK.format("9**(9**9)"),
    "2 ** (10**8)": TASK.format("2 ** (10**8)"),
    "a text that doubles": TASK.format(" ~ ".join(["('ab' * 10**6)"] * 50)),
    "a list within lists": TASK.format("range(1000)|map('string')|list|batch(1)|list|slice(10)"),
    "a catastrophic pattern": TASK.format("match('(a|a)*b|(a+)+$', 'a' * 100000 ~ '!')"),
    "a padded text": TASK.format("'x'|center(10**9)"),
    "a format width": TASK.format("'{:999999999d}'.format(1)"),
    "a percent width": TASK.format("'%999999999d' % 1"),
    "range within range": TASK.format("range(100000)|map('string')|sort|join|length"),
}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_each_is_refused_in_time_and_memory():
    told = tried(TEXTS, run=True)
    for name, each in told.items():
        assert each.said.startswith(("refused: ", "failed: ", "succeeded: ")), (name, each.said)
    # what is merely a lot, and not too much, still works
    fine = {name for name, each in told.items() if each.said.startswith("succeeded")}
    assert fine <= {"a catastrophic pattern", "range within range", "a list within lists"}
