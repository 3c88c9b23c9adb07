"""Events and messages: CloudEvents 1.0.2 over AMQP, binary mode written, structured mode and all prefixes read.

Binary mode is the wire's own: the attributes are headers, the body is the data alone. Structured mode
has both in one JSON document. What neither can say is refused here by name, so that the router only
ever sees an envelope that can travel on: as headers, as an AMQP short string, as a CloudEvents string.
"""

import codecs
import re
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from operator import itemgetter
from typing import Any
from urllib.parse import quote, unquote

from bus.codecs import read_json_fast, write_json_fast
from bus.errors import BusError, DocumentError, InvalidEvent
from bus.event import DEFAULT_ZONE, EPOCH, Event
from bus.plain import parse_iso_datetime
from bus.ports import Following, Header, Message
from bus.topology import PARTITIONS, ROUTER, to

try:
    from bus.event_compiled import ordinary_envelope
except ImportError:

    def ordinary_envelope(
        _: Mapping[str, Any], _names: tuple[str, ...], /
    ) -> tuple[str, str, str, str, datetime, str] | None:
        return None


PREFIX = "cloudEvents_"
TYPE = PREFIX + "type"
# In the order of preference: AMQP binding, its other spelling, the HTTP binding and drafts made of it.
_HTTP = "ce-"
_PREFIXES = (PREFIX, "cloudEvents:", _HTTP)
_CORE = frozenset(("id", "source", "type", "subject", "time", "partitionkey", "specversion", "datacontenttype"))
_NO_ATTRIBUTES = frozenset(("", "data", "data_base64"))  # the last two are the payload in structured mode
STRUCTURED = "application/cloudevents"
JSON = "application/json"
# What publishers say who say nothing: the defaults of their libraries.
_UNSAID = frozenset(("", "application/octet-stream"))
MAX_ID_BYTES = 255  # AMQP's short strings end there, and an id travels in one

# Headers of the bus's own on deliveries and letters.
ROUTE = "bus-route"
SYSTEM = "bus-system"
PUBLISHED_AS = "bus-published-as"  # the routing key of an event that is not known to be its type
ATTEMPT = "bus-attempt"
EVENT = "bus-event"  # the event's data beside the document made of it, for replies and dead letters
EVENT_LENGTH = "bus-event-length"  # … or how many bytes of it stand behind the document in the body
NAME = "bus-name"
PATH = "bus-path"
EXTRA = "bus-header-"
MANY_HEADERS = 32  # more than an ordinary envelope has
MAX_EVENT_HEADER = 48 * 1024  # bytes; a header table must fit into one AMQP frame

_DELIVERY = to("")
_HTTP_AS_THEY_ARE = "!#$&'()*+,/:;<=>?@[\\]^`{|}"  # printable ASCII but the blank, the quote and the percent sign
_NO_ZONES: Mapping[str, str] = {}
_TIME = PREFIX + "time"
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)", re.ASCII).fullmatch
# What a CloudEvents string may not hold; half a surrogate pair has no UTF-8 either.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]").search


def event_body(data: Any) -> bytes:
    """Return an event's data as JSON; decimals as numbers with their digits, times in ISO 8601."""
    return write_json_fast(data)


