"""The services that the demo and the notebooks use."""

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import yaml
from support.http_requests import http_request

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


def test_a_fleet_lists_its_servers_and_their_health():
    with FleetServer(5, failing={2}, slow={3}, flaky={4}) as fleet:
        servers = http_request(f"{fleet.url}/servers")["json"]["servers"]
        assert servers == fleet.servers
        assert servers[0] == {"name": "web-0001", "url": f"{fleet.url}/health/1"}

        healthy = http_request(servers[0]["url"])
        assert healthy["json"] == {"status": "ok", "name": "web-0001"}
        assert check_server(servers[0]["url"])["status"] == "ok"

        for _ in range(2):
            with pytest.raises(ActionError, match=r"^HTTP 503$"):
                check_server(servers[1]["url"])

        started = time.monotonic()
        check_server(servers[2]["url"])
        assert time.monotonic() - started >= 0.2

        with pytest.raises(ActionError, match="503"):
            check_server(servers[3]["url"])
        assert check_server(servers[3]["url"])["status"] == "ok"

        for path in ("health/0", "health/6", "health/x", "5", ""):
            response = http_request(f"{fleet.url}/{path}", expect_status=404)
            assert response["status_code"] == 404

    with pytest.raises(ActionError, match=servers[0]["url"]):
        check_server(servers[0]["url"])


def test_a_thousand_servers_are_checked_50_at_a_time():
    def is_down(server):
        for _ in range(2):
            try:
                check_server(server["url"])
            except ActionError as error:
                assert str(error) == "HTTP 503"
            else:
                return False
        return True

    with FleetServer() as fleet, ThreadPoolExecutor(50) as pool:
        results = zip(fleet.servers, pool.map(is_down, fleet.servers), strict=True)
        names = [server["name"] for server, down in results if down]
        assert names == fleet.failing_names


def test_the_workflow_is_yaml():
    workflow = yaml.safe_load(WORKFLOW)

    names = [task["name"] for task in workflow["tasks"]]
    assert names == ["list_servers", "check", "alert", "all_well"]


def test_a_sink_counts_notifications_and_is_sometimes_busy():
    with Sink(busy_every=3) as sink:
        codes = [httpx.post(sink.url, json={"to": name}).status_code for name in "abcabcc"]

        assert codes == [200, 200, 503, 200, 200, 200, 200]
        assert sink.received == {"a": 2, "b": 2, "c": 2}
        assert sink.refused == 1
        assert httpx.post(sink.url, content=b"no").status_code == 400
        assert "6 received, 1 refused" in repr(sink)
    assert "not started" in repr(sink)
