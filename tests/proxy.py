"""A TCP connection through a place where it can be cut, swallowed or slowed down."""

import asyncio
import contextlib
import ssl
from typing import Self


class Proxy:
    """Passes connections on. Used from one event loop.

    Args:
        port: to listen on; 0 for any.
        tls: makes it the server's end of amqps, too.
    """

    def __init__(self, host: str, target: int, tls: ssl.SSLContext | None = None, *, port: int = 0) -> None:
        self._target = host, target
        self._tls = tls
        self._pairs: list[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = []
        self._pumps: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.port = port
        self.accepted = 0  # connections so far
        self.delay_s = 0.0  # each piece of data is held back for so long

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    def cut(self) -> int:
        """Reset every connection at once, in the middle of whatever goes by; say how many there were."""
        alive, pairs, self._pairs = self.alive, self._pairs, []
        for writer in (writer for pair in pairs for writer in pair):
            writer.transport.abort()
        return alive

    @property
    def alive(self) -> int:
        """How many connections there are now."""
        return sum(not writer.transport.is_closing() for writer, _ in self._pairs)

    def swallow(self) -> None:
        """Let nothing through any more, and tell nobody: a black hole."""
        self._flowing.clear()

    def restore(self) -> None:
        """Let new connections through; what was swallowed stays lost."""
        self.cut()
        self._flowing.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        try:
            there_reader, there_writer = await asyncio.open_connection(*self._target)
        except OSError:  # the broker is down: so is the way to it
            writer.transport.abort()
            return
        self._pairs.append((writer, there_writer))
        for source, sink in ((reader, there_writer), (there_reader, writer)):
            pump = asyncio.get_running_loop().create_task(self._pump(source, sink))
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65_536):
                await self._flowing.wait()
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                sink.write(data)
                await sink.drain()
        sink.transport.abort()
