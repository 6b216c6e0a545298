"""Errors as RFC 9457 problem documents; HTTP status codes for errors are decided here and in the routes only.

Anything a caller did wrong is a `Problem` with a stable `code`. What else goes wrong is translated by the
handlers at the end: never a traceback, never the value that was wrong (it may be a secret).
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from shared.storage import StorageUnavailable

log = structlog.get_logger(__name__)

PROBLEM_JSON: Final = "application/problem+json"
RETRY_AFTER_SECONDS: Final = 5


class FieldProblem(BaseModel):
    """What is wrong with one field of the request."""

    field: str = Field(description="Path of the field, such as `events.0`.", examples=["url"])
    message: str = Field(description="What is wrong and what would be right, for a person.")
    code: str = Field(description="A stable word for programs.", examples=["url_refused"])


class ProblemBody(BaseModel):
    """An error, as RFC 9457 describes it."""

    type: str = Field(description="Names the kind of problem.", examples=["urn:signalpost:problem:invalid_body"])
    title: str = Field(description="The kind of problem in words.", examples=["The request can't be used"])
    status: int = Field(description="The HTTP status.", examples=[422])
    detail: str = Field(description="What happened this time, and what to do about it.")
    code: str = Field(description="A stable word for programs.", examples=["invalid_body"])
    errors: list[FieldProblem] = Field(default=[], description="One entry for each field that is wrong.")


class Problem(Exception):
    """Ends a request with an error document."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldProblem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail
        self.errors, self.headers = tuple(errors), dict(headers or {})

    def response(self) -> JSONResponse:
        """Return the answer that says so."""
        body = ProblemBody(
            type=f"urn:signalpost:problem:{self.code}",
            title=HTTPStatus(self.status).phrase,
            status=self.status,
            detail=self.detail,
            code=self.code,
            errors=list(self.errors),
        )
        return JSONResponse(body.model_dump(), self.status, self.headers, media_type=PROBLEM_JSON)


def not_found(what: str) -> Problem:
    """Return the problem for an object that is not there, or is somebody else's: nobody can tell which."""
    return Problem(404, "not_found", f"There is no such {what}.")


def invalid_fields(errors: Sequence[FieldProblem]) -> Problem:
    """Return the problem for a body with these faults; its code is that of the first."""
    return Problem(422, errors[0].code, " ".join(error.message for error in errors), errors=errors)


def unavailable(code: str, detail: str) -> Problem:
    """Return the problem for a server of ours that is away: the same request will work later."""
    return Problem(503, code, detail, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


def add_handlers(app: FastAPI) -> None:
    """Make every error of an app a problem document."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(StorageUnavailable, _on_storage_unavailable)
    app.add_exception_handler(Exception, _on_bug)


async def _on_problem(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)  # noqa: S101 - what it is registered for
    return error.response()


async def _on_invalid_request(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    errors = [_field_problem(item) for item in error.errors()]
    in_body = any(item["loc"][:1] == ("body",) for item in error.errors())
    code = "invalid_body" if in_body else "invalid_parameter"
    detail = "; ".join(f"{item.field}: {item.message}" for item in errors[:5])
    return Problem(422, code, detail, errors=errors[:100]).response()


def _field_problem(item: Mapping[str, Any]) -> FieldProblem:
    where = [str(part) for part in item["loc"][1:]]
    if item["type"] == "json_invalid":  # then the location is a position in the text
        message = f"not valid JSON at character {item['loc'][-1]}: {item['ctx']['error']}"
        return FieldProblem(field="body", message=message, code="invalid_json")
    message = _MESSAGES.get(item["type"]) or item["msg"].removeprefix("Value error, ")
    return FieldProblem(field=".".join(where) or "body", message=message, code=item["type"])


_MESSAGES = {
    "extra_forbidden": "is no field of this request; remove it",
    "missing": "is required",
}
_CODES = {400: "bad_request", 404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}


async def _on_http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    code = _CODES.get(error.status_code, f"http_{error.status_code}")
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_allowed_methods(request))
    return Problem(error.status_code, code, f"{error.detail}.", headers=headers).response()


def _allowed_methods(request: Request) -> list[str]:
    """Return the methods of a path (RFC 9110, section 15.5.6); Starlette names those of one route only."""
    path = getattr(request.scope.get("route"), "path", "")
    operations: Mapping[str, Any] = request.app.openapi()["paths"].get(path, {})
    methods = {method.upper() for method in operations}
    return sorted(methods | {"HEAD"} if "GET" in methods else methods)


async def _on_storage_unavailable(_: Request, error: Exception) -> JSONResponse:
    log.warning("api.storage_unavailable", error=str(error)[:300])
    return unavailable("storage_unavailable", "The database does not answer now; try again.").response()


async def _on_bug(_: Request, error: Exception) -> JSONResponse:
    log.error("api.bug", exc_info=error)
    return Problem(500, "internal_error", "Signalpost failed on this request; its log has the trace.").response()
