"""Making in RabbitMQ what `bus.declarations` says."""

import asyncio

from bus.declarations import DELIVER, Binding, Declarations, Exchange, Queue, declarations
from bus.errors import BusError, ConfigurationError
from bus.runtime.rabbitmq.amqp import Channel, Connection, Wire, encode_properties
from bus.runtime.rabbitmq.refusals import Missing
from bus.topology import Topology

# A quorum queue lost every confirmed message when its broker was killed within its first second.
SETTLE_S = 1.5
VOUCH_TIMEOUT_S = 2.0  # under an alarm the broker reads no more from a connection that has published


async def missing(connection: Connection, wanted: Declarations) -> tuple[Exchange | Queue, ...]:
    """Say what does not exist yet; what this user may not even ask for counts as there. Changes nothing."""
    absent: list[Exchange | Queue] = []
    channel = await connection.channel()
    for part in wanted.parts:
        try:
            if isinstance(part, Queue):
                await channel.call("queue_declare", queue=part.name, passive=True)
            else:
                await channel.call("exchange_declare", exchange=part.name, passive=True)
        except Missing:
            absent.append(part)
            channel = await connection.channel()  # the broker closes the one that asked
        except ConfigurationError as refused:
            # Newer releases tell only who may use a queue whether it exists; a system's own user may use few.
            if refused.code != "amqp-access":
                raise
            channel = await connection.channel()
    await channel.close()
    return tuple(absent)


async def apply(connection: Connection, topology: Topology) -> tuple[Exchange | Queue, ...]:
    """Make everything a topology needs exist; return what was made. A second time it makes nothing.

    A user who may not declare is fine where somebody else has declared everything.

    Raises:
        ConfigurationError: something exists with other arguments, or is missing and may not be made.
    """
    wanted = declarations(topology)
    absent = await missing(connection, wanted)
    try:
        await _declare(connection, wanted)
    except ConfigurationError as refused:
        if refused.code == "amqp-access" and not absent:
            return ()
        raise
    if any(isinstance(part, Queue) for part in absent):
        await asyncio.sleep(SETTLE_S)
    return absent


async def _declare(connection: Connection, wanted: Declarations) -> None:
    channel = await connection.channel()
    for part in wanted.parts:
        await make(channel, part)
    for binding in wanted.bindings:
        await bind(channel, "bind", binding)
    for binding in wanted.stale:
        try:
            await bind(channel, "unbind", binding)
        except Missing:
            channel = await connection.channel()
    await channel.close()


async def make(channel: Channel, part: Exchange | Queue) -> None:
    """Declare it; where it exists as it is wanted, nothing happens.

    Raises:
        ConfigurationError: it exists with other arguments, or may not be made. The channel is closed then.
    """
    if isinstance(part, Queue):
        await channel.call("queue_declare", queue=part.name, durable=True, arguments=dict(part.arguments))
    else:
        await channel.call("exchange_declare", exchange=part.name, exchange_type=part.type, durable=True)


async def bind(channel: Channel, verb: str, binding: Binding) -> None:
    """Make or remove a binding, by the verb `bind` or `unbind`; the second time nothing happens."""
    await channel.call(
        f"queue_{verb}", queue=binding.target, exchange=binding.source, routing_key=binding.routing_key
    )


async def vouched(connection: Connection) -> str:
    """Return the name that messages may carry as their sender, proved by the broker; "" for none.

    It refuses a name that has not logged in, so readers can rely on it. Where a login is a token, the
    broker makes a name of its own out of it, and a message with the one in the URL would never get in.
    So it is tried with a message that no queue takes.
    """
    user = connection.address.user
    try:
        channel = await connection.channel()
        channel.publish([Wire(DELIVER, "", "", encode_properties("", "", "", {}, user), b"")])
        # Answered after what was published, if that was not refused.
        async with asyncio.timeout(VOUCH_TIMEOUT_S):
            await channel.call("basic_qos", prefetch_count=1)
        async with asyncio.timeout(VOUCH_TIMEOUT_S):
            await channel.close()
    except (BusError, TimeoutError):
        return ""
    return user
