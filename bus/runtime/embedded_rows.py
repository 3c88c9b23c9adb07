"""What passes between the embedded broker and its file: messages, and what becomes of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from bus.ports import Mark, Message

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode  # untyped: msgspec knows no union of str and bytes


class Put(NamedTuple):
    """A message on its way into the file: what it becomes there, and itself, to be handed out unread."""

    queue: int
    packed: bytes
    message: Message


@dataclass(slots=True, eq=False)
class Change:
    """One act of the transport: `replaces` (0: nothing) gives way to `puts`, and the mark is remembered."""

    replaces: int = 0
    puts: Sequence[Put] = ()
    mark: Mark | None = None


class Row(NamedTuple):
    """A message as it lies in its queue."""

    seq: int
    returned: int
    message: Message


@dataclass(slots=True)
class Written:
    """What one transaction did.

    Args:
        fresh: what can be handed out now, in order.
        handed: the number up to which each queue may hand out now.
        moved: queues that got messages which are not in `fresh`: their delay is over.
        foreign: another process has stored messages since the last transaction of this one.
    """

    fresh: list[Row] = field(default_factory=list)
    handed: dict[int, int] = field(default_factory=dict)
    moved: set[int] = field(default_factory=set)
    foreign: bool = False


def pack(message: Message) -> bytes:
    """The message without its queue and delay, as it lies in the file."""
    return _encode(
        (message.id, message.content_type, message.content_encoding, message.headers, message.body)
    )


def unpack(to: str, packed: bytes) -> Message:
    """The message that `pack` packed, in the queue `to`."""
    id_, content_type, content_encoding, headers, body = _decode(packed)
    return Message(to, id_, body, headers, content_type, content_encoding)
