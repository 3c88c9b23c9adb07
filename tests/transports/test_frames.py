"""Frames read and written past pika are what pika itself would have read and written: in C, and in Python."""

import asyncio
import random
from collections.abc import Callable, Sequence
from itertools import pairwise
from types import MappingProxyType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import pika
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pika import frame as pika_frames
from pika import spec
from pika.channel import ContentFrameAssembler

from bus.errors import Refused
from bus.ports import Shared, following, shared
from bus.runtime.rabbitmq import amqp, frames, frames_compiled, frames_python
from bus.runtime.rabbitmq.amqp import Channel, Connection, Wire, encode_properties
from bus.runtime.rabbitmq.frame_stream import HAS_FRAMES, FrameStream
from bus.runtime.rabbitmq.frame_types import LARGEST, Arrived, Taker
from bus.runtime.rabbitmq.url import addresses

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
SHORT = st.text("abc中 -", max_size=40)
NAMES = st.sampled_from(("cloudEvents_id", "bus-route", "bus-header-X", "名", "x" * 130)) | SHORT
WRITTEN = st.dictionaries(NAMES, TEXTS | st.integers(-(2**63), 2**63 - 1) | st.binary(max_size=200), max_size=12)
BOTH = pytest.mark.parametrize("by", [frames_compiled, frames_python], ids=["compiled", "python"])
READ = st.dictionaries(NAMES, TEXTS | st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.none() | st.just({"a": [1]}), max_size=8)


def test_the_compiled_ones_are_built_and_taken() -> None:
    assert frames.Reader is frames_compiled.Reader


def encode(by: Any, *arguments: Any) -> bytes:
    with patch.object(amqp, "frames", by):
        return encode_properties(*arguments)


@BOTH
@given(SHORT, SHORT, SHORT, WRITTEN, st.sampled_from(("", "bus", "用户")))
def test_properties_are_written_as_pika_writes_them(by: Any, id_: str, type_: str, encoding: str, headers: dict[str, Any], user: str) -> None:
    theirs = pika.BasicProperties(
        content_type=type_, content_encoding=encoding, message_id=id_, delivery_mode=2, headers=headers, user_id=user or None
    )
    assert encode(by, id_, type_, encoding, headers, user) == b"".join(theirs.encode())
    assert encode(by, id_, type_, encoding, MappingProxyType(headers), user) == b"".join(theirs.encode())


@BOTH
@pytest.mark.parametrize(("id_", "headers"), [
    ("i" * 256, {}), ("中" * 86, {}), ("1", {"n" * 256: "x"}), ("1", {"n": 2**63}), ("1", {"n": -(2**63) - 1}), ("1", {"n": "\ud800"}),
    ("1", {"\ud800": "n"}), ("\ud800", {}),
])  # fmt: skip
def test_what_amqp_cannot_say_is_refused_by_name(by: Any, id_: str, headers: dict[str, Any]) -> None:
    with pytest.raises(Refused) as caught:
        encode(by, id_, "application/json", "utf-8", headers)
    assert caught.value.code == "amqp-properties"


def test_more_names_than_are_remembered_are_written_all_the_same() -> None:
    headers = {f"name-{n}": "x" for n in range(9000)}
    assert frames_python._table_of(headers) == b"".join(
        bytes((len(name),)) + name.encode() + b"S\0\0\0\1x" for name in headers
    )
    assert len(frames_python._names) <= frames_python._REMEMBERED


@BOTH
@given(st.binary(max_size=300), st.integers(1, 100))
def test_a_body_is_cut_into_frames_that_join_to_it(by: Any, body: bytes, step: int) -> None:
    made = by.publishes([(b"", 3, encode_properties("1", "a", "b", {}), body)], step)
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
    assert by.publishes([(b"", 3, b"properties", body), (b"method", 65_535, b"", b"")], step) == b"".join(
        frames_python.publishes([one], step) for one in ((b"", 3, b"properties", body), (b"method", 65_535, b"", b""))
    )


# ------------------------------------------------------------------------------------------- reading


class Stream(FrameStream):
    """Without a network: what a channel's taker gets, and what goes to pika."""

    def __init__(self, by: Any, taken: bool) -> None:
        self.bytes_received = 0
        self.got: list[object] = []
        self._assembler = ContentFrameAssembler()
        self.takers = {1: Taker(self._delivered, self._confirmed)} if taken else {}
        self._reader = by.Reader(self.takers)

    def _delivered(self, arrived: Sequence[Arrived]) -> None:
        self.got += [(
            one.tag, one.exchange, one.routing_key, one.message_id, one.content_type, one.content_encoding, one.headers, one.body,
        ) for one in arrived]

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
            self._delivered([amqp.arrived_of(method.method, header.properties, body)])


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
NOBODYS = pika_frames.Method(9, spec.Basic.Ack(5)).marshal()
OTHERS = st.sampled_from((
    pika_frames.Heartbeat().marshal(), pika_frames.Method(1, spec.Basic.QosOk()).marshal(),
    pika_frames.Method(2, spec.Basic.Ack(5)).marshal(), pika_frames.Method(1, spec.Basic.Cancel("ctag1")).marshal(),
))  # fmt: skip


