"""RabbitMQ of other releases and clusters of it, as private nodes (bus/runtime/rabbitmq/node.py)."""

import os
from collections.abc import Sequence
from pathlib import Path

from bus.runtime.rabbitmq.node import PrivateNode, wait_until_it_speaks

_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "business-event-bus"


class NoBroker(Exception):
    """No RabbitMQ can be had here; says why, and the way out."""


def trees() -> dict[str, Path]:
    """The releases that `deploy/brokers.sh` has brought, by number: 4.0, 4.3."""
    return {path.name.removeprefix("rabbitmq-"): path for path in sorted(_CACHE.glob("rabbitmq-*"))}


class Cluster:
    """Three private nodes of one release that hold every quorum queue three times."""

    def __init__(self, plugins: Sequence[str] = (), tree: Path | None = None) -> None:
        first = PrivateNode(plugins, tree)
        self.nodes = [first, *(PrivateNode(plugins, tree, beside=first) for _ in range(2))]
        self.url = ",".join(node.url for node in self.nodes)

    def start(self) -> None:
        """Start the nodes and join them; returns once each takes connections."""
        first, *others = self.nodes
        for node in self.nodes:
            node.launch()
        for node in self.nodes:
            wait_until_it_speaks("127.0.0.1", node.port)
        for node in others:
            node.ctl("stop_app")
            node.ctl("join_cluster", first.name)
            node.ctl("start_app")

    def ctl(self, *arguments: str) -> str:
        """Run `rabbitmqctl` on the first node, which must be up."""
        return self.nodes[0].ctl(*arguments)

    def remove(self) -> None:
        for node in reversed(self.nodes):  # the first one has the name server
            node.remove()
