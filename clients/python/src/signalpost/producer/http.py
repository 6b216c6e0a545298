"""Publishes events over HTTP, for producers that have no way to the broker; needs the extra `signalpost[http]`.

    async with HttpEventPublisher("https://signalpost.example.com", token=token, source="/wipe/backend") as publisher:
        await publisher.publish(CertificateIssued(tenant="org_1", certificate_id="cert_42"))

An API that is away or busy is asked again, within a bound on time; the event's identity makes that safe.
"""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Annotated, Final

import aiohttp
import msgspec

from signalpost.backoff import Backoff
from signalpost.catalogue import Catalogue
from signalpost.cloudevent import EVENT_CONTENT_TYPE, Event, encode_event
from signalpost.producer.errors import InvalidEvent, Misconfigured, PublishTimeout
from signalpost.producer.new_event import CurrentTraceparent, Unpublished, accept, no_trace

PUBLISH_TIMEOUT: Final = 30.0
"""Seconds for all tries together."""
_PATH: Final = "/api/v1/events"
_ABOUT_THE_EVENT: Final = frozenset({400, 413, 415, 422})
_LATER: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_MAX_WAIT: Final = 10.0
"""Seconds at most that a Retry-After may make us wait between two tries."""


class _Problem(msgspec.Struct):
    detail: Annotated[str, msgspec.Meta(min_length=1)]


class HttpEventPublisher:
    """Publishes the events of one source through Signalpost's API; safe for any number of concurrent callers.

    Args:
        url: Where the API is, such as `https://signalpost.example.com`; a path prefix is kept.
        token: The bearer token with the role PRODUCER, or what returns it, for tokens that expire.
        source: Which system publishes (the CloudEvents attribute `source`), such as `/wipe/backend`.
        catalogue: What events are checked against; by default the types that the products emit.
        current_traceparent: How to find the current trace, for events that bring none.
        session: Sends the requests, if the application has one already (a proxy, certificates); it stays open.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | Callable[[], str],
        source: str,
        catalogue: Catalogue | None = None,
        current_traceparent: CurrentTraceparent = no_trace,
        session: aiohttp.ClientSession | None = None,
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"the API's address must begin with http:// or https://, not {url[:40]!r}")
        self._url, self._token, self._source = url.rstrip("/") + _PATH, token, source
        self._catalogue = catalogue or Catalogue.builtin()
        self._current_traceparent = current_traceparent
        self._session, self._is_ours = session, session is None

    async def __aenter__(self) -> "HttpEventPublisher":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def publish(self, event: Unpublished | Event, *, timeout: float = PUBLISH_TIMEOUT) -> Event:  # noqa: ASYNC109 - it ends in an error of our own
        """Publish an event and return it, as Signalpost knows it, once the API has accepted it.

        Raises:
            InvalidEvent: it is not one that Signalpost accepts; the text names the field.
            Misconfigured: the address, the token or its rights are wrong; the text says what the API says.
            PublishTimeout: not accepted in time; publishing the same event again is safe.
        """
        accepted = event if isinstance(event, Event) else self._accept(event)
        body, backoff, trouble = encode_event(accepted), Backoff(), "no answer came"
        try:
            async with asyncio.timeout(timeout):
                while (refusal := await self._post(accepted.type, body)) is not None:
                    trouble = refusal.text
                    await asyncio.sleep(refusal.wait) if refusal.wait else await backoff.wait()
        except TimeoutError as error:
            raise PublishTimeout(
                f"{accepted.type} {accepted.source_id}: not accepted within {timeout:g} s ({trouble}); it may have "
                "arrived all the same: publish the same one, with the same id, again"
            ) from error
        return accepted

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None and self._is_ours:
            await self._session.close()

    def _accept(self, event: Unpublished) -> Event:
        return accept(
            event, source=self._source, catalogue=self._catalogue, current_traceparent=self._current_traceparent
        )

    async def _post(self, event_type: str, body: bytes) -> "_NotNow | None":
        """Return why it must be sent again, or None once it is accepted."""
        if self._session is None:
            self._session = aiohttp.ClientSession()
        token = self._token if isinstance(self._token, str) else self._token()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": EVENT_CONTENT_TYPE}
        try:
            async with self._session.post(self._url, data=body, headers=headers, allow_redirects=False) as answer:
                detail = f"{answer.status} {_detail(await answer.read()) or answer.reason or ''}".strip()
                status, wait = answer.status, answer.headers.get("Retry-After", "")
        except (aiohttp.ClientSSLError, aiohttp.InvalidURL) as error:
            raise Misconfigured(f"{event_type}: the API at {self._url} can't be trusted or found: {error}") from error
        except (aiohttp.ClientError, ConnectionError) as error:
            return _NotNow(f"the API is away: {error}")
        if status == 202:
            return None
        if status in _LATER:
            return _NotNow(f"the API answers {detail}", wait=min(float(wait), _MAX_WAIT) if wait.isdigit() else 0.0)
        if status in _ABOUT_THE_EVENT:
            raise InvalidEvent(f"{event_type}: the API answers {detail}")
        raise Misconfigured(f"{event_type}: the API at {self._url} refuses this producer: {detail}")


class _NotNow(msgspec.Struct, frozen=True):
    """Why a try failed that may be repeated."""

    text: str
    wait: float = 0.0
    """Seconds, if the API named them."""


def _detail(body: bytes) -> str:
    """Return what a problem document says, or nothing for a body that is none."""
    try:
        return msgspec.json.decode(body, type=_Problem).detail
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
