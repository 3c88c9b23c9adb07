"""A ledger in few words, for its tests."""

from bus.ledger import Incoming, Inlet, Ledger, Outgoing


def out(*ids: str) -> list[Outgoing]:
    return [Outgoing("bus.deliver", f"to.{id_}", id_) for id_ in ids]


def to(queue: str, *ids: str) -> list[Outgoing]:
    return [Outgoing("bus.deliver", queue, id_) for id_ in ids]


class Books:
    """A ledger and one inlet, in few words."""

    def __init__(self, window: int = 100) -> None:
        self.ledger: Ledger = Ledger(window)
        self.inlet = Inlet()

    def came(self, *tags: int) -> list[Incoming]:
        incoming = [Incoming(self.inlet, tag) for tag in tags]
        self.ledger.received(incoming)
        return incoming

    def sent(self, now: float = 0.0, limit: int = 1000) -> list[str]:
        return [outgoing.id for outgoing in self.ledger.publish(now, limit)]

    def acknowledged(self, now: float = 0.0) -> list[tuple[int, bool]]:
        return [(a.tag, a.multiple) for a in self.ledger.outcome(now).acknowledge]
