"""Secrets are masked everywhere: in a repr, an error, an event, a frame and a page."""

import base64
import json
from array import array
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO
from uuid import UUID

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import attune_nb
from attune_nb.store.json_values import from_plain, to_plain
from attune_nb.values.frozen import FrozenList, freeze
from attune_nb.values.secrets import Mask

SECRET = "hunter2-very-secret"
TEXT = """
parameters:
  token: {type: string, secret: true, required: true}
tasks:
  - name: use
    action: use
    with_items: ["{{ parameters.token }}", "{{ keystore.db.password }}", plain]
    input: {secret: "{{ item }}"}
    next:
      - {when: "{{ failed() }}", publish: [{said: "{{ result() }}"}], do: echo}
  - {name: echo, action: core.echo, input: {message: "token={{ parameters.token }}"}}
output_map:
  token: "{{ parameters.token }}"
  echoed: "{{ task.echo.message }}"
"""


def use(secret):
    seen.append(secret)
    if secret == "plain":
        return secret
    if secret == SECRET:
        raise ValueError(f"login failed for {secret}")
    return {"nested": [secret, f"Bearer {secret}"]}


seen = []


def everything(context):
    parts = [context.parameters, context.variables, context.tasks, context.config]
    return repr([*parts, context.keystore, context.lookup("task"), context.lookup("said")])


@pytest.fixture(scope="module")
def run():
    workflow = attune_nb.loads(TEXT)
    return workflow.run(
        {"token": SECRET},
        keystore={"db": {"password": "pass-word-77"}},
        actions={"use": use},
    )


def test_actions_get_the_secret_itself(run):
    assert run.status == "succeeded"
    assert set(seen) == {SECRET, "pass-word-77", "plain"}


@pytest.mark.parametrize(
    "shown",
    [
        repr,
        lambda run: run._repr_html_(),
        lambda run: repr(run.events),
        lambda run: str([failure.traceback for failure in run.errors()]),
        lambda run: run.tasks.to_csv(),
        lambda run: run.items("use").to_csv(),
        lambda run: run.failures().to_csv() + run.successes().to_csv(),
        lambda run: repr(run.result("use")) + repr(run.result("echo")),
        lambda run: repr(run.output) + repr(run.error),
        lambda run: repr(run.context),
        lambda run: repr(run.context_at("echo")),
        lambda run: everything(run.context),
        lambda run: everything(run.context_at("echo")),
        lambda run: repr(run.metrics),
    ],
)
def test_a_secret_is_shown_nowhere(run, shown):
    text = shown(run)

    assert SECRET not in text
    assert "pass-word-77" not in text


def test_asterisks_replace_a_secret(run):
    assert run.output == {"token": "***", "echoed": "token=***"}
    assert run.result("use")[1] == {"nested": ["***", "Bearer ***"]}
    assert run.result("use")[0]["error"] == "login failed for ***"
    assert run.context.parameters == {"token": "***"}
    assert run.context.keystore == {"db": {"password": "***"}}
    assert run.context.lookup("task.echo.message") == "token=***"
    assert isinstance(run.context.lookup("said"), FrozenList)


def test_a_refused_secret_is_not_in_the_message():
    with pytest.raises(attune_nb.ParameterError) as caught:
        attune_nb.loads(TEXT.replace("type: string", "type: integer")).run(
            {"token": SECRET}, actions={"use": use}
        )
    assert SECRET not in str(caught.value)


def test_a_failed_template_does_not_show_a_secret():
    text = TEXT.replace('"token={{ parameters.token }}"', '"{{ number(parameters.token) }}"')
    run = attune_nb.loads(text).run({"token": SECRET}, keystore={"db": {"password": "x"}},
                                    actions={"use": use})  # fmt: skip

    assert run.status == "failed"
    assert SECRET not in run.error + repr(run.events)


@pytest.mark.parametrize(
    ("secret", "text", "shown"),
    [
        ("abcd", "xabcdx", "x***x"),
        # Too short to be masked within a text.
        ("ab", "abc ab", "abc ab"),
        ("ab", "ab", "***"),
        ({"a": ["s3cret", 123456]}, "s3cret and 123456", "*** and ***"),
        ("long-secret-1\nlong-secret-2", "see long-secret-2", "see ***"),
        (["abcdef", "abcdefgh"], "abcdefgh", "***"),
        ("a.c*d", "aXc*d a.c*d", "aXc*d ***"),
        ('p@ss/w"rd+1', "u?t=p%40ss%2Fw%22rd%2B1", "u?t=***"),
        ('p@ss/w"rd+1', 'said {"x":"p@ss/w\\"rd+1"}', 'said {"x":"***"}'),
        ("p'a\"ss\\word", repr("p'a\"ss\\word"), "'***'"),
        ("pass word", "?q=pass+word", "?q=***"),
        (True, "true", "true"),
        ("", "anything", "anything"),
    ],
)
def test_a_mask_finds_the_texts_of_secrets(secret, text, shown):
    assert Mask(secret).text(text) == shown


