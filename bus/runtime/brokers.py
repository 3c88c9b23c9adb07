"""Which transport a `--broker` means."""

from pathlib import Path
from typing import Any

from bus.errors import UsageError

DEFAULT = "sqlite:.bus/bus.db"


def store_path(url: str) -> Path | None:
    """Return the file of the embedded broker that a URL means, None for another broker."""
    url = url or DEFAULT
    if not url.startswith("sqlite:"):
        return None
    return Path(url.removeprefix("sqlite:").removeprefix("//") or DEFAULT.removeprefix("sqlite:"))


def open_broker(url: str, *, owner: bool) -> Any:
    """Return the transport for a URL, not opened yet.

    Args:
        owner: this process runs the bus; else it looks in beside it.

    Raises:
        UsageError: nothing the bus can speak to.
    """
    if (path := store_path(url)) is not None:
        from bus.runtime.embedded import EmbeddedBroker

        return EmbeddedBroker(path, owner=owner)
    if url.startswith(("amqp://", "amqps://")):
        from bus.runtime.rabbitmq import RabbitBroker

        return RabbitBroker(url)
    raise UsageError("broker-url", scheme=url.split(":", 1)[0])
