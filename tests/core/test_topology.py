"""The queues a configuration needs."""

from bus.topology import DOCUMENTS, INVALID, PARTITION, PARTITIONS, ROUTER, Topology, dead, held, to, topology


def test_every_system_has_a_queue_for_its_deliveries_and_one_for_what_failed() -> None:
    made = topology(["wms", "erp"], [])
    assert made.queues == (ROUTER, DOCUMENTS, INVALID, "to.erp", "to.wms", "dead.erp", "dead.wms")
    assert (to("wms"), dead("wms")) == ("to.wms", "dead.wms")


def test_keeping_order_splits_the_router_s_queue() -> None:
    made = topology(["wms", "erp"], [], ["wms"])
    assert made.router_queues == tuple(f"bus.router.{n}" for n in range(PARTITIONS))
    assert made.queues[: PARTITIONS + 1] == made.event_queues == (*made.router_queues, PARTITION)
    assert ROUTER not in made.queues
    assert made.one_by_one == {*made.event_queues, "to.wms", "bus.held.wms"}
    assert made.queues[-1] == held("wms") == "bus.held.wms"
    assert topology(["wms"], []).one_by_one == frozenset()


def test_the_same_configuration_gives_the_same_topology_however_it_is_written() -> None:
    one = topology(["wms", "erp"], [30.0, 5.0, 5.0])
    assert one == topology(iter(["erp", "wms"]), iter([5.0, 30.0])) == Topology(("erp", "wms"), (5.0, 30.0))


def test_a_delay_of_nothing_needs_no_queue() -> None:
    assert topology([], [0.0, 5.0]).delays_s == (5.0,)
