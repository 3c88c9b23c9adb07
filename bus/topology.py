"""Which queues a configuration needs: computed, never typed by hand."""

from collections.abc import Iterable
from dataclasses import dataclass

ROUTER = "bus.router"
DOCUMENTS = "bus.documents"
INVALID = "bus.invalid"
SUSPECTS = "bus.suspects"  # handed out one at a time: tells a message that kills its reader from its neighbours
PARTITIONS = 8  # bus.router.0 … with `ordering: key`; raising it needs a drained bus


def to(system: str) -> str:
    """The queue a system's deliveries wait in."""
    return f"to.{system}"


def dead(system: str) -> str:
    """The queue where a system's dead letters and parked deliveries wait for a person or a code."""
    return f"dead.{system}"


@dataclass(frozen=True, slots=True)
class Topology:
    """Everything a transport must declare.

    Args:
        systems: names of all systems in routing.yaml; each has `to.` and `dead.`.
        delays_s: every delay a retry schedule uses, ascending.
        ordered: some route says `ordering: key`, so the router's queue is split into PARTITIONS.
    """

    systems: tuple[str, ...]
    delays_s: tuple[float, ...] = ()
    ordered: bool = False

    @property
    def router_queues(self) -> tuple[str, ...]:
        """`bus.router`, or its partitions."""
        return tuple(f"{ROUTER}.{n}" for n in range(PARTITIONS)) if self.ordered else (ROUTER,)

    @property
    def queues(self) -> tuple[str, ...]:
        """Every queue, in a stable order."""
        return (
            *self.router_queues, DOCUMENTS, INVALID, SUSPECTS,
            *(to(s) for s in self.systems), *(dead(s) for s in self.systems),
        )


def topology(systems: Iterable[str], delays_s: Iterable[float], *, ordered: bool) -> Topology:
    """Put what was found in routing.yaml into the one order every transport and plan uses.

    A delay of nothing needs no queue to wait in.
    """
    return Topology(tuple(sorted(systems)), tuple(sorted({delay_s for delay_s in delays_s if delay_s > 0})), ordered)
