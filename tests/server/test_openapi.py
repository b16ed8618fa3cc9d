"""The description of the API as OpenAPI."""

import json

import msgspec
import pytest
from openapi_spec_validator import validate

from attune_nb.server.routes import ROUTES
from attune_nb.server.web.openapi import describe_api


def description():
    """Return the description as it is sent."""
    return json.loads(msgspec.json.encode(describe_api(ROUTES)))


def test_the_description_is_valid_openapi():
    validate(description())


def test_each_route_of_the_api_is_described():
    paths = description()["paths"]

    assert set(paths) == {route.path for route in ROUTES if route.path.startswith("/api/")}
    for route in ROUTES:
        methods = {
            name
            for name in ("get", "post", "put", "patch", "delete")
            if hasattr(getattr(route.handler, name), "access")
        }
        assert {method.lower() for method in route.operations} == methods, route.path


def test_each_field_has_its_meaning():
    document = description()

    for name, schema in document["components"]["schemas"].items():
        assert "Attributes:" not in schema["description"], name
        # the fields of a delta are those of a snapshot
        fields = {} if name == "Delta" else schema.get("properties", {})
        for field, described in fields.items():
            if field not in ("type", "kind"):
                assert described.get("description"), (name, field)
    for path, item in document["paths"].items():
        for method in {"get", "post"} & item.keys():
            for parameter in item[method].get("parameters", []):
                assert parameter["description"], (path, parameter["name"])


@pytest.mark.slow
def test_the_server_sends_its_description(attune_server):
    answer = attune_server.get("/api/openapi.json")

    document = answer.json()
    assert document["servers"] == [{"url": "/attune"}]
    assert "/api/runs/{run_id}/commands" in document["paths"]
    validate(document)
