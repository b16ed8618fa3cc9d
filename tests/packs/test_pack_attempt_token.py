"""The token of an attempt for the loopback API."""

import pickle

from attune_nb.packs.attempt_token import AttemptIdentity, make_token, read_token
from attune_nb.packs.options import Interpreter, PackOptions

IDENTITY = AttemptIdentity(execution=7, action="hostkit.disk", task="prüfe/ports")


def test_a_token_names_its_attempt():
    assert read_token("secret", make_token("secret", IDENTITY)) == IDENTITY


def test_a_token_can_stand_in_a_header():
    assert make_token("secret", IDENTITY).isascii()


def test_a_token_of_another_run_is_refused():
    assert read_token("secret", make_token("another", IDENTITY)) is None


def test_a_changed_token_is_refused():
    token = make_token("secret", IDENTITY)
    changed = AttemptIdentity(execution=8, action="hostkit.disk")
    content = make_token("secret", changed).partition(".")[0]

    assert read_token("secret", f"{content}.{token.partition('.')[2]}") is None
    assert read_token("secret", "") is None
    assert read_token("secret", "7.\ud800") is None


def test_a_run_without_a_secret_accepts_no_token():
    assert read_token("", make_token("", IDENTITY)) is None


def test_options_survive_pickling_and_show_no_secret():
    options = PackOptions(
        passed_env={"TOKEN": "s3cr3t"},
        interpreters={"hostkit.disk": Interpreter(program="/bin/bash")},
        api_url="http://127.0.0.1:1/",
        api_key="k3y",
    )

    assert pickle.loads(pickle.dumps(options)) == options
    assert "s3cr3t" not in repr(options)
    assert "k3y" not in repr(options)
