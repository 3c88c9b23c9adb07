"""A system that reads its queue by itself, as a process: `python -m tests.faults.reader BROKER FOLDER SYSTEM`.

First the effect, a line in its history, then the acknowledgement: killed between them, it gets the
delivery again, with the same id.
"""

import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from bus.errors import Unavailable
from bus.ports import Received
from bus.runtime.rabbitmq import RabbitBroker
from bus.topology import to

from tests.faults.history import History
from tests.faults.story import UNREACHABLE, topology_in

PREFETCH = 200


async def main(broker: str, folder: Path, system: str) -> None:
    history = History(folder / f"{system}.jsonl")

    def take(batch: Sequence[Received]) -> None:
        history.note(
            {
                "type": "ok", "f": "deliver", "system": system,
                "event": str(received.message.headers["cloudEvents_id"]), "id": received.message.id,
            }
            for received in batch
        )
        for received in batch:
            received.become()

    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    bus = RabbitBroker(broker)
    try:
        await bus.open(topology_in(folder))
    except Unavailable:
        sys.exit(UNREACHABLE)
    await bus.consume(to(system), take, PREFETCH)
    await stopping.wait()
    await bus.drain()
    await bus.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
