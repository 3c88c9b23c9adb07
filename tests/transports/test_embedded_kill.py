"""The embedded broker's process killed with SIGKILL, at random moments and by its own messages.

BUS_KILLS="20 5000" sets rounds and events per round, BUS_SEED the moments. How surely a broker that breaks
its word is caught grows with the number of kills, not of events, so the ordinary run has a series of many
short rounds beside one of few long ones.
"""

import asyncio
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from bus.runtime.embedded import EmbeddedBroker
from bus.testing import TransportContract, letter
from bus.topology import dead, to

from tests.transports.load import SYSTEMS, check, in_flight, read_history

ROOT = Path(__file__).parents[2]
PREFETCH = 200
# Read while the tests are collected: they themselves see no BUS_ settings.
SERIES = [tuple(map(int, kills.split())) for kills in os.environ.get("BUS_KILLS", "3 2000,12 500").split(",")]
SEED = int(os.environ.get("BUS_SEED", "20261123"))


def start(path: Path, history: Path, events: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [
            sys.executable, "-m", "tests.transports.load", f"sqlite:{path}", str(history),
            "--events", str(events), "--window", "200", "--prefetch", str(PREFETCH),
        ],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )


@pytest.mark.timeout(60 + 20 * max(rounds for rounds, _ in SERIES))
@pytest.mark.parametrize(("rounds", "events"), SERIES)
def test_a_process_killed_under_load_loses_nothing_and_doubles_nothing(
    tmp_path: Path, rounds: int, events: int
) -> None:
    path, history = tmp_path / "bus.db", tmp_path / "history.jsonl"
    moments = random.Random(SEED)
    facts_per_round = events * (2 + len(SYSTEMS))
    for round_ in range(rounds):
        deadline = moments.randrange(1, facts_per_round * 9 // 10)
        with start(path, history, (round_ + 1) * events) as process:
            assert process.stdout
            facts = 0
            for line in process.stdout:
                facts += int(line)
                if facts >= deadline:
                    break
            process.kill()
        assert process.returncode == -9, f"seed {SEED}, round {round_}: ended before it was killed"
        assert in_flight(read_history(history)), f"seed {SEED}, round {round_}: nothing was in flight"
    with start(path, history, rounds * events) as process:
        assert process.communicate()
    assert process.returncode == 0

    verdict = check(read_history(history))
    print(f"seed {SEED}, {rounds} kills: {verdict}")  # noqa: T201 - the figures, with pytest -s
    assert verdict.sound, f"seed {SEED}: {verdict}"
    assert verdict.accepted == verdict.attempted == rounds * events
    assert verdict.delivered == rounds * events * len(SYSTEMS)
    assert verdict.repeated <= rounds * PREFETCH * len(SYSTEMS)


# It routes every message to wms and dies of one. What came back twice goes to a queue where one is handed
# out at a time; what came back three times there is dead.
POISONED = """
import asyncio, os, sys
from bus.runtime.embedded import EmbeddedBroker
from bus.testing import TransportContract, letter
from bus.topology import ROUTER, dead, to

SUSPECTS = to("oa")

async def main():
    bus = EmbeddedBroker(sys.argv[1])
    await bus.open(TransportContract.topology)
    more = asyncio.Event()

    def route(limit, given_up, batch):
        for received in batch:
            id_ = received.message.id
            if received.returned >= limit:
                received.become(letter(id_, given_up))
            elif id_ == "poison":
                os.kill(os.getpid(), 9)
            else:
                received.become(letter(id_, to("wms")))
        more.set()

    await bus.consume(ROUTER, lambda batch: route(2, SUSPECTS, batch), 50)
    await bus.consume(SUSPECTS, lambda batch: route(3, dead("wms"), batch), 1)
    while any(depth.messages for depth in (await bus.depth([ROUTER, SUSPECTS])).values()):
        await asyncio.wait_for(more.wait(), 30)
        more.clear()
        await bus.drain()
    await bus.close()

asyncio.run(main())
"""


def test_a_message_that_kills_its_holder_is_found_out_and_its_neighbours_are_not_harmed(tmp_path: Path) -> None:
    path = tmp_path / "bus.db"
    names = [f"{n}" for n in range(100)]

    async def publish() -> None:
        bus = EmbeddedBroker(path)
        await bus.open(TransportContract.topology)
        await bus.publish(*(letter(name) for name in (*names[:30], "poison", *names[30:])))
        await bus.close()

    async def results() -> tuple[list[str], list[str]]:
        bus = EmbeddedBroker(path)
        await bus.open(TransportContract.topology)
        routed, given_up = await bus.pull(to("wms"), 1_000), await bus.pull(dead("wms"), 1_000)
        await bus.close()
        return sorted(r.message.id for r in routed), [r.message.id for r in given_up]

    asyncio.run(publish())
    codes: list[int] = []
    while not codes or codes[-1] == -9:
        process = subprocess.run([sys.executable, "-c", POISONED, str(path)], cwd=ROOT, timeout=60, check=False)
        codes.append(process.returncode)
        assert len(codes) < 10
    assert codes == [-9] * 5 + [0]
    assert asyncio.run(results()) == (sorted(names), ["poison"])
