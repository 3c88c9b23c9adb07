"""Which transport a `--broker` means."""

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bus.errors import BusError, Unavailable, UsageError
from bus.ports import Transport

DEFAULT = "sqlite:.bus/bus.db"


def store_path(url: str) -> Path | None:
    """Return the file of the embedded broker that a URL means, None for another broker."""
    url = url or DEFAULT
    if not url.startswith("sqlite:"):
        return None
    return Path(url.removeprefix("sqlite:").removeprefix("//") or DEFAULT.removeprefix("sqlite:"))


def check_store(url: str) -> None:
    """Raise Unavailable where the embedded broker has no file: who only looks is in the wrong place, and makes none."""
    if (path := store_path(url)) is not None and not path.exists():
        raise Unavailable("status-no-store", store=str(path))


async def is_attended(url: str, transport: Transport, queues: Sequence[str]) -> bool:
    """Whether somebody runs the bus on this broker: owns its file, or reads one of these queues; true if unknown."""
    if (path := store_path(url)) is not None:
        return bool(owner_of(path))
    try:
        return any(depth.readers for depth in (await transport.depth(queues)).values())
    except BusError:  # the broker does not let this one look
        return True


def owner_of(path: Path) -> str:
    """The process that runs the bus on that file, "" when none does."""
    try:
        lock = os.open(f"{path}.lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)  # an owner has it for itself alone
    except BlockingIOError:
        return os.pread(lock, 20, 0).decode("ascii", "replace").strip() or "?"
    finally:
        os.close(lock)
    return ""


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
