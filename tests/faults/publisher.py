"""A system that publishes, as a process: `python -m tests.faults.publisher BROKER FOLDER KEYS VERSIONS`.

Each key's versions go out one after the other, the next when the bus has the one before; what has no
certain outcome is published again with the same id. Lines on stdin: `1000` lets it begin that many events
in all, `hold` keeps back those that go to `oa`, `go` lets them go on. Started again, it goes on where its
history ends.
"""

import asyncio
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

from bus.errors import Refused, Unavailable
from bus.runtime.rabbitmq import RabbitBroker

from tests.faults.history import History, Tail
from tests.faults.story import UNREACHABLE, event_name, is_spare, message_of, topology_in

AT_ONCE = 150
_LOG = logging.getLogger(__name__)


class Publisher:
    """Publishes from `AT_ONCE` keys at a time."""

    def __init__(self, bus: RabbitBroker, path: Path, keys: int, versions: int) -> None:
        self._bus, self._versions = bus, versions
        self._done = {fact["event"] for fact in Tail(path).new() if fact["type"] in {"ok", "fail"}}
        self._history = History(path)
        self._keys = iter(range(keys))
        self._free = asyncio.Event()
        self._free.set()
        self._begun, self._allowed = len(self._done), 0
        self._more = asyncio.Event()

    async def run(self) -> None:
        commands = asyncio.create_task(self._obey())
        await asyncio.gather(*(self._publish_keys() for _ in range(AT_ONCE)))
        commands.cancel()

    async def _obey(self) -> None:
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            if line.strip().isdigit():
                self._allowed = int(line)
                self._more.set()
            else:
                (self._free.clear if line == b"hold\n" else self._free.set)()

    async def _publish_keys(self) -> None:
        for key in self._keys:
            for event in self._todo(key):
                if is_spare(event):
                    await self._free.wait()
                while self._begun >= self._allowed:
                    self._more.clear()
                    await self._more.wait()
                self._begun += 1
                await self._publish(event)

    def _todo(self, key: int) -> Iterator[str]:
        return (e for version in range(self._versions) if (e := event_name(key, version)) not in self._done)

    async def _publish(self, event: str) -> None:
        while True:
            self._note("invoke", event)
            try:
                await self._bus.publish(message_of(event))
            except Unavailable:
                self._note("info", event)
            except Refused:
                self._note("fail", event)
                return
            else:
                self._note("ok", event)
                return

    def _note(self, kind: str, event: str) -> None:
        self._history.note([{"type": kind, "f": "publish", "event": event}])


async def main(broker: str, folder: Path, keys: int, versions: int) -> None:
    bus = RabbitBroker(broker)
    bus.on_trouble = lambda error: _LOG.warning(error or "no trouble any more")
    try:
        await bus.open(topology_in(folder))
    except Unavailable:
        sys.exit(UNREACHABLE)
    await Publisher(bus, folder / "publisher.jsonl", keys, versions).run()
    await bus.close()


if __name__ == "__main__":
    logging.basicConfig(format="%(asctime)s %(message)s")
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
