"""Parked letters go on by themselves when the code they waited for is in its table."""

from collections.abc import Sequence

from bus import letters
from bus.config.model import Configuration
from bus.ports import Message, Received, Transport
from bus.runtime.telemetry import Telemetry


async def release(
    transport: Transport, queues: Sequence[str], config: Configuration, telemetry: Telemetry
) -> int:
    """Replay every letter parked for a code that its table has now; return how many.

    Raises:
        Unavailable: the broker was lost on the way; what was not released stays where it is.
    """
    released = 0

    def look(batch: Sequence[Received]) -> None:
        nonlocal released
        for received in batch:
            message = received.message
            if _is_known(message, config):
                letter = letters.read(message)
                received.become(letters.replayed(message))
                telemetry.released(letter.system, letter_id=message.id, subject=letter.subject)
                released += 1

    for queue in queues:
        await transport.sift(queue, look)
    return released


def _is_known(message: Message, config: Configuration) -> bool:
    awaited = letters.awaited_code(message)
    if awaited is None:
        return False
    name, by, to, codes = awaited
    table = config.tables.get(name)
    return table is not None and bool(table.column(by, to).get(codes if len(codes) > 1 else codes[0]))
