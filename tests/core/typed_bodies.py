"""Types of events and bodies for them, sound and broken, as chance has it."""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from bus import types
from bus.errors import DocumentError, InvalidEvent
from bus.types import EventType, Field, ListOf, Record, Scalar, Type

ZONE = "Asia/Shanghai"
ORDINARY: Mapping[Scalar, tuple[str, ...]] = {
    types.TEXT: ('"PO-1"', '""', '"x"', '"六角螺栓 M8×40"', '"3/4\\" 中\\n"', '"\\u00e9"', '"😀"', '"25x52x15 mm, sealed, steel cage"'),
    types.INTEGER: ("0", "7", "-12", "999999999999999999"),
    types.DECIMAL: ("0", "-3", "12.50", "-0.0", "0.10", "1234567890123456789012345.67"),
    types.BOOLEAN: ("true", "false"),
    types.DATE: ('"2025-01-19"', '"2024-02-29"', '"9999-12-31"'),
    types.DATETIME: ('"2025-01-19T08:30:00Z"', '"2025-01-19 08:30"', '"2025-01-19"', '"2025-01-19T08:30:00.1234567+0800"'),
    types.ANY: ('"x"', "1.50", "[]", '{"a": [null, true, {"b": -7}], "a": 1}', '[[{"": "中"}], null]'),
}
ODD = (
    "null", "-0", "01", "1.", ".5", "-", "1e3", "1.5E-2", "1e61", "1e999", "12345678901234567890", "9" * 70, "0." + "1" * 70,
    '"12.50"', '"0007"', '"2025-02-30"', '"2025-01-1\\u0039"', '"\\ud800"', '"\\x"', '"a\tb"', '"', "tru", "nul", "NaN", "[1,]", '{"a"}',
    '{"a":1,}', "[" * 40 + "]" * 40, "{}", "[]", "true", '" "', '"\x7f"',
)  # fmt: skip
NAMES = ("po_no", "po_n", "po", "p", "", "名", "名称", "amount/€", "from", "x" * 40, "a b", 'a"b', "line_no", "lines")
BLANKS = ("", "", "", "", " ", "\n\t", "  \r\n")


def record_of(chance: Random, depth: int = 0) -> Record:
    """A record of a few fields."""
    names = chance.sample(NAMES, chance.randint(0, 6))
    return Record({name: Field(type_of(chance, depth + 1), chance.random() < 0.5) for name in names})


def type_of(chance: Random, depth: int) -> Type:
    what = chance.random()
    if depth < 4 and what < 0.15:
        return ListOf(type_of(chance, depth + 1))
    if depth < 4 and what < 0.3:
        return record_of(chance, depth)
    return chance.choice(tuple(ORDINARY))


def body_of(chance: Random, type_: Type, oddness: float) -> str:
    """JSON for a type; a value of it may be odd, a field missing, written twice or nobody's."""
    if chance.random() < oddness:
        return chance.choice(ODD)
    if isinstance(type_, Scalar):
        return chance.choice(ORDINARY[type_])
    if isinstance(type_, ListOf):
        return _joined(chance, "[]", [body_of(chance, type_.item, oddness) for _ in range(chance.randint(0, 3))])
    declared = {
        name: field.type for name, field in type_.fields.items() if chance.random() > (oddness if field.required else 0.4)
    }
    names = list(declared)
    if chance.random() < 0.3:
        chance.shuffle(names)
    if names and chance.random() < 0.1:
        names.append(chance.choice(names))
    if chance.random() < 0.2:
        names.insert(chance.randint(0, len(names)), chance.choice(NAMES))
    members = []
    for name in names:
        value = body_of(chance, declared.get(name, types.ANY), oddness)
        quoted = name.replace('"', '\\"')
        members.append(f'"{quoted}"{chance.choice(BLANKS)}:{chance.choice(BLANKS)}{value}')
    return _joined(chance, "{}", members)


def _joined(chance: Random, brackets: str, parts: list[str]) -> str:
    spaced = [f"{chance.choice(BLANKS)}{part}{chance.choice(BLANKS)}" for part in parts]
    return f"{brackets[0]}{','.join(spaced) or chance.choice(BLANKS)}{brackets[1]}"


def mutated(chance: Random, body: bytes) -> bytes:
    """The body with some octets changed, lost, doubled or put in."""
    for _ in range(chance.randint(1, 3)):
        at = chance.randint(0, len(body))
        match chance.randrange(6):
            case 0:
                body = body[:at]
            case 1:
                body = body[:at] + bytes((chance.randrange(256),)) + body[at + 1 :]
            case 2:
                body = body[:at] + chance.choice((b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\0", b"\xef\xbb\xbf", b"0", b"-", b".")) + body[at:]
            case 3:
                body = body[:at] + body[at + chance.randint(1, 9) :]
            case 4:
                body = body[:at] + body[at - chance.randint(0, 20) : at + chance.randint(0, 20)] + body[at:]
            case _:
                body = body[:at] + chance.choice(BLANKS).encode() + body[at:]
    return body


def event_type(record: Record) -> EventType:
    return EventType("gate.passed", record)


def told(read: Callable[[bytes, str], Any], body: bytes, zone: str = ZONE) -> str:
    """What is read, or why it is not, with everything in which two results may differ."""
    try:
        return repr(read(body, zone))
    except (InvalidEvent, DocumentError) as error:
        return f"{error.code}: {error}"
    except (KeyError, ValueError) as error:
        return repr(error)
