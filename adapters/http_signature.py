"""Signed webhooks as the Standard Webhooks specification has them: HMAC-SHA256 over `id.timestamp.body`."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

from bus.errors import ConfigurationError, Refused

WINDOW_S = 300  # how far a sender's clock may be off, either way
HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
MAX_SIGNATURES = 8  # a sender that changes its key signs with the old and the new one


class Signatures:
    """Tells genuine requests from forged, late and replayed ones; remembers within one process."""

    def __init__(self, secret: str) -> None:
        self._key = _key(secret)
        self._seen: dict[tuple[str, int], int] = {}  # (id, timestamp) → when to forget it
        self._sweep_at = 0

    def check(self, headers: Mapping[str, str], body: bytes, now: int) -> tuple[str, int]:
        """Return the request's (id, timestamp), now taken, if the key has signed them and `body`, as sent.

        A sender that repeats an id under a new timestamp and signature is heard again: that is a retry, and
        the same document once more has no effect. The same three again are a replay.

        `headers` are found by lower-case name; `now` counts seconds since 1970.

        Raises:
            Refused: a header is missing, the clock is off by more than WINDOW_S, the signature is wrong, or
                the same request came before.
        """
        missing = next((name for name in HEADERS if not headers.get(name)), None)
        if missing:
            raise Refused("http-signature-missing", header=missing.title())
        id_, stamp, given = (headers[name] for name in HEADERS)
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
            raise Refused("http-timestamp-unreadable")
        timestamp = int(stamp)
        if abs(now - timestamp) > WINDOW_S:
            raise Refused("http-timestamp-off", seconds=now - timestamp, window=WINDOW_S)
        # A full stop in the id would let the same signed bytes be cut into another id and body.
        if "." in id_ or not self._genuine(id_, stamp, given, body):
            raise Refused("http-signature-wrong")
        if (id_, timestamp) in self._seen:
            raise Refused("http-replayed", id=id_)
        self._sweep(now)
        self._seen[id_, timestamp] = timestamp + WINDOW_S
        return id_, timestamp

    def forget(self, taken: tuple[str, int]) -> None:
        """Let the same request come again: it was genuine, but the bus could not store it."""
        self._seen.pop(taken, None)

    def _genuine(self, id_: str, stamp: str, given: str, body: bytes) -> bool:
        signed = b".".join((id_.encode("latin-1"), stamp.encode(), body))
        expected = base64.b64encode(hmac.digest(self._key, signed, hashlib.sha256))
        genuine = False
        for signature in given.split(" ")[:MAX_SIGNATURES]:
            version, _, value = signature.partition(",")
            same = hmac.compare_digest(value.encode("latin-1"), expected)
            genuine |= same and version == "v1"
        return genuine

    def _sweep(self, now: int) -> None:
        if now >= self._sweep_at:
            self._seen = {taken: until for taken, until in self._seen.items() if until >= now}
            self._sweep_at = now + 60


def _key(secret: str) -> bytes:
    r"""Return the key's bytes; `whsec_` marks Base64.

    >>> _key("whsec_AQID"), _key("plain")
    (b'\x01\x02\x03', b'plain')
    """
    marker, _, encoded = secret.partition("whsec_")
    if marker or not encoded:
        return secret.encode()
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error as exc:
        raise ConfigurationError("http-secret") from exc
