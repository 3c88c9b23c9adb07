"""What a version of routing.yaml and its lookups is called, and what another one changes for the systems. Pure."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from posixpath import basename

from bus.config.model import Configuration

DIGITS = 12


def version_of(digests: Mapping[str, bytes]) -> str:
    """Name a configuration by what its files hold: the same on every machine, wherever they lie.

    >>> version_of({"routing.yaml": b"1", "lookups/item.csv": b"2"})
    'c71da4e62a18'
    >>> version_of({"/etc/bus/lookups/item.csv": b"2", "/etc/bus/routing.yaml": b"1"})
    'c71da4e62a18'
    """
    hashed = hashlib.blake2b()
    for name, digest in sorted((basename(path), digest) for path, digest in digests.items()):
        hashed.update(f"{name}\0{digest.hex()}\n".encode())
    return hashed.hexdigest()[:DIGITS]


@dataclass(frozen=True, slots=True)
class Change:
    """Systems whose source or sink ends, or begins, when one version gives way to another; what differs does both."""

    sources_end: frozenset[str]
    sources_begin: frozenset[str]
    sinks_end: frozenset[str]
    sinks_begin: frozenset[str]


def change(old: Configuration | None, new: Configuration) -> Change:
    """Compare what runs with what is to run; from None everything begins."""
    sources_end, sources_begin = _differing(_sources(old), _sources(new))
    sinks_end, sinks_begin = _differing(_sinks(old), _sinks(new))
    return Change(sources_end, sources_begin, sinks_end, sinks_begin)


# What a source or sink is made of; where it stands in the file is no part of that.
_Made = Mapping[str, tuple[object, ...]]


def _sources(config: Configuration | None) -> _Made:
    return {
        name: (system.source.adapter, system.source.options, system.zone)
        for name, system in (config.systems.items() if config is not None else ())
        if system.source is not None and system.source.adapter.source is not None
    }


def _sinks(config: Configuration | None) -> _Made:
    """Whether order is kept is part of what a sink is: it decides how its queue is read."""
    ordered = {name for route in (config.routes if config is not None else ()) if route.ordered for name in route.to}
    return {
        name: (system.sink.adapter, system.sink.options, system.zone, name in ordered)
        for name, system in (config.systems.items() if config is not None else ())
        if system.sink is not None and system.sink.adapter.sink is not None
    }


def _differing(old: _Made, new: _Made) -> tuple[frozenset[str], frozenset[str]]:
    ended = frozenset(name for name in old if new.get(name) != old[name])
    begun = frozenset(name for name in new if old.get(name) != new[name])
    return ended, begun
