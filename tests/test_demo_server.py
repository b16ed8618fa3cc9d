import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import yaml

from attune_nb.actions.http import http_request
from attune_nb.demo import WORKFLOW, FleetServer, Sink, check_server
from attune_nb.errors import ActionError


def test_the_default_fleet():
    fleet = FleetServer()
    assert len(fleet.failing) == 20
    assert fleet.failing_names[:2] == ["web-0007", "web-0057"]
    assert len(fleet.slow) == 10
    assert len(fleet.flaky) == 29
    assert not fleet.flaky & fleet.failing
    with pytest.raises(RuntimeError, match="not running"):
        _ = fleet.url


def test_listing_and_health():
    with FleetServer(5, failing={2}, slow={3}, flaky={4}) as fleet:
        listed = http_request(f"{fleet.url}/servers")["json"]["servers"]
        assert listed == fleet.servers
        assert listed[0] == {"name": "web-0001", "url": f"{fleet.url}/health/1"}
        first = http_request(listed[0]["url"])
        assert first["json"] == {"status": "ok", "name": "web-0001"}
        assert check_server(listed[0]["url"])["status"] == "ok"
        for _ in range(2):
            with pytest.raises(ActionError, match=r"^HTTP 503$"):
                check_server(listed[1]["url"])
        started = time.monotonic()
        check_server(listed[2]["url"])
        assert time.monotonic() - started >= 0.2
        with pytest.raises(ActionError, match="503"):
            check_server(listed[3]["url"])
        assert check_server(listed[3]["url"])["status"] == "ok"
        for path in ("health/0", "health/6", "health/x", "5", ""):
            assert http_request(f"{fleet.url}/{path}")["status_code"] == 404
        gone = listed[0]["url"]
    with pytest.raises(ActionError, match=gone):
        check_server(gone)


def test_a_thousand_servers_at_once():
    def down(server):
        for _ in range(2):
            try:
                check_server(server["url"])
            except ActionError as error:
                assert str(error) == "HTTP 503"
            else:
                return False
        return True

    with FleetServer() as fleet, ThreadPoolExecutor(50) as pool:
        answers = zip(fleet.servers, pool.map(down, fleet.servers), strict=True)
        assert [server["name"] for server, is_down in answers if is_down] == fleet.failing_names


def test_the_workflow_is_yaml():
    workflow = yaml.safe_load(WORKFLOW)
    assert [task["name"] for task in workflow["tasks"]] == [
        "list_servers",
        "check",
        "alert",
        "all_well",
    ]


def test_a_sink_counts_what_arrives_and_is_busy_now_and_then():
    with Sink(busy_every=3) as sink:
        told = [httpx.post(sink.url, json={"to": name}).status_code for name in "abcabcc"]
        assert told == [200, 200, 503, 200, 200, 200, 200]
        assert (sink.received, sink.refused) == ({"a": 2, "b": 2, "c": 2}, 1)
        assert httpx.post(sink.url, content=b"no").status_code == 400
        assert "6 received, 1 refused" in repr(sink)
    assert "not started" in repr(sink)
