"""Reads requests piece by piece, and counts what uvicorn's protocol and its parser (llhttp) leave without bounds.

The parser gets at most one request's header at once; what a client sends ahead stays unread until the request before
is answered. Times, and what a refusal means, are the business of `protocol`.
"""

from typing import Final

import httptools
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from shared.process.http_server.limits import FREE_FRAMING, MAX_FIELDS, MAX_SURPLUS, READ_PIECE, HttpLimits, Refusal

_HEADER_END: Final = b"\r\n\r\n"


class Phase:
    """What a connection waits for. Plain numbers: a member of an Enum costs Python 3.11 as much as a call."""

    OPEN: Final = 0
    """The first byte of all."""
    HEADER: Final = 1
    BODY: Final = 2
    """Also where the request is answered already."""
    ANSWER: Final = 3
    """Our turn."""
    IDLE: Final = 4
    """The next request."""
    REFUSED: Final = 5
    """That the client has read why."""


class RequestReader(HttpToolsProtocol):
    """The half of a connection that reads."""

    _header_tail: bytes
    """The last bytes of the header so far, in case its end is split."""
    _line_ended: bool
    _left: int
    """Bytes of the body that are still to come, where their number is known."""

    def __init__(self, config: Config, state: ServerState, limits: HttpLimits) -> None:
        super().__init__(config, state, {})
        self._limits = limits
        self._phase = Phase.OPEN
        self._since = 0.0
        self._fault = Refusal.BAD_REQUEST
        self._begin()

    def refuse(self, refusal: Refusal) -> None:
        """End the connection because of what came in."""
        raise NotImplementedError

    def keep(self, data: bytes) -> None:
        """Keep what came before its turn."""
        raise NotImplementedError

    def begin_answer(self) -> None:
        """Note that a request is here as a whole."""
        raise NotImplementedError

    def begin_idle(self) -> None:
        """Note that the next request may come."""
        raise NotImplementedError

    def read(self, data: bytes) -> None:
        """Read on, until the end of `data` or a refusal; what comes behind a whole request is kept."""
        at, size = 0, len(data)
        while at < size:
            if self._phase == Phase.ANSWER:
                self.keep(data[at:])
                return
            in_body = self._phase == Phase.BODY
            end = self._end_of_body(at, size) if in_body else self._end_of_header(data, at)
            piece = data if end - at == size else data[at:end]
            if not (self._read_body(piece) if in_body else self._read_header(piece)):
                return
            at = end

    def _end_of_body(self, at: int, size: int) -> int:
        """Return up to where the bytes of a body can be read at once; never beyond its end, where that is known."""
        return min(size, at + (self._left or READ_PIECE))

    def _end_of_header(self, data: bytes, at: int) -> int:
        """Return up to where the bytes of a header can be read at once; never beyond its end."""
        if self._phase != Phase.HEADER:
            if self._phase == Phase.IDLE:
                self._since = self.loop.time()
            self._phase = Phase.HEADER
            self._begin()
        tail = self._header_tail
        if tail and (found := (tail + data[at : at + 3]).find(_HEADER_END)) >= 0:
            return at + found + 4 - len(tail)
        found = data.find(_HEADER_END, at, at + READ_PIECE)
        return min(at + READ_PIECE, len(data)) if found < 0 else found + 4

    def _read_header(self, piece: bytes) -> bool:
        self._header_bytes += len(piece)
        self._line_ended = self._line_ended or b"\n" in piece
        if self._header_bytes > self._limits.header_bytes:
            self.refuse(Refusal.HEADER_TOO_LARGE if self._line_ended else Refusal.URI_TOO_LONG)
            return False
        fits = self._parse(piece)
        if self._phase == Phase.HEADER:
            self._header_tail = (self._header_tail + piece)[-3:]
        return fits

    def _read_body(self, piece: bytes) -> bool:
        if self.cycle.response_complete:
            self._surplus += len(piece)
            if self._surplus > MAX_SURPLUS:
                self.refuse(Refusal.BAD_REQUEST)
                return False
        if self._past_parser:
            self.on_body(piece)
            if not self._left:
                self._complete()
            return True
        self._wire += len(piece)
        if not self._parse(piece):
            return False
        if self._chunked and self._wire > FREE_FRAMING + 2 * self._content:
            self.refuse(Refusal.FRAMING)
            return False
        return True

    def _parse(self, piece: bytes) -> bool:
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            pass  # we stay with HTTP/1.1, as RFC 9110, section 7.8, allows
        except httptools.HttpParserError:
            self.refuse(self._fault)
            return False
        return True

    def _begin(self) -> None:
        """Count anew: a request begins."""
        self._header_bytes = self._left = self._wire = self._content = self._surplus = 0
        self._header_tail = b""
        self._line_ended = self._chunked = self._past_parser = False

    def on_message_begin(self) -> None:
        """Begin a request."""
        if self._phase != Phase.HEADER:
            raise ValueError("a request right behind chunks: where it begins can't be told")
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header field; a trailer has no meaning here, and must not pass for one."""
        if self._phase != Phase.HEADER:
            return
        if len(self.headers) == MAX_FIELDS:
            self._fault = Refusal.HEADER_TOO_LARGE
            raise ValueError("too many header fields")
        name = name.lower()
        self.headers.append((name, value))
        if name == b"content-length":
            self._left = int(value)
        elif name == b"transfer-encoding":
            self._chunked = True
        elif name == b"expect":
            self.expect_100_continue = value.lower() == b"100-continue"

    def on_headers_complete(self) -> None:
        """Have the request answered; its body may still be on its way."""
        if self._chunked and self.parser.should_upgrade():
            raise ValueError("the parser would take chunks for the other protocol")
        super().on_headers_complete()
        self._phase = Phase.BODY

    def on_body(self, body: bytes) -> None:
        """Hand on a part of the body."""
        if self._left:
            self._left -= len(body)
        else:
            self._content += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Wait for the answer, or for the next request where it is answered already."""
        if self._left:  # an upgrade was asked for: for the parser the request ends here, and for us it does not
            self._past_parser = True
        else:
            self._complete()

    def _complete(self) -> None:
        super().on_message_complete()
        if self.cycle.response_complete:
            self.begin_idle()
        else:
            self.begin_answer()
