"""What is written goes out at once as far as the socket takes it, and all of it in order."""

import socket
import ssl
from typing import Any

import pytest
from pika.adapters.asyncio_connection import AsyncioConnection

from bus.runtime.rabbitmq.frame_stream import FrameStream


class Transport:
    """What pika keeps back of a connection, without its loop."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self.kept = b""

    def get_write_buffer_size(self) -> int:
        return len(self.kept)


class Stream(FrameStream):
    def __init__(self, sock: Any) -> None:
        self._transport = Transport(sock)


@pytest.fixture(autouse=True)
def pika_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    def keep(stream: Stream, data: bytes) -> None:
        stream._transport.kept += data

    monkeypatch.setattr(AsyncioConnection, "_adapter_emit_data", keep)


def test_what_the_socket_takes_is_out_at_once_and_what_follows_stays_behind_the_rest() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.setblocking(False)
        stream = Stream(ours)
        stream._adapter_emit_data(b"first")
        assert theirs.recv(100) == b"first"
        assert not stream._transport.kept
        large = bytes(range(256)) * 40_000
        stream._adapter_emit_data(large)
        assert 0 < len(stream._transport.kept) < len(large)
        stream._adapter_emit_data(b"later")
        taken = b""
        while len(taken) < len(large) - len(stream._transport.kept) + len(b"later"):
            taken += theirs.recv(1 << 20)
        assert taken + stream._transport.kept == large + b"later"


def test_into_a_socket_that_is_gone_everything_is_left_to_pika() -> None:
    ours, theirs = socket.socketpair()
    theirs.close()
    ours.close()
    stream = Stream(ours)
    stream._adapter_emit_data(b"frames")
    assert stream._transport.kept == b"frames"


def test_what_goes_over_tls_and_what_has_no_socket_any_more_is_left_to_pika() -> None:
    ours, theirs = socket.socketpair()
    with theirs, ssl.create_default_context().wrap_socket(ours, server_hostname="x", do_handshake_on_connect=False) as tls:
        for sock in (tls, None):
            stream = Stream(sock)
            stream._adapter_emit_data(b"frames")
            assert stream._transport.kept == b"frames"
