"""What is done in C for every event is what Python does, or it is left to Python."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bus import event, event_compiled, wire
from bus.event import Event, delivery_id
from bus.event_compiled import ordinary_envelope
from bus.plain import parse_iso_datetime
from bus.ports import Header, Message, shared
from bus.topology import ROUTER
from bus.wire import ENVELOPE, envelope, event_headers, says_all

from tests.core.uncompiled import uncompiled

WHEN = datetime(2026, 11, 23, 8, 30, 15, 123456, UTC)
EVENT = Event("purchase_order.released", "erp", "4500012345-v1", {}, "4500012345", WHEN, "4500012345")


def test_it_is_built_and_taken() -> None:
    assert delivery_id is event_compiled.delivery_id
    assert vars(wire)["ordinary_envelope"] is ordinary_envelope


# --------------------------------------------------------------------------------------------- ids

PARTS: list[tuple[str, str, str, str, int | str]] = [
    ("erp", "4500012345-v1", "po-to-wms", "wms", 0), ("erp", "4500012345-v1", "po-to-wms", "wms", "2.0"),
    ("", "", "", "", ""), ("采购系统", "订单-１", "路由", "仓库", 12), ("a\nb", "c", "d\n", "e", "0"),
    # Blocks of SHA-1 that are just full, and just not: the length takes up the last eight of 64.
    *(("erp", "x" * size, "r", "s", 0) for size in range(25, 45)), *(("erp", "x" * size, "r", "s", 0) for size in (95, 96, 255, 5000)),
]  # fmt: skip


def test_the_id_of_a_delivery_is_the_same_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = uncompiled(event, "bus.event_compiled", monkeypatch)
    assert alone.delivery_id is not delivery_id
    for parts in PARTS:
        assert delivery_id(*parts) == alone.delivery_id(*parts), parts
    assert delivery_id("erp", "1", "r", "s") == alone.delivery_id("erp", "1", "r", "s", 0)
    assert uncompiled(wire, "bus.event_compiled", monkeypatch).ordinary_envelope(event_headers(EVENT), ENVELOPE) is None


@given(st.text(st.characters(codec="utf-8")), st.text(max_size=200), st.text(), st.text(), st.integers(0, 10**9) | st.text(max_size=5))
def test_any_id_is_the_uuid_that_the_standard_library_makes(source: str, id_: str, route: str, system: str, round_: int | str) -> None:
    name = f"{source}\n{id_}\n{route}\n{system}\n{round_}"
    try:
        wanted = str(uuid.uuid5(uuid.NAMESPACE_URL, name))
    except UnicodeEncodeError:
        with pytest.raises(UnicodeEncodeError):
            delivery_id(source, id_, route, system, round_)
    else:
        assert delivery_id(source, id_, route, system, round_) == wanted


# --------------------------------------------------------------------------------------- envelopes


def read_in_python(headers: Mapping[str, Header], monkeypatch: pytest.MonkeyPatch) -> Event:
    with monkeypatch.context() as patch:
        patch.setattr("bus.wire.ordinary_envelope", lambda _headers, _names: None)
        return envelope(Message(ROUTER, "", b"{}", headers))[0]


TEXTS = st.text("abc-:./09 é物\t\x7f%+TZ", max_size=12)
TIMES = st.one_of(
    st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
    st.datetimes(timezones=st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))).map(datetime.isoformat),
    st.from_regex(r"\A(19|20)\d\d-[01]\d-[0-3]\d[Tt ][0-2]\d:[0-5]\d(:[0-6]\d(\.\d{1,10})?)?(Z|z|[+-][0-2]\d:?[0-6]\d|[+-]\d\d)?\Z"),
    TEXTS,
)


@given(values=st.lists(TEXTS, min_size=6, max_size=6), time=TIMES, more=st.dictionaries(st.sampled_from(["cloudEvents_traceparent", "cloudEvents_a", "x-own"]), TEXTS))
@example(["1.0", "a", "b", "c", "d", "e"], "2026-02-29T00:00:00Z", {})
@example(["1.0", "a", "b", "c", "d", "e"], "2024-02-29T23:59:59.1234567+08:00", {})
@example(["1.0", "a", "b", "c", "d", "e"], "0001-01-01T00:00:00+14:00", {})
@example(["1.0", "a", "b", "c", "d", "e"], "9999-12-31T23:59:59-14:00", {})
@example(["1.0", "x" * 255, "b", "c", "d", "e"], "2026-01-01T00:00:00-00:00", {})
@example(["1.0", "x" * 256, "b", "c", "d", "e"], "2026-01-01T00:00:00+00:00", {})
def test_what_is_ordinary_in_c_is_what_python_reads(values: list[str], time: str, more: dict[str, str]) -> None:
    version, id_, source, type_, subject, key = values
    headers = shared(dict(zip(ENVELOPE, ("1.0" if version == "a" else version, id_, source, type_, subject, time, key), strict=True)) | more)
    found = ordinary_envelope(headers, ENVELOPE)
    if found is None:
        return
    moment = parse_iso_datetime(time, "Asia/Shanghai")
    assert found == (id_, source, type_, subject, moment, key)
    assert moment is not None
    assert found[4].utcoffset() == moment.utcoffset()
    assert says_all(headers)
    assert version in {"1.0", "a"}
    assert len(id_) <= 255
    assert all(text.isprintable() and " " not in text for text in headers.values())


@pytest.mark.parametrize("more", [{}, {"cloudEvents_traceparent": "00-1-2-01"}, {"cloudEvents_note": ""}, {"cloudEvents_note": "物"}, {"x-own": "no"}])
def test_an_event_is_the_same_read_in_c_and_in_python(more: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    headers = shared({**event_headers(EVENT), **more})
    read = envelope(Message(ROUTER, "", b"{}", headers))[0]
    python = read_in_python(headers, monkeypatch)
    assert read == python
    assert (read.came is headers) == (python.came is headers) == (not more or "cloudEvents_traceparent" in more or more == {"cloudEvents_note": "物"})


def test_an_ordinary_event_is_read_in_c() -> None:
    assert ordinary_envelope(event_headers(EVENT), ENVELOPE) == (
        "4500012345-v1", "erp", "purchase_order.released", "4500012345", WHEN, "4500012345"
    )


@pytest.mark.parametrize("headers", [
    {}, {**event_headers(EVENT), "cloudEvents_time": 1737275400123}, {**event_headers(EVENT), "cloudEvents_id": b"1"},
    {**event_headers(EVENT), "cloudEvents_subject": ""}, {**event_headers(EVENT), "cloudEvents_specversion": "1.1"},
    dict(reversed(event_headers(EVENT).items())), {name: value for name, value in event_headers(EVENT).items() if name != "cloudEvents_time"},
    {**event_headers(EVENT), "cloudEvents_n": 7}, {f"{name}"[::-1]: value for name, value in event_headers(EVENT).items()},
])  # fmt: skip
def test_what_is_not_ordinary_is_left_to_python(headers: dict[str, Any]) -> None:
    assert ordinary_envelope(headers, ENVELOPE) is None
