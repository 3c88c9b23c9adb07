"""What stands around an adapter in its tests: the bus that accepts, deliveries, waiting for a condition."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bus.adapter import Accepted, Document, Outbound, Site, Source
from bus.errors import BusError
from bus.event import Event, delivery_id

EVENT = Event("purchase_order.released", "erp", "PO-1-v1", {"po_no": "PO-1"}, subject="PO-1")


class Bus:
    """Accepts every document as one event, unless told otherwise, and remembers them in order."""

    def __init__(self, answer: Callable[[Document], Accepted] | None = None) -> None:
        self.documents: list[Document] = []
        self._answer = answer or (lambda document: Accepted((("gate_pass.issued", document.id),)))

    async def accept(self, document: Document) -> Accepted:
        accepted = self._answer(document)
        self.documents.append(document)
        return accepted

    @property
    def bodies(self) -> list[bytes]:
        return [document.body for document in self.documents]


def refusing(error: BusError) -> Callable[[Document], Accepted]:
    """Make an answer that refuses every document."""
    return lambda document: Accepted((), error)


def raising(error: BusError) -> Callable[[Document], Accepted]:
    """Make an answer that is an error of the bus itself."""

    def answer(document: Document) -> Accepted:
        raise error

    return answer


def site(folder: Path, listen: Callable[[str, Any], None] | None = None) -> Site:
    return Site(system="wms", zone="Asia/Shanghai", folder=folder, listen=listen)


def outbound(body: bytes, number: int = 1, /, **changes: Any) -> Outbound:
    """Make a delivery; another number is another delivery."""
    given: Mapping[str, Any] = {
        "id": delivery_id("erp", f"PO-{number}", "po-to-wms", "wms"),
        "route": "po-to-wms",
        "body": body,
        "content_type": "application/json",
        "content_encoding": "utf-8",
        "headers": {},
        "name": "",
        "path": "",
        "event": EVENT,
    }
    return Outbound(**{**given, **changes})


async def until(true: Callable[[], bool], what: str = "the condition", limit_s: float = 15.0) -> None:
    """Return once it is true."""
    end = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < end, f"{what} did not come true"
        await asyncio.sleep(0.01)


@asynccontextmanager
async def running(source: Source, accept: Callable[[Document], Awaitable[Accepted]]) -> AsyncIterator[asyncio.Task[None]]:
    """Run a source for the length of the block; an error it ends with is raised after the block."""
    task = asyncio.create_task(source.run(accept))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
