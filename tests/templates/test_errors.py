"""The messages of errors in templates, with their positions."""

import pytest

from attune_nb import Template, WorkflowContext
from attune_nb.context import Outcome
from attune_nb.errors import Position, Source, TemplateError
from attune_nb.values.frozen import FrozenDict

POSITION = Position(Source("flow.yaml", "tasks: []"), 3, 9)
CONTEXT = (
    WorkflowContext.create({"url": "u", "a": None, "n": 5}, vars={"total": 1, "rows": [{"x": 1}]})
    .with_result("fetch", {"items": [1], "ok": True})
    .with_result("count", 3)
    .with_outcome("bad", Outcome(status="failed", error="no"))
)
SCOPE = CONTEXT.scope(FrozenDict(url="u"), 0)

COMPILING = [
    ("{{ lenght('a') }}", "there is no function `lenght`; did you mean `length`?"),
    ("{{ map('a') }}", "there is no function `map`"),
    ("{{ title('a') }}", "there is no function `title`; it is a filter: write `x|title`"),
    ("{{ 'a' | uper }}", "there is no filter `uper`; did you mean `upper`?"),
    (
        "{{ 'a' | split(',') }}",
        "there is no filter `split`; it is a function: write `split(text, sep)`",
    ),
    ("{{ x | attr('y') }}", "the filter `attr` is not available here: no attribute of a Python"),
    ("{{ x | format(1) }}", "`format` takes its format as a string in quotes"),
    ("{{ ['%s'] | map('format', 1) }}", "`format` takes its format as a string in quotes"),
    ("{{ x.format(1) }}", "`format` takes its format as a string in quotes"),
    ("{{ '%99999d' | format(1) }}", "a width in a format is at most 1,000 characters"),
    ("{{ '%.101f' | format(1) }}", "a precision in a format is at most 100 digits"),
    ("{{ '%*d' | format(9, 1) }}", "`%` is no conversion of a format; it takes `%s`, `%d`"),
    ("{{ '%r' | format(1) }}", "`%r` is no conversion of a format"),
    ("{{ '100%' | format(1) }}", "`%` is no conversion of a format"),
    ("{{ '%s %s' | format(1) }}", "the format takes 2 values by position, not 1"),
    ("{{ '%s' | format(1, 2) }}", "the format takes 1 value by position, not 2"),
    ("{{ '%s' % (1, 2) }}", "the format takes 1 value by position, not 2"),
    ("{{ '%(a)s' | format(b=1) }}", "the format has a field `a`, but no such value"),
    ("{{ [1] | map('uper') }}", "there is no filter `uper`; did you mean `upper`?"),
    ("{{ [1] | map('attr', 'x') }}", "the filter `attr` is not available here"),
    ("{{ [1] | map('upper', 1) }}", "`upper()` takes no arguments, not 1"),
    ("{{ [1] | map(x) }}", "`map` takes the name of a filter in quotes first"),
    ("{{ [1] | map(atribute='x') }}", "`map` takes the name of a filter in quotes first"),
    ("{{ [1] | select('od') }}", "there is no test `od`; did you mean `odd`?"),
    ("{{ [1] | selectattr }}", "`selectattr` takes an attribute first"),
    ("{{ 1 is od }}", "there is no test `od`; did you mean `odd`?"),
    ("{{ 'a' is filter }}", "the test `filter` is not available here"),
    ("{{ 1 is divisibleby }}", "`divisibleby(num)` takes 1 argument, not 0"),
    ("{{ [] | batch }}", "`batch(linecount[, fill_with])` takes 1 to 2 arguments, not 0"),
    ("{{ [] | join(sep=',') }}", "`join([d][, attribute])` takes no `sep`"),
    ("{{ x | default(1, 2, 3) }}", "`default` takes 0 to 2 arguments"),
    ("{{ ''.uper() }}", "a value has no method `uper`; did you mean `upper`?"),
    ("{{ '{:99999d}'.format(1) }}", "a width in a format is at most 1,000 characters"),
    ("{{ '{:.101f}'.format(1) }}", "a precision in a format is at most 100 digits"),
    ("{{ '{0.__class__}'.format(1) }}", "`0.__class__` is no field of a format"),
    ("{{ '{0[a]}'.format({}) }}", "`0[a]` is no field of a format"),
    ("{{ '{!r}'.format(1) }}", "`!r` is not part of a format here; leave it out"),
    ("{{ '{:{}}'.format(1, 9) }}", "`{}` is no specification of a format"),
    ("{{ '{:n}'.format(1) }}", "`n` is no specification of a format"),
    ("{{ '{:%Y}'.format(1) }}", "`%Y` is no specification of a format"),
    ("{{ '{} {}'.format(1) }}", "the format takes 2 values by position, not 1"),
    ("{{ '{} {0}'.format(1) }}", "the fields of a format have numbers, or none has one"),
    ("{{ '{a}'.format(1) }}", "the format has a field `a`, but no such value"),
    ("{{ '{'.format(1) }}", "not a format: Single '{' encountered in format string"),
    ("{{ '{}'.format(a=1, a=2) }}", "twice"),
    ("{{ ''.format_map({}) }}", "has no method `format_map`"),
    ("{{ [].append(1) }}", "has no method `append`; values are read-only"),
    ("{{ foo.bar() }}", "a value has no method `bar`"),
    ("{{ super() }}", "the function `super` is not available here: there are no blocks"),
    ("{{ cycler() }}", "the function `cycler` is not available here"),
    ("{{ namespace() }}", "the function `namespace` is not available here"),
    ("{{ lipsum(n=100000) }}", "the function `lipsum` is not available here"),
    ("{{ dict(a=1) }}", "write `{'key': value}`"),
    ("{{ 'a'() }}", "only a function or a method can be called"),
    ("{{ 'a'['upper']() }}", "only a function or a method can be called"),
    ("{{ ('a' | upper)('b') }}", "only a function or a method can be called"),
    ("{{ 1e\u0663 }}", "a number is written with the digits 0 to 9 only"),
    ("{{ \u0663.\u0663 }}", "a number is written with the digits 0 to 9 only"),
    ("{{ ", "`{{` is not closed; write `}}` after the expression"),
    ("a {{ {'b': 1 }} c", "`{{` is not closed"),
    ("{{ 'a }}", "a quote (') is not closed"),
    ("{{ }}", "the braces are empty"),
    ("{{ a b }}", "`b` is not expected there"),
    ("{{ a && b }}", "unexpected char '&' at 3; write `and`"),
    ("{{ !a }}", "write `not`"),
    ("{{ a || b }}", "write `or`"),
    ("{{ 1e999 }}", "too large"),
    ("{{ " + "9" * 5000 + " }}", "too many digits"),
    ("{{ " + "9" * 2000 + " }}", "at most 4,096 bits"),
    ("{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}", "more than 40 brackets"),
    ("{{ " + "not " * 20000 + "1 }}", "nested too deeply"),
    ("{{ a" + ".b" * 1000 + " }}", "nested more than 200 levels"),
    ("{{ " + "1+" * 1000 + "1 }}", "nested more than 200 levels"),
    ("{{ a }}" + " " * 100_000, "at most 100,000 characters, not 100,007"),
    ("{{ a = 1 }}", "`=` is not expected there"),
    ("{{ f(x for x in y) }}", "not an expression"),
    ("{{ lambda: 1 }}", "not expected"),
    ("{{ a.1b }}", "not"),
]


