"""The smallest core actions, and the token that cancels them."""

import threading
import time

import pytest

from attune_nb.actions.cancel import CancelToken
from attune_nb.actions.core import echo, fail, noop, sleep
from attune_nb.errors import ActionError


def test_noop_and_echo_return_their_input():
    assert noop(a=1, b=[2]) == {"a": 1, "b": [2]}
    assert echo("hello") == {"message": "hello"}


def test_fail_fails_with_the_message():
    with pytest.raises(ActionError, match=r"^no luck$"):
        fail("no luck")


def test_sleep_sleeps():
    started = time.monotonic()
    assert sleep(0.05) == {"seconds": 0.05}
    assert sleep(0.01, cancel=CancelToken()) == {"seconds": 0.01}
    assert time.monotonic() - started >= 0.06
    with pytest.raises(ActionError, match="0 or more"):
        sleep(-1)


def test_cancel_ends_a_sleep():
    token = CancelToken()
    timer = threading.Timer(0.1, token.cancel)
    timer.start()
    with pytest.raises(ActionError, match="cancelled"):
        sleep(600, cancel=token)
    timer.join()


def test_callbacks_are_called_once_and_only_inside_their_block():
    token = CancelToken()
    calls = []
    with token.on_cancel(lambda: calls.append("early")):
        pass
    with token.on_cancel(lambda: calls.append("inside")):
        assert not token.wait(0)
        token.cancel()
        token.cancel()

    assert calls == ["inside"]
    assert token.cancelled
    assert token.wait(0)
    with token.on_cancel(lambda: calls.append("late")):
        assert calls == ["inside", "late"]


def test_after_a_failing_callback_the_others_are_called():
    token = CancelToken()
    calls = []
    with (
        token.on_cancel(lambda: 1 / 0),
        token.on_cancel(lambda: calls.append("second")),
        pytest.raises(ZeroDivisionError),
    ):
        token.cancel()
    assert calls == ["second"]