def test_a_value_without_secrets_stays_the_same_object():
    value = {"a": [1, 2, {"b": "text"}]}

    assert Mask("secret").value(value) is value
    assert Mask("secret").value(frozenset({"secret", 1})) == frozenset({"***", 1})
    assert Mask("1234567").value([1234567, 1, True, None]) == ["***", 1, True, None]


SECRETS = {"key": "s3cret-s3cret", "lines": 'first line\nsecond "line"\n', "deep": [{"n": 1234567}]}
MASK = Mask(SECRETS, {"token": "ünïcode-tøken", "pin": 98765})
HIDDEN = st.sampled_from(
    ["s3cret-s3cret", 'second "line"', 'second \\"line\\"', "ünïcode-tøken",
     'first line\nsecond "line"\n', "1234567", "%C3%BCn%C3%AFcode-t%C3%B8ken"]
)  # fmt: skip
TEXTS = st.lists(st.one_of(HIDDEN, st.text(max_size=5)), max_size=5).map("".join)
LEAVES = st.one_of(TEXTS, st.integers(), st.sampled_from([1234567, 98765]), st.none())
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner) | st.tuples(inner),
    max_leaves=8,
)


@given(VALUES)
def test_a_stored_secret_is_read_again_by_its_name(value):
    plain = to_plain(MASK.named_value(freeze(value)))
    written = json.dumps(plain, ensure_ascii=False)
    for secret in ("s3cret-s3cret", "1234567", "ünïcode-tøken"):
        assert secret not in written

    restored = from_plain(plain, MASK)
    assert restored == freeze(value)
    assert repr(restored) == repr(freeze(value))
    if MASK.value(freeze(value)) == freeze(value):
        assert from_plain(plain) == freeze(value)


def test_an_unknown_secret_is_read_as_asterisks():
    plain = to_plain(MASK.named_value({"header": "Bearer s3cret-s3cret!", "pin": 98765}))

    assert from_plain(plain) == {"header": "Bearer ***!", "pin": "***"}
    assert from_plain(plain, Mask({"key": "another"})) == {
        "header": "Bearer another!",
        "pin": "***",
    }


TEXT_SECRET = "k3y/~?>'ünïcode"
BINARY_SECRET = bytes(range(128, 160))
UUID_SECRET = UUID("1b4e28ba-2fa1-11d2-883f-0016d3cca427")
TYPED_MASK = Mask(
    {
        "text": TEXT_SECRET,
        "binary": BINARY_SECRET,
        "id": UUID_SECRET,
        "number": 71_828_182_845,
        "amount": Decimal("271828.1828"),
        "born": date(1987, 3, 14),
        "overlaps": ["abcdef-123456", "3456-xyzuvw"],
        "pin": "x7q",
    }
)
TYPED_VALUES = [
    TEXT_SECRET.encode(),
    b"x" + TEXT_SECRET.encode() + b"\xff",
    TEXT_SECRET.encode("utf-16-le"),
    [bytearray(TEXT_SECRET.encode())],
    BINARY_SECRET + b"1",
    BINARY_SECRET.hex(),
    UUID_SECRET,
    UUID_SECRET.bytes,
    UUID_SECRET.hex,
    71_828_182_845,
    71_828_182_845.0,
    Decimal(71_828_182_845),
    Decimal("271828.1828"),
    271828.1828,
    date(1987, 3, 14),
    datetime(1987, 3, 14, 5),  # noqa: DTZ001 - of no time zone
    "abcdef-123456-xyzuvw",
    "pin x7q!",
    (TEXT_SECRET, {TEXT_SECRET: frozenset({TEXT_SECRET.encode()})}),
]


@pytest.mark.parametrize("value", TYPED_VALUES, ids=repr)
def test_a_stored_value_of_any_type_is_read_as_it_was(value):
    value = freeze(value)
    written = json.dumps(to_plain(TYPED_MASK.named_value(value)))
    restored = from_plain(json.loads(written), TYPED_MASK)

    assert restored == value
    assert type(restored) is type(value)
    assert from_plain(json.loads(written)) != value


