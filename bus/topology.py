"""Which queues a configuration needs: computed, never typed by hand."""

from collections.abc import Iterable
from dataclasses import dataclass

ROUTER = "bus.router"
DOCUMENTS = "bus.documents"
INVALID = "bus.invalid"
PARTITION = "bus.partition"  # with `ordering: key`: every event, in the order it came, on its way to its partition
PARTITIONS = 8  # bus.router.0 … with `ordering: key`; raising it needs a drained bus


def is_partition(queue: str) -> bool:
    """Whether it is one of the router's partitions."""
    return queue.startswith(f"{ROUTER}.")


def to(system: str) -> str:
    """The queue a system's deliveries wait in."""
    return f"to.{system}"


def dead(system: str) -> str:
    """The queue where a system's dead letters and parked deliveries wait for a person or a code."""
    return f"dead.{system}"


def held(system: str) -> str:
    """The queue where a system's deliveries wait behind a letter with their key; see `bus.holds`."""
    return f"bus.held.{system}"


@dataclass(frozen=True, slots=True)
class Topology:
    """Everything a transport must declare.

    Args:
        systems: names of all systems in routing.yaml; each has `to.` and `dead.`.
        delays_s: every delay a retry schedule uses, ascending.
        ordered: names of the systems that some route keeps the order for, with `ordering: key`. With any, the
            router's queue is split into PARTITIONS.
    """

    systems: tuple[str, ...]
    delays_s: tuple[float, ...] = ()
    ordered: tuple[str, ...] = ()

    @property
    def router_queues(self) -> tuple[str, ...]:
        """`bus.router`, or its partitions."""
        return tuple(f"{ROUTER}.{n}" for n in range(PARTITIONS)) if self.ordered else (ROUTER,)

    @property
    def event_queues(self) -> tuple[str, ...]:
        """Where events wait for a router, and on their way to one."""
        return (*self.router_queues, PARTITION) if self.ordered else self.router_queues

    @property
    def one_by_one(self) -> frozenset[str]:
        """Queues that have one active reader at a time, however many there are: their order is kept."""
        kept = (*map(to, self.ordered), *map(held, self.ordered))
        return frozenset((*self.event_queues, *kept)) if self.ordered else frozenset()

    @property
    def queues(self) -> tuple[str, ...]:
        """Every queue, in a stable order."""
        return (
            *self.event_queues, DOCUMENTS, INVALID,
            *(to(s) for s in self.systems), *(dead(s) for s in self.systems), *(held(s) for s in self.ordered),
        )


def topology(systems: Iterable[str], delays_s: Iterable[float], ordered: Iterable[str] = ()) -> Topology:
    """Put what was found in routing.yaml into the one order every transport and plan uses.

    A delay of nothing needs no queue to wait in.
    """
    return Topology(
        tuple(sorted(systems)),
        tuple(sorted({delay_s for delay_s in delays_s if delay_s > 0})),
        tuple(sorted(set(ordered))),
    )


def joined(old: Topology, new: Topology) -> Topology:
    """What is needed while one gives way to the other: systems that are gone still finish what is out."""
    gone = set(old.systems).difference(new.systems)
    return topology(
        {*old.systems, *new.systems}, {*old.delays_s, *new.delays_s}, {*new.ordered, *gone.intersection(old.ordered)}
    )