def event_headers(event: Event) -> dict[str, str]:
    """Return the envelope as headers."""
    headers = {
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


def envelope(
    message: Message, received: datetime = EPOCH, zones: Mapping[str, str] = _NO_ZONES
) -> tuple[Event, bytes]:
    """Read the envelope and give the bytes of the data, which are not looked at in binary mode.

    A delivery has its event's envelope in the headers, whatever its own document is.

    Args:
        received: the time of an event that carries none.
        zones: IANA zone by system, for a `time` without a zone; Asia/Shanghai where it has none.

    Raises:
        InvalidEvent: an attribute is missing or cannot be what it claims, or the data is no JSON by its
            own account.
        DocumentError: structured mode with a body that is no JSON, or not said to be.
    """
    headers = message.headers
    if message.content_type != JSON and not message.to.startswith(_DELIVERY):
        if is_structured_type(message.content_type):
            return structured(message.body, received, zones)
        _check_json(message.content_type)
    elif (event := _ordinary(headers, zones)) is not None:
        return event, message.body.removeprefix(codecs.BOM_UTF8)
    found = attributes(headers)
    if message.id:
        found.setdefault("id", message.id)
    return _event(found, received, zones), message.body.removeprefix(codecs.BOM_UTF8)


def says_all(headers: Mapping[str, Header]) -> bool:
    """Whether the texts of a whole envelope can stay: none is to be filled in, and the time is the standard's."""
    return "" not in headers.values() and _RFC_3339(str(headers[_TIME])) is not None


def _further(headers: Mapping[str, Header]) -> tuple[tuple[str, str], ...] | None:
    """The header and the name of each extension; None where the envelope is not whole, or something else is there."""
    return _extensions(tuple(headers)) if len(headers) <= MANY_HEADERS else None


@lru_cache(maxsize=1024)  # as those of attributes; few names, so that a publisher cannot fill the memory with them
def _extensions(names: tuple[str, ...]) -> tuple[tuple[str, str], ...] | None:
    others = [name for name in names if name not in ENVELOPE]
    known = [(name, _attribute(name)) for name in others]
    if len(names) - len(others) < len(ENVELOPE) or any(n is None or n[1] != PREFIX or n[0] in _CORE for _, n in known):
        return None
    return tuple((name, attribute[0]) for name, attribute in known if attribute is not None)


ENVELOPE = tuple(event_headers(Event("", "", "", {})))
_values = itemgetter(*ENVELOPE)


def _ordinary(headers: Mapping[str, Header], zones: Mapping[str, str]) -> Event | None:
    """The event of a whole envelope of printable texts without a blank; None for any other, as `_event` knows more."""
    known = ordinary_envelope(headers, ENVELOPE)
    further = () if known is not None and len(headers) == len(ENVELOPE) else _further(headers)
    if further is None:
        return None
    extensions: dict[str, Any] = {name: headers[header] for header, name in further} if further else {}
    if known is not None:
        id_, source, type_, subject, happened, key = known
        return Event(type_, source, id_, {}, subject, happened, key, extensions, headers)
    version, id_, source, type_, subject, time, key = values = _values(headers)
    try:
        whole = "".join((*values, *extensions.values()) if extensions else values)
    except TypeError:  # a number
        return None
    if not (whole.isprintable() and " " not in whole and version == "1.0" and id_ and source and type_):
        return None
    moment = parse_iso_datetime(time, zones.get(source, DEFAULT_ZONE))
    if moment is None or (len(id_) > MAX_ID_BYTES // 4 and len(id_.encode()) > MAX_ID_BYTES):
        return None
    return Event(type_, source, id_, {}, subject, moment, key, extensions, headers if says_all(headers) else None)


def is_structured_type(content_type: str) -> bool:
    """Whether a content type means structured mode.

    Raises:
        DocumentError: it means a batch, or an event written in something else than JSON.
    """
    media = _media_type(content_type)
    if not media.startswith(STRUCTURED):
        return False
    if media not in (STRUCTURED, f"{STRUCTURED}+json"):
        raise DocumentError("event-format", content_type=media[:80])
    return True


def structured(
    body: bytes, received: datetime = EPOCH, zones: Mapping[str, str] = _NO_ZONES
) -> tuple[Event, bytes]:
    """The same as `envelope` for an event whose body holds envelope and data."""
    return event_within(read_json_fast(body), received, zones)


def event_within(
    document: Any, received: datetime = EPOCH, zones: Mapping[str, str] = _NO_ZONES
) -> tuple[Event, bytes]:
    """The same for a document that was read already; it is not changed. Raises InvalidEvent."""
    if type(document) is not dict:
        raise InvalidEvent("event-not-structured")
    if document.get("data_base64") is not None:
        raise InvalidEvent("event-data-base64")
    data = document.get("data")
    if data is None:
        raise InvalidEvent("event-attribute-missing", name="data")
    found = {
        name: value if type(value) is str else _text(value, name)
        for name, value in document.items() if value is not None and name not in _NO_ATTRIBUTES
    }
    return _event(found, received, zones), event_body(data)


def is_structured(document: Any) -> bool:
    """Whether a document read as JSON claims to be an event in structured mode."""
    return type(document) is dict and "specversion" in document and "type" in document


def attributes(headers: Mapping[str, Header]) -> dict[str, str]:
    """Return the attributes that stand in headers, by lower-case name, as texts.

    Raises:
        InvalidEvent: a value is no UTF-8.
    """
    found: dict[str, str] = {}
    for header, value in headers.items():
        known = _attribute(header)
        if known is None:
            continue
        name, prefix = known
        if prefix == PREFIX:
            found[name] = value if type(value) is str else _text(value, name)
        elif name not in found:
            text = _text(value, name)
            found[name] = _http_text(text) if prefix == _HTTP else text
    return found


@lru_cache(maxsize=4096)  # names repeat with every event; publishers could invent any number of them
def _attribute(header: str) -> tuple[str, str] | None:
    """The attribute a header holds and the prefix it has; HTTP gateways change the case of both."""
    lower = header.lower()
    for prefix in _PREFIXES:
        if lower.startswith(prefix.lower()):
            name = lower[len(prefix):]
            return None if name in _NO_ATTRIBUTES else (name, prefix)
    return None


def attribute_of(header: str) -> str:
    """The attribute a header holds, whichever prefix it has; "" for any other header."""
    known = _attribute(header)
    return known[0] if known else ""


def header_text(value: Header, name: str = "") -> str:
    """A header's value as CloudEvents spells its types; of bytes that are no UTF-8 what can be read.

    Args:
        name: of the attribute it is, if it is one.
    """
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else _scalar_text(value, name)


def _scalar_text(value: object, name: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and name == "time":
        return _timestamp_text(value)
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _timestamp_text(milliseconds: int) -> str:
    """AMQP 1.0 has timestamps of its own, and some publishers of 0-9-1 write them as plain integers."""
    try:
        return time_text(EPOCH + timedelta(milliseconds=milliseconds))
    except OverflowError:
        return str(milliseconds)


def _text(value: object, name: str) -> str:
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise InvalidEvent("event-attribute-text") from None
    if isinstance(value, str | int | Decimal):
        return _scalar_text(value, name)
    raise InvalidEvent("event-attribute-kind", name=name[:80])


def _http_text(text: str) -> str:
    """Undo the percent-encoding of the HTTP binding.

    RabbitMQ's draft has the prefix too and encodes nothing: so only of a text that the HTTP binding would
    have written just so.
    """
    if "%" not in text:
        return text
    try:
        decoded = unquote(text, errors="strict")
    except UnicodeDecodeError:
        return text
    return decoded if quote(decoded, safe=_HTTP_AS_THEY_ARE).lower() == text.lower() else text


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _check_json(content_type: str) -> None:
    media = _media_type(content_type)
    if not (media in _UNSAID or media.endswith(("/json", "+json"))):
        raise InvalidEvent("event-content-type", content_type=media[:80])


def _event(found: Mapping[str, str], received: datetime, zones: Mapping[str, str]) -> Event:
    for name in ("id", "source", "type"):
        if not found.get(name, "").strip():
            raise InvalidEvent("event-attribute-missing", name=name)
    if not (version := found.get("specversion", "1.0")).startswith("1."):
        raise InvalidEvent("event-specversion", version=version[:20])
    if content_type := found.get("datacontenttype"):
        _check_json(content_type)
    source, time = found["source"], received
    if written := found.get("time"):
        parsed = parse_iso_datetime(written, zones.get(source, DEFAULT_ZONE))
        if parsed is None:
            raise InvalidEvent("event-attribute-time")
        time = parsed
    return checked_envelope(Event(
        found["type"], source, found["id"], {}, found.get("subject", ""), time, found.get("partitionkey", ""),
        {name: value for name, value in found.items() if name not in _CORE},
    ))


def checked_envelope(event: Event) -> Event:
    """Return the event: its attributes can travel.

    Raises:
        InvalidEvent: one holds a control character, or the id is longer than a message's id may be.
    """
    whole = f"{event.id}{event.source}{event.type}{event.subject}{event.key}{''.join(event.extensions.values())}"
    if not whole.isprintable() and _CONTROL(whole):  # the first is quicker, but stumbles over wide blanks
        texts = {"id": event.id, "source": event.source, "type": event.type, "subject": event.subject,
                 "partitionkey": event.key, **event.extensions}
        name = next(name for name, text in texts.items() if _CONTROL(text))
        raise InvalidEvent("event-attribute-control", name=name[:80])
    if len(event.id.encode()) > MAX_ID_BYTES:
        raise InvalidEvent("event-id-too-long", limit=MAX_ID_BYTES)
    return event


def cloudevents_json(event: Event, body: bytes) -> bytes:
    """Return the whole event as one JSON document, the data as it came."""
    envelope_ = {
        "specversion": "1.0", "id": event.id, "source": event.source, "type": event.type,
        "subject": event.subject, "time": time_text(event.time), "partitionkey": event.key,
        "datacontenttype": JSON, **event.extensions,
    }
    return write_json_fast(envelope_)[:-1] + b',"data":' + body + b"}"


def with_event(headers: Following, document: bytes, data: bytes) -> bytes:
    """Have a delivery take its event's data along: in a header, or behind the document when too large for one.

    Returns:
        its body.
    """
    if len(data) <= MAX_EVENT_HEADER:
        headers[EVENT] = data
        return document
    headers[EVENT_LENGTH] = len(data)
    return document + data


def split_event(message: Message) -> tuple[bytes, bytes | None]:
    """Return a delivery's document, and the event's data where it carries them."""
    data, length = message.headers.get(EVENT), message.headers.get(EVENT_LENGTH)
    if data is not None:
        return message.body, data if isinstance(data, bytes) else str(data).encode()
    if isinstance(length, int) and 0 < length <= len(message.body):
        return message.body[:-length], message.body[-length:]
    return message.body, None


def partition(message: Message) -> str:
    """The queue of an event where the router's is split: the same key always takes the same one."""
    key = message.headers.get(f"{PREFIX}partitionkey")
    if not isinstance(key, str) or not key:
        try:
            key = envelope(message, EPOCH, _NO_ZONES)[0].key
        except BusError:  # which partition's router refuses it is all the same
            key = message.id
    return f"{ROUTER}.{zlib.crc32(key.encode()) % PARTITIONS}"


def utc_now(now_s: float) -> datetime:
    """Seconds since 1970 as a time with a zone."""
    return datetime.fromtimestamp(now_s, UTC)
