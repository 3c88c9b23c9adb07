"""A connection of pika's that leaves out pika's objects for what comes often, and pika's wait for what goes out."""

import contextlib
import socket
from typing import Any

from pika import frame as pika_frames
from pika.adapters.asyncio_connection import AsyncioConnection

from bus.runtime.rabbitmq.frame_types import Taker
from bus.runtime.rabbitmq.frames import Reader

READ_BYTES = 256 * 1024
# Another pika than the one expected is used as it is.
HAS_FRAMES = all(
    hasattr(AsyncioConnection, name) for name in ("_on_data_available", "_process_frame", "_adapter_emit_data")
)


class FrameStream(AsyncioConnection):  # type: ignore[misc]  # pika publishes no types
    """A connection of pika's whose channels may have a taker for what comes often."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.takers: dict[int, Taker] = {}
        self._reader = Reader(self.takers)
        super().__init__(*arguments, **named)

    def read_in_large_pieces(self) -> None:
        """Let one read of the socket bring more than the 4 KiB that pika asks for, which is less than one message."""
        self._transport._MAX_RECV_BYTES = self._transport._MAX_CONSUME_BYTES = READ_BYTES  # noqa: SLF001 - the one way

    def _on_data_available(self, data_in: bytes) -> None:
        self.bytes_received += len(data_in)  # by this pika's heartbeat sees that the broker lives
        reader = self._reader
        reader.feed(data_in)
        while (frame := reader.rare()) is not None:
            self._process_frame(pika_frames.decode_frame(frame)[1])

    def _adapter_emit_data(self, data: bytes) -> None:
        transport = self._transport
        # At once what the socket takes; pika would wait for the next turn of the loop.
        if type(transport._sock) is socket.socket and not transport.get_write_buffer_size():  # noqa: SLF001 - the one way
            with contextlib.suppress(OSError):  # full, or gone: pika finds out which
                data = data[transport._sock.send(data) :]  # noqa: SLF001 - the one way
        if data:
            super()._adapter_emit_data(data)
