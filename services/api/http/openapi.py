"""The OpenAPI document: FastAPI's own, with our error answers in the place of its.

Every route can answer the problems that the frame around it makes; a route's own ones are named where it is made.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from services.api.http.auth_gate import PUBLIC_PATHS
from services.api.http.problems import PROBLEM_JSON, ProblemBody

_REF: Final = "#/components/schemas/{model}"
_REPLACED: Final = ("HTTPValidationError", "ValidationError")
_DESCRIPTION: Final = (
    "Brings each domain event to everybody who asked for it. "
    "Errors are `application/problem+json` (RFC 9457) with a stable `code`; lists are "
    '`{"items": […], "next_cursor": …}`, the newest first; times are RFC 3339 in UTC. '
    "The tenant is the token's `org_id`, or its `sub`."
)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return `responses` for a route that answers these errors itself."""
    return {status: _problem(status) for status in statuses}


def add_openapi(app: FastAPI, *documented: type[BaseModel]) -> None:
    """Make an app serve our document, with these models that no route names as its body or answer in Python."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, (ProblemBody, *documented))
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _document(app: FastAPI, documented: Sequence[type[BaseModel]]) -> dict[str, Any]:
    document = get_openapi(
        title="Signalpost", version=app.version, description=_DESCRIPTION, routes=app.routes, tags=app.openapi_tags
    )
    schemas = document["components"]["schemas"]
    for name in _REPLACED:
        schemas.pop(name, None)
    _, extra = models_json_schema([(model, "validation") for model in documented], ref_template=_REF)
    schemas |= extra["$defs"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if path in PUBLIC_PATHS:
                operation["responses"].pop("422", None)  # none of their parameters can be wrong in form
            else:
                _add_problems(operation, _frame_problems(path, method, operation))
    return document


def _frame_problems(path: str, method: str, operation: dict[str, Any]) -> Iterable[int]:
    yield from (401, 403, 503)
    if "{" in path:
        yield 404
    if operation.get("parameters") or "requestBody" in operation:
        yield 422
    if method in ("post", "put", "patch", "delete"):
        yield from (400, 413, 415)


def _add_problems(operation: dict[str, Any], statuses: Iterable[int]) -> None:
    responses = operation["responses"]
    for status in statuses:
        responses[str(status)] = _problem(status)


def _problem(status: int) -> dict[str, Any]:
    schema = {"$ref": _REF.format(model="ProblemBody")}
    return {"description": _MEANINGS[status], "content": {PROBLEM_JSON: {"schema": schema}}}


_MEANINGS: Final = {
    400: "The request is broken",
    401: "There is no valid token",
    403: "The token does not give the role, or is for another tenant",
    404: "There is no such object for this tenant",
    409: "The object's state forbids this",
    413: "The body is too large",
    415: "The body is not JSON",
    422: "A field or parameter is wrong; `errors` names each",
    429: "So much was asked for lately that it has to wait; Retry-After says for how long",
    503: "A server of ours is away; Retry-After says when to try again",
}
