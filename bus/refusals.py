"""What a letter says of an answer that was no success: the condition, what it read, who was asked. Pure."""

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from bus.adapter import Answer
from bus.codecs import plain
from bus.conditions import Atom, atoms_of
from bus.config.model import Configuration, SinkEnd
from bus.config.programs import columns_of
from bus.event import Event
from bus.expressions.context import Context
from bus.mapping import programs
from bus.mapping.shape import Source
from bus.mapping.trace import missing_below
from bus.types import ANY

MOST_KEPT = 300  # characters of an answer that a letter keeps
SHORT_SECRET = 3  # a text as short is a part of too many others
_JSON = msgspec.json.Encoder(decimal_format="number", enc_hook=str)


def why_no_success(
    config: Configuration, system: str, end: SinkEnd, answer: Answer, event: Event, context: Context | None, path: str
) -> Mapping[str, str]:
    """Return fields for the error about an answer that the target meant as success and `success` does not.

    Args:
        path: what the route added to the URL.
    """
    if end.success is None or not answer.ok:
        return {}
    failure = {"code": answer.code or "-", "message": answer.message or "-"}

    def run(source: Source, build: Any) -> Any:
        scope = programs.answer_scope(programs.route_scope("", ANY, (system,), columns_of(config)))
        program = build("success", source, scope, programs.ANSWER_PARAMETERS)
        return program.compiled()(event, event.data, answer.response, failure, context)

    atoms = atoms_of(end.success, run, lambda text: missing_below(text, response=answer.response))
    place = end.success.place_of()
    return {
        "success": end.success.text, "place": f"{place.file}:{place.line}",
        "read": ", ".join(_read(atom) for atom in atoms if not atom.holds), "target": target_of(end, config, path),
    }


def _read(atom: Atom) -> str:
    if not atom.missing:
        return atom.text
    return f"{atom.missing} = null" + (f" ({atom.near}?)" if atom.near else "")


def target_of(end: SinkEnd, config: Configuration, path: str = "") -> str:
    """How a delivery travels: `POST https://wms.local/api`; no password, and no token, is in it."""
    if not hasattr(end.options, "method"):
        return end.adapter.name
    added = "/" + path.lstrip("/").partition("?")[0] if path else ""
    return f"{end.options.method} {public_url(str(getattr(end.options, 'url', '')), config.secrets)}{added}"


def public_url(url: str, secrets: Collection[str]) -> str:
    """A URL as everybody may see it; of one that came from the environment only the host.

    >>> public_url("https://bus:s3cret@wms.example.com/api?token=s3cret", ())
    'https://wms.example.com/api'
    """
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    hidden = parts.path and any(secret in url for secret in secrets if len(secret) > SHORT_SECRET)
    return f"{parts.scheme}://{host}{'/…' if hidden else parts.path}"


def beginning_of(answer: Answer, secrets: Collection[str]) -> str:
    """The beginning of what the target answered, for whoever looks at the letter; secrets of ours are masked."""
    if answer.response is None:
        return ""
    text = answer.response if isinstance(answer.response, str) else _JSON.encode(plain(answer.response)).decode()
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) > SHORT_SECRET:
            text = text.replace(secret, "***")
    return text[:MOST_KEPT] + ("…" if len(text) > MOST_KEPT else "")
