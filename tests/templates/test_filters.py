"""Jinja2's filters, tests and methods, which work as in Jinja2, but on plain data only."""

import datetime as dt
import pathlib
import subprocess

import jinja2
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attune_nb import Template, WorkflowContext
from attune_nb.errors import TemplateError
from attune_nb.values.frozen import freeze

ROWS = [
    {"name": "bo", "age": 3, "home": {"city": "Ulm"}},
    {"name": "Al", "age": 1, "home": {"city": "Rom"}},
    {"name": "cy", "age": 2, "home": {"city": "ulm"}},
]
DATA = {
    "rows": ROWS,
    "list": [3, 1, 2],
    "text": "Hello  wörld <b>",
    "map": {"b": 1, "A": 2},
    "n": 5,
}


def value(expression, **more):
    context = WorkflowContext.create(vars={**DATA, **more})
    return Template("{{ " + expression + " }}").render(context)


def plain(value):
    if isinstance(value, list | tuple):
        return [plain(element) for element in value]
    return value if isinstance(value, dict | int | float | str | None) else list(value)


AS_JINJA = """
-5|abs
list|batch(2)|list
list|batch(2, 0)|list
'hELLO wORLD'|capitalize
'a'|center(5)
text|count
none|default(1)
nothing|default(1)
nothing|d
''|default('x', true)
0|default(7, boolean=true)
map|dictsort|list
map|dictsort(case_sensitive=true)|list
map|dictsort(by='value', reverse=true)|list
text|e
'&<>"'|escape
1|filesizeformat
999|filesizeformat
13000|filesizeformat
1300000000|filesizeformat
1300|filesizeformat(true)
list|first
'abc'|first
'2.5'|float
'x'|float
'x'|float(1.5)
rows|groupby('age')|map('first')|list
rows|groupby('home.city')|map('first')|list
rows|groupby('home.city', case_sensitive=true)|map(attribute=0)|list
rows|groupby('nick', default='-')|map('last')|map('length')|list
'a\\nb'|indent
'a\\nb\\n\\nc'|indent(2, first=true)
'a\\n\\nb'|indent('> ', blank=true)
'42.9'|int
'x'|int
'x'|int(-1)
'0x1f'|int(0, 16)
1.9|int
map|items|list
list|join
list|join(', ')
rows|join('+', attribute='name')
list|last
'abc'|length
'abc'|list
map|list
'ÄB'|lower
5|lower
rows|map(attribute='name')|list
rows|map(attribute='home.city')|list
rows|map(attribute='nick', default='-')|list
list|map('string')|list
['a b']|map('replace', ' ', '-')|list
[[1, 2], [3]]|map('sum')|list
[[1, 2], [3]]|map('map', 'string')|map('join')|list
list|max
['b', 'A']|max
['b', 'A']|min
rows|max(attribute='age')
[0, 1, 2]|reject('odd')|list
[0, 1, '']|reject|list
rows|rejectattr('age', 'gt', 1)|map(attribute='name')|list
'aaa'|replace('a', 'b', 2)
'abc'|reverse
list|reverse|list
42.55|round
2.5|round
42.55|round(1, 'floor')
42.55|round(1, 'ceil')
42|round
[0, 1, 2]|select|list
[0, 1, 2]|select('odd')|list
[1, 5, 9]|select('lessthan', 6)|list
[1, 5, 9]|select('in', [1, 9])|list
rows|selectattr('age')|map(attribute='name')|list
rows|selectattr('nick', 'defined')|list
rows|selectattr('nick', 'undefined')|map(attribute='name')|list
rows|selectattr('name', 'equalto', 'bo')|map(attribute='age')|list
list|slice(2)|list
[1, 2, 3, 4]|slice(3, 0)|list
list|sort
list|sort(reverse=true)
['b', 'A', 'c']|sort
['b', 'A', 'c']|sort(case_sensitive=true)
rows|sort(attribute='age')|map(attribute='name')|list
rows|sort(attribute='home.city,name')|map(attribute='name')|list
n|string
'<p>a  b</p><!-- c --> &amp; d'|striptags
list|sum
rows|sum(attribute='age')
list|sum(start=10)
"it's a (new) day-by-day [x]"|title
'  a '|trim
'xxaxx'|trim('x')
'foo bar baz qux'|truncate(9)
'foo bar baz qux'|truncate(9, true)
'foo bar baz qux'|truncate(11)
'foo bar baz qux'|truncate(11, false, '..', 0)
['a', 'A', 'b']|unique|list
['a', 'A', 'b']|unique(case_sensitive=true)|list
rows|unique(attribute='home.city')|map(attribute='name')|list
'äb'|upper
'a b/ü&'|urlencode
{'a b': 'c/d'}|urlencode
[['a', 1]]|urlencode
text|wordcount
3 is odd
3 is even
9 is divisibleby(3)
nothing is defined
nothing is undefined
map.b is defined
map.z is not defined
none is none
1 is number
true is number
true is integer
1.0 is float
true is boolean
false is false
'a' is string
'a' is sequence
'a' is iterable
map is mapping
map is sequence
1 is iterable
'ab' is lower
'AB' is upper
1 is in([1])
1 is eq(1.0)
1 is ne(2)
1 is lt(2)
1 is ge(2)
none is sameas(none)
'a' is callable
1 + 2 * 3 - 4 / 2
(7 // 2, 7 % 3, 2 ** 10)
-7 // 2
'ab' * 2
'a' ~ 1 ~ 2.5
1 < 2 < 3
1 < 2 > 3
1 if 0 else 2
not 1 or 2 and 3
'a' in 'abc'
'z' not in map
[list[0], list[-1], list[1:], list[::-1]]
'abc'[1]
'A'.lower()
' a '.strip()
'a,b'.split(',')
'a b  c'.split()
'a,b,c'.rsplit(',', 1)
'a\\nb'.splitlines()
'-'.join(['a', 'b'])
'abc'.startswith('a')
'abc'.endswith('c')
'aXbX'.replace('X', '-', 1)
'abc'.find('c')
'aba'.rfind('a')
'12'.isdigit()
'ab'.title()
map.get('b')
map.get('z', 9)
map.items()|list
map.keys()|list
map.values()|list
list.index(2)
list.count(3)
"""


