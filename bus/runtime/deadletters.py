"""What ops do with letters: list, show, edit, replay, drop; in batches, the same on every broker."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bus import letters
from bus.letters import Letter
from bus.ports import Received, Transport
from bus.topology import INVALID, dead

AT_ONCE = 200_000
BATCH = 1000
SHORTEST_ID = 6  # signs of an id that may stand for the whole


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which letters are meant: all conditions must hold; none given means all."""

    ids: frozenset[str] = frozenset()
    system: str = ""
    route: str = ""
    code: str = ""
    state: str = ""
    subject: str = ""

    def fits(self, letter: Letter) -> bool:
        """Say whether a letter is meant; an id may be given by its beginning."""
        if self.ids and not any(
            letter.id == id_ or (len(id_) >= SHORTEST_ID and letter.id.startswith(id_)) for id_ in self.ids
        ):
            return False
        return all(
            not wanted or wanted == has
            for wanted, has in (
                (self.system, letter.system), (self.route, letter.route), (self.code, letter.code),
                (self.state, letter.state), (self.subject, letter.subject),
            )
        )


async def pull_all(transport: Transport, queue: str, limit: int = AT_ONCE) -> list[Received]:
    """Take in hand all that waits in a queue, at most `limit`; some brokers give only a part at a time."""
    taken: list[Received] = []
    while len(taken) < limit and (more := await transport.pull(queue, limit - len(taken))):
        taken += more
    return taken


async def chosen(transport: Transport, systems: Iterable[str], which: Chosen) -> list[tuple[Letter, Received]]:
    """Take the letters that are meant in hand, oldest first; the others go back."""
    found = []
    for queue in (INVALID, *(dead(system) for system in systems)):
        for received in await pull_all(transport, queue):
            letter = letters.read(received.message)
            if which.fits(letter):
                found.append((letter, received))
            else:
                received.release()
    return sorted(found, key=lambda pair: (pair[0].at_s, pair[0].since_s))


async def replay(
    transport: Transport, taken: Sequence[tuple[Letter, Received]], progress: Callable[[int], None]
) -> int:
    """Try letters again; each is gone from its queue only when its successor is stored."""
    for start in range(0, len(taken), BATCH):
        batch = taken[start : start + BATCH]
        for _, received in batch:
            received.become(letters.replayed(received.message))
        await transport.drain()
        progress(len(batch))
    return len(taken)


async def drop(transport: Transport, taken: Sequence[tuple[Letter, Received]]) -> int:
    """Forget letters for good; what waits behind them goes on."""
    for _, received in taken:
        received.become(*letters.dropped(received.message))
    await transport.drain()
    return len(taken)


async def edited(transport: Transport, received: Received, body: bytes) -> None:
    """Put another body into a letter; its identity and headers stay."""
    received.become(replace(received.message, body=body))
    await transport.drain()


def groups(all_letters: Iterable[Letter]) -> list[dict[str, Any]]:
    """Letters by cause, the most frequent first."""
    found: dict[tuple[str, str, str, str, str | None], list[Letter]] = {}
    for letter in all_letters:
        key = (letter.state, letter.code, letter.message, letter.system, letter.route)
        found.setdefault(key, []).append(letter)
    made = [
        {
            "state": state, "code": code, "message": message, "system": system, "route": route, "count": len(members),
            "first": min(letter.at_s for letter in members), "last": max(letter.at_s for letter in members),
        }
        for (state, code, message, system, route), members in found.items()
    ]
    return sorted(made, key=lambda group: (-int(group["count"]), str(group["code"])))
