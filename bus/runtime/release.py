"""Parked letters go on by themselves when the code they waited for is in its table."""

from collections.abc import Sequence

from bus import letters
from bus.config.model import Configuration
from bus.ports import Message, Received, Transport
from bus.runtime.deadletters import pull_all
from bus.runtime.telemetry import Telemetry


async def release(
    transport: Transport, queues: Sequence[str], config: Configuration, telemetry: Telemetry
) -> int:
    """Replay every letter parked for a code that its table has now; return how many.

    Raises:
        Unavailable: the broker does not say what waits; letters that were looked at are back in their queues.
    """
    released = 0
    for queue in queues:
        for received in await pull_all(transport, queue):
            released += _release_one(received, config, telemetry)
    return released


def _release_one(received: Received, config: Configuration, telemetry: Telemetry) -> int:
    message = received.message
    if not _is_known(message, config):
        received.release()
        return 0
    letter = letters.read(message)
    received.become(letters.replayed(message))
    telemetry.released(letter.system, letter_id=message.id, subject=letter.subject)
    return 1


def _is_known(message: Message, config: Configuration) -> bool:
    awaited = letters.awaited_code(message)
    if awaited is None:
        return False
    name, by, to, codes = awaited
    table = config.tables.get(name)
    return table is not None and bool(table.column(by, to).get(codes if len(codes) > 1 else codes[0]))
