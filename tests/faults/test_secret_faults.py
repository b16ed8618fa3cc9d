"""Secrets in values of each type, in each form and on each way out: none is shown or stored.

A case is a line of a table: the secret, an action that gives it away, and the bytes that must be
nowhere: not in the store and its WAL, a log, a repr, HTML, a frame, a chart or a trace.
"""

import base64
import collections
import dataclasses
import html
import json
import logging
import re
import types
import urllib.parse
import uuid
from datetime import date
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from support.command_line import attune
from support.secret_search import read_files, visible_data

import attune_nb

TEXT = "hunter2-Hunter2"
QUOTED = 'it\'s <b>&"ünïcode"/x'
LONG = "k3y/+" + "".join(chr(33 + index * 7 % 90) for index in range(50))
BINARY = bytes(range(128, 160))
UUID = uuid.UUID("1b4e28ba-2fa1-11d2-883f-0016d3cca427")
NUMBER = 71_828_182_845

WORKFLOW = """
parameters:
  token: {secret: true}
tasks:
  - name: leak
    action: leak
    input: {secret: "{{ parameters.token }}"}
    next: [{do: after, publish: [{seen: "{{ result() }}"}]}]
  - {name: after, action: core.echo, input: {message: "{{ workflow.seen }}"}}
output_map: {seen: "{{ workflow.seen }}"}
"""


@dataclasses.dataclass
class Login:
    user: str
    password: object


class Client:
    """An object whose attribute is a secret, and whose `repr` does not show it."""

    def __init__(self, token):
        self.token = token

    def __repr__(self):
        return "Client()"


class Slots:
    __slots__ = ("token",)

    def __init__(self, token):
        self.token = token

    def __repr__(self):
        return f"Slots({self.token})"


class Shown:
    """An object that makes the text of a secret only when it is shown."""

    def __init__(self, token):
        self.characters = list(token)

    def __repr__(self):
        return "".join(self.characters)


class Lazy:
    """An array whose size cannot be read, with a secret in the message."""

    def __init__(self, token):
        self.token = token

    @property
    def nbytes(self):
        raise RuntimeError(f"no size for {self.token}")

    def __repr__(self):
        return "Lazy()"


class Pair(NamedTuple):
    user: str
    password: str


def basic(secret):
    return base64.b64encode(f"api-user:{secret}".encode()).decode()


def fail(error):
    raise error


def encoded(secret, shift=0):
    return base64.b64encode(b"x" * shift + secret.encode()).decode()


def fail_by_name(secret):
    raise type(f"Refused_{secret.replace('-', '_')}", (Exception,), {})("no")


