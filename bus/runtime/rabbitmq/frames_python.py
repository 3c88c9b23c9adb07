"""What `frames` does, in Python.

A frame is 7 octets of type, channel and size, then so many octets, then 0xCE. Everything here is plain bytes in, plain
values out.
"""

import struct
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

from bus.ports import Following, Header, Shared, shared
from bus.runtime.rabbitmq.frame_types import LARGEST, Arrived, Publish, Taker, Unusual, is_brokers_own

METHOD, HEADER, BODY = 1, 2, 3
PROTOCOL = ord("A")  # `AMQP` and the version: what a broker says that speaks another one
END = b"\xce"
DELIVER, ACK, NACK = 0x003C003C, 0x003C0050, 0x003C0078
BASIC = 60
SHORTEST, CONFIRM = 12, 21  # octets of a method frame, and of a confirm

_FRAME = struct.Struct(">BHL")
_CONFIRM = struct.Struct(">QB")
_CONTENT = struct.Struct(">BHLHHQH")
_HEADER_FRAME = struct.Struct(">BHLHxxQ")
_LONG = struct.Struct(">L")
_TAG = struct.Struct(">Q")
_SIGNED, _SIGNED_LONG = struct.Struct(">l"), struct.Struct(">q")

# Flags of the properties that the bus reads and writes.
_TYPE, _ENCODING, _HEADERS, _MODE, _ID, _USER = 0x8000, 0x4000, 0x2000, 0x1000, 0x0080, 0x0010
_BOTH = _TYPE | _ENCODING
_WRITTEN = _TYPE | _ENCODING | _HEADERS | _MODE | _ID
_FLAGS, _FLAGS_WITH_USER = _WRITTEN.to_bytes(2, "big"), (_WRITTEN | _USER).to_bytes(2, "big")
_REPEATED = 64  # characters; what is longer is hardly the same in the next message
_REMEMBERED = 4096  # names that come from outside: bound what is remembered

Names = tuple[str, str]


class _Form(NamedTuple):
    """The names of a header table of texts, and each as it stands before the last octet of its text's length."""

    names: tuple[str, ...]
    openings: tuple[str, ...]


