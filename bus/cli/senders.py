"""The names a person gives on the command line: what is there, and which systems send documents."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from bus.errors import UsageError
from bus.nearest import nearest

if TYPE_CHECKING:  # the configuration is loaded by the command, not for the list of commands
    from bus.config.model import Configuration


def unknown_name(code: str, word: str, known: Iterable[str], /, **fields: str) -> UsageError:
    """Return the error of a word that is none of those known, with what was probably meant."""
    near = nearest(word, known)
    return UsageError(code, **fields, **({"near": near} if near else {}))


def check_system(system: str, known: Iterable[str]) -> None:
    """Raise UsageError for a system that routing.yaml does not have."""
    if system not in (names := list(known)):
        raise unknown_name("system-option", system, names, system=system, known=", ".join(names))


def check_sender(system: str | None, config: "Configuration") -> None:
    """Raise UsageError for a system that sends nothing: it has no source, and no rule is for its documents."""
    if system is None:
        return
    check_system(system, config.systems)
    for_rules = {rule.system for rule in config.rules}
    senders = [name for name, known in config.systems.items() if known.source is not None or name in for_rules]
    if system not in senders:
        raise UsageError("system-no-source", system=system, known=", ".join(senders) or "–")