# values that hold a secret, by the name of their kind
VALUES = {
    "bytes": lambda secret: secret.encode(),
    "bytes within text": lambda secret: {"body": b"token=" + secret.encode() + b"&x"},
    "bytes in UTF-16": lambda secret: secret.encode("utf-16-le"),
    "a bytearray": lambda secret: [bytearray(secret.encode())],
    "a path": lambda secret: Path("/home") / secret / "x",
    "a pure path": lambda secret: {"at": PurePosixPath(f"/srv/{secret}")},
    "a deque": lambda secret: collections.deque([secret, 1]),
    "a named tuple": lambda secret: Pair("ada", secret.encode()),
    "an ordered dict": lambda secret: collections.OrderedDict(password=secret.encode()),
    "a default dict": lambda secret: collections.defaultdict(list, {"a": [secret.encode()]}),
    "a mapping proxy": lambda secret: types.MappingProxyType({"password": secret}),
    "a namespace": lambda secret: types.SimpleNamespace(password=secret),
    "a set": lambda secret: {secret.encode(), "other"},
    "a dataclass": lambda secret: Login("ada", secret),
    "a dataclass in an array": lambda secret: [1, {"login": Login("ada", [secret.encode()])}],
    "an object": Slots,
    "an object that makes the text": Shown,
    "an exception": lambda secret: ValueError("refused", secret),
    "an enum": lambda secret: Enum("Kind", {"token": secret}).token,
    "a DataFrame": lambda secret: pd.DataFrame({"user": ["ada"], "password": [secret]}),
    "a Series": lambda secret: pd.Series(["x", f"Bearer {secret}"]),
    "an array of texts": lambda secret: np.array([secret, "x"]),
}
OUTPUTS = {
    "base64": encoded,
    "base64, one byte later": lambda secret: f"({encoded(secret, 1)})",
    "base64, two bytes later": lambda secret: f"({encoded(secret, 2)})",
    "base64 for URLs": lambda secret: base64.urlsafe_b64encode(secret.encode()).decode(),
    "base64 without its padding": lambda secret: encoded(secret).rstrip("="),
    "a Basic header": lambda secret: {"Authorization": f"Basic {basic(secret)}"},
    "bytes in base64": lambda secret: encoded(secret).encode(),
    "hexadecimal digits": lambda secret: secret.encode().hex(),
    "upper hexadecimal digits": lambda secret: f"key={secret.encode().hex().upper()}",
}
# the same text without the quotes around it
QUOTES = {
    "HTML": html.escape,
    "XML": lambda secret: html.escape(secret, quote=False),
    "the text of bytes": lambda secret: repr(secret.encode())[2:-1],
    "ASCII": lambda secret: ascii(secret)[1:-1],
    "JSON within JSON": lambda secret: json.dumps(json.dumps(secret)[1:-1])[1:-1],
    "the shell": lambda secret: secret.replace("'", "'\\''"),
    "a URL as JavaScript writes it": lambda secret: urllib.parse.quote(secret, safe="!~*'()"),
    "a URL in lower case": lambda secret: re.sub(
        "%..", lambda escape: escape[0].lower(), urllib.parse.quote(secret, safe="")
    ),
}
ERRORS = {
    "an exception's digits": lambda secret: fail(ValueError(secret.encode().hex())),
    "an exception's base64": lambda secret: fail(ValueError(f"sent Basic {basic(secret)}")),
    "an exception's data": lambda secret: fail(
        attune_nb.ActionError("no", {"body": secret.encode(), "login": Login("ada", secret)})
    ),
    "the name of an exception": fail_by_name,
    "the engine's own error": Lazy,
}
NUMBERS = {
    "a decimal": Decimal,
    "a fraction": Fraction,
    "a float": float,
}


