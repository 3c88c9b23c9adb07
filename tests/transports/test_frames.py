"""Frames read and written past pika are what pika itself would have read and written."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pika
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pika import frame as pika_frames
from pika import spec
from pika.channel import ContentFrameAssembler

from bus.errors import Refused
from bus.ports import Shared, following, shared
from bus.runtime.rabbitmq import amqp, frames
from bus.runtime.rabbitmq.amqp import Channel, Wire, encode_properties
from bus.runtime.rabbitmq.frame_stream import HAS_FRAMES, FrameStream
from bus.runtime.rabbitmq.frames import Arrived, Taker

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
SHORT = st.text("abc中 -", max_size=40)
NAMES = st.sampled_from(("cloudEvents_id", "bus-route", "bus-header-X", "名", "x" * 130)) | SHORT
WRITTEN = st.dictionaries(NAMES, TEXTS | st.integers(-(2**63), 2**63 - 1) | st.binary(max_size=200), max_size=12)
READ = st.dictionaries(NAMES, TEXTS | st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.none() | st.just({"a": [1]}), max_size=8)


@given(SHORT, SHORT, SHORT, WRITTEN, st.sampled_from(("", "bus", "用户")))
def test_properties_are_written_as_pika_writes_them(id_: str, type_: str, encoding: str, headers: dict[str, Any], user: str) -> None:
    theirs = pika.BasicProperties(
        content_type=type_, content_encoding=encoding, message_id=id_, delivery_mode=2, headers=headers, user_id=user or None
    )
    assert encode_properties(id_, type_, encoding, headers, user) == b"".join(theirs.encode())


@pytest.mark.parametrize(("id_", "headers"), [("i" * 256, {}), ("1", {"n" * 256: "x"}), ("1", {"n": 2**63}), ("1", {"n": "\ud800"})])
def test_what_amqp_cannot_say_is_refused_by_name(id_: str, headers: dict[str, Any]) -> None:
    with pytest.raises(Refused) as caught:
        encode_properties(id_, "application/json", "utf-8", headers)
    assert caught.value.code == "amqp-properties"


def test_more_names_than_are_remembered_are_written_all_the_same() -> None:
    headers = {f"name-{n}": "x" for n in range(9000)}
    assert frames._table_of(headers) == b"".join(
        bytes((len(name),)) + name.encode() + b"S\0\0\0\1x" for name in headers
    )
    assert len(frames._names) <= frames._REMEMBERED


@given(st.binary(max_size=300), st.integers(1, 100))
def test_a_body_is_cut_into_frames_that_join_to_it(body: bytes, step: int) -> None:
    made = frames.publish_frames(b"", 3, encode_properties("1", "a", "b", {}), body, step)
    at, joined, sizes = 0, b"", []
    while at < len(made):
        read, frame = pika_frames.decode_frame(made[at:])
        at += read
        if isinstance(frame, pika_frames.Header):
            assert (frame.channel_number, frame.body_size, frame.properties.message_id) == (3, len(body), "1")
        else:
            assert isinstance(frame, pika_frames.Body)
            joined += frame.fragment
            sizes.append(len(frame.fragment))
    assert joined == body
    assert all(size == step for size in sizes[:-1])


# ------------------------------------------------------------------------------------------- reading


class Stream(FrameStream):
    """Without a network: what a channel's taker gets, and what goes to pika."""

    def __init__(self, taken: bool) -> None:
        self._frame_buffer = b""
        self.bytes_received = 0
        self._reader = frames.Reader()
        self.got: list[object] = []
        self._assembler = ContentFrameAssembler()
        self.takers = {1: Taker(self._delivered, self._confirmed)} if taken else {}

    def _delivered(self, arrived: Arrived) -> None:
        self.got.append((
            arrived.tag, arrived.exchange, arrived.routing_key, arrived.message_id, arrived.content_type,
            arrived.content_encoding, arrived.headers, arrived.body,
        ))

    def _confirmed(self, seq: int, multiple: bool, stored: bool) -> None:
        self.got.append((seq, multiple, stored))

    def _process_frame(self, frame: Any) -> None:
        if isinstance(frame, pika_frames.ProtocolHeader):
            self.got.append("another protocol")
        elif isinstance(frame, pika_frames.Heartbeat):
            self.got.append("heartbeat")
        elif isinstance(frame, pika_frames.Method) and isinstance(frame.method, spec.Basic.Ack | spec.Basic.Nack):
            self._confirmed(frame.method.delivery_tag, bool(frame.method.multiple), isinstance(frame.method, spec.Basic.Ack))
        elif isinstance(frame, pika_frames.Method) and not spec.has_content(frame.method.INDEX):
            self.got.append(type(frame.method).__name__)
        elif (whole := self._assembler.process(frame)) is not None:
            method, header, body = whole
            self._delivered(amqp.arrived_of(method.method, header.properties, body))


