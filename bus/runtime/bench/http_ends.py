"""The two ends of `bus bench http`: systems that post documents, and a system that takes its time to answer.

Both speak the little HTTP they need by themselves: they share the machine with what is measured.
"""

import asyncio
import re
import time
from collections.abc import Callable, Iterable

from bus.errors import Refused, Unavailable

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_KEY = re.compile(rb"\r\nidempotency-key: *([^\r]+)", re.IGNORECASE)
_BLANK = b"\r\n\r\n"
_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n" + b'{"ok":true}'


async def post(port: int, path: str, bodies: Iterable[bytes], senders: int) -> list[float]:
    """Post every document, so many senders at a time, each when its last was taken; return milliseconds of each.

    Raises:
        Refused: an answer was not 202.
        Unavailable: there is nobody any more.
    """
    waiting, taken = iter(bodies), list[float]()
    head = f"POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: "

    async def send() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            for body in waiting:
                started = time.perf_counter()
                writer.write(f"{head}{len(body)}\r\n\r\n".encode() + body)
                answer = await reader.readuntil(_BLANK)
                if length := _LENGTH.search(answer):
                    await reader.readexactly(int(length[1]))
                if not answer.startswith(b"HTTP/1.1 202"):
                    raise Refused("bench-http-answer", status=answer[9:12].decode("latin-1"))
                taken.append((time.perf_counter() - started) * 1000)
        finally:
            writer.close()

    try:
        await asyncio.gather(*(send() for _ in range(senders)))
    except (OSError, EOFError) as exc:
        raise Unavailable("bench-http-gone") from exc
    return taken


class Target:
    """A server that answers every request after `delay_s`, and keeps what came: key and document."""

    def __init__(self, delay_s: float) -> None:
        self.delay_s = delay_s
        self.came: list[tuple[str, bytes]] = []
        self.first_s = self.last_s = 0.0

    async def start(self) -> int:
        """Listen; return the port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Exchange(self), "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        self._server.close()

    def take(self, key: str, body: bytes) -> None:
        """One request has come whole."""
        self.last_s = time.perf_counter()
        self.first_s = self.first_s or self.last_s
        self.came.append((key, body))


class _Exchange(asyncio.Protocol):
    """One connection; the other side waits for an answer before it sends the next request."""

    def __init__(self, target: Target) -> None:
        self._target, self._buffer = target, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, blank, body = self._buffer.partition(_BLANK)
        length = _LENGTH.search(head)
        if not blank or len(body) < (size := int(length[1]) if length else 0):
            return
        key = _KEY.search(head)
        self._buffer = body[size:]
        self._target.take(key[1].decode("latin-1") if key else "", body[:size])
        asyncio.get_running_loop().call_later(self._target.delay_s, self._answer)

    def _answer(self) -> None:
        write: Callable[[bytes], None] | None = getattr(self._transport, "write", None)
        if write is not None and not self._transport.is_closing():
            write(_ANSWER)
