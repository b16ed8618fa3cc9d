"""Many secrets are searched for in one pass over a text, with the outcome of one search each."""

import base64
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attune_nb.values import secret_search
from attune_nb.values.secrets import Mask

# more than a mask searches for one by one
MANY = {f"key {number}": f"secret-{number:04}" for number in range(400)}


def test_each_of_many_secrets_is_found():
    mask = Mask(MANY)
    for secret in MANY.values():
        assert mask.text(f"token={secret}, and more") == "token=***, and more"
    assert mask.text("token=secret-9999") == "token=secret-9999"


def encode(secret):
    return base64.b64encode(f"me:{secret}".encode()).decode()


@pytest.mark.parametrize(
    "value",
    [
        "caf\udce9 secret-0007",
        "secret-0001secret-0002secret-0001",
        f"Authorization: Basic {encode('secret-0399')}",
        json.dumps({"key": "secret-0012"}),
        b"\xff\xfe secret-0012",
        "secret-0012".encode("utf-16-le"),
        {"secret-0003": ["secret-0004", 5]},
        "secret-000",
    ],
    ids=[
        "a surrogate beside it", "three in a row", "in a header", "in JSON", "in bytes",
        "in another encoding", "as a key and a value", "cut",
    ],
)  # fmt: skip
def test_many_secrets_are_masked_as_one_by_one(value, monkeypatch):
    in_one_pass = Mask(MANY)
    assert_equal_masks(in_one_pass, value, monkeypatch)


def assert_equal_masks(in_one_pass, value, monkeypatch):
    masked = (in_one_pass.value(value), in_one_pass.named_value(value))
    with monkeypatch.context() as patch:
        patch.setattr(secret_search, "_MANY", 10**9)
        assert masked == (in_one_pass.value(value), in_one_pass.named_value(value))


# few letters, so that secrets overlap and contain each other; halves of surrogate pairs
TEXTS = st.text(alphabet='ab"\udce9\udc80€', min_size=1, max_size=12)


@given(secrets=st.lists(TEXTS, min_size=1, max_size=30), text=st.lists(TEXTS).map("".join))
def test_secrets_that_overlap_are_masked_as_one_by_one(secrets, text):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(secret_search, "_MANY", 1)
        in_one_pass = Mask(dict(enumerate(secrets)))
        for value in (text, text.encode("utf-8", "surrogatepass")):
            assert_equal_masks(in_one_pass, value, patch)


def test_a_mask_of_many_secrets_is_sent_to_a_worker():
    mask = Mask(MANY)
    assert mask.text("secret-0001") == "***"
    assert pickle.loads(pickle.dumps(mask)).text("is secret-0001") == "is ***"