class Reader:
    """Takes deliveries and confirms out of a stream of frames."""

    def __init__(self, takers: Mapping[int, Taker]) -> None:
        self._takers = takers
        self._data, self._at = b"", 0
        self._names: dict[bytes, Names] = {}
        # Of the last message: the next one mostly begins with the same, and has a table of the same form.
        self._opening, self._opens = b"", ("", "")
        self._form = _Form((), ())

    def feed(self, data: bytes) -> None:
        """Add what came from the socket."""
        self._data = self._data + data if self._data else data

    def rare(self) -> bytes | None:
        """Hand over what is for the takers; return the first whole frame that is not, None once none is left."""
        while end := _end_of(self._data, self._at):
            at = self._at
            try:
                if not self._taken(end):
                    break
            except Unusual:
                self._at = end
                return self._data[at:end]
        self._data, self._at = self._data[self._at :], 0
        return None

    def _taken(self, end: int) -> bool:
        """Hand over what begins with the frame that ends at `end`; false while the rest of it is missing.

        Raises:
            Unusual: it is for nobody, or only pika can read it. Nothing was handed over.
        """
        data, at = self._data, self._at
        taker = self._takers.get(data[at + 1] << 8 | data[at + 2])
        if taker is None or data[at] != METHOD or end - at < SHORTEST:
            raise Unusual
        (method,) = _LONG.unpack_from(data, at + 7)
        if method == DELIVER and taker.delivered is not None:
            try:
                found = self._delivery(data, at)
            except (IndexError, UnicodeDecodeError, struct.error):
                raise Unusual from None
            if found is None:
                return False
            arrived, self._at = found
            taker.delivered([arrived])
        elif method in {ACK, NACK} and taker.confirmed is not None and end - at == CONFIRM and data[end - 1] == 0xCE:
            tag, flags = _CONFIRM.unpack_from(data, at + 11)
            self._at = end
            taker.confirmed(tag, bool(flags & 1), method == ACK)
        else:
            raise Unusual
        return True

    def _delivery(self, buffer: bytes, start: int) -> tuple[Arrived, int] | None:
        """Read the delivery whose method frame begins at `start`; return it and where it ends.

        Returns:
            None while it is not there as a whole.

        Raises:
            Unusual: it is too long to be waited for, or has something that only pika reads.
        """
        try:
            _, channel, size = _FRAME.unpack_from(buffer, start)
            at = start + 7 + size  # the method's end
            kind, channel_too, size, _, _, body_size, flags = _CONTENT.unpack_from(buffer, at + 1)
        except struct.error:
            return None
        if kind != HEADER or channel_too != channel or body_size > LARGEST:
            raise Unusual
        header = at + 1 + 7 + 14  # after class, weight, size and flags
        end = at + 1 + 7 + size
        body_at = end + 1 + 7
        if body_size == 0:
            if len(buffer) <= end:
                return None
            body, after = b"", end + 1
        else:
            after = body_at + body_size + 1
            if len(buffer) < after:
                return None
            kind, channel_too, size = _FRAME.unpack_from(buffer, end + 1)
            if kind != BODY or channel_too != channel or size != body_size:
                raise Unusual
            body = buffer[body_at : body_at + body_size]
        if not buffer[at] == buffer[end] == buffer[after - 1] == 0xCE:
            raise Unusual
        tag_at = start + 12 + buffer[start + 11]  # behind class, method and the consumer's tag
        names = buffer[tag_at + 9 : at]
        exchange, routing_key = self._names.get(names) or self._learn(names)
        (tag,) = _TAG.unpack_from(buffer, tag_at)
        return Arrived(tag, exchange, routing_key, *self._properties(buffer, header, end, flags), body), after

    def _properties(self, buffer: bytes, at: int, end: int, flags: int) -> tuple[Any, Any, Any, Any]:
        """Content type, content encoding, headers, message id."""
        if flags & ~(_WRITTEN | _USER):
            raise Unusual
        content_type = content_encoding = message_id = None
        headers: Mapping[str, Any] | None = None
        if flags & _BOTH == _BOTH:
            if not (self._opening and buffer.startswith(self._opening, at)):
                content_type, middle = _short(buffer, at)
                content_encoding, after = _short(buffer, middle)
                self._opening, self._opens = buffer[at:after], (content_type, content_encoding)
            content_type, content_encoding = self._opens
            at += len(self._opening)
        elif flags & _TYPE:
            content_type, at = _short(buffer, at)
        elif flags & _ENCODING:
            content_encoding, at = _short(buffer, at)
        if flags & _HEADERS:
            (size,) = _LONG.unpack_from(buffer, at)
            at += 4
            headers = self._texts(buffer[at : at + size])
            if headers is None:
                headers = self._table(buffer, at, at + size)
            at += size
        if flags & _MODE:
            at += 1
        if flags & _ID:
            message_id, at = _short(buffer, at)
        if flags & _USER:
            at += 1 + buffer[at]
        if at != end:
            raise Unusual
        return content_type, content_encoding, headers, message_id

    def _texts(self, encoded: bytes) -> Shared | None:
        """Read a table of short ASCII texts that has the same names as the last one; None for any other."""
        text = encoded.decode("latin-1")
        if not text.isascii():
            return None
        values, at = [], 0
        for opening in self._form.openings:
            if not text.startswith(opening, at):
                return None
            at += len(opening) + 1
            end = at + ord(text[at - 1])
            values.append(text[at:end])
            at = end
        if at != len(text):
            return None
        return shared(zip(self._form.names, values, strict=True), encoded)

    def _table(self, buffer: bytes, at: int, end: int) -> dict[str, Any]:
        table = _table(buffer, at, end)
        names = tuple(table)
        is_plain = "".join(names).isascii() and set(map(type, table.values())) == {str}
        if is_plain and names != self._form.names and not any(map(is_brokers_own, names)):
            self._form = _Form(names, tuple(f"{chr(len(name))}{name}S\0\0\0" for name in names))
        return table

    def _learn(self, names: bytes) -> Names:
        if len(self._names) >= _REMEMBERED:
            self._names.clear()
        middle = 1 + names[0]
        if middle + 1 + names[middle] != len(names):
            raise Unusual
        found = names[1:middle].decode(), names[middle + 1 :].decode()
        self._names[names] = found
        return found


def _end_of(data: bytes, at: int) -> int:
    """Where the frame that begins at `at` ends; 0 while it is not there as a whole."""
    if len(data) - at < 8:
        return 0
    end: int = at + 8 + (0 if data[at] == PROTOCOL else _LONG.unpack_from(data, at + 3)[0])
    return end if end <= len(data) else 0


def _short(buffer: bytes, at: int) -> tuple[str, int]:
    end = at + 1 + buffer[at]
    return buffer[at + 1 : end].decode(), end


