"""The answers of the API to requests that it cannot use."""

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/api/runs?statsu=failed", "there is no parameter `statsu`; did you mean `status`?"),
        ("/api/runs?limit=many", "Expected `int`, got `str` - at `$.limit`"),
    ],
    ids=["misspelt", "type"],
)
def test_a_parameter_of_an_address_is_checked(attune_server, path, message):
    answer = attune_server.get(path)

    assert answer.status_code == 422
    assert answer.json() == {"message": f"the address of the request: {message}"}


def test_a_parameter_that_is_no_text_is_refused(attune_server):
    answer = attune_server.get("/api/runs?status=%ff")

    assert answer.status_code == 400
    assert answer.json() == {"message": "Invalid unicode in status: b'\\xff'"}


def test_the_token_may_stand_in_the_address(attune_server):
    with attune_server.client(headers={}) as client:
        answer = client.get("/api/runs", params={"token": attune_server.token, "limit": 1})
    assert answer.status_code == 200
