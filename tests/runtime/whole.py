"""A whole bus in the test's own process: a folder, a broker, a log, and targets that answer as they are told."""

import asyncio
import io
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from bus.adapter import Accepted, Document
from bus.event import Event, digest
from bus.letters import Letter
from bus.ports import Message, Transport
from bus.runtime import deadletters
from bus.runtime.app import App, Parts
from bus.runtime.files import usable_configuration
from bus.runtime.memory import MemoryBroker
from bus.runtime.telemetry import Log, Telemetry
from bus.wire import event_message

LIMIT_S = 60.0

SHOP = """\
version: 1
systems:
  shop: {source: {adapter: http, path: /in, format: json}}
  wms: {sink: {adapter: http, url: "URL", timeout: 2s, retry: [50ms, 100ms]}}
  oa: {sink: {adapter: file, folder: oa}}
lookups: {item: item.csv}
events:
  order.placed: {no: text, item: text, qty: decimal, note?: text}
  order.taken: {no: text}
  order.refused: {no: text, code: text, message: text}
inbound:
  order:
    from: shop
    when: document.kind == "order"
    event: order.placed
    id: document.no
    key: default(document.customer, document.no)
    map: {no: document.no, item: 'lookup("item", document.item)', qty: decimal(document.qty), note?: document.note}
routes:
  to-wms: {on: order.placed, to: wms, json: data}
  to-oa: {on: order.placed, to: oa, name: data.no, json: data}
"""
ITEMS = "bus,shop,wms\nI1,A,W-A\nI2,B,W-B\n"


def play(story: Callable[[], Awaitable[None]]) -> None:
    """Run a test's story, within limits."""

    async def within_limits() -> None:
        async with asyncio.timeout(LIMIT_S):
            await story()

    asyncio.run(within_limits())


async def until(true: Callable[[], bool | Awaitable[bool]], what: str = "", limit_s: float = 8.0) -> None:
    """Return once it is true."""
    end = time.monotonic() + limit_s
    while True:
        result = true()
        if result if isinstance(result, bool) else await result:
            return
        assert time.monotonic() < end, what or "the condition did not come true"
        await asyncio.sleep(0.01)


def order(no: str, **more: Any) -> dict[str, Any]:
    """A document of the shop."""
    return {"kind": "order", "no": no, "item": "A", "qty": "2", **more}


def placed(no: str, **more: Any) -> Event:
    """The event the shop's document becomes."""
    return Event("order.placed", "shop", no, {"no": no, "item": "I1", "qty": 2, **more})


def answer(body: bytes | str | Mapping[str, Any] = b'{"flag": "success"}', status: int = 200, **headers: str) -> bytes:
    """An HTTP answer as it goes over the wire."""
    content = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    lines = {"content-length": str(len(content)), "content-type": "application/json", "connection": "close"}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} Told\r\n{head}\r\n".encode() + content


@dataclass(frozen=True, slots=True)
class Request:
    """What the target was sent."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Told = bytes | Callable[[Request], bytes | Awaitable[bytes]]


class Target:
    """An HTTP server; `told` is what it answers, byte by byte, and b"" hangs up without a word."""

    def __init__(self, told: Told | None = None) -> None:
        self.told: Told = answer() if told is None else told
        self.requests: list[Request] = []
        self._server: asyncio.Server | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    async def open(self) -> None:
        """Begin to answer, where it did before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Go down: connections are refused."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def numbers(self) -> list[str]:
        """The document numbers it was sent, in order."""
        return [request.json["no"] for request in self.requests]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.strip().split("\r\n")
            headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            request = Request(first.split()[1], headers, body)
            self.requests.append(request)
            told = self.told(request) if callable(self.told) else self.told
            writer.write(told if isinstance(told, bytes) else await told)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def answering(told: Told | None = None) -> AsyncIterator[Target]:
    """A target for the length of the block."""
    target = Target(told)
    await target.open()
    try:
        yield target
    finally:
        await target.close()


