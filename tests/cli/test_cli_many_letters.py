"""`bus dead` with thousands of letters, the same on both brokers; and with 100,000, as a soak."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pytest

from bus import letters
from bus.errors import Rejected, UnmappedCode
from bus.event import Event
from bus.ports import Received
from bus.runtime.app import topology_of
from bus.runtime.brokers import open_broker
from bus.runtime.files import usable_configuration
from bus.topology import ROUTER, dead, to
from bus.wire import event_message

from tests.brokers import Broker, rabbitmq  # noqa: F401 - a fixture
from tests.cli.commands import Ran, bus, in_a_process
from tests.cli.processes import furnish
from tests.transports.rabbitmq_stories import empty

__all__ = ["bus"]

MANY = 5_000
LOTS = 100_000
QUEUE = dead("mill")
WINDOW = 2_000  # letters on their way at once, which a kill may double on RabbitMQ
_T = TypeVar("_T")


class House(NamedTuple):
    """A configuration, and a broker beside it."""

    folder: Path
    url: str

    def do(self, story: Callable[[Any], Awaitable[_T]]) -> _T:
        """Do something with the open broker."""
        config, _ = usable_configuration(self.folder / "routing.yaml")

        async def play() -> _T:
            transport = open_broker(self.url, owner=False)
            await transport.open(topology_of(config))
            try:
                return await story(transport)
            finally:
                await transport.close()

        return asyncio.run(play())

    def fill(self, count: int) -> list[str]:
        """Make it hold so many letters and nothing else; return their ids. Every fifth waits for a code."""

        async def story(transport: Any) -> None:
            config, _ = usable_configuration(self.folder / "routing.yaml")
            await empty(transport, topology_of(config))
            for start in range(0, count, 1000):
                await transport.publish(*map(_letter, range(start, min(count, start + 1000))))

        self.do(story)
        return [_id(n) for n in range(count)]

    def depths(self) -> tuple[int, int]:
        """How many letters, and how many events for the router, are there."""

        async def story(transport: Any) -> tuple[int, int]:
            depths = await transport.depth([QUEUE, ROUTER])
            return depths[QUEUE].messages, depths[ROUTER].messages

        return self.do(story)

    def held(self, queue: str) -> list[Received]:
        """What lies in a queue."""
        found: list[Received] = []

        async def story(transport: Any) -> None:
            await transport.sift(queue, found.extend)

        self.do(story)
        return found


def _id(number: int) -> str:
    return f"{number:06}-a-letter"


def _letter(number: int) -> Any:
    event = Event("order.placed", "shop", f"S-{number}", {"no": f"S-{number}", "item": "I1"}, f"S-{number}")
    message = event_message(event)
    error = UnmappedCode("item", ("Z",), "bus", "mill") if number % 5 == 0 else Rejected(
        "target-refused", system="mill", answer="B017", reason="blocked"
    )
    return letters.of_event(
        message.headers, _id(number), message.body, error, 1_737_275_400 + number / 1000,
        route="to-mill", system="mill", attempts=3,
    )


@pytest.fixture(params=["sqlite", "amqp"])
def house(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A configuration in the working directory, and one broker after the other."""
    monkeypatch.chdir(furnish(tmp_path))
    url = f"sqlite:{tmp_path / 'bus.db'}" if request.param == "sqlite" else request.getfixturevalue("rabbitmq").url
    monkeypatch.setenv("BUS_BROKER", url)
    yield House(tmp_path, url)
    if request.param == "amqp":
        House(tmp_path, url).fill(0)


