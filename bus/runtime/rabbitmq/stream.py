"""A stream, read from its beginning or from a line on, and followed from then on, over reconnects."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bus.pages import Line, Place
from bus.runtime.rabbitmq.amqp import Channel, Connection
from bus.runtime.rabbitmq.frame_types import Arrived
from bus.runtime.rabbitmq.inlet import Host, Subscription

DOUBT_S = 5.0


class Stream(Subscription):
    """Hands out every line of a stream in its order.

    It goes on with the line it had last, and looks whether that one is still where it was. If not, or if
    nothing stands there, the stream was made anew, and all of it is handed out.

    Args:
        take: called with each line; must be quick.
        after: the line to begin behind; None begins at the beginning.
    """

    __slots__ = ("_last", "_sure", "_take", "lines")

    def __init__(
        self, host: Host, queue: str, take: Callable[[Line], None], prefetch: int, after: Place | None = None
    ) -> None:
        super().__init__(host, queue, lambda _batch: None, prefetch)
        self._take = take
        self._last: Line | Place | None = after
        self._sure = True
        self.lines = 0  # handed out so far

    @property
    def arguments(self) -> Mapping[str, Any]:
        return {"x-stream-offset": "first" if self._last is None else self._last.offset}

    async def start(self, connection: Connection) -> None:
        self._sure = self._last is None
        await super().start(connection)
        if not self._sure:
            asyncio.get_running_loop().call_later(DOUBT_S, self._doubt, self._channel)

    def _arrived(self, arrived: Sequence[Arrived]) -> None:
        for one in arrived:
            if not self._leaving:
                self._next(one)

    def _next(self, arrived: Arrived) -> None:
        offset = int((arrived.headers or {})["x-stream-offset"])
        line = Line(offset, arrived.message_id or "", arrived.body)
        if self._sure:
            self._last = line
            self.lines += 1
            self._take(line)
        elif self._last == (line.place if isinstance(self._last, Place) else line):
            self._sure = True
        else:
            self._begin_anew()
            return
        if arrived.tag % (self.prefetch // 4) == 0:
            self.acknowledge(arrived.tag, multiple=True)

    def _doubt(self, channel: Channel | None) -> None:
        """Where a stream has become shorter than it was, the broker says nothing, for as long as it stays so."""
        if channel is self._channel and not self._sure and not self.cancelled:
            self._begin_anew()

    def _begin_anew(self) -> None:
        self._last = None
        self._leave()
