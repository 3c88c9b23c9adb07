"""What keeps messages from moving, told once when it begins and once when all of it is over."""

from collections.abc import Callable, Collection

from bus.errors import BusError, Unavailable

_OF_LEDGER = ("unroutable", "refused")


class Troubles:
    """The troubles there are at present, each of a kind and of something.

    Args:
        on_trouble: told the error of each new one, and None when the last one is over. What says the same as one there
            is already, as a second connection to the same broker does, is not told again.
    """

    def __init__(self, on_trouble: Callable[[BusError | None], None]) -> None:
        self._on_trouble = on_trouble
        self._present: dict[tuple[str, str], BusError] = {}

    def tell(self, kind: str, what: str, error: BusError | None) -> None:
        """This is the matter with it now; None when nothing is any more."""
        key = kind, what
        if error is not None:
            new = key not in self._present and str(error) not in map(str, self._present.values())
            self._present[key] = error
            if new:
                self._on_trouble(error)
        elif self._present.pop(key, None) is not None and not self._present:
            self._on_trouble(None)

    def compare(self, of_ledger: Collection[tuple[str, str]]) -> None:
        """Tell what has changed in the ledger's own troubles: (kind, queue) of messages that wait to be sent again."""
        if not (of_ledger or self._present):
            return
        reported = [key for key in self._present if key[0] in _OF_LEDGER]
        for kind, queue in [key for key in reported if key not in of_ledger]:
            self.tell(kind, queue, None)
        for kind, queue in [key for key in of_ledger if key not in self._present]:
            self.tell(kind, queue, Unavailable(f"amqp-{kind}", queue=queue))