def test_thousands_of_letters_are_listed_found_chosen_and_dropped(house: House, bus: Any) -> None:
    ids = house.fill(MANY)
    listed = bus("dead", "list", "-o", "json")
    assert [(group["code"], group["count"]) for group in listed.json["groups"]] == [
        ("target-refused", MANY * 4 // 5), ("unmapped-code", MANY // 5),
    ]
    assert [letter["id"] for letter in listed.json["letters"]] == ids
    text = bus("dead", "list")
    assert text.out.splitlines()[0].startswith("  4000 × dead  mill  to-mill")
    assert f"… and {MANY - 50} more" in text.out
    assert text.err == ""
    assert [received.message.id for received in house.held(QUEUE)] == ids  # to look has changed nothing

    assert bus("dead", "show", "004711-a", "-o", "json").json["subject"] == "S-4711"
    assert bus("dead", "show", "00471").code == 2  # too short to stand for one
    assert bus("dead", "replay", ids[7], ids[4999][:8]).out == "replayed: 2\n"
    dropped = bus("dead", "drop", "--code", "unmapped-code")
    assert dropped.out == "dropped: 1000\n"
    assert house.depths() == (MANY - 1002, 2)
    replayed = bus("dead", "replay", "--all")
    assert replayed.out == f"replayed: {MANY - 1002}\n"
    told = [line for line in replayed.err.splitlines() if line.endswith(f" of {MANY - 1002}")]
    assert 1 <= len(told) <= 10
    assert "\r" not in replayed.err  # plain lines: nobody's terminal
    assert house.depths() == (0, MANY - 1000)
    again = house.held(ROUTER)
    assert Counter(received.message.id for received in again) == Counter(
        f"S-{n}" for n in range(MANY) if n % 5 or n == 4999
    )
    assert {received.returned for received in again} == {0}  # what looked at a letter was not its death


def test_a_replay_killed_half_way_and_run_again_delivers_every_letter_once(house: House) -> None:
    killed_and_run_again(house, MANY if "amqp" in house.url else 2 * MANY)


def killed_and_run_again(house: House, count: int) -> str:
    """Fill, replay, kill -9 at half, replay the rest, let the router deliver; return the figures."""
    house.fill(count)
    begun = time.monotonic()
    replaying = subprocess.Popen(
        [sys.executable, "-m", "bus.cli", "dead", "replay", "--all"], cwd=house.folder, stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL, text=True, env={**os.environ, "PYTHONUTF8": "1"},
    )
    with replaying:
        assert replaying.stderr
        for line in replaying.stderr:
            if int(line.split()[0]) >= count // 2:
                break
        replaying.kill()
    assert replaying.returncode == -9
    left, sent = _at_rest(house, count)
    assert 0 < left < count

    ran = in_a_process("dead", "replay", "--all")
    assert (ran.code, ran.out) == (0, f"replayed: {left}\n")
    took_s = time.monotonic() - begun
    left, raw = house.depths()
    assert left == 0
    assert count <= raw <= count + WINDOW
    assert {received.message.id for received in house.held(ROUTER)} == {f"S-{n}" for n in range(count)}

    routed = in_a_process("run", "--only", "router", "--until-idle")
    assert routed.code == 0, routed.err
    delivered = Counter(received.message.id for received in house.held(to("mill")))
    assert len(delivered) == count
    return (
        f"{count} letters, killed with {sent} sent; doubled in the router's queue {raw - count}, delivered "
        f"{delivered.total()} times, {len(delivered)} different; both replays {took_s:.1f} s"
    )


def _at_rest(house: House, count: int) -> tuple[int, int]:
    """Wait until the broker has taken back what the dead process held."""
    end = time.monotonic() + 30
    while sum(depths := house.depths()) < count:
        assert time.monotonic() < end, depths
    return depths


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_a_hundred_thousand_letters(house: House, figures: Callable[[str], None]) -> None:
    house.fill(LOTS)
    told: list[str] = []

    def timed(*arguments: str) -> Ran:
        begun = time.monotonic()
        ran = in_a_process("dead", *arguments)
        took_s = time.monotonic() - begun
        assert ran.code == 0, ran.err
        told.append(f"{' '.join(arguments)[:40]:<40} {took_s:6.2f} s  {LOTS / took_s:8.0f} letters/s")
        return ran

    for _ in range(3):
        assert "80000 × dead" in timed("list").out
    assert len(json.loads(timed("list", "-o", "json").out)["letters"]) == LOTS
    timed("show", _id(77_777))
    assert timed("replay", *_beginnings(range(0, LOTS, 1000))).out == "replayed: 100\n"
    assert timed("drop", "--code", "unmapped-code").out == f"dropped: {LOTS // 5 - 100}\n"
    assert timed("replay", "--all").out == f"replayed: {LOTS * 4 // 5}\n"
    told.append(killed_and_run_again(house, LOTS))
    figures("\n".join(told))


def _beginnings(numbers: Sequence[int]) -> list[str]:
    return [_id(number)[:8] for number in numbers]
