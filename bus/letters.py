"""Dead letters and parked ones: the original event or document, and why it waits. Pure.

A letter keeps the reason as a code with its fields, so whoever reads it sees it in their language,
and keeps the event as it came, so a replay runs routing.yaml as it is then.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from bus.errors import BusError, Held, UnmappedCode, remedy, sentence
from bus.event import Event, digest
from bus.holds import ORDER, PLACE, over, place_of
from bus.ports import Following, Header, Message, Shared, following, shared
from bus.texts import TEXTS
from bus.topology import DOCUMENTS, INVALID, ROUTER, dead
from bus.wire import (
    ATTEMPT,
    ENVELOPE,
    EXTRA,
    JSON,
    MAX_ID_BYTES,
    NAME,
    PATH,
    PREFIX,
    ROUTE,
    SYSTEM,
    attribute_of,
    event_headers,
    header_text,
    says_all,
)

State = Literal["parked", "dead"]
STATE = "bus-state"
CODE = "bus-code"
FIELDS = "bus-fields"
WHERE = "bus-where"
SINCE = "bus-since"  # when the event was accepted, milliseconds since 1970
AT = "bus-at"  # when it became a letter, milliseconds since 1970
KIND = "bus-kind"  # event or document
LOOKUP = "bus-lookup"  # of an unmapped code: table, column by, column to, codes
DOCUMENT = "bus-document"  # id of the document a letter keeps
REPLAY = "bus-replay"  # on a replayed message: how often it was
LETTER = "bus-letter"  # on a replayed message: the letter's id
ANSWER = "bus-answer"  # the beginning of what the target answered; shown with the letter, never logged
_TYPE, _SUBJECT = PREFIX + "type", PREFIX + "subject"
MAX_FIELD = 300  # characters kept of any one field
MAX_LOOKUP = 4096  # characters; a code as long as a document is no code, and headers must fit into one frame


class Letter(NamedTuple):
    """One letter as ops see it; times in seconds since 1970, the code's fields as they were written.

    Args:
        key, place: of an ordered route: what waits behind it has this key and a higher place.
    """

    id: str
    state: State
    code: str
    written: str
    system: str
    route: str | None
    type: str
    subject: str
    kind: str
    since_s: float
    at_s: float
    attempts: int
    where: str
    key: str = ""
    place: int = 0
    answer: str = ""

    @property
    def fields(self) -> Mapping[str, Any]:
        """What the code says it of."""
        return _fields(self.written)

    @property
    def message(self) -> str:
        """The reason, in the chosen language."""
        return self._said(sentence) or self.code

    @property
    def hint(self) -> str:
        """What to do about it, or ""."""
        return self._said(remedy)

    def _said(self, speak: Callable[[str, Mapping[str, object]], str]) -> str:
        """A sentence about the reason; "" where another version wrote a code or fields this one does not know."""
        try:
            return speak(self.code, self.fields) if self.code in TEXTS else ""
        except (LookupError, ValueError, TypeError, AttributeError):
            return ""


def of_event(
    event: Mapping[str, Header], id_: str, body: bytes, error: BusError, now_s: float, *,
    route: str = "", system: str = "", attempts: int = 0, state: State | None = None, content_type: str = JSON,
    key: str = "", place: int | None = None,
) -> Message:
    """A letter about an event, or about one delivery of it.

    Args:
        event: headers of the event's message; its envelope is kept.
        id_: the delivery's id, or the event's where there was no delivery: the letter's own; "" where the
            message had none, and then one is made of its body.
        body: the event's data, or the message as it came where that is no event.
        key, place: of an ordered route's delivery: what its order is kept by, and its place once it has one.
    """
    kept = {name: value for name, value in event.items() if not name.startswith("bus-")}
    for name in (SINCE, REPLAY):
        if name in event:
            kept[name] = event[name]
    headers = {**kept, **_reason(error, state), KIND: "event", AT: int(now_s * 1000), ATTEMPT: attempts}
    headers.setdefault(SINCE, int(now_s * 1000))
    if route:
        headers[ROUTE] = route
    if system:
        headers[SYSTEM] = system
    headers |= ordered(key, place)
    to = dead(system) if system and route else INVALID
    return Message(to, _short(id_ or digest(body).hex()), body, headers, content_type)


def ordered(key: str, place: int | None = None) -> dict[str, Header]:
    """The headers that keep an order: none without a key."""
    headers: dict[str, Header] = {ORDER: key} if key else {}
    if key and place is not None:
        headers[PLACE] = place
    return headers


def of_document(
    system: str, name: str, id_: str, body: bytes, error: BusError, now_s: float, *,
    content_type: str = "", rule: str = "",
) -> Message:
    """A letter about a document that became no event, or not all of them: then `rule` says which is missing."""
    headers: dict[str, Header] = {
        **_reason(error, None), KIND: "document", SYSTEM: system, NAME: name, DOCUMENT: _short(id_),
        AT: int(now_s * 1000), SINCE: int(now_s * 1000), ATTEMPT: 0,
    }
    return Message(INVALID, _short(f"{id_}:{rule}" if rule else id_), body, headers, content_type)


def _short(id_: str) -> str:
    """An id that fits a message: a longer one is cut, and told from its like by a hash of the whole."""
    encoded = id_.encode()
    if len(encoded) <= MAX_ID_BYTES:
        return id_
    mark = f"~{digest(encoded).hex()}"
    return encoded[: MAX_ID_BYTES - len(mark)].decode("utf-8", "ignore") + mark


def is_parked(error: BusError) -> bool:
    """Whether a person or a code may still let it go on."""
    return isinstance(error, Held)


def _reason(error: BusError, state: State | None) -> dict[str, Header]:
    fields = {name: str(value)[:MAX_FIELD] for name, value in error.fields.items()}
    reason: dict[str, Header] = {
        STATE: state or ("parked" if is_parked(error) else "dead"),
        CODE: error.code,
        FIELDS: json.dumps(fields, ensure_ascii=False),
    }
    if error.where is not None:
        place = error.where
        reason[WHERE] = f"{place.file}:{place.line}:{place.column} {place.path}".rstrip()
    if isinstance(error, UnmappedCode):
        awaited = json.dumps([error.table, error.by, error.to, *error.codes], ensure_ascii=False)
        if len(awaited) <= MAX_LOOKUP:
            reason[LOOKUP] = awaited
    return reason


def read(message: Message) -> Letter:
    """Return what a letter says; a message that is none gives its bare facts."""
    headers = message.headers

    def text(name: str) -> str:
        value = headers.get(name, "")
        return value if type(value) is str else header_text(value)

    def number(name: str) -> float:
        value = headers.get(name, 0)
        return value if type(value) is int and value >= 0 else _number(header_text(value))

    type_, subject = text(_TYPE), text(_SUBJECT)
    system = text(SYSTEM)
    if not (type_ and subject and system):  # of an event that came under another prefix, or with less
        attributes = {name: header_text(value) for header, value in headers.items() if (name := attribute_of(header))}
        type_ = attributes.get("type", "")
        subject = attributes.get("subject", "") or text(NAME) or attributes.get("id", "")
        system = system or attributes.get("source", "")
    return Letter(
        message.id, "parked" if text(STATE) == "parked" else "dead", text(CODE) or "unknown-reason", text(FIELDS),
        system, text(ROUTE) or None, type_, subject, text(KIND) or "event", number(SINCE) / 1000, number(AT) / 1000,
        int(number(ATTEMPT)), text(WHERE), text(ORDER), place_of(headers) or 0, text(ANSWER),
    )


def _fields(written: str) -> Mapping[str, Any]:
    try:
        fields = json.loads(written or "{}")
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}


def _number(written: str) -> float:
    return float(written) if written.isascii() and written.isdigit() else 0.0


def replayed(message: Message) -> Message:
    """Return the message that tries a letter again, with routing.yaml as it is then.

    An event goes to the router, and from there to the one route and system it failed for; a document
    goes through the inbound rules. Ids stay, so trying again never doubles an effect.
    """
    letter = read(message)
    headers = {name: value for name, value in message.headers.items() if not name.startswith("bus-")}
    headers[REPLAY] = int(_number(header_text(message.headers.get(REPLAY, 0)))) + 1
    for name in (SINCE, ORDER, PLACE):
        if name in message.headers:
            headers[name] = message.headers[name]
    if letter.kind == "document":
        headers |= {SYSTEM: letter.system, NAME: message.headers.get(NAME, "")}
        id_ = header_text(message.headers.get(DOCUMENT, message.id))
        return Message(DOCUMENTS, id_, message.body, headers, message.content_type)
    if letter.route:
        headers |= {ROUTE: letter.route, SYSTEM: letter.system, LETTER: message.id}
    event_id = header_text(message.headers.get(PREFIX + "id", message.id))
    return Message(ROUTER, event_id, message.body, headers, message.content_type)


def dropped(message: Message) -> tuple[Message, ...]:
    """Return what is told when a letter is dropped: what waits behind it may go."""
    letter = read(message)
    return (over(letter.system, letter.key, letter.place),) if letter.place else ()


def awaited_code(message: Message) -> tuple[str, str, str, tuple[str, ...]] | None:
    """Of a letter parked for an unmapped code: table, column by, column to, codes. None for any other."""
    if message.headers.get(STATE) != "parked" or LOOKUP not in message.headers:
        return None
    try:
        awaited = json.loads(header_text(message.headers[LOOKUP]))
    except ValueError:
        return None
    if not isinstance(awaited, list) or len(awaited) < 4 or not all(isinstance(part, str) for part in awaited):
        return None
    table, by, to, *codes = awaited
    return table, by, to, tuple(codes)


def carried(headers: Mapping[str, Header], event: Event) -> Shared:
    """The event's envelope as each of its deliveries carries it: strings, and nothing but the envelope.

    Args:
        headers: of the message the event came in. Where they say all that the event does, they pass on as they came.
    """
    if type(event.came) is Shared:
        return event.came
    found: dict[str, str] = {
        name: value if type(value) is str else header_text(value, name[len(PREFIX):])
        for name, value in headers.items() if name.startswith(PREFIX)
    }
    return shared(found if found.keys() >= {*ENVELOPE} and says_all(found) else found | event_headers(event))


def delivery_headers(
    envelope: Shared, route: str, name: str, path: str, extra: Mapping[str, str]
) -> Following:
    """Headers of a delivery: what `carried` gave, and what its reader needs."""
    headers = following(envelope)
    headers[ROUTE] = route
    if name:
        headers[NAME] = name
    if path:
        headers[PATH] = path
    if extra:
        headers |= {EXTRA + key: text for key, text in extra.items()}
    return headers
