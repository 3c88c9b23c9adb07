"""The channels that messages leave by.

A channel is one process in the broker, which reads, routes and writes anew whatever comes by it, one message after the
other. So there are two of them on the one connection, and what goes to one queue always takes the same.
"""

from collections.abc import Callable, Sequence
from functools import partial

from bus.errors import BusError
from bus.runtime.rabbitmq.amqp import Channel, Connection, Wire

LANES = 2


class Publisher:
    """One channel for each lane of the ledger; when one is lost, all are."""

    def __init__(self, connection: Connection, lanes: Sequence[Channel]) -> None:
        self._connection = connection
        self._lanes = [channel.mandatory for channel in lanes]

    @property
    def unsent_bytes(self) -> int:
        """What was published and the socket has not taken yet."""
        return self._connection.unsent_bytes

    def publish(self, wires: Sequence[Wire]) -> None:
        """Publish all of them, mandatory, in one write."""
        lanes = self._lanes
        self._connection.publish([lanes[wire.lane](wire) for wire in wires])


async def open_publisher(
    connection: Connection,
    on_confirm: Callable[[int, int, bool, bool], None],
    on_return: Callable[[str, str, str], None],
    on_closed: Callable[[BusError], None],
) -> Publisher:
    """Open the channels.

    Args:
        on_confirm: gets lane, sequence number, multiple, stored.
        on_return: gets exchange, routing key, message id.
        on_closed: told once, by whichever channel is closed first.
    """
    told = False

    def closed(error: BusError) -> None:
        nonlocal told
        if not told:
            told = True
            on_closed(error)

    lanes = []
    for lane in range(LANES):
        channel = await connection.channel()
        channel.on_closed = closed
        await channel.confirm(partial(on_confirm, lane), on_return)
        lanes.append(channel)
    return Publisher(connection, lanes)
