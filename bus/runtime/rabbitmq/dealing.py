"""From `bus.partition` to the partition of each event's key, with `ordering: key`.

Every process that reads a partition also offers to read `bus.partition`; the broker lets one of them do
so, and another when that one is gone. A key has one path at any time, so its events keep their order: when
the active reader dies, what it had not acknowledged comes again to the next one, in its order and before
anything newer, and whatever of it had arrived already is a repetition with the same id.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from bus.ports import Received
from bus.wire import partition

DEALT_AT_ONCE = 2000


def deal(batch: Sequence[Received]) -> None:
    """Let each event go on to its partition."""
    for received in batch:
        message = received.message
        received.become(replace(message, to=partition(message)))
