"""A connection that comes back."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence

from bus.errors import BusError, Unavailable
from bus.runtime.rabbitmq.amqp import Connection, connect
from bus.runtime.rabbitmq.declare import vouched
from bus.runtime.rabbitmq.url import Address

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 2.0
_STEADY_S = 5.0  # a connection that lived that long starts the pauses anew


def pause_s(attempt: int) -> float:
    """How long to wait before another attempt; jittered, lest all clients of one broker come at once."""
    longest_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(attempt, 10))
    return longest_s * random.uniform(0.5, 1)  # noqa: S311 - no secret


class Link:
    """One connection for one purpose, opened again whenever it is lost.

    Args:
        up: makes a new connection useful; an error of it counts as a failed attempt.
        lost: told at once when the connection is gone.
        troubled: told every failed attempt, and None once the connection is there again.
    """

    def __init__(
        self,
        addresses: Sequence[Address],
        name: str,
        *,
        up: Callable[[], Awaitable[None]],
        lost: Callable[[], None],
        blocked: Callable[[str | None], None],
        troubled: Callable[[BusError | None], None],
    ) -> None:
        self._addresses, self._name = list(addresses), name
        self._up, self._on_lost, self._blocked, self._troubled = up, lost, blocked, troubled
        self._keeper: asyncio.Task[None] | None = None
        self._gone: asyncio.Future[BusError]
        self._connection: Connection | None = None

    @property
    def connection(self) -> Connection:
        """The connection as it is now.

        Raises:
            Unavailable: it is lost, and not yet back.
        """
        if self._connection is None or not self._connection.is_open:
            raise Unavailable("amqp-lost", address=str(self._addresses[0]))
        return self._connection

    @property
    def is_open(self) -> bool:
        return self._connection is not None and self._connection.is_open

    async def open(self) -> None:
        """Connect for the first time, and keep it from then on. Raises ConfigurationError, Unavailable."""
        await self._connect()
        self._keeper = asyncio.get_running_loop().create_task(self._keep(), name=f"amqp link {self._name}")

    async def vouched(self) -> str:
        """Return the name that messages may carry as their sender, whichever address they leave over; "" for none."""
        if len({address.user for address in self._addresses}) > 1:
            return ""  # what is encoded once may leave as somebody else
        return await vouched(self._connection) if self._connection is not None else ""

    def drop(self) -> None:
        """Give the present connection up; a new one follows."""
        if self._connection is not None:
            self._connection.abort()

    async def close(self) -> None:
        """Let go for good. Idempotent."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            await asyncio.wait([keeper])  # unlike `await keeper`, tells its being cancelled from ours
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _connect(self) -> None:
        """Try every address once; one that fails goes to the end of the list."""
        for last in range(len(self._addresses) - 1, -1, -1):
            try:
                await self._connect_to(self._addresses[0])
                return
            except BusError:
                self._addresses.append(self._addresses.pop(0))
                self.drop()
                if not last:
                    raise

    async def _connect_to(self, address: Address) -> None:
        gone: asyncio.Future[BusError] = asyncio.get_running_loop().create_future()

        def closed(reason: BusError) -> None:
            if not gone.done():
                gone.set_result(reason)
                if self._gone is gone:
                    self._on_lost()

        self._gone = gone
        self._connection = await connect(address, f"bus {self._name}", closed, self._blocked)
        await self._up()

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        attempt = 0
        while True:
            since = loop.time()
            self._troubled(await self._gone)
            if loop.time() - since > _STEADY_S:
                attempt = 0
            while True:
                await asyncio.sleep(pause_s(attempt))
                attempt += 1
                try:
                    await self._connect()
                except BusError as exc:
                    self._troubled(exc)
                except Exception as exc:  # noqa: BLE001 - a defect here must not end all traffic for good
                    loop.call_exception_handler({"message": "reconnecting failed", "exception": exc})
                else:
                    self._troubled(None)
                    break
