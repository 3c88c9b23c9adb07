"""Which events came before, in a fixed amount of memory: 16 bytes each, two generations. Pure.

A mark is the hash of an identity and the digest of its body. Marks go into the present generation;
when that is full or half a window old, the one before it is forgotten and a new one begins. So a mark
is remembered for at least half the window and at most the whole, unless more events than fit come
meanwhile: then the oldest go first.

Of two identities in 10¹⁹ the hashes are equal: then one event would be parked as a conflict. A person
sees it and replays it; nothing is lost.
"""

import hashlib
from collections.abc import Iterable, Iterator

from bus.ports import Mark

RECORD_BYTES = 16
WINDOW_S = 7 * 86_400.0
SLOTS = 1 << 21  # of one generation: 32 MiB, 1.4 million marks
_FULL = 0.7  # beyond this share of its slots a table of this kind gets slow


def record(mark: Mark) -> bytes:
    """Return a mark as 16 bytes: hash of the identity, digest of the body; never all zeros in front."""
    hashed = hashlib.blake2b(mark.identity.encode(), digest_size=8).digest()
    return (hashed if any(hashed) else b"\1" * 8) + mark.digest[:8].ljust(8, b"\0")


class Marks:
    """The marks of the last days.

    Args:
        slots: of one generation, a power of two.

    >>> marks = Marks(slots=8)
    >>> marks.add(record(Mark("erp 1", b"12345678")), now_s=0.0)
    >>> marks.known(["erp 1", "erp 2"])
    {'erp 1': b'12345678'}
    """

    def __init__(self, slots: int = SLOTS, window_s: float = WINDOW_S) -> None:
        self._slots, self._window_s = slots, window_s
        self._present = _Generation(slots)
        self._before: _Generation | None = None
        self._since_s: float | None = None

    def add(self, records: bytes, now_s: float) -> None:
        """Remember marks, each `record` behind the other; one that is known already keeps its first digest."""
        if self._since_s is None:
            self._since_s = now_s
        for at in range(0, len(records) - RECORD_BYTES + 1, RECORD_BYTES):
            if self._present.is_full or now_s - self._since_s > self._window_s / 2:
                self._before, self._present, self._since_s = self._present, _Generation(self._slots), now_s
            key = int.from_bytes(records[at : at + 8], "little")
            self._present.put(key, int.from_bytes(records[at + 8 : at + 16], "little"))

    def known(self, identities: Iterable[str]) -> dict[str, bytes]:
        """Return the digests of those identities that are remembered."""
        return dict(self._known(identities))

    def _known(self, identities: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        for identity in identities:
            key = int.from_bytes(record(Mark(identity, b""))[:8], "little")
            value = self._present.get(key)
            if value is None and self._before is not None:
                value = self._before.get(key)
            if value is not None:
                yield identity, value.to_bytes(8, "little")


class _Generation:
    """A hash table of 64-bit keys and values in one block of memory, open addressing, never deleting."""

    def __init__(self, slots: int) -> None:
        self._mask = slots - 1
        self._cells = memoryview(bytearray(slots * RECORD_BYTES)).cast("Q")
        self._count = 0
        self._most = int(slots * _FULL)

    @property
    def is_full(self) -> bool:
        return self._count >= self._most

    def put(self, key: int, value: int) -> None:
        cells, at = self._cells, (key & self._mask) * 2
        while (held := cells[at]) and held != key:
            at = (at + 2) & (self._mask * 2 + 1)
        if not held:
            cells[at], cells[at + 1] = key, value
            self._count += 1

    def get(self, key: int) -> int | None:
        cells, at = self._cells, (key & self._mask) * 2
        while held := cells[at]:
            if held == key:
                return cells[at + 1]
            at = (at + 2) & (self._mask * 2 + 1)
        return None