def needles_of(secret):
    """Return the bytes of a text that must not be found, in each form."""
    raw = secret.encode()
    texts = [secret, raw.hex(), raw.hex().upper(), urllib.parse.quote(secret, safe="")]
    texts += [json.dumps(secret)[1:-1], repr(raw)[2:-1], html.escape(secret)]
    needles = [text.encode() for text in texts]
    needles += [secret.encode("utf-16-le"), secret.encode("utf-16-be")]
    for shift in range(3):
        # without the characters that depend on the neighbours
        whole = base64.b64encode(b"x" * shift + raw)
        core = whole[shift + (shift > 0) : (shift + len(raw)) * 8 // 6]
        needles += [core, core.replace(b"+", b"-").replace(b"/", b"_")]
    return needles


def identity(secret):
    return secret


def nested(secret):
    return {"value": [secret]}


def make_cases():
    cases = [("text", TEXT, action, needles_of(TEXT), name) for name, action in VALUES.items()]
    cases += [("text", TEXT, action, needles_of(TEXT), name) for name, action in OUTPUTS.items()]
    for name, action in QUOTES.items():
        needles = [*needles_of(QUOTED), action(QUOTED).encode()]
        cases.append(("quotes", QUOTED, action, needles, name))
    cases += [("long", LONG, action, needles_of(LONG), name) for name, action in OUTPUTS.items()]
    name_needles = [TEXT.replace("-", "_").encode()]
    for name, action in ERRORS.items():
        secret = TEXT.replace("-", "_") if action is fail_by_name else TEXT
        needles = name_needles if action is fail_by_name else needles_of(TEXT)
        cases.append(("error", secret, action, needles, name))
    for name, action in NUMBERS.items():
        cases.append(("number", NUMBER, action, [b"71828182845"], name))

    number_text = b"271828.1828"
    cases += [
        ("secret", TEXT.encode(), identity, needles_of(TEXT), "bytes"),
        ("secret", TEXT.encode(), bytes.decode, needles_of(TEXT), "bytes as text"),
        ("secret", BINARY, identity, [BINARY, BINARY[4:20], base64.b64encode(BINARY)], "binary"),
        ("secret", BINARY, bytes.hex, [BINARY.hex().encode()], "binary as digits"),
        ("secret", bytearray(TEXT.encode()), identity, needles_of(TEXT), "a bytearray"),
        ("secret", UUID, nested, [str(UUID).encode(), UUID.bytes], "a UUID"),
        ("secret", UUID, lambda secret: secret.hex, [UUID.hex.encode()], "the digits of a UUID"),
        ("secret", str(UUID), lambda _: UUID, [str(UUID).encode()], "the text of a UUID"),
        ("secret", Decimal("271828.1828"), nested, [number_text], "a decimal"),
        ("secret", Decimal("271828.1828"), float, [number_text], "a decimal as a float"),
        ("secret", Path("/home/ada/key-9"), nested, [b"/home/ada/key-9"], "a path"),
        ("secret", date(1987, 3, 14), nested, [b"1987-03-14", b"1987, 3, 14"], "a date"),
        ("secret", date(1987, 3, 14), str, [b"1987-03-14"], "the text of a date"),
        ("secret", Enum("Kind", {"key": TEXT}).key, identity, needles_of(TEXT), "an enum"),
        ("secret", Login("ada", TEXT), lambda login: login.password, needles_of(TEXT), "a login"),
        ("secret", {TEXT}, lambda secrets: [*secrets], needles_of(TEXT), "a set"),
        ("secret", collections.deque([TEXT]), list, needles_of(TEXT), "a deque"),
        ("secret", {"a.b": TEXT, "a": {"b": "another-9"}}, lambda secret: secret["a.b"],
         needles_of(TEXT), "two of one name"),
        ("secret", ["abcdef-123456", "3456-xyzuvw"], lambda _: "abcdef-123456-xyzuvw",
         [b"xyzuvw"], "two that overlap"),
        ("secret", "x7q", lambda secret: f"pin={secret}, no", [b"x7q"], "one of three characters"),
    ]  # fmt: skip
    return [pytest.param(*case, id=f"{group}: {name}") for group, *case, name in cases]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("secret", "action", "needles"), make_cases())
def test_a_secret_is_shown_and_stored_nowhere(tmp_path, caplog, secret, action, needles):
    with caplog.at_level(logging.DEBUG):
        run = attune_nb.loads(WORKFLOW).run(
            {"token": secret},
            # an action is a function, and not a class
            actions={"leak": lambda secret: action(secret)},  # noqa: PLW0108
            store=tmp_path / "runs.db",
            progress=False,
        )
    run.to_chrome_trace(tmp_path / "trace.json")
    stored_run = attune_nb.open_run(run.run_id, tmp_path / "runs.db")

    places = {
        "the run": visible_data(run, "leak"),
        "the recorded run": visible_data(stored_run, "leak"),
        "a file": read_files(tmp_path),
        "the log": caplog.text.encode(),
    }
    found = {place for place, data in places.items() for needle in needles if needle in data}
    assert found == set()


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", [["--set", "CliSecret55"], ["--mock", "CliSecret55"]], ids=" ".join
)
def test_a_word_of_a_command_line_is_not_repeated(tmp_path, words):
    (tmp_path / "call.yaml").write_text(WORKFLOW.replace("leak\n    input", "core.echo\n    input"))
    outcome = attune("run", "call.yaml", *words, cwd=tmp_path)

    assert outcome.returncode == 2
    assert words[0] in outcome.stderr
    assert "CliSecret55" not in outcome.stdout + outcome.stderr


@pytest.mark.filterwarnings("ignore")
def test_an_answer_of_a_password_is_shown_and_stored_nowhere(tmp_path):
    text = (
        "tasks: [{name: login, action: core.ask, input: {prompt: Who?, response_schema: SCHEMA}}]"
    )
    workflow = attune_nb.loads(text.replace("SCHEMA", "{type: string, format: password}"))
    run = workflow.run(store=tmp_path / "runs.db", background=True, progress=False)
    while not run.questions:
        assert not run.wait(0.02)
    run.answer("login", TEXT)
    assert run.wait(60)

    data = visible_data(run, "login") + read_files(tmp_path)
    assert [needle for needle in needles_of(TEXT) if needle in data] == []
