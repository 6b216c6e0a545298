"""One connection of a client: reading (see `reading`), the time for each phase, and the end.

Times are judged by `check`, which the server calls every now and then, because a timer for each phase would cost more
than the phase.
"""

import asyncio

from uvicorn import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.server import ServerState

from shared.process.http_server.connections import Client, Connections
from shared.process.http_server.limits import LINGER, MAX_SURPLUS, TURN, HttpLimits, Refusal
from shared.process.http_server.reading import Phase, RequestReader
from shared.telemetry.metrics import HTTP_REFUSALS


class _Flow(FlowControl):
    """Pauses and resumes reading; holds it while there is still something to read from before."""

    held = False

    def resume_reading(self) -> None:
        """Go on reading where that makes sense."""
        if not self.held and not self._transport.is_closing():
            super().resume_reading()

    def pause_reading(self) -> None:
        """Read no more for now."""
        if not self._transport.is_closing():
            super().pause_reading()


class BoundedProtocol(RequestReader):
    """One connection."""

    flow: _Flow

    def __init__(self, config: Config, state: ServerState, connections: Connections, limits: HttpLimits) -> None:
        super().__init__(config, state, limits)
        self._connections = connections
        self._client = Client()
        self._drained = 0.0
        self._ahead = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Take a place, or say that there is none."""
        super().connection_made(transport)
        self.flow = _Flow(transport)
        self._since = self._drained = self.loop.time()
        client = self._connections.enter(self, self.client[0] if self.client else "")
        if client is None:
            self._phase = Phase.REFUSED
            self._say(Refusal.TOO_MANY)
            transport.close()
            return
        self._client = client
        client.waits_for(self, known=False)

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        self._connections.leave(self)
        self._ahead = b""
        super().connection_lost(exc)

    def displace(self) -> None:
        """End at once: somebody else needs the place."""
        HTTP_REFUSALS.labels("displaced").inc()
        self.abort()

    def abort(self) -> None:
        """End at once."""
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Read what came, and keep what came too early."""
        if self._phase == Phase.REFUSED:
            self._discard(len(data))
        elif self._phase == Phase.ANSWER or self._ahead:
            self.keep(data)
        else:
            self.read(data)
        if len(data) >= TURN and not self.flow.read_paused:
            self.flow.pause_reading()
            self.loop.call_soon(self.flow.resume_reading)

    def keep(self, data: bytes) -> None:
        """Keep what came before its turn, and read no more until then."""
        self._ahead += data
        self.flow.pause_reading()
        self.flow.held = True

    def _read_kept(self) -> None:
        data, self._ahead = self._ahead, b""
        self.flow.held = False
        if not self.transport.is_closing():
            self.read(data)
            self.flow.resume_reading()

    def on_response_complete(self) -> None:
        """Wait for the next request, or read the one that came ahead."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.cycle.body = bytearray()
        if self._phase == Phase.ANSWER:
            self.begin_idle()
        if self._ahead:
            self.loop.call_soon(self._read_kept)
        else:
            self.flow.resume_reading()

    def begin_answer(self) -> None:
        """Make it our turn."""
        self._phase = Phase.ANSWER
        self._client.works_for(self)

    def begin_idle(self) -> None:
        """Make it the client's turn."""
        self._client.works_for(self)
        self._phase = Phase.IDLE
        self._since = self.loop.time()
        self._client.waits_for(self, known=True)

    def check(self, now: float) -> None:
        """End the connection where the client takes too long for what it waits for."""
        waited, limits = now - self._since, self._limits
        if self.transport.get_write_buffer_size() == 0:
            self._drained = now
        elif now - self._drained > limits.answer_time:
            HTTP_REFUSALS.labels("unread").inc()
            self.abort()
        if self.transport.is_closing():
            return
        phase = self._phase
        if phase == Phase.OPEN and waited > limits.header_time:
            HTTP_REFUSALS.labels("silent").inc()
            self.transport.close()
        elif (phase == Phase.HEADER and waited > limits.header_time) or (
            phase == Phase.BODY and waited > limits.body_time
        ):
            self.refuse(Refusal.TOO_SLOW)
        elif phase == Phase.IDLE and waited > limits.idle_time:
            self.transport.close()
        elif phase == Phase.REFUSED and waited > LINGER:
            self.abort()

    def refuse(self, refusal: Refusal) -> None:
        """Answer where there is none yet, and read on for a moment: a reset would take the answer away."""
        if self._phase == Phase.ANSWER:  # a request behind chunks: the one before gets its answer, then we close
            self.cycle.keep_alive = False
            return
        answered = self._phase == Phase.BODY and self.cycle.response_started
        if self._phase == Phase.BODY and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self._phase = Phase.REFUSED
        self._since, self._surplus = self.loop.time(), 0
        if not answered:
            self._say(refusal)
        if not self.transport.is_closing():
            self.flow.resume_reading()
            self.transport.write_eof()

    def _say(self, refusal: Refusal) -> None:
        HTTP_REFUSALS.labels(refusal.value[1]).inc()
        self.transport.write(refusal.answer(self.server_state.default_headers))

    def _discard(self, count: int) -> None:
        self._surplus += count
        if self._surplus > MAX_SURPLUS:
            self.flow.pause_reading()
            self.flow.held = True
