"""The HTTP server that sources share: prompt, and not to be filled with headers that never end."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bus.runtime.http_protocol import MAX_HEAD_BYTES
from bus.runtime.listener import Listener

LIMIT_S = 30.0
HEAD = b"POST /in/wms HTTP/1.1\r\nhost: bus\r\n"
Story = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def length(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the length of the body."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    told = str(len(body)).encode()
    headers = [(b"content-length", str(len(told)).encode())]
    await send({"type": "http.response.start", "status": 202, "headers": headers})
    await send({"type": "http.response.body", "body": told})


def talk(story: Story, look: Callable[[Listener], None] = lambda _: None) -> None:
    """Let `story` speak to a listener over a connection of its own."""

    async def run() -> None:
        listener = Listener("127.0.0.1:0")
        listener.add("/in/wms", length)
        await listener.start()
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            try:
                await story(reader, writer)
                look(listener)
            finally:
                writer.close()
        finally:
            await listener.stop()

    asyncio.run(asyncio.wait_for(run(), LIMIT_S))


async def answer(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Status and body of one answer."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    size = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return head.split()[1], await reader.readexactly(size)


def test_an_answer_in_two_parts_does_not_wait_for_the_sender_to_confirm_the_first() -> None:
    promptly = []

    async def story(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"content-length: 2\r\n\r\n{}")
        assert await answer(reader) == (b"202", b"2")

    def look(listener: Listener) -> None:
        for connection in listener._server.server_state.connections:
            accepted = connection.transport.get_extra_info("socket")
            promptly.append(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    talk(story, look)
    assert promptly == [1]


ENDLESS = {
    "many headers": (HEAD, b"x-more: 1\r\n"),
    "one header": (HEAD + b"x-long: ", b"a" * 11),
    "an address": (b"POST /", b"a" * 11),
    "trailers": (HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", b"x-more: 1\r\n"),
    "one trailer": (HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nx-long: ", b"a" * 11),
}


@pytest.mark.parametrize("what", ENDLESS)
def test_what_never_ends_is_cut_off(what: str) -> None:
    beginning, more = ENDLESS[what]

    async def story(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(beginning)
        sent = 0
        try:
            while not reader.at_eof() and sent < 100 * MAX_HEAD_BYTES:
                writer.write(more * 1000)
                sent += len(more) * 1000
                await writer.drain()
                await asyncio.sleep(0)  # the listener lives in the same loop
            assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
        except ConnectionError:
            pass
        assert sent < 100 * MAX_HEAD_BYTES

    talk(story)


def test_a_long_body_in_small_parts_is_none_of_that() -> None:
    async def story(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"transfer-encoding: chunked\r\n\r\n")
        for _ in range(MAX_HEAD_BYTES // 100):
            writer.write(b"64\r\n" + b"a" * 100 + b"\r\n" + b"64\r\n" + b"b" * 100 + b"\r\n")
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        assert await answer(reader) == (b"202", str(MAX_HEAD_BYTES // 100 * 200).encode())

    talk(story)


def test_an_offer_of_http_2_is_passed_over_and_the_document_taken() -> None:
    """Java's client makes one with its first request."""
    offer = b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAEAAEAA\r\n"

    async def story(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            writer.write(HEAD + offer + b"content-length: 2\r\n\r\n{}")
            assert await answer(reader) == (b"202", b"2")

    talk(story)


def test_offers_of_http_2_one_after_the_other_in_one_piece_are_no_request() -> None:
    """Each would be read again with all that follows it."""

    async def story(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"GET / HTTP/1.1\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n" * 5000)
        while head := (await reader.readuntil(b"\r\n\r\n")):
            if head.startswith(b"HTTP/1.1 400 "):
                break
            assert head.startswith(b"HTTP/1.1 404 ")

    began = time.process_time()
    talk(story)
    assert time.process_time() - began < 1.0


def test_what_is_no_request_is_answered_and_cut_off() -> None:
    async def story(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"CONNECT elsewhere:443 HTTP/1.1\r\nhost: elsewhere:443\r\n\r\n")
        assert (await answer(reader))[0] == b"400"
        assert await reader.read() == b""

    talk(story)