@pytest.mark.parametrize(
    ("source", "message"), COMPILING, ids=[source[:40] for source, _ in COMPILING]
)
def test_an_error_is_found_at_compilation(source, message):
    with pytest.raises(TemplateError) as caught:
        Template({"k": [source]}, lambda path: POSITION if path == ("k", 0) else None)
    assert message in caught.value.message
    assert caught.value.position == POSITION
    assert "flow.yaml, line 3, column 9" in str(caught.value)


EVALUATING = [
    ("{{ itme.url }}", "`itme` is undefined; did you mean `item`?"),
    ("{{ totl }}", "`totl` is undefined; did you mean `total`?"),
    ("{{ self }}", "`self` is undefined"),
    ("{{ loop.index }}", "`loop` is undefined"),
    ("{{ url }}", "`url` is undefined"),
    ("{{ range }}", "`range` is a function: write `range(...)`"),
    ("{{ namespace }}", "`namespace` is not part of the language"),
    ("{{ now }}", "`now` is a function: write `now()`"),
    ("{{ succeeded }}", "`succeeded` is a function: write `succeeded()`"),
    (
        "{{ parameters.ulr }}",
        "`parameters` has no `ulr`: it was not given and has no default; did you mean `url`?",
    ),
    (
        "{{ parameters['u' ~ 'lr'] }}",
        "`parameters` has no `ulr`: it was not given and has no default; did you mean `url`?",
    ),
    (
        "{{ keystore.token }}",
        "`keystore` has no `token`: pass it with `--secret NAME`, `--keystore FILE` or `keystore=`",
    ),
    ("{{ parameters.a.b }}", "`parameters.a` is null and has no `b`"),
    ("{{ parameters.a['b'].c }}", "`parameters.a` is null and has no `b`"),
    ("{{ parameters.n.b }}", "`parameters.n` is an integer and has no `b`"),
    ("{{ item.ulr }}", "`item` has no `ulr`; did you mean `url`?"),
    ("{{ workflow.rows[3] }}", "`workflow.rows` has 1 element, so none at `3`"),
    ("{{ workflow.rows[0].y }}", "`workflow.rows[0]` has no `y`"),
    ("{{ workflow.rows.x }}", "`workflow.rows` is an array and has no `x`"),
    ("{{ workflow.rows['x'] }}", "is an array and has no `x`"),
    ("{{ workflow.rows[1.5] }}", "`workflow.rows` is an array and has no key that is a number"),
    ("{{ workflow.rows['a':] }}", "a slice takes integers, not a string"),
    ("{{ workflow.rows[::0] }}", "a slice takes a step that is not 0"),
    ("{{ task.fech.items }}", "`task` has no `fech`: no task of this name has ended yet; did"),
    ("{{ task.fetch.itmes }}", "`task.fetch` has no `itmes`; did you mean `items`?"),
    ("{{ task.count.x }}", "`task.count` has no `x` (its result is an integer, not an object)"),
    ("{{ task.bad.result.x }}", "`task.bad.result` is null and has no `x`"),
    ("{{ ''.__class__ }}", "is a string and has no `__class__`"),
    ("{{ [].__class__.__base__ }}", "has no `__class__`"),
    ("{{ parameters.__init__ }}", "`parameters` has no `__init__`"),
    ("{{ task.__class__ }}", "`task` has no `__class__`"),
    ("{{ task.fetch.__struct_fields__ }}", "has no `__struct_fields__`"),
    ("{{ parameters.n.upper() }}", "an integer has no method `upper`"),
    ("{{ parameters.url.keys() }}", "a string has no method `keys`"),
    (
        "{{ parameters.url.split(1) }}",
        "`split` takes a string or null as `sep`, not the integer `1`",
    ),
    ("{{ parameters.url.upper(1) }}", "`upper()` takes no arguments, not 1"),
    ("{{ 1 / length('') }}", "a number is divided by zero"),
    ("{{ 0 ** -1 }}", "a number is divided by zero"),
    ("{{ (-8) ** 0.5 }}", "no real power"),
    ("{{ 1e308 * int('10') }}", "not a finite number"),
    ("{{ (2 ** 4000) / int('1') }}", "too large"),
    ("{{ 1 + 'a' }}", "`+` does not take an integer and a string; `~` joins strings"),
    ("{{ null + 1 }}", "`+` does not take null and an integer"),
    ("{{ {} - 1 }}", "`-` does not take an object and an integer"),
    ("{{ '%d' | format('1') }}", "`%d` takes a number, not a string"),
    ("{{ '%x' | format(1.5) }}", "`%x` takes an integer; write `int(...)` around the number"),
    ("{{ '{:d}'.format('1') }}", "`{:d}` takes a number, not a string"),
    ("{{ '{:d}'.format(1.5) }}", "`{:d}` takes an integer"),
    ("{{ '{:,}'.format('a') }}", "`{:,}`: Cannot specify ',' with 's'."),
    ("{{ ('a' ~ 'b') % 1 }}", "`%` takes its format as a string in quotes, as in `'%.2f' % x`"),
    ("{{ -'a' }}", "`-` takes a number, not a string"),
    ("{{ 1 < 'a' }}", "an integer and a string have no order"),
    ("{{ null < 1 }}", "null and an integer have no order"),
    ("{{ 1 in 2 }}", "`in` looks into a string, an array or an object, not into an integer"),
    ("{{ 1 in 'a' }}", "`in` looks for a string in a string, not for an integer"),
    ("{{ [] in {} }}", "an object has no key that is an array"),
    ("{{ {[]: 1} }}", "an object's key is a string, not an array"),
    ("{{ 1 | length }}", "`length` takes a string, an array or an object, not an integer"),
    ("{{ 'a' | abs }}", "`abs` takes a number as `value`, not a string"),
    (
        "{{ [1, 'a'] | sort }}",
        "`sort` takes values of one type, not an integer and a string together",
    ),
    ("{{ 'a' is odd }}", "`odd` takes a number as `value`, not a string"),
    ("{{ 1 is divisibleby(0) }}", "a number that is not 0"),
    ("{{ '\ud800' | urlencode }}", "half a surrogate pair"),
]