def _table(buffer: bytes, at: int, end: int) -> dict[str, Any]:
    table: dict[str, Any] = {}
    long = _LONG.unpack_from
    while at < end:
        name_end = at + 1 + buffer[at]
        name = buffer[at + 1 : name_end].decode()
        kind = buffer[name_end]
        at = name_end + 1
        if kind == 83:  # S
            at += 4
            value_end = at + long(buffer, at - 4)[0]
            table[name] = buffer[at:value_end].decode()
            at = value_end
        elif kind == 108:  # l
            (table[name],) = _SIGNED_LONG.unpack_from(buffer, at)
            at += 8
        elif kind == 73:  # I
            (table[name],) = _SIGNED.unpack_from(buffer, at)
            at += 4
        elif kind == 120:  # x
            at += 4
            value_end = at + long(buffer, at - 4)[0]
            table[name] = buffer[at:value_end]
            at = value_end
        else:
            raise Unusual
    if at != end:
        raise Unusual
    return table


# ------------------------------------------------------------------------------------------- writing

# A header table is made as one text, a character for each octet: so it is encoded once, and not value by value.
_SIZES = tuple(f"\0\0\0{chr(size)}" for size in range(256))
_names: dict[str, str] = {}


def properties_of(
    message_id: str, content_type: str, content_encoding: str, headers: Mapping[str, Header], user: str
) -> bytes:
    """Encode the properties of a persistent message, the flags before them.

    Raises:
        Unusual: a name or value that only pika knows how to write, or to refuse.
    """
    id_ = message_id.encode()
    if len(id_) > 255:
        raise Unusual
    if type(headers) is Following:
        table = _encoded(headers.begin) + b"".join([
            _entry(name, value) if isinstance(value, int) or len(value) < _REPEATED else _table_of({name: value})
            for name, value in islice(headers.items(), len(headers.begin), None)
        ])
    else:
        table = _encoded(headers) if type(headers) is Shared else _table_of(headers)
    before, after = _around(content_type, content_encoding, user)
    return b"%b%b%b\x02%c%b%b" % (before, _LONG.pack(len(table)), table, len(id_), id_, after)


@lru_cache(maxsize=_REMEMBERED)
def _around(content_type: str, content_encoding: str, user: str) -> tuple[bytes, bytes]:
    """What stands before the header table, and behind the message's id."""
    before = (_FLAGS_WITH_USER if user else _FLAGS) + _short_of(content_type) + _short_of(content_encoding)
    return before, _short_of(user) if user else b""


def _encoded(headers: Shared) -> bytes:
    if not headers.encoded:
        headers.encoded = _table_of(headers)
    return headers.encoded


@lru_cache(maxsize=_REMEMBERED)
def _entry(name: str, value: Header) -> bytes:
    """What a route adds to an envelope: its name, and the time of acceptance, which many have in common."""
    return _table_of({name: value})


def _table_of(headers: Mapping[str, Header]) -> bytes:
    names, sizes = _names, _SIZES
    try:
        return "".join([
            f"{names[name]}S{sizes[len(value)]}{value}" if type(value) is str and value.isascii()
            else f"{names[name]}{_value_of(value)}"
            for name, value in headers.items()
        ]).encode("latin-1")
    except (KeyError, IndexError):  # a name seen for the first time, or a long text
        return "".join([f"{_learn_name(name)}{_value_of(value)}" for name, value in headers.items()]).encode("latin-1")


def _value_of(value: Header) -> str:
    if type(value) is str:
        data = value.encode()
        packed = b"S" + _LONG.pack(len(data)) + data
    elif type(value) is int and -0x8000_0000 <= value < 0x8000_0000:
        packed = b"I" + _SIGNED.pack(value)
    elif type(value) is int and -(1 << 63) <= value < 1 << 63:
        packed = b"l" + _SIGNED_LONG.pack(value)
    elif type(value) is bytes:
        packed = b"x" + _LONG.pack(len(value)) + value
    else:
        raise Unusual
    return packed.decode("latin-1")


def _learn_name(name: str) -> str:
    if len(_names) >= _REMEMBERED:
        _names.clear()
    made = _names[name] = _short_of(name).decode("latin-1")
    return made


def _short_of(text: str) -> bytes:
    data = text.encode()
    if len(data) > 255:
        raise Unusual
    return bytes((len(data),)) + data


def publishes(messages: Sequence[Publish], step: int) -> bytes:
    """The frames of some publishes, one behind the other; `step` is the longest body of one frame."""
    parts: list[bytes] = []
    for method, channel, properties, body in messages:
        size = len(body)
        parts += (method, _HEADER_FRAME.pack(HEADER, channel, 12 + len(properties), BASIC, size), properties, END)
        for start in range(0, size, step):
            part = body[start : start + step]
            parts += (_FRAME.pack(BODY, channel, len(part)), part, END)
    return b"".join(parts)
