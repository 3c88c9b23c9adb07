"""What comes out of a stream of frames, and who gets it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

_BROKERS_OWN = ("x-death", "x-first-death", "x-last-death", "x-delivery-count", "x-acquired-count", "x-opt-")
LARGEST = 256 * 1024  # octets of a delivery that is waited for as a whole; longer ones are pika's, frame by frame


class Arrived(NamedTuple):
    """One message as it came in.

    Args:
        headers: `Shared` where they are texts alone, and none of them the broker's own.
    """

    tag: int
    exchange: str
    routing_key: str
    content_type: str | None
    content_encoding: str | None
    headers: Mapping[str, Any] | None
    message_id: str | None
    body: bytes


class Taker(NamedTuple):
    """Who gets what comes on one channel.

    Args:
        delivered: gets deliveries, those that came together at once.
        confirmed: gets sequence number, multiple, stored of each confirm.
    """

    delivered: Callable[[Sequence[Arrived]], None] | None
    confirmed: Callable[[int, bool, bool], None] | None


# The method's frame, the channel, the properties with their flags, the body.
Publish = tuple[bytes, int, bytes, bytes]


class Unusual(Exception):
    """Something that is rare enough to be left to pika."""


def is_brokers_own(name: str) -> bool:
    """Whether a header is written by the broker where it dead-lettered, counted or stamped: no part of the message."""
    return name.startswith(_BROKERS_OWN)
