"""Texts that are no workflow: nothing but an error of our own comes out, in a short time."""

import pytest
from support.pattern_texts import cpu_limit

import attune_nb
from attune_nb.errors import AttuneError

ALIAS_BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [*{before}, *{before}, *{before}, *{before}, *{before}, *{before}]\n"
    for before, name in zip("abcdefghijk", "bcdefghijkl", strict=True)
)

# texts of which nothing but an AttuneError comes out
ODD_TEXTS = {
    "nothing": "",
    "a long number": "tasks: [{name: a, action: core.noop, timeout: " + "9" * 5_000 + "}]",
    "deep expressions": 'tasks: [{name: a, action: core.noop, when: "{{ ' + "(" * 50_000 + ' }}"}]',
    "deep lists": "tasks: " + "[" * 50_000,
    "an alias bomb": ALIAS_BOMB,
    "a surrogate": "tasks: [{name: '\ud800', action: core.noop}]",
    "a NUL": "tasks: [{name: 'a\0', action: core.noop}]",
    "a list as a key": "tasks: [{[1]: 2}]",
    "a pattern": "parameters: {p: {type: string, pattern: '('}}\ntasks: [{name: a, action: f}]",
}


@pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS)
def test_only_errors_of_our_own_leave_a_text(text):
    with cpu_limit(20), pytest.raises(AttuneError):
        attune_nb.loads(text)