def content(tag: int, names: tuple[str, str], properties: dict[str, Any], body: bytes, step: int) -> bytes:
    deliver = spec.Basic.Deliver("ctag1.中", tag, redelivered=True, exchange=names[0], routing_key=names[1])
    head: bytes = pika_frames.Method(1, deliver).marshal() + pika_frames.Header(1, len(body), pika.BasicProperties(**properties)).marshal()
    parts = [pika_frames.Body(1, body[at : at + step]).marshal() for at in range(0, len(body), step)]
    return head + b"".join(parts)


PROPERTIES = st.fixed_dictionaries({}, optional={
    "content_type": SHORT, "content_encoding": SHORT, "headers": READ, "delivery_mode": st.sampled_from((1, 2)), "message_id": SHORT,
    "user_id": SHORT, "app_id": SHORT, "priority": st.integers(0, 9), "correlation_id": SHORT,
})  # fmt: skip
DELIVERIES = st.builds(
    content, st.integers(1, 2**40), st.tuples(SHORT, SHORT), PROPERTIES, st.binary(max_size=200), st.sampled_from((7, 1000))
)
CONFIRMS = st.builds(
    lambda kind, tag, multiple: pika_frames.Method(1, kind(tag, multiple)).marshal(),
    st.sampled_from((spec.Basic.Ack, spec.Basic.Nack)), st.integers(1, 2**40), st.booleans(),
)
OTHERS = st.sampled_from((
    pika_frames.Heartbeat().marshal(), pika_frames.Method(1, spec.Basic.QosOk()).marshal(),
    pika_frames.Method(2, spec.Basic.Ack(5)).marshal(), pika_frames.Method(1, spec.Basic.Cancel("ctag1")).marshal(),
))  # fmt: skip


def read(data: bytes, cuts: Sequence[int], *, taken: bool) -> list[object]:
    stream = Stream(taken)
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for begin, end in pairwise(edges):
        stream._on_data_available(data[begin:end])
    assert not stream._frame_buffer
    return stream.got


@settings(max_examples=300)
@given(st.lists(DELIVERIES | CONFIRMS | OTHERS, max_size=8), st.lists(st.integers(0, 5000), max_size=6))
def test_any_stream_cut_anywhere_is_read_as_pika_reads_it(parts: list[bytes], cuts: list[int]) -> None:
    data = b"".join(parts)
    assert read(data, cuts, taken=True) == read(data, (), taken=False)


SAME = st.fixed_dictionaries({"cloudEvents_id": TEXTS, "cloudEvents_source": SHORT, "名": st.just("x")}) | st.fixed_dictionaries({
    "cloudEvents_id": TEXTS | st.just("i" * 128), "cloudEvents_source": SHORT | st.integers(0, 9),
}) | st.fixed_dictionaries({"cloudEvents_id": st.just("1"), "x-delivery-count": st.just("2")})  # fmt: skip


@given(st.lists(st.builds(lambda headers: content(7, ("a", "b"), {"headers": headers, "message_id": "1"}, b"{}", 9), SAME), max_size=9))
def test_tables_with_the_same_names_one_after_the_other_are_read_as_pika_reads_them(parts: list[bytes]) -> None:
    data = b"".join(parts)
    assert read(data, (), taken=True) == read(data, (), taken=False)


