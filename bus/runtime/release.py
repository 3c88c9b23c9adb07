"""Parked letters go on by themselves when the code they waited for is in its table."""

from collections.abc import Sequence

from bus import letters
from bus.config.model import Configuration
from bus.ports import Message, Received, Transport
from bus.runtime.telemetry import Telemetry

AT_ONCE = 20_000


async def release(
    transport: Transport, queues: Sequence[str], config: Configuration, telemetry: Telemetry
) -> int:
    """Replay every letter parked for a code that its table has now; return how many."""
    released = 0
    for queue in queues:
        waiting = await transport.pull(queue, AT_ONCE)
        for received in waiting:
            released += _release_one(received, config, telemetry)
    return released


def _release_one(received: Received, config: Configuration, telemetry: Telemetry) -> int:
    message = received.message
    if not _is_known(message, config):
        received.release()
        return 0
    letter = letters.read(message)
    received.become(letters.replayed(message))
    telemetry.released(letter.system, id=message.id, subject=letter.subject)
    return 1


def _is_known(message: Message, config: Configuration) -> bool:
    awaited = letters.awaited_code(message)
    if awaited is None:
        return False
    name, by, to, codes = awaited
    table = config.tables.get(name)
    if table is None:
        return False
    column = table.column(by, to)
    return bool(column.get(codes if len(codes) > 1 else codes[0]))
