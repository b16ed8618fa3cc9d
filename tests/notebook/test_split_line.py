"""The words of a magic's line."""

import pytest

from attune_nb.notebook.split_line import remove_comment, split_line


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        ("  health  --define ", ["health", "--define"]),
        ("--set n=[1, 2]", ["--set", "n=[1, 2]"]),
        ('--set n=["a b", "c"]', ["--set", 'n=["a b", "c"]']),
        ("--set 'n=[1, 2]' x", ["--set", "n=[1, 2]", "x"]),
        ('k="a b"', ['k="a b"']),
        ("f(x, {'a': [1, 2]}) y", ["f(x, {'a': [1, 2]})", "y"]),
        (r"k='it\'s' z", [r"k='it\'s'", "z"]),
        ('k="])" z', ['k="])"', "z"]),
    ],
)
def test_a_python_expression_is_one_word(line, words):
    assert split_line(line) == words


@pytest.mark.parametrize(
    ("line", "message"), [("k='a", "quote"), ("k=[1, 2", "`]`"), ("k=(1, [2)", "`]`")]
)
def test_an_open_quote_or_bracket_is_refused(line, message):
    with pytest.raises(ValueError, match=message):
        split_line(line)


@pytest.mark.parametrize(
    ("line", "rest"),
    [
        ("status run # it's late", "status run "),
        ("# only a comment", ""),
        ("--set channel=#ops", "--set channel=#ops"),
        ("--set title='a # b' # c", "--set title='a # b' "),
        ("--set n=[1, # 2", "--set n=[1, # 2"),
    ],
    ids=["a comment", "only a comment", "within a word", "in quotes", "in brackets"],
)
def test_a_comment_ends_the_line(line, rest):
    assert remove_comment(line) == rest