@given(st.binary(max_size=4), st.binary(max_size=4), st.booleans())
def test_base64_around_a_secret_is_read_as_it_was(before, after, is_for_urls):
    encode = base64.urlsafe_b64encode if is_for_urls else base64.b64encode
    text = f"<{encode(before + TEXT_SECRET.encode() + after).decode()}>"
    plain = to_plain(TYPED_MASK.named_value(text))

    # the bytes within the secret are in no character that is shown
    shown = encode(TEXT_SECRET.encode()[2:-2]).decode()[2:-4]
    assert shown not in TYPED_MASK.text(text)
    assert len(TYPED_MASK.text(text)) < len(before + after) * 2 + 12
    assert from_plain(plain, TYPED_MASK) == text


def test_a_value_that_contains_itself_is_masked_as_a_whole():
    value = []
    value += [value, value]

    assert TYPED_MASK.value(value) == "***"


def test_an_object_without_a_secret_stays_the_same():
    class Client:
        def __init__(self, token):
            self.token = token

    client = Client("another")
    assert TYPED_MASK.value([client]) == [client]
    assert repr(TYPED_MASK.value(Client([TEXT_SECRET]))).endswith("Client, which holds a secret>")


def test_an_object_that_raises_when_it_is_shown_stays_the_same():
    class Hostile:
        def __repr__(self):
            raise RuntimeError

        __str__ = __iter__ = __len__ = __eq__ = __bool__ = __repr__
        __hash__ = None

    hostile = Hostile()
    assert TYPED_MASK.value(hostile) is hostile


def test_short_secrets_are_named_in_an_alert():
    workflow = attune_nb.loads("tasks: [{name: a, action: core.noop}]")
    run = workflow.run(keystore={"pin": "x7q", "port": 22, "token": "long-enough"})

    (alert,) = run.alerts
    assert alert.startswith("`keystore.pin`, `keystore.port`: a secret of less than 4 characters")


def test_only_the_cells_of_a_table_are_masked():
    table = pd.DataFrame({"user": ["ada", TEXT_SECRET], "id": [71_828_182_845, 2], "n": [1.5, 2.5]})
    masked = TYPED_MASK.value([table])[0]

    assert masked.to_dict("list") == {"user": ["ada", "***"], "id": ["***", 2], "n": [1.5, 2.5]}
    assert table["user"][1] == TEXT_SECRET
    named = pd.Series([1, 2], index=["a", TEXT_SECRET], name=f"of {TEXT_SECRET}")
    assert repr(TYPED_MASK.value(named)) == repr(pd.Series([1, 2], ["a", "***"], name="of ***"))
    clean_table = table[["n"]]
    assert TYPED_MASK.value(clean_table) is clean_table


def test_two_answers_to_one_question_are_both_masked():
    mask = Mask().with_secret("answers.login", "first-word").with_secret("answers.login", "another")

    assert mask.value(["first-word", "another"]) == ["***", "***"]
    plain = to_plain(mask.named_value(["first-word", "another"]))
    assert from_plain(plain, mask) == ["first-word", "another"]
    # only the last answer is passed again
    assert from_plain(plain, Mask().with_secret("answers.login", "new")) == ["new", "new"]


@pytest.mark.parametrize(
    "value",
    [
        np.float64(1.5), np.int64(3), np.bool_(1), np.datetime64("2024-01-01"), np.array(5),
        np.zeros((2, 3)), np.array(["a"]), array("d", [1.0]), BytesIO(b"x"), Decimal("sNaN"),
        10**5000, float("nan"), range(5), ValueError("x"), len, str, pd.Timestamp(0), pd.NaT,
        pd.Timedelta(1), pd.Index(["a"]), pd.Categorical(["a"]), iter([1]), type, ...,
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_a_value_of_any_type_without_a_secret_stays(value):
    assert TYPED_MASK.value(value) is value
    assert TYPED_MASK.value([value, TEXT_SECRET])[0] is value


@pytest.mark.parametrize(
    "value",
    [
        np.array([TEXT_SECRET]),
        np.array([1, TEXT_SECRET], dtype=object),
        np.frombuffer(TEXT_SECRET.encode(), dtype="u1"),
        array("b", TEXT_SECRET.encode()),
        memoryview(TEXT_SECRET.encode()),
        BytesIO(TEXT_SECRET.encode()),
        OSError(2, "not found", TEXT_SECRET),
        pd.Index([TEXT_SECRET]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_object_with_a_secret_is_shown_by_its_type(value):
    kind = type(value)
    shown = f"<{kind.__module__}.{kind.__qualname__}, which holds a secret>"
    assert repr(TYPED_MASK.value(value)) == shown
