"""The description of the API as OpenAPI, made from the table of routes and its structs."""

from __future__ import annotations

import inspect
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec

import attune_nb
from attune_nb.server.web.access import AttuneHandler, ErrorReply, requires
from attune_nb.server.web.route import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from attune_nb.server.web.route import Operation, Route

__all__ = ["OpenApiHandler", "describe_api"]

_REFERENCE = "#/components/schemas/{name}"

# answers that all methods may give, also if their rows in the table do not name them
_COMMON_ANSWERS: Mapping[int, Any] = {403: ErrorReply}

# the lines about one attribute in a docstring
_ATTRIBUTE = re.compile(r"^    (\w+): (.+(?:\n {8}.+)*)", re.MULTILINE)

_DESCRIPTION = (
    "Runs of attune_nb, seen and steered from outside their processes. All addresses begin at "
    "`{base_url}attune`. Callers log in as Jupyter says: with the header `Authorization: token "
    "TOKEN`, or with the cookie of the login and the header `X-XSRFToken`. "
    "`x-required-actions` are the actions that the authorizer of the server must allow."
)

_PARAMETER_TEXTS = {
    "run_id": "the id of a run",
    "number": "the number of a command, as the answer to it has it",
}


class OpenApiHandler(AttuneHandler):
    """The description of the API."""

    @requires("read")
    async def get(self) -> None:
        """Send the description."""
        document = describe_api(self.settings["attune_routes"])
        self.reply(document | {"servers": [{"url": f"{self.base_url}attune"}]})


def describe_api(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the description of the routes below `/api`, as a document of OpenAPI 3.1.

    Args:
        routes: The table of routes.
    """
    routes = [route for route in routes if route.path.startswith("/api/")]
    definitions, components = _schemas_of(routes)

    paths = {}
    for route in routes:
        parameters = [_path_parameter(name) for name in re.findall(r"\{(\w+)\}", route.path)]
        item: dict[str, Any] = {"parameters": parameters} if parameters else {}
        for method, operation in route.operations.items():
            item[method.lower()] = _describe_operation(route, method, operation, definitions)
        paths[route.path] = item

    return {
        "openapi": "3.1.0",
        "info": {
            "title": "attune_nb",
            "version": attune_nb.__version__,
            "description": _DESCRIPTION,
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "`token` and the token of the server",
                }
            },
        },
        "security": [{"token": []}],
    }


def _schemas_of(routes: Sequence[Route]) -> tuple[dict[Any, Any], dict[str, Any]]:
    """Return the schema of each type of a body, and the schemas that these refer to."""
    types: list[Any] = [ErrorReply]
    for route in routes:
        for operation in route.operations.values():
            types += _body_types(operation)

    unique = list(dict.fromkeys(types))
    schemas, components = msgspec.json.schema_components(unique, ref_template=_REFERENCE)
    for component in components.values():
        _describe_properties(component)
    return dict(zip(unique, schemas, strict=True)), components


def _body_types(operation: Operation) -> Iterator[Any]:
    """Yield the types of the bodies of a method that are JSON."""
    for body in (operation.body, *operation.answers.values()):
        if body is not None and not isinstance(body, str):
            yield body


def _describe_properties(schema: dict[str, Any]) -> None:
    """Move the lines about attributes from the description of a struct to its properties."""
    text = inspect.cleandoc(schema.get("description", ""))
    description, _, section = text.partition("\n\nAttributes:\n")
    schema["description"] = description

    section, _, more = section.partition("\n\n")
    if more:
        schema["description"] += f"\n\n{more}"
    for name, lines in _ATTRIBUTE.findall(section):
        if name in schema["properties"]:
            schema["properties"][name]["description"] = " ".join(lines.split())


def _describe_operation(
    route: Route, method: str, operation: Operation, definitions: Mapping[Any, Any]
) -> dict[str, Any]:
    access = getattr(route.handler, method.lower()).access
    actions = [f"attune:{access.action}"]
    if access.kernels:
        actions.append("kernels:execute")

    described: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": _operation_id(route, method),
        "x-required-actions": actions,
        "responses": {},
    }
    parameters = [_header_parameter(*header) for header in operation.headers.items()]
    if operation.query is not None:
        parameters += _query_parameters(operation.query)
    if parameters:
        described["parameters"] = parameters
    if operation.body is not None:
        content = {"application/json": {"schema": definitions[operation.body]}}
        described["requestBody"] = {"required": True, "content": content}
    for status, body in {**operation.answers, **_COMMON_ANSWERS}.items():
        described["responses"][str(status)] = _describe_answer(status, body, definitions)
    return described


def _operation_id(route: Route, method: str) -> str:
    """Return a name of a method that is unique in the document: `get_runs_run_id`."""
    words = re.findall(r"\w+", route.path.removeprefix("/api").replace(".", "_"))
    return "_".join([method.lower(), *words])


def _path_parameter(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": _PARAMETER_TEXTS[name],
        "schema": {"type": "string", "pattern": f"^{PARAMETERS[name]}$"},
    }


def _header_parameter(name: str, meaning: str) -> dict[str, Any]:
    schema = {"type": "string"}
    return {"name": name, "in": "header", "description": meaning, "schema": schema}


def _query_parameters(query: type) -> list[dict[str, Any]]:
    """Return the parameters of an address from the struct that the handler reads them into."""
    _, components = msgspec.json.schema_components([query], ref_template=_REFERENCE)
    schema = components[query.__name__]
    _describe_properties(schema)

    parameters = []
    for name, field in schema["properties"].items():
        parameters.append(
            {
                "name": name,
                "in": "query",
                "required": name in schema.get("required", ()),
                "description": field.pop("description", ""),
                "schema": field,
            }
        )
    return parameters


def _describe_answer(status: int, body: Any, definitions: Mapping[Any, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if isinstance(body, str):
        answer["content"] = {body: {}}
    elif body is not None:
        answer["content"] = {"application/json": {"schema": definitions[body]}}
    return answer
