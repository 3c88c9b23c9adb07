"""A request and its answer as ASGI has them, without a framework, which would make it half as dear again."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class SenderGone(Exception):
    """The connection ended within the request: nobody is left to answer."""


def headers_of(scope: Scope) -> dict[str, str]:
    """Return the headers by lower-case name; of one that comes twice the first counts."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1"), value.decode("latin-1"))
    return found


async def part_of_body(receive: Receive) -> tuple[bytes, bool]:
    """Return what has come of the body since the last call, and whether there is more. Raises SenderGone."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise SenderGone
    return message.get("body", b""), message.get("more_body", False)


class Reply:
    """What is answered: JSON, or a text for people."""

    __slots__ = ("_body", "_headers", "_status")

    def __init__(self, status: int, said: object, headers: Mapping[str, str] | None = None) -> None:
        self._status = status
        if isinstance(said, str):
            self._body, media_type = said.encode(), "text/plain; charset=utf-8"
        else:
            self._body, media_type = msgspec.json.encode(said), "application/json"
        self._headers = {"content-type": media_type, "content-length": str(len(self._body)), **(headers or {})}

    async def send(self, send: Send) -> None:
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self._headers.items()]
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        await send({"type": "http.response.body", "body": self._body})
