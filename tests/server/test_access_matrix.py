"""The access to each method of each route, with real requests."""

import re

import pytest
from support.attune_server import attune_server_in
from support.header_authorizer import ALLOWED

from attune_nb.server.app import AttuneApp
from attune_nb.server.routes import ROUTES
from attune_nb.server.web.access import Access, AttuneHandler, AttunePage, AttuneSocket, requires
from attune_nb.server.web.unknown import UnknownHandler

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

# methods that start a process, which runs code
STARTS = {
    ("POST", "/api/runs"),
    ("POST", "/api/runs/{run_id}/resume"),
    ("POST", "/api/runs/{run_id}/retry"),
}

# values of the parts of a path: of no run of the server
PARTS = {"run_id": "0" * 12, "number": "1"}


def access_of(route, method):
    """Return the access that a method needs, or None if the route does not have it."""
    return getattr(getattr(route.handler, method.lower()), "access", None)


def path_of(route):
    """Return an address of a route."""
    return re.sub(r"\{(\w+)\}", lambda match: PARTS.get(match[1], "x"), route.path).removesuffix(
        "?"
    )


def is_page(route):
    return issubclass(route.handler, AttunePage)


CALLS = [(route, method) for route in ROUTES for method in METHODS]
READS = [call for call in CALLS if access_of(*call) == Access("read")]
CHANGES = [call for call in CALLS if access_of(*call) not in (None, Access("read"))]


def names(calls):
    return [f"{method} {route.path}" for route, method in calls]


@pytest.fixture(scope="module")
def watched_server(tmp_path_factory):
    """Yield a server of `attune-nb serve` that only shows runs."""
    folder = tmp_path_factory.mktemp("watched")
    options = {"stand_alone": True, "base_url": "/base/"}
    with attune_server_in(folder, "--read-only", **options) as server:
        yield server


@pytest.fixture
def browser_client(attune_server):
    """Yield a client that has logged in as a browser does, and sends no token."""
    with attune_server.client(headers={}) as client:
        client.get("/", params={"token": attune_server.token})
        yield client


def xsrf(client):
    """Return the header that a page of this server sends with each change."""
    return {"X-XSRFToken": client.cookies["_xsrf"]}


def statuses(client, calls, **options):
    """Return the status of each call."""
    answers = {}
    for route, method in calls:
        answer = client.request(method, path_of(route), **options)
        answers[f"{method} {route.path}"] = answer.status_code
    return answers


def test_a_method_without_access_cannot_be_defined():
    with pytest.raises(TypeError, match=r"Open\.post must be marked by `requires`"):

        class Open(AttuneHandler):
            async def post(self):
                self.reply({})


def test_all_handlers_come_from_the_table():
    bases = (AttuneHandler, AttunePage, AttuneSocket)
    app = AttuneApp()
    app.initialize_handlers()

    assert [handler for _, handler in app.handlers] == [
        *(route.handler for route in ROUTES),
        UnknownHandler,
    ]
    for route in ROUTES:
        assert issubclass(route.handler, bases), route.path
        assert route.handler.auth_resource == "attune", route.path


def test_what_changes_something_needs_more_than_read():
    for route, method in CALLS:
        access = access_of(route, method)
        if (method, route.path) in STARTS and access is not None:
            assert access == Access("execute", kernels=True), route.path
        elif method == "POST" and access is not None:
            assert access == Access("write"), route.path
        elif method in ("GET", "HEAD"):
            assert access in (None, Access("read")), route.path
        else:
            assert access is None, (method, route.path)


def test_one_method_of_two_resources_is_judged_for_each_call():
    """Each decorated method has an action of its own, whichever handler is called first."""

    class Reading(AttuneHandler):
        @requires("read")
        async def get(self):
            self.reply({})

    class Starting(AttuneHandler):
        @requires("execute", kernels=True)
        async def post(self):
            self.reply({})

    assert Reading.get.access == Access("read")
    assert Starting.post.access == Access("execute", kernels=True)


@pytest.mark.slow
def test_without_credentials_nothing_is_shown(attune_server):
    with attune_server.client(headers={}) as client:
        for call in CALLS:
            answer = client.request(call[1], path_of(call[0]))
            if is_page(call[0]) and access_of(*call):
                assert answer.status_code == 302
                assert answer.headers["Location"].startswith("/login?next=")
            else:
                assert answer.status_code in (403, 405), names([call])


