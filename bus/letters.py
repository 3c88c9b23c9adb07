"""Dead letters and parked ones: the original event or document, and why it waits. Pure.

A letter keeps the reason as a code with its fields, so whoever reads it sees it in their language,
and keeps the event as it came, so a replay runs routing.yaml as it is then.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bus.errors import BusError, Held, UnmappedCode
from bus.ports import Header, Message
from bus.texts import TEXTS, hint, say
from bus.topology import DOCUMENTS, INVALID, ROUTER, dead
from bus.wire import ATTEMPT, EXTRA, NAME, PATH, PREFIX, ROUTE, SYSTEM

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
ORDER = "bus-order"  # on a delivery whose route says `ordering: key`: the key
MAX_FIELD = 300  # characters kept of any one field


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter as ops see it; times in seconds since 1970."""

    id: str
    state: State
    code: str
    fields: Mapping[str, Any]
    system: str
    route: str | None
    type: str
    subject: str
    kind: str
    since_s: float
    at_s: float
    attempts: int
    where: str

    @property
    def message(self) -> str:
        """The reason, in the chosen language."""
        try:
            return say(self.code, **self.fields) if self.code in TEXTS else self.code
        except KeyError:  # written by another version whose sentence has other fields
            return self.code

    @property
    def hint(self) -> str:
        """What to do about it, or ""."""
        return hint(self.code, **self.fields) if self.code in TEXTS else ""


def of_event(
    event: Mapping[str, Header], id_: str, body: bytes, error: BusError, now_s: float, *,
    route: str = "", system: str = "", attempts: int = 0, state: State | None = None, content_type: str = "application/json",
) -> Message:
    """A letter about an event, or about one delivery of it.

    Args:
        event: headers of the event's message; its envelope is kept.
        id_: the delivery's id, or the event's where there was no delivery: the letter's own.
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
    to = dead(system) if system and route else INVALID
    return Message(to, id_, body, headers, content_type)


def of_document(
    system: str, name: str, id_: str, body: bytes, error: BusError, now_s: float, *,
    content_type: str = "", rule: str = "",
) -> Message:
    """A letter about a document that became no event, or not all of them: then `rule` says which is missing."""
    headers: dict[str, Header] = {
        **_reason(error, None), KIND: "document", SYSTEM: system, NAME: name, DOCUMENT: id_,
        AT: int(now_s * 1000), SINCE: int(now_s * 1000), ATTEMPT: 0,
    }
    letter = f"{id_}:{rule}" if rule else id_
    return Message(INVALID, letter, body, headers, content_type)


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
        reason[LOOKUP] = json.dumps([error.table, error.by, error.to, *error.codes], ensure_ascii=False)
    return reason


def read(message: Message) -> Letter:
    """Return what a letter says; a message that is none gives its bare facts."""
    headers = message.headers

    def text(name: str) -> str:
        value = headers.get(name, "")
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

    def number(name: str) -> float:
        try:
            return float(text(name) or 0)
        except ValueError:
            return 0.0

    try:
        fields = json.loads(text(FIELDS) or "{}")
    except ValueError:
        fields = {}
    return Letter(
        message.id, "parked" if text(STATE) == "parked" else "dead", text(CODE) or "unknown-reason",
        fields, text(SYSTEM) or text(PREFIX + "source"), text(ROUTE) or None, text(PREFIX + "type"),
        text(PREFIX + "subject") or text(NAME), text(KIND) or "event",
        number(SINCE) / 1000, number(AT) / 1000, int(number(ATTEMPT)), text(WHERE),
    )


def replayed(message: Message) -> Message:
    """Return the message that tries a letter again, with routing.yaml as it is then.

    An event goes to the router, and from there to the one route and system it failed for; a document
    goes through the inbound rules. Ids stay, so trying again never doubles an effect.
    """
    letter = read(message)
    headers = {name: value for name, value in message.headers.items() if name.startswith(PREFIX)}
    headers |= {name: value for name, value in message.headers.items() if not name.startswith(("bus-", PREFIX))}
    headers[SINCE] = message.headers.get(SINCE, 0)
    headers[REPLAY] = _replays(message) + 1
    if letter.kind == "document":
        headers |= {SYSTEM: letter.system, NAME: message.headers.get(NAME, "")}
        id_ = str(message.headers.get(DOCUMENT, message.id))
        return Message(DOCUMENTS, id_, message.body, headers, message.content_type)
    if letter.route:
        headers |= {ROUTE: letter.route, SYSTEM: letter.system}
    event_id = message.headers.get(PREFIX + "id", message.id)
    return Message(ROUTER, str(event_id), message.body, headers, message.content_type)


def _replays(message: Message) -> int:
    count = message.headers.get(REPLAY, 0)
    return count if isinstance(count, int) else 0


def awaited_code(message: Message) -> tuple[str, str, str, tuple[str, ...]] | None:
    """Of a letter parked for an unmapped code: table, column by, column to, codes. None for any other."""
    raw = message.headers.get(LOOKUP)
    if message.headers.get(STATE) != "parked" or not isinstance(raw, str):
        return None
    table, by, to, *codes = json.loads(raw)
    return table, by, to, tuple(codes)


def delivery_headers(
    event: Mapping[str, Header], route: str, name: str, path: str, extra: Mapping[str, str], since_ms: int
) -> dict[str, Header]:
    """Headers of a delivery: the event's envelope as strings, and what the sink needs."""
    headers: dict[str, Header] = {key: value for key, value in event.items() if key.startswith(PREFIX)}
    headers[ROUTE] = route
    headers[SINCE] = since_ms
    if name:
        headers[NAME] = name
    if path:
        headers[PATH] = path
    for key, value in extra.items():
        headers[EXTRA + key] = value
    return headers