@pytest.mark.parametrize("expression", AS_JINJA.strip().splitlines())
def test_an_expression_has_the_same_value_in_jinja(expression):
    expected = jinja2.Environment().compile_expression(expression)(**DATA)
    assert plain(value(expression)) == plain(expected)


OUR_OWN = [
    ("[1, null, true, [2]] | join('-')", "1--true-[2]"),
    ("{'a': [1, null]} | string", '{"a":[1,null]}'),
    ("'<' | tojson", '"<"'),
    ("{'a': 1} | tojson", '{"a":1}'),
    ("{'a': 1} | tojson(indent=2)", '{\n  "a": 1\n}'),
    ("1 == true", False),
    ("0 in [false]", False),
    ("[1, 2] == [1.0, 2.0]", True),
    ("1 is in([true])", False),
    ("'inf' | float(0)", 0),
    ("[] | first | default('none')", "none"),
    ("[] | max | default(0)", 0),
    ("rows | groupby('age') | first | first", 1),
    ("map.items", None),
    ("(1 if false) | default(2)", 2),
    ("'<b>' | safe", "<b>"),
]


@pytest.mark.parametrize(
    ("expression", "expected"), OUR_OWN, ids=[expression for expression, _ in OUR_OWN]
)
def test_an_expression_has_its_own_value(expression, expected):
    """Some values differ from those of Jinja2."""
    if expected is None:
        with pytest.raises(TemplateError, match="`map` has no `items`"):
            value(expression)
    else:
        assert value(expression) == expected
        assert type(value(expression)) is type(expected)


# all texts that an argument of a program can hold
arguments = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(st.lists(arguments, min_size=1, max_size=20))
def test_a_quoted_text_is_one_word_of_a_shell(texts):
    command = "printf '%s\\0' " + value("texts | quote", texts=freeze(texts))
    shell = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=True)
    assert shell.stdout.decode().split("\0")[:-1] == texts
    assert command == "printf '%s\\0' " + " ".join(value("t | quote", t=text) for text in texts)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("'a b'", "'a b'"),
        ("''", "''"),
        ("5", "5"),
        ("null", "''"),
        ("[1, 'x y', true]", "1 'x y' true"),
    ],
)
def test_any_plain_value_can_be_quoted(expression, expected):
    assert value(f"{expression} | quote") == expected


def test_a_key_comes_before_a_method():
    assert value("m.items", m={"items": [1]}) == [1]
    assert value("m.items()", m={"items": [1]}) == [["items", [1]]]


UNDEFINED = [
    ("[nothing] | length", "`nothing` is undefined"),
    ("[[nothing]] | map('first')", "`nothing` is undefined"),
    ("rows | map(attribute='nme')", "an element has no `nme`; did you mean `name`?"),
    ("rows | map(attribute='__class__')", "an element has no `__class__`"),
    ("rows | map(attribute='home.__len__')", "has no `__len__`"),
    ("list | map(attribute='real')", "is an integer and has no `real`"),
    ("rows | selectattr('__class__')", "has no `__class__`"),
    ("rows | selectattr('nick')", "has no `nick`"),
    ("rows | rejectattr('nick', 'none')", "has no `nick`"),
    ("rows | groupby('__class__')", "has no `__class__`"),
    ("rows | sort(attribute='__class__')", "has no `__class__`"),
    ("rows | sum(attribute='__class__')", "has no `__class__`"),
    ("rows | unique(attribute='__class__')", "has no `__class__`"),
    ("rows | max(attribute='__class__')", "has no `__class__`"),
    ("rows | join(attribute='__class__')", "has no `__class__`"),
    ("[[]] | map('first')", "`first` of an empty array"),
    ("[] | first", "`first` of an empty array"),
    ("[] | min", "`min` of an empty array"),
    ("(1 if false)", "there is no `else`"),
    ("nothing == 1", "`nothing` is undefined"),
    ("nothing ~ ''", "`nothing` is undefined"),
    ("{'a': nothing}", "`nothing` is undefined"),
    ("true or nothing", None),
]