@pytest.mark.parametrize(
    ("source", "message"), EVALUATING, ids=[ascii(source) for source, _ in EVALUATING]
)
@pytest.mark.parametrize("around", ["{}", "a {} b", "{}{}{}"])
def test_an_error_is_found_at_evaluation(source, message, around):
    template = Template(around.replace("{}", source), lambda _: POSITION)

    with pytest.raises(TemplateError) as caught:
        template.render(SCOPE)
    assert message in caught.value.message
    assert caught.value.position == POSITION
    assert source[:20] in caught.value.expression


def test_an_item_exists_only_within_items():
    for source in ("{{ item }}", "{{ index }}", "{{ item.url }}", "a {{ item.a.b }}"):
        with pytest.raises(TemplateError, match="exists only in a task with `with_items`"):
            Template(source).render(CONTEXT)


def test_a_long_expression_is_shortened():
    with pytest.raises(TemplateError) as caught:
        Template("{{ x + " + "1 + " * 500 + "1 }}").render()
    assert len(caught.value.expression) == 120
    assert caught.value.expression.endswith("...")


def test_a_long_template_is_shown_by_its_expression():
    with pytest.raises(TemplateError) as caught:
        Template("y" * 500 + "{{ x }}").render()
    assert caught.value.expression == "{{ x }}"


def test_a_value_that_contains_itself_is_refused():
    loop = []
    loop.append(loop)
    with pytest.raises(TemplateError, match="contains itself"):
        Template(loop)

    nested = 1
    for _ in range(300):
        nested = [nested]
    with pytest.raises(TemplateError, match="nested deeper"):
        Template(nested)


def test_patterns_with_backslashes_cause_no_warning(recwarn):
    assert Template(r"{{ match('^\d+\.\d$', '12.5') }}").render() is True
    assert Template(r"{{ 'a\\d' ~ '\n' ~ '\'' }}").render() == "a\\d\n'"
    assert not recwarn.list