@given(st.dictionaries(NAMES, TEXTS, max_size=5).map(shared), WRITTEN, st.integers(1, 3))
def test_headers_that_others_begin_with_are_written_as_pika_writes_them(begin: Shared, more: dict[str, Any], times: int) -> None:
    for _ in range(times):
        assert encode_properties("1", "", "", begin) == encode_properties("1", "", "", dict(begin))
        headers = following(begin)
        headers.update({name: value for name, value in more.items() if name not in begin})
        theirs = pika.BasicProperties(content_type="", content_encoding="", message_id="1", delivery_mode=2, headers=dict(headers))
        assert encode_properties("1", "", "", headers) == b"".join(theirs.encode())


def test_an_envelope_that_came_is_passed_on_byte_for_byte() -> None:
    reader, names = frames.Reader(), {"cloudEvents_id": "PO-1", "cloudEvents_source": "erp"}
    data = content(7, ("a", "b"), {"headers": names}, b"{}", 9)
    arrived = [found[0].headers for found in (reader.delivery(data, 0), reader.delivery(data, 0)) if found is not None]
    assert arrived[0] == arrived[1] == names
    assert isinstance(arrived[1], Shared), "the second time its form is known"
    headers = following(arrived[1])
    headers["bus-route"] = "r"
    assert encode_properties("1", "a", "b", headers) == encode_properties("1", "a", "b", {**names, "bus-route": "r"})


def test_headers_of_the_broker_s_own_are_never_taken_for_the_message_s() -> None:
    reader = frames.Reader()
    data = content(7, ("a", "b"), {"headers": {"x-delivery-count": "1"}}, b"{}", 9)
    for _ in range(2):
        found = reader.delivery(data, 0)
        assert found is not None
        assert not isinstance(found[0].headers, Shared)


def test_a_delivery_too_long_to_wait_for_goes_through_pika_frame_by_frame() -> None:
    body = bytes(frames.LARGEST + 1)
    data = content(7, ("bus.deliver", "to.wms"), {"message_id": "1"}, body, 100_000)
    (got,) = read(data, range(0, len(data), 50_000), taken=True)
    assert got == (7, "bus.deliver", "to.wms", "1", None, None, None, body)


def test_a_frame_without_its_end_is_pika_s_error() -> None:
    whole = content(7, ("a", "b"), {}, b"body", 100)
    for broken in (whole[:-1] + b"\0", whole.replace(b"\xce", b"\0", 1)):
        with pytest.raises(pika.exceptions.InvalidFrameError):
            read(broken, (), taken=True)


def test_a_broker_of_another_protocol_version_is_left_to_pika() -> None:
    assert read(b"AMQP\0\0\x09\x01", (3,), taken=True) == ["another protocol"]


def test_this_pika_has_the_methods_that_are_built_upon() -> None:
    assert HAS_FRAMES


def test_a_call_that_is_cancelled_as_its_reply_comes_is_cancelled() -> None:
    """Who looks at depths every few seconds would else look on for ever, and a bus that is told to stop wait for it."""
    replies: list[Callable[[Any], None]] = []

    async def play() -> None:
        connection: Any = SimpleNamespace()
        pika_s = SimpleNamespace(
            channel_number=1, add_on_close_callback=lambda _: None, basic_qos=lambda callback, **_: replies.append(callback)
        )
        call = asyncio.create_task(Channel(connection, pika_s).call("basic_qos"))
        await asyncio.sleep(0)
        replies[0](SimpleNamespace(method="answer"))
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    asyncio.run(play())


def test_every_message_is_published_mandatory_and_persistent() -> None:
    written: list[bytes] = []
    connection: Any = SimpleNamespace(frame_max=131_072, write=written.append)
    channel = Channel(connection, SimpleNamespace(channel_number=1, add_on_close_callback=lambda _: None))
    properties = encode_properties("PO-1", "application/json", "utf-8", {}, "")
    channel.publish([Wire("bus.deliver", "to.wms", "PO-1", properties, b"{}")])
    end, method = pika_frames.decode_frame(written[0])
    _, header = pika_frames.decode_frame(written[0][end:])
    assert (method.method.routing_key, method.method.mandatory, header.properties.delivery_mode) == ("to.wms", True, 2)
