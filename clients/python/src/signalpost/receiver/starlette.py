"""Verified events for routes of Starlette and FastAPI (the application brings either).

    signalpost = SignedRequests(Verifier(os.environ["WEBHOOK_SECRET"]))

    @app.post("/hook", status_code=204)
    async def hook(event: Annotated[ReceivedEvent, Depends(signalpost)]) -> None: ...

In Starlette a route calls it: `event = await signalpost(request)`.
"""

from starlette.exceptions import HTTPException
from starlette.requests import Request

from signalpost.receiver.errors import MalformedBody, NotVerified
from signalpost.receiver.verifier import MAX_BODY_BYTES, ReceivedEvent, Verifier


class SignedRequests:
    """Returns the event of a request, or answers 401, 400 or 413 without calling the route."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier

    async def __call__(self, request: Request) -> ReceivedEvent:
        """Read, verify and return the event.

        Raises:
            HTTPException: the request is not known to come from Signalpost, or can't be read.
        """
        body = await _read(request)
        try:
            return self._verifier.receive(request.headers, body)
        except NotVerified as error:
            raise HTTPException(401, str(error)) from error
        except MalformedBody as error:
            raise HTTPException(400, str(error)) from error


async def _read(request: Request) -> bytes:
    """Read the body, but no more of it than Signalpost may post."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise HTTPException(413, f"the body has more than {MAX_BODY_BYTES} bytes")
    return bytes(body)