def read(data: bytes, cuts: Sequence[int], by: Any = None) -> list[object]:
    """Read it in pieces, and past pika if somebody is given."""
    stream = Stream(by or frames_python, by is not None)
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for begin, end in pairwise(edges):
        stream._on_data_available(data[begin:end])
    stream._reader.feed(NOBODYS)
    assert stream._reader.rare() == NOBODYS, "nothing is left over"
    assert stream.bytes_received == len(data)
    return stream.got


@BOTH
@settings(max_examples=300)
@given(st.lists(DELIVERIES | CONFIRMS | OTHERS, max_size=8), st.lists(st.integers(0, 5000), max_size=6))
def test_any_stream_cut_anywhere_is_read_as_pika_reads_it(by: Any, parts: list[bytes], cuts: list[int]) -> None:
    data = b"".join(parts)
    assert read(data, cuts, by) == read(data, ())


SAME = st.fixed_dictionaries({"cloudEvents_id": TEXTS, "cloudEvents_source": SHORT, "名": st.just("x")}) | st.fixed_dictionaries({
    "cloudEvents_id": TEXTS | st.just("i" * 128), "cloudEvents_source": SHORT | st.integers(0, 9),
}) | st.fixed_dictionaries({"cloudEvents_id": st.just("1"), "x-delivery-count": st.just("2")})  # fmt: skip


@BOTH
@given(st.lists(st.builds(lambda headers: content(7, ("a", "b"), {"headers": headers, "message_id": "1"}, b"{}", 9), SAME), max_size=9))
def test_tables_with_the_same_names_one_after_the_other_are_read_as_pika_reads_them(by: Any, parts: list[bytes]) -> None:
    data = b"".join(parts)
    assert read(data, (), by) == read(data, ())


@BOTH
@given(st.dictionaries(NAMES, TEXTS, max_size=5).map(shared), WRITTEN, st.integers(1, 3))
def test_headers_that_others_begin_with_are_written_as_pika_writes_them(by: Any, begin: Shared, more: dict[str, Any], times: int) -> None:
    for _ in range(times):
        assert encode(by, "1", "", "", begin) == encode(by, "1", "", "", dict(begin))
        headers = following(begin)
        headers.update({name: value for name, value in more.items() if name not in begin})
        theirs = pika.BasicProperties(content_type="", content_encoding="", message_id="1", delivery_mode=2, headers=dict(headers))
        assert encode(by, "1", "", "", headers) == b"".join(theirs.encode())


def deliveries(by: Any, *parts: bytes) -> list[Arrived]:
    found: list[Arrived] = []
    reader = by.Reader({1: Taker(found.extend, None)})
    reader.feed(b"".join(parts))
    assert reader.rare() is None or not found
    return found


@BOTH
def test_an_envelope_that_came_is_passed_on_byte_for_byte(by: Any) -> None:
    names = {"cloudEvents_id": "PO-1", "cloudEvents_source": "erp"}
    data = content(7, ("a", "b"), {"headers": names}, b"{}", 9)
    arrived = [one.headers for one in deliveries(by, data, data)]
    assert arrived[0] == arrived[1] == names
    assert isinstance(arrived[1], Shared), "the second time its form is known"
    headers = following(arrived[1])
    headers["bus-route"] = "r"
    assert encode(by, "1", "a", "b", headers) == encode(by, "1", "a", "b", {**names, "bus-route": "r"})


@BOTH
@pytest.mark.parametrize("header", [{"x-delivery-count": "1"}, {"x-opt-x": "1", "a": "b"}, {"a": 1}])
def test_headers_of_the_broker_s_own_are_never_taken_for_the_message_s(by: Any, header: dict[str, Any]) -> None:
    data = content(7, ("a", "b"), {"headers": header}, b"{}", 9)
    found = deliveries(by, data, data)
    assert [one.headers for one in found] == [header, header]
    assert not any(isinstance(one.headers, Shared) for one in found)


@BOTH
def test_a_table_that_names_one_twice_is_not_passed_on_as_it_came(by: Any) -> None:
    once = content(7, ("a", "b"), {"headers": {"a": "1", "b": "2"}}, b"{}", 9)
    twice = once.replace(b"\1bS", b"\1aS")
    found = deliveries(by, once, once, twice)
    assert [one.headers for one in found[2:]] == [{"a": "2"}]
    assert not isinstance(found[2].headers, Shared)


