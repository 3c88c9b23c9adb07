"""Which events came before: 16 bytes of memory for each, for seven days. Pure.

A mark travels and is kept as a record: 8 bytes of hash that stand for the identity, 8 of the body's
digest, 2 that say on which day it was made. Records whose hashes begin alike lie in one block, in the
order in which they came. So to add one is to append, to find one is a search that `bytearray.find`
does in C, and to forget is to cut at the front. A block is no longer than some hundred records while
there are ten million in all, and the two bytes that all of a block have in common are not kept.

A record that comes twice takes its bytes twice, and the first one counts.

Of two identities in 10¹⁹ the hashes are equal: then one event would be parked as a conflict. A person
sees it and replays it; nothing is lost.
"""

import hashlib
from collections.abc import Iterable
from functools import lru_cache

from bus.event import WINDOW_DAYS
from bus.ports import Mark

RECORD_BYTES = 18
_KEY, _DIGEST = 8, 16  # where they end in a record; the day comes last
_PREFIX = 2  # … of the hash, which names the block
_KEPT = RECORD_BYTES - _PREFIX
_DAY_S = 86_400


@lru_cache(maxsize=4096)  # asked for when an event comes, and again when it is done
def key(identity: str) -> bytes:
    """Return the 8 bytes that stand for an identity."""
    return hashlib.sha256(identity.encode(), usedforsecurity=False).digest()[:_KEY]


def records(marks: Iterable[Mark], now_s: float) -> list[bytes]:
    """Return each mark as `RECORD_BYTES`, made now."""
    day = _day(now_s)
    return [key(identity) + digest[:8].ljust(8, b"\0") + day for identity, digest in marks]


def _day(now_s: float) -> bytes:
    """Days since 1970, so that later ones are greater, byte by byte; good until 2149."""
    return int(now_s // _DAY_S).to_bytes(2, "big")


def _found(block: bytearray, rest: bytes, oldest: bytes) -> bytes:
    """The digest of the record that begins so and is not too old; b"" where there is none."""
    at = block.find(rest)
    while at >= 0:
        record = block[at : at + _KEPT]
        if at % _KEPT == 0 and record[-2:] >= oldest:
            return bytes(record[_KEY - _PREFIX : _DIGEST - _PREFIX])
        at = block.find(rest, at + 1)  # too old, or bytes that only look like it
    return b""


class Marks:
    """The marks of the last days: each is known for `days` at least, and for one more at most.

    >>> marks = Marks()
    >>> marks.add(records([Mark("erp 1", b"12345678")], now_s=0.0)[0], now_s=0.0)
    >>> marks.known(["erp 1", "erp 2"], now_s=0.0)
    {'erp 1': b'12345678'}
    """

    def __init__(self, days: int = WINDOW_DAYS) -> None:
        self._window_s = days * _DAY_S
        self._blocks = [bytearray() for _ in range(1 << 8 * _PREFIX)]

    def add(self, made: bytes, now_s: float) -> None:
        """Remember marks, one record behind the other; those that are too old are passed over."""
        blocks, oldest = self._blocks, self._oldest(now_s)
        for at in range(0, len(made) - RECORD_BYTES + 1, RECORD_BYTES):
            if made[at + _DIGEST : at + RECORD_BYTES] < oldest:
                continue
            block = blocks[made[at] << 8 | made[at + 1]]
            block += made[at + _PREFIX : at + RECORD_BYTES]
            while block[_KEPT - 2 : _KEPT] < oldest:
                del block[:_KEPT]

    def known(self, identities: Iterable[str], now_s: float) -> dict[str, bytes]:
        """Return the digests of those identities that are remembered."""
        blocks, oldest, known = self._blocks, self._oldest(now_s), {}
        for identity in identities:
            hashed = key(identity)
            block, rest = blocks[hashed[0] << 8 | hashed[1]], hashed[_PREFIX:]
            if rest in block and (found := _found(block, rest, oldest)):
                known[identity] = found
        return known

    def _oldest(self, now_s: float) -> bytes:
        return _day(max(0.0, now_s - self._window_s))

    def __len__(self) -> int:
        """How many records take memory."""
        return sum(map(len, self._blocks)) // _KEPT
