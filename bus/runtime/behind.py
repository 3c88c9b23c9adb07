"""What waits behind the letters of ordered routes, for whoever looks at them."""

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from bus.holds import ORDER, OUT, spot
from bus.letters import Letter
from bus.ports import Message, Transport
from bus.runtime.deadletters import pull_all
from bus.topology import held
from bus.wire import PREFIX, ROUTE, header_text


class Waiting(NamedTuple):
    """One delivery that is held back: where it stands, and what it is."""

    place: int
    id: str
    route: str
    subject: str


class Behind:
    """All that is held back, by system and key."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, str], set[Waiting]] = {}
        self._sorted: dict[tuple[str, str], list[Waiting]] = {}

    def of(self, letter: Letter) -> list[Waiting]:
        """What waits for a letter, the next one first; what waits for another letter as well is in it."""
        name = letter.system, letter.key
        if not letter.place or name not in self._lines:
            return []
        line = self._sorted.get(name)
        if line is None:
            line = self._sorted[name] = sorted(self._lines[name])
        return line[bisect_right(line, letter.place, key=lambda waiting: waiting.place):]

    def see(self, system: str, message: Message) -> None:
        """Take in a message of `bus.held.<system>`."""
        headers = message.headers
        if ORDER in headers and OUT not in headers:
            key, place = spot(message)
            waiting = Waiting(
                place, message.id, header_text(headers.get(ROUTE, "")), header_text(headers.get(f"{PREFIX}subject", ""))
            )
            self._lines.setdefault((system, key), set()).add(waiting)


async def behind(transport: Transport, letters: Iterable[Letter]) -> Behind:
    """Look what waits behind letters; everything stays where it is."""
    found = Behind()
    for system in sorted({letter.system for letter in letters if letter.place}):
        for received in await pull_all(transport, held(system)):
            found.see(system, received.message)
            received.release()
    return found