@BOTH
@pytest.mark.parametrize("what", ["exchange", "routing_key", "content_type", "content_encoding", "message_id", "name", "value"])
def test_octets_that_are_no_text_are_left_to_pika(by: Any, what: str) -> None:
    texts = {name: name for name in ("exchange", "routing_key", "content_type", "content_encoding", "message_id", "name", "value")} | {what: "zzzz"}
    good, odd = (
        content(7, (texts["exchange"], texts["routing_key"]), {
            "content_type": texts["content_type"], "content_encoding": texts["content_encoding"],
            "message_id": texts["message_id"], "headers": {texts["name"]: texts["value"]},
        }, b"{}", 9).replace(b"zzzz", octets)
        for octets in (b"zzzz", b"zz\xffz")
    )  # fmt: skip
    assert len(deliveries(by, good)) == 1
    assert not deliveries(by, odd)
    reader = by.Reader({1: Taker(lambda _: None, None)})
    reader.feed(odd)
    assert odd.startswith(reader.rare())


@BOTH
def test_a_delivery_too_long_to_wait_for_goes_through_pika_frame_by_frame(by: Any) -> None:
    body = bytes(LARGEST + 1)
    data = content(7, ("bus.deliver", "to.wms"), {"message_id": "1"}, body, 100_000)
    (got,) = read(data, range(0, len(data), 50_000), by)
    assert got == (7, "bus.deliver", "to.wms", "1", None, None, None, body)


@BOTH
def test_a_frame_without_its_end_is_pika_s_error(by: Any) -> None:
    whole = content(7, ("a", "b"), {}, b"body", 100)
    for broken in (whole[:-1] + b"\0", whole.replace(b"\xce", b"\0", 1)):
        with pytest.raises(pika.exceptions.InvalidFrameError):
            read(broken, (), by)


@pytest.mark.parametrize("seed", range(20))
def test_what_is_broken_is_handed_over_or_left_to_pika_by_both_alike(seed: int) -> None:
    chance = random.Random(seed)
    properties = {"content_type": "a", "content_encoding": "b", "headers": {"c": "d", "e": 5, "f": b"g"}, "message_id": "h", "user_id": "i"}
    sound = content(7, ("bus.events", "x.y"), properties, b"body", 100)
    for _ in range(500):
        odd = bytearray(sound)
        for _ in range(chance.randint(1, 4)):
            odd[chance.randrange(len(odd))] = chance.choice((0, 1, 2, 3, 0x3C, 0x53, 0x7F, 0xCE, 0xFF, chance.randrange(256)))
        results = []
        for by in (frames_compiled, frames_python):
            found, left = list[Arrived](), list[bytes]()
            reader = by.Reader({1: Taker(found.extend, None), 2: Taker(found.extend, lambda *_: None)})
            for begin in range(0, len(odd), 50):
                reader.feed(bytes(odd[begin : begin + 50]))
                while (frame := reader.rare()) is not None:
                    left.append(frame)
            results.append((found, left))
        assert results[0] == results[1]


@BOTH
def test_what_a_taker_raises_costs_nothing_but_what_it_was_given(by: Any) -> None:
    found: list[Arrived] = []

    def once(arrived: Sequence[Arrived]) -> None:
        found.extend(arrived)
        if len(found) == 1:
            raise ValueError

    one = content(1, ("a", "b"), {}, b"x", 9)
    reader = by.Reader({1: Taker(once, None)})
    reader.feed(one)
    with pytest.raises(ValueError):
        reader.rare()
    reader.feed(one)
    assert reader.rare() is None
    assert len(found) == 2


@BOTH
def test_a_taker_who_lets_go_gets_nothing_more(by: Any) -> None:
    takers: dict[int, Taker] = {}
    confirmed: list[int] = []

    def let_go(seq: int, _multiple: bool, _stored: bool) -> None:
        confirmed.append(seq)
        takers.clear()

    takers[1] = Taker(None, let_go)
    reader = by.Reader(takers)
    first, second = (pika_frames.Method(1, spec.Basic.Ack(n, multiple=False)).marshal() for n in (1, 2))
    reader.feed(first + second)
    assert reader.rare() == second
    assert confirmed == [1]


@BOTH
def test_a_broker_of_another_protocol_version_is_left_to_pika(by: Any) -> None:
    assert read(b"AMQP\0\0\x09\x01", (3,), by) == ["another protocol"]


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
    pika_s: Any = SimpleNamespace(
        is_open=True, params=SimpleNamespace(frame_max=131_072), server_properties={}, add_on_close_callback=lambda _: None,
        add_on_connection_blocked_callback=lambda _: None, add_on_connection_unblocked_callback=lambda _: None,
        _output_marshaled_frames=written.extend,
    )

    async def connection() -> Connection:
        return Connection(addresses("amqp://localhost")[0], pika_s, lambda _: None, lambda _: None)

    channel = Channel(asyncio.run(connection()), SimpleNamespace(channel_number=1, add_on_close_callback=lambda _: None))
    properties = encode_properties("PO-1", "application/json", "utf-8", {}, "")
    channel.publish([Wire("bus.deliver", "to.wms", "PO-1", properties, b"{}")])
    end, method = pika_frames.decode_frame(written[0])
    _, header = pika_frames.decode_frame(written[0][end:])
    assert (method.method.routing_key, method.method.mandatory, header.properties.delivery_mode) == ("to.wms", True, 2)