@pytest.mark.parametrize(
    ("expression", "message"), UNDEFINED, ids=[expression for expression, _ in UNDEFINED]
)
def test_an_undefined_part_is_an_error(expression, message):
    if message is None:
        assert value(expression) is True
        return

    with pytest.raises(TemplateError) as caught:
        value(expression)
    assert message in caught.value.message


class Touchy:
    """Fails the test if anything of it is used."""

    def _touched(self, *_, **__):
        raise AssertionError("touched")

    __eq__ = __lt__ = __bool__ = __len__ = __iter__ = __getitem__ = __contains__ = _touched
    __str__ = __repr__ = __add__ = __radd__ = __mul__ = __call__ = __int__ = __index__ = _touched
    __float__ = __format__ = __hash__ = __neg__ = __mod__ = __ne__ = __rmul__ = _touched


OPAQUE = {
    "touchy": Touchy(),
    "frame": pd.DataFrame({"a": [1]}),
    "date": dt.date(2020, 1, 1),
    "path": pathlib.Path("/tmp/x"),
    "bytes": b"abc",
    "function": len,
    "set": {1},
}
LOOKS = """
x.a
x['a']
x[0]
x[0:1]
x.to_csv('/tmp/attune-must-not-exist')
x.unlink()
x()
x|length
x|list
x|first
x|string
x|upper
x|tojson
x|map(attribute='a')|list
[x]|map(attribute='a')|list
[x]|map('length')|list
x|sort
[x, x]|sort
[x]|join
[x]|sum
[1, x]|max
x|default(1)|length
x|int(default=3) + x
x + 1
1 + x
[1] + x
x * 2
-x
x ~ 'a'
x < 1
1 < x
1 in x
x in 'abc'
x in {'a': 1}
{x: 1}
{'a': 1}[x]
[1][x]
{'a': 1}.get(x)
length(x)
keys(x)
string(x)
number(x)
round(x)
contains(x, 1)
contains('abc', x)
join([x], ',')
to_json(x)
sort([x])
min(x, 1)
range(x)
slice([1], x)
'a' * x
x is odd
x is upper
x is in('a')
x|attr('a')
[x]|unique|join
[x]|groupby('a')
[x]|selectattr('a')
{'a': x}|tojson
{'a': x}|dictsort(by='value') ~ ''
"""


# Dates, paths and their like have a text; they cannot be looked into either.
WRITES = {
    "x|string", "x|upper", "x|tojson", "[x]|join", "x ~ 'a'", "string(x)", "join([x], ',')",
    "to_json(x)", "x is upper", "[x]|unique|join", "{'a': x}|tojson",
}  # fmt: skip


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        (expression, kind)
        for expression in LOOKS.strip().splitlines()
        for kind in OPAQUE
        if not (kind in ("date", "path") and expression in WRITES)
    ],
)
def test_only_plain_data_can_be_looked_into(expression, kind):
    with pytest.raises(TemplateError):
        value(expression, x=OPAQUE[kind])
    assert not pathlib.Path("/tmp/attune-must-not-exist").exists()


UNREAD = [
    ("x == x", True),
    ("x == y", False),
    ("x != y", True),
    ("x in [1, x]", True),
    ("x in [1, y]", False),
    ("[x] == [x]", True),
    ("[x] == [y]", False),
    ("'a' in [x]", False),
    ("contains([1, x], x)", True),
    ("index_of([1, x], x)", 1),
    ("count([x, y, x], x)", 2),
    ("unique([x, y, x]) | length", 2),
    ("1 if x else 2", 1),
    ("not x", False),
    ("[x] | select | list | length", 1),
    ("x is defined", True),
    ("x is none", False),
    ("x is string", False),
    ("x is mapping", False),
    ("x is sameas(x)", True),
    ("x is eq(y)", False),
    ("[x, x] | unique | list | length", 1),
    ("[x] | length", 1),
    ("{'a': x} | length", 1),
    ("bool(x)", True),
    ("zip([x], [y]) | length", 1),
]


@pytest.mark.parametrize("kind", OPAQUE)
@pytest.mark.parametrize(
    ("expression", "expected"), UNREAD, ids=[expression for expression, _ in UNREAD]
)
def test_any_value_is_passed_on_unread(expression, expected, kind):
    assert value(expression, x=OPAQUE[kind], y=Touchy()) == expected


def test_anything_can_be_a_part_of_a_result():
    frame = OPAQUE["frame"]

    first, second = value("[frame, {'a': frame}]", frame=frame)
    assert first is second["a"]
    merged = value("merge({'a': frame}, {'b': frame})", frame=frame)
    assert merged["a"] is merged["b"]
    rows = freeze([{"f": frame}])
    assert value("rows | map(attribute='f')", rows=rows)[0] is rows[0]["f"]
