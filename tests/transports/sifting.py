"""What every transport does when somebody goes through a queue that is longer than it hands out at once."""

from collections.abc import Sequence

from bus.ports import Received, Transport
from bus.testing import Inbox, TransportContract, _story, letter, pull_all
from bus.topology import dead, to

MANY = 4_500  # RabbitMQ hands a consumer 2,000, the embedded broker reads as many
QUEUE = dead("wms")
IDS = [f"PO-{n}" for n in range(MANY)]


async def shown(bus: Transport) -> list[str]:
    """Go through the queue and settle nothing; return the ids in the order they were shown."""
    ids: list[str] = []
    while await bus.sift(QUEUE, lambda batch: ids.extend(received.message.id for received in batch)):
        ids.clear()  # whoever had the queue before has not left it yet
    return ids


class SiftContract(TransportContract):
    """The contract of a transport, and that of `sift`."""

    @_story
    async def test_a_sift_shows_everything_once_in_its_order_and_changes_nothing(self, bus: Transport) -> None:
        await bus.publish(*(letter(id_, QUEUE) for id_ in IDS))
        assert await shown(bus) == IDS
        await self._depth_becomes(bus, {QUEUE: MANY})
        assert await shown(bus) == IDS

    @_story
    async def test_what_a_sift_settles_is_gone_and_what_it_leaves_stays(self, bus: Transport) -> None:
        await bus.publish(*(letter(id_, QUEUE) for id_ in IDS))
        left = [id_ for n, id_ in enumerate(IDS) if n % 3]

        def settle_some(batch: Sequence[Received]) -> None:
            for received in batch:
                if received.message.id not in kept:
                    received.become(letter(received.message.id, to("wms")))

        kept = frozenset(left)
        assert not await bus.sift(QUEUE, settle_some)
        await self._depth_becomes(bus, {QUEUE: len(left), to("wms"): MANY - len(left)})
        assert sorted(await shown(bus)) == sorted(left)
        moved = await pull_all(bus, to("wms"), MANY - len(left))
        assert sorted(received.message.id for received in moved) == sorted(set(IDS) - kept)

    @_story
    async def test_a_sift_ends_though_what_it_settles_comes_to_the_same_queue_again(self, bus: Transport) -> None:
        await bus.publish(*(letter(id_, QUEUE) for id_ in IDS))
        seen: list[str] = []

        def put_back(batch: Sequence[Received]) -> None:
            for received in batch:
                seen.append(received.message.id)
                received.become(letter(f"again {received.message.id}", QUEUE))

        await bus.sift(QUEUE, put_back)
        assert seen == IDS
        await self._depth_becomes(bus, {QUEUE: MANY})
        assert sorted(await shown(bus)) == sorted(f"again {id_}" for id_ in IDS)

    @_story
    async def test_a_sift_says_that_somebody_else_has_some_in_hand(self, bus: Transport) -> None:
        inbox, ids = Inbox(), list[str]()
        await bus.publish(*(letter(id_, QUEUE) for id_ in IDS[:5]))
        await bus.consume(QUEUE, inbox, 2)
        await inbox.holds(2)
        assert await bus.sift(QUEUE, lambda batch: ids.extend(received.message.id for received in batch))
        assert ids == IDS[2:5]

    @_story
    async def test_a_sift_of_nothing_shows_nothing(self, bus: Transport) -> None:
        assert await shown(bus) == []
        assert not await bus.sift(dead("nobody"), lambda _: None)

    @_story
    async def test_what_a_sift_s_handler_raises_comes_out_and_all_it_left_stays(self, bus: Transport) -> None:
        await bus.publish(*(letter(id_, QUEUE) for id_ in IDS[:3]))

        def fail(batch: Sequence[Received]) -> None:
            batch[0].become()
            raise LookupError("a defect")

        try:
            await bus.sift(QUEUE, fail)
        except LookupError:
            await bus.drain()
            ids: list[str] = []
            while IDS[2] not in ids:  # a broker needs a moment to take back what a broken sift had
                ids.clear()
                await bus.sift(QUEUE, lambda batch: ids.extend(received.message.id for received in batch))
            assert ids in (IDS[:3], IDS[1:3])  # what a broken sift has settled may come again
            return
        raise AssertionError("nobody was told")