@pytest.mark.slow
def test_a_wrong_token_shows_nothing(attune_server):
    with attune_server.client(headers={"Authorization": "token wrong"}) as client:
        answers = statuses(client, READS + CHANGES)

    assert set(answers.values()) <= {302, 403}


@pytest.mark.slow
def test_a_read_only_visitor_can_look(watched_server):
    with watched_server.client() as client:
        answers = statuses(client, READS)

    # no such run; or no upgrade to a WebSocket
    assert {path for path, status in answers.items() if status not in (200, 400, 404)} == set()
    assert answers["GET /?"] == 200


@pytest.mark.slow
def test_a_read_only_visitor_can_change_nothing(watched_server):
    with watched_server.client() as client:
        answers = statuses(client, CHANGES, json={"kind": "cancel"})
        assert set(answers.values()) == {403}

        with watched_server.client(base_url=f"{watched_server.origin}/base/") as root:
            assert root.post("api/shutdown").status_code == 403


@pytest.mark.slow
def test_a_server_of_the_command_has_no_kernels_and_no_files(watched_server):
    with watched_server.client(base_url=f"{watched_server.origin}/base/") as client:
        for path in ("api/kernels", "api/contents", "api/sessions", "files/x", "tree"):
            assert client.get(path).status_code == 404

    log = watched_server.log
    assert f"runs of {watched_server.root} are shown at {watched_server.url()}" in log
    assert watched_server.token not in log


@pytest.mark.slow
def test_each_method_asks_for_its_own_actions(attune_server):
    """A caller who lacks one of the actions that a method needs is refused."""
    actions = ["attune:read", "attune:write", "attune:execute", "kernels:execute"]
    with attune_server.client() as client:
        for missing in actions:
            allowed = [action for action in actions if action != missing]
            headers = {ALLOWED: " ".join(allowed)}
            for route, method in READS + CHANGES:
                access = access_of(route, method)
                needed = [f"attune:{access.action}", *["kernels:execute"] * access.kernels]
                answer = client.request(method, path_of(route), headers=headers)
                is_refused = answer.status_code == 403
                assert is_refused == (missing in needed), (method, route.path, missing)


@pytest.mark.slow
def test_a_change_needs_the_token_against_forgery(browser_client):
    without = statuses(browser_client, CHANGES, json={"kind": "cancel"})
    assert set(without.values()) == {403}

    answers = statuses(browser_client, CHANGES, json={}, headers=xsrf(browser_client))
    assert 403 not in answers.values()


@pytest.mark.slow
def test_a_form_of_another_site_changes_nothing(browser_client):
    answers = statuses(
        browser_client,
        CHANGES,
        content=b'{"kind": "cancel"}',
        headers={"Content-Type": "text/plain", "Origin": "http://evil.example"},
    )
    assert set(answers.values()) <= {403, 404}


@pytest.mark.slow
@pytest.mark.parametrize("origin", ["http://evil.example", "null"])
def test_another_site_can_call_nothing(browser_client, origin):
    headers = {**xsrf(browser_client), "Origin": origin}
    calls = [call for call in READS + CHANGES if not is_page(call[0])]
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "x" * 16,
    }

    for route, method in calls:
        more = upgrade if issubclass(route.handler, AttuneSocket) else {}
        answer = browser_client.request(method, path_of(route), headers=headers | more)
        assert answer.status_code in (403, 404), route.path
        assert "no run" not in answer.text, route.path


@pytest.mark.slow
def test_another_host_is_refused(attune_server):
    """A name of another site may lead here: the browser would then send it this site's cookie."""
    with attune_server.client() as client:
        client.headers["Host"] = "evil.example"
        answers = statuses(client, READS + CHANGES)

    assert set(answers.values()) == {403}


@pytest.mark.slow
def test_an_unknown_address_is_answered_as_json(attune_server):
    answer = attune_server.get("/api/rums")
    assert answer.status_code == 404
    assert answer.json()["message"].startswith("the API has no address /attune/api/rums")
    assert attune_server.post("/api/rums").status_code == 404
    with attune_server.client(headers={}) as client:
        assert client.get("/api/rums").status_code == 403
