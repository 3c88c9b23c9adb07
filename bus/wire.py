"""Events and messages: CloudEvents 1.0.2 over AMQP, binary mode written, structured mode and all prefixes read."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from bus.codecs import read_json_fast
from bus.errors import InvalidEvent
from bus.event import EPOCH, Event
from bus.plain import parse_iso_datetime
from bus.ports import Header, Message
from bus.topology import ROUTER

PREFIX = "cloudEvents_"
_PREFIXES = (PREFIX, "cloudEvents:", "ce-")
_CORE = ("id", "source", "type", "subject", "time", "partitionkey", "specversion", "datacontenttype")
STRUCTURED = "application/cloudevents"
JSON = "application/json"

# Headers of the bus's own on deliveries and letters.
ROUTE = "bus-route"
SYSTEM = "bus-system"
ATTEMPT = "bus-attempt"
EVENT = "bus-event"  # the event's data beside the document made of it, for replies and dead letters
EVENT_LENGTH = "bus-event-length"  # … or how many bytes of it stand behind the document in the body
NAME = "bus-name"
PATH = "bus-path"
EXTRA = "bus-header-"
MAX_EVENT_HEADER = 48 * 1024  # bytes; a header table must fit into one AMQP frame

_encode = msgspec.json.Encoder(decimal_format="number").encode


def event_body(data: Mapping[str, Any]) -> bytes:
    """Return an event's data as JSON; decimals as numbers with their digits, times in ISO 8601."""
    return _encode(_fit(data)) if _unfit(data) else _encode(data)


def _unfit(value: Any) -> bool:
    """Whether a Decimal in it would be written with an exponent."""
    if type(value) is Decimal:
        return "E" in str(value)
    if type(value) is dict:
        return any(_unfit(member) for member in value.values())
    return type(value) is list and any(_unfit(member) for member in value)


def _fit(value: Any) -> Any:
    if type(value) is Decimal:
        return Decimal(f"{value:f}")
    if type(value) is dict:
        return {name: _fit(member) for name, member in value.items()}
    return [_fit(member) for member in value] if type(value) is list else value


def event_headers(event: Event) -> dict[str, Header]:
    """Return the envelope as headers, every value a string."""
    headers: dict[str, Header] = {
        "cloudEvents_specversion": "1.0",
        "cloudEvents_id": event.id,
        "cloudEvents_source": event.source,
        "cloudEvents_type": event.type,
        "cloudEvents_subject": event.subject,
        "cloudEvents_time": time_text(event.time),
        "cloudEvents_partitionkey": event.key,
    }
    for name, value in event.extensions.items():
        headers[PREFIX + name] = value
    return headers


def time_text(time: datetime) -> str:
    """A time as RFC 3339, UTC as Z."""
    text = time.isoformat()
    return text[:-6] + "Z" if text.endswith("+00:00") else text


def event_message(event: Event, body: bytes | None = None) -> Message:
    """Return an event on its way to the router."""
    return Message(ROUTER, event.id, event_body(event.data) if body is None else body, event_headers(event), JSON)


def envelope(message: Message, received: datetime = EPOCH) -> tuple[Event, bytes]:
    """Read the envelope and give the bytes of the data, which are not looked at in binary mode.

    Args:
        received: the time of an event that carries none.

    Raises:
        InvalidEvent: an attribute is missing or cannot be what it claims.
        DocumentError: structured mode with a body that is no JSON.
    """
    if message.content_type.startswith(STRUCTURED):
        return structured(message.body, received)
    attributes: dict[str, str] = {}
    for name, value in message.headers.items():
        for prefix in _PREFIXES:
            if name.startswith(prefix):
                attributes[name[len(prefix):].lower()] = value if type(value) is str else _text(value)
                break
    attributes.setdefault("id", message.id)
    return _event(attributes, received), message.body


def structured(body: bytes, received: datetime = EPOCH) -> tuple[Event, bytes]:
    """The same for an event whose body holds envelope and data."""
    whole = read_json_fast(body)
    if type(whole) is not dict:
        raise InvalidEvent("event-not-structured")
    data = whole.pop("data", None)
    if data is None:
        raise InvalidEvent("event-attribute-missing", name="data")
    attributes = {name: value if type(value) is str else _text(value) for name, value in whole.items()}
    return _event(attributes, received), event_body(data)


def is_structured(document: Any) -> bool:
    """Whether a document read as JSON is an event in structured mode."""
    return type(document) is dict and "specversion" in document and "type" in document and "data" in document


def _text(value: object) -> str:
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise InvalidEvent("event-attribute-text") from None
    return str(value)


def _event(attributes: Mapping[str, str], received: datetime) -> Event:
    for name in ("id", "source", "type"):
        if not attributes.get(name):
            raise InvalidEvent("event-attribute-missing", name=name)
    time = received
    if attributes.get("time"):
        parsed = parse_iso_datetime(attributes["time"], "UTC")
        if parsed is None:
            raise InvalidEvent("event-attribute-time")
        time = parsed
    return Event(
        attributes["type"], attributes["source"], attributes["id"], {},
        attributes.get("subject", ""), time, attributes.get("partitionkey", ""),
        {name: value for name, value in attributes.items() if name not in _CORE},
    )


def cloudevents_json(event: Event, body: bytes) -> bytes:
    """Return the whole event as one JSON document, the data as it came."""
    attributes = {
        "specversion": "1.0", "id": event.id, "source": event.source, "type": event.type,
        "subject": event.subject, "time": time_text(event.time), "partitionkey": event.key,
        "datacontenttype": JSON, **event.extensions,
    }
    return _encode(attributes)[:-1] + b',"data":' + body + b"}"


def with_event(delivery: Message, data: bytes) -> Message:
    """The delivery with its event's data along: in a header, or behind the document when too large for one."""
    if len(data) <= MAX_EVENT_HEADER:
        return replace(delivery, headers={**delivery.headers, EVENT: data})
    headers = {**delivery.headers, EVENT_LENGTH: len(data)}
    return replace(delivery, body=delivery.body + data, headers=headers)


def split_event(message: Message) -> tuple[bytes, bytes | None]:
    """Return a delivery's document, and the event's data where it carries them."""
    data = message.headers.get(EVENT)
    if isinstance(data, bytes | bytearray):
        return message.body, bytes(data)
    length = message.headers.get(EVENT_LENGTH)
    if isinstance(length, int):
        return message.body[:-length], message.body[-length:]
    return message.body, None


def utc_now(now_s: float) -> datetime:
    """Seconds since 1970 as a time with a zone."""
    return datetime.fromtimestamp(now_s, UTC)