@dataclass
class Whole:
    """A bus that runs."""

    folder: Path
    app: App
    transport: Any
    telemetry: Telemetry
    written: io.StringIO = field(repr=False)

    @property
    def log(self) -> list[str]:
        """Its log lines so far."""
        return self.written.getvalue().splitlines()

    def lines(self, event: str) -> list[str]:
        """Its log lines about one kind of fact."""
        return [line for line in self.log if f" {event} " in f"{line} "]

    async def post(self, document: Any, path: str = "/in", content_type: str = "application/json") -> tuple[int, Any]:
        """Send a document to its HTTP source; return status and answer."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        url = f"http://127.0.0.1:{self.app.listener.port}{path}"
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, data=body, headers={"content-type": content_type}) as response,
        ):
            return response.status, await response.json()

    async def accept(self, system: str, document: Any) -> Accepted:
        """Hand a document to the intake as a source would."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return await self.app.intake.accept(Document(system, body, "document", digest(body).hex()))

    async def publish(self, *events: Event | Message) -> None:
        """Put events on the bus as a publisher over AMQP would."""
        await self.transport.publish(*(event_message(one) if isinstance(one, Event) else one for one in events))

    async def letters(self) -> list[Letter]:
        """What `bus dead list` shows."""
        return await deadletters.found(self.transport, self.app.config.systems, deadletters.Chosen())

    async def has_letters(self, *codes: str) -> list[Letter]:
        """Wait until exactly letters with these codes are there, in any order; return them."""
        found: list[Letter] = []

        async def there() -> bool:
            found[:] = await self.letters()
            return sorted(letter.code for letter in found) == sorted(codes)

        try:
            await until(there)
        except AssertionError:
            raise AssertionError([(letter.code, letter.message) for letter in found]) from None
        return found

    async def replay(self, **which: Any) -> int:
        """What `bus dead replay` does."""
        chosen = deadletters.Chosen(**which)
        return (await deadletters.replay(self.transport, self.app.config.systems, chosen)).letters

    async def edit(self, letter: Letter, body: bytes) -> None:
        """What `bus dead edit` does."""
        assert await deadletters.edit(self.transport, self.app.config.systems, letter, body) == (1, False)

    async def idle(self) -> None:
        """Wait until nothing is left to do but what is parked or dead."""
        await self.app.idle()

    def value(self, name: str, **labels: str) -> float:
        """A series of its metrics; 0 where there is none yet."""
        return self.telemetry.metrics.registry.get_sample_value(name, labels) or 0.0

    def file(self, name: str) -> Any:
        """The JSON in a file of its folder; None where there is none."""
        path = self.folder / name
        return json.loads(path.read_bytes()) if path.exists() else None


def write(folder: Path, routing: str, files: Mapping[str, str | bytes] | None = None) -> Path:
    """Write routing.yaml and what stands beside it; return its path."""
    for name, content in {"item.csv": ITEMS, **(files or {}), "routing.yaml": routing}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder / "routing.yaml"


@asynccontextmanager
async def running(
    folder: Path, routing: str = SHOP, transport: Transport | None = None, *, target: Target | None = None,
    files: Mapping[str, str | bytes] | None = None, parts: Parts | None = None, level: str = "info",
    clock: Callable[[], float] = time.time,
) -> AsyncIterator[Whole]:
    """Run a bus for the length of the block; "URL" in routing is the target's, or nobody's."""
    path = write(folder, routing.replace("URL", target.url if target else "http://127.0.0.1:9/nobody"), files)
    config, disk = usable_configuration(path)
    written = io.StringIO()
    telemetry = Telemetry(config.systems, Log(written, level=level))
    broker: Any = transport or MemoryBroker()
    app = App(path, config, disk, broker, telemetry, parts or Parts(), "127.0.0.1:0", clock)
    try:
        await app.start()
        yield Whole(folder, app, broker, telemetry, written)
    finally:
        await app.stop()


def numbers(messages: Iterable[Message]) -> Sequence[str]:
    """The document numbers of events or deliveries."""
    return [str(message.headers["cloudEvents_subject"]) for message in messages]
