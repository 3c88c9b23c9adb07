"""The embedded broker against the contract, and what only a file on a disk can get wrong."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from bus.errors import Unavailable
from bus.ports import Mark, Received, Transport
from bus.runtime.embedded import EmbeddedBroker
from bus.testing import Inbox, letter, pull_all, until
from bus.topology import DOCUMENTS, ROUTER, Topology, dead, to

from tests.transports.embedded import TOPOLOGY, ids, opened, play
from tests.transports.sifting import SiftContract

ROOT = Path(__file__).parents[2]
ORDERED = Topology(TOPOLOGY.systems, TOPOLOGY.delays_s, ordered=("wms",))


class TestEmbeddedBroker(SiftContract):
    @pytest.fixture(autouse=True)
    def _file(self, tmp_path: Path) -> None:
        self.path = tmp_path / "bus.db"

    async def open_transport(self) -> Transport:
        broker = EmbeddedBroker(self.path)
        await broker.open(self.topology)
        return broker

    async def reopen(self, transport: Transport) -> Transport:
        await transport.close()
        return await self.open_transport()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bus.db"


# ------------------------------------------------------------------------------- one owner, many guests


def test_a_second_owner_is_refused_with_the_process_of_the_first(path: Path) -> None:
    async def story() -> None:
        async with opened(path):
            second = EmbeddedBroker(path)
            with pytest.raises(Unavailable) as raised:
                await second.open(TOPOLOGY)
            assert raised.value.code == "store-owned"
            assert f"process {os.getpid()}" in str(raised.value)
            assert "--broker sqlite:" in raised.value.hint
            await second.close()
        async with opened(path):
            pass

    play(story)


def test_the_owner_notices_what_a_guest_publishes(path: Path) -> None:
    async def story() -> None:
        async with opened(path) as owner, opened(path, owner=False) as guest:
            inbox = Inbox()
            await owner.consume(ROUTER, inbox, 10)
            await guest.publish(letter("from the guest"))
            await inbox.holds(1)
            await guest.publish(letter("delayed", delay_s=0.05))
            await inbox.holds(2)
            assert inbox.ids == ["from the guest", "delayed"]

    play(story)


def test_publishing_beside_each_other_loses_and_repeats_nothing(path: Path) -> None:
    async def story() -> None:
        async with opened(path) as owner, opened(path, owner=False) as guest:
            inbox = Inbox()
            await owner.consume(ROUTER, inbox, 1_000)

            async def publish(broker: EmbeddedBroker, name: str) -> None:
                for n in range(60):
                    await broker.publish(letter(f"{name}-{n}"))

            await asyncio.gather(publish(owner, "owner"), publish(guest, "guest"))
            await inbox.holds(120)
            for name in ("owner", "guest"):
                assert [id_ for id_ in inbox.ids if id_.startswith(name)] == [f"{name}-{n}" for n in range(60)]
            assert (await guest.depth([ROUTER]))[ROUTER].messages == 120

    play(story)


def test_a_guest_settles_dead_letters_while_the_owner_runs(path: Path) -> None:
    async def story() -> None:
        async with opened(path) as owner, opened(path, owner=False) as guest:
            inbox = Inbox()
            await owner.consume(ROUTER, inbox, 10)
            await owner.publish(letter("1", dead("wms")), letter("2", dead("wms")))
            first, second = await guest.pull(dead("wms"), 10)
            first.become(letter("1 again"))
            second.become()
            await guest.drain()
            await inbox.holds(1)
            assert inbox.ids == ["1 again"]
            assert await owner.pull(dead("wms"), 10) == []
            assert (await owner.depth([dead("wms")]))[dead("wms")].messages == 0

    play(story)


def test_what_another_process_settled_first_has_no_second_successors(path: Path) -> None:
    async def story() -> None:
        async with opened(path) as owner, opened(path, owner=False) as guest:
            await owner.publish(*(letter(f"{n}", dead("wms")) for n in range(3)))
            mine = await owner.pull(dead("wms"), 3)
            theirs = await guest.pull(dead("wms"), 3)
            theirs[1].become(letter("by the guest"))
            await guest.drain()
            for received in mine:
                received.become(letter(f"{received.message.id} by the owner"), mark=Mark(received.message.id, b"1"))
            await owner.drain()
            assert sorted(ids(await owner.pull(ROUTER, 10))) == ["0 by the owner", "2 by the owner", "by the guest"]
            assert owner.known(["0", "1", "2"]).keys() == {"0", "2"}
            depths = await owner.depth([dead("wms"), ROUTER])
            assert {queue: depth.messages for queue, depth in depths.items()} == {dead("wms"): 0, ROUTER: 3}

    play(story)


def test_only_the_owner_consumes(path: Path) -> None:
    async def story() -> None:
        async with opened(path, owner=False) as guest:
            with pytest.raises(RuntimeError):
                await guest.consume(ROUTER, Inbox(), 1)

    play(story)


def test_processes_that_start_together_make_one_file(path: Path) -> None:
    code = (
        "import asyncio, sys\n"
        "from bus.runtime.embedded import EmbeddedBroker\n"
        "from bus.testing import TransportContract, letter\n"
        "async def main():\n"
        "    guest = EmbeddedBroker(sys.argv[1], owner=False)\n"
        "    await guest.open(TransportContract.topology)\n"
        "    await guest.publish(letter(sys.argv[2]))\n"
        "    await guest.close()\n"
        "asyncio.run(main())\n"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(path), f"{n}"], cwd=ROOT) for n in range(5)
    ]
    assert [process.wait(timeout=60) for process in started] == [0] * 5

    async def story() -> None:
        async with opened(path) as owner:
            assert sorted(ids(await owner.pull(ROUTER, 10))) == ["0", "1", "2", "3", "4"]

    play(story)


# ------------------------------------------------------------------------------------------ memory


def test_a_backlog_is_read_in_parts_and_in_order(path: Path) -> None:
    async def story() -> None:
        async with opened(path) as broker:
            await broker.publish(*(letter(f"{n}", body=bytes(300)) for n in range(3_000)))
            line = broker._lines.by_name[ROUTER]
            seen: list[str] = []
            most = 0
            done = asyncio.Event()

            def handle(batch: Sequence[Received]) -> None:
                nonlocal most
                most = max(most, len(line.ready) + len(batch))
                for received in batch:
                    seen.append(received.message.id)
                    received.become()
                if len(seen) == 3_000:
                    done.set()

            await broker.consume(ROUTER, handle, 50)
            await done.wait()
            assert seen == [f"{n}" for n in range(3_000)]
            assert most <= 100

    play(story)


def test_large_messages_are_not_kept_in_memory_before_their_turn(path: Path) -> None:
    async def story() -> None:
        async with opened(path) as broker:
            inbox = Inbox()
            await broker.consume(ROUTER, inbox, 1)
            await broker.publish(*(letter(f"{n}", body=bytes(3_000_000)) for n in range(6)))
            for n in range(6):
                await inbox.holds(n + 1)
                assert len(broker._lines.by_name[ROUTER].ready) <= 2
                inbox.received[n].become()
            assert inbox.ids == [f"{n}" for n in range(6)]

    play(story)


def test_a_large_message_comes_whole_and_in_its_place_also_after_a_delay(path: Path) -> None:
    bodies = [b"first", os.urandom(3_000_000), b"third", os.urandom(300_000)]

    async def story() -> None:
        async with opened(path) as broker:
            await broker.publish(*(letter(f"{n}", body=body) for n, body in enumerate(bodies)))
            later = letter("later", body=bodies[1])
            await broker.publish(replace(later, delay_s=TOPOLOGY.delays_s[0]))
        async with opened(path) as broker:
            inbox = Inbox()
            await broker.consume(ROUTER, inbox, 10)
            await inbox.holds(5)
            assert inbox.ids == ["0", "1", "2", "3", "later"]
            assert [received.message.body for received in inbox.received] == [*bodies, bodies[1]]

    play(story)


def test_a_message_freshly_published_is_not_read_back(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with opened(path) as broker:
            inbox = Inbox()
            await broker.consume(ROUTER, inbox, 10)
            await broker.publish(letter("first"))
            await inbox.holds(1)
            monkeypatch.setattr(broker._store, "read", None)
            sent = letter("second")
            await broker.publish(sent)
            await inbox.holds(2)
            assert inbox.received[1].message is sent

    play(story)


# ------------------------------------------------------------------------------------ time, marks, order


def test_what_came_due_while_nobody_ran_waits_in_the_order_of_its_time(path: Path) -> None:
    now = [1_000.0]

    async def story() -> None:
        async with opened(path, clock=lambda: now[0]) as broker:
            await broker.publish(*(letter(f"{delay}", delay_s=delay) for delay in (300, 5, 30, 90_000)))
            assert await broker.pull(ROUTER, 5) == []
            assert (await broker.depth([ROUTER]))[ROUTER].messages == 4
        now[0] += 3_600
        async with opened(path, owner=False, clock=lambda: now[0]) as guest:
            assert ids(await guest.pull(ROUTER, 5)) == ["5", "30", "300"]
            assert (await guest.depth([ROUTER]))[ROUTER].messages == 4

    play(story)


def test_depth_tells_how_long_the_oldest_has_waited(path: Path) -> None:
    now = [1_000.0]

    async def story() -> None:
        async with opened(path, clock=lambda: now[0]) as broker:
            await broker.publish(letter("old"))
            now[0] += 60
            await broker.publish(letter("young"))
            now[0] += 5
            depths = await broker.depth([ROUTER, DOCUMENTS])
            assert (depths[ROUTER].oldest_s, depths[DOCUMENTS].oldest_s) == (65.0, 0.0)

    play(story)


def test_marks_are_known_at_once_after_closing_and_until_the_window_ends(path: Path) -> None:
    now = [1_000.0]

    async def settle(broker: EmbeddedBroker, *names: str) -> None:
        await broker.publish(*(letter(name) for name in names))
        for received in await broker.pull(ROUTER, len(names)):
            received.become(mark=Mark(received.message.id, b"digest"))
        assert broker.known(names).keys() == set(names)
        await broker.drain()

    async def story() -> None:
        async with opened(path, window_s=100, clock=lambda: now[0]) as broker:
            await settle(broker, *(f"old-{n}" for n in range(150)))
        now[0] += 99
        async with opened(path, window_s=100, clock=lambda: now[0]) as broker:
            assert len(broker.known([f"old-{n}" for n in range(200)])) == 150
            now[0] += 2
            assert broker.known(["old-0"]) == {}
            await settle(broker, *(f"new-{n}" for n in range(100)))
        with closing(sqlite3.connect(path)) as db:
            names = {name for (name,) in db.execute("SELECT identity FROM mark")}
        assert names == {f"new-{n}" for n in range(100)}

    play(story)


def test_marking_again_renews_and_keeps_the_latest_digest(path: Path) -> None:
    async def story() -> None:
        async with opened(path) as broker:
            for digest in (b"one", b"two"):
                await broker.publish(letter("PO-1"))
                (received,) = await broker.pull(ROUTER, 1)
                received.become(mark=Mark("erp\nPO-1", digest))
                await broker.drain()
                assert broker.known(["erp\nPO-1"]) == {"erp\nPO-1": digest}

    play(story)


def test_events_left_in_the_routers_queue_move_when_order_by_key_is_switched_on_and_off(path: Path) -> None:
    async def story() -> None:
        async with opened(path) as broker:
            for n in range(40):
                await broker.publish(letter(f"{n}", headers={"cloudEvents_partitionkey": f"{n % 4}"}))
        async with opened(path, ORDERED) as broker:
            assert (await broker.depth([ROUTER]))[ROUTER].messages == 0
            depths = await broker.depth(ORDERED.router_queues)
            assert sum(depth.messages for depth in depths.values()) == 40
            await broker.publish(letter("40", headers={"cloudEvents_partitionkey": "0"}))
            queues = [ids(await broker.pull(queue, 100)) for queue in ORDERED.router_queues]
            assert [[f"{n}" for n in range(0, 41, 4)]] == [
                found for queue in queues if (found := [id_ for id_ in queue if int(id_) % 4 == 0])
            ]
        async with opened(path) as broker:
            moved = ids(await pull_all(broker, ROUTER, 41))
            for key in range(4):
                assert [id_ for id_ in moved if int(id_) % 4 == key] == [f"{n}" for n in range(41) if n % 4 == key]

    play(story)


def test_opening_again_with_another_topology_adds_its_queues(path: Path) -> None:
    async def story() -> None:
        async with opened(path) as broker:
            await broker.open(Topology((*TOPOLOGY.systems, "mes")))
            await broker.publish(letter("PO-1", to("mes")), letter("PO-2", to("wms")))
            assert ids(await broker.pull(to("mes"), 1)) == ["PO-1"]

    play(story)


def test_a_queue_that_only_another_process_knows_does_not_disturb(path: Path) -> None:
    newer = Topology((*TOPOLOGY.systems, "mes"))

    async def story() -> None:
        async with opened(path) as owner, opened(path, newer, owner=False) as guest:
            await guest.publish(letter("PO-1", to("mes"), delay_s=0.01), letter("PO-2", to("mes")))

            waiting: list[Received] = []

            async def come() -> bool:
                await owner.publish(letter("any"))
                waiting.extend(await guest.pull(to("mes"), 2))
                return len(waiting) == 2

            await until(come)
            assert ids(waiting) == ["PO-2", "PO-1"]

    play(story)
