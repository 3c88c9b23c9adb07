"""The ASGI application behind `source: {adapter: http}`: a document per POST, 202 once it is stored."""

import asyncio
import math
import time
import zlib
from collections.abc import Mapping
from http import HTTPStatus

from adapters.http import HttpSourceOptions
from adapters.http_asgi import Receive, Reply, Scope, Send, SenderGone, headers_of, part_of_body
from adapters.http_signature import Signatures
from adapters.outcome import accepted_or_refused, refusal
from bus.adapter import Accept, Accepted, Document, Site
from bus.errors import BusError, DocumentError, Refused, Unavailable, UsageError
from bus.event import digest
from bus.texts import say

READ_TIMEOUT_S = 30.0  # for the whole body: a sender that trickles holds a connection no longer
LINGER_BYTES = 1024 * 1024  # thrown away beyond the limit: a sender cut off while writing sees no answer
RETRY_AFTER_S = 5
MAX_ID = 255  # fits every broker's short strings
METHODS = "GET, HEAD, POST"

# What a sender says when it says nothing: the defaults of curl, of urllib, of file uploads.
UNSAID = frozenset({"", "application/octet-stream", "application/x-www-form-urlencoded"})
MEDIA_TYPES: Mapping[str, tuple[str, ...]] = {
    "json": ("application/json", "text/json", "+json"),
    "xml": ("application/xml", "text/xml", "+xml"),
    "csv": ("text/csv", "text/plain", "application/csv", "application/vnd.ms-excel"),
    "fixed": ("text/plain",),
    "text": ("text/plain",),
}
STATUS_BY_CODE: Mapping[str, int] = {
    "http-method": 405,
    "http-slow": 408,
    "http-too-large": 413,
    "http-content-encoding": 415,
    "http-content-type": 415,
    "http-signature-missing": 401,
    "http-signature-wrong": 401,
    "http-timestamp-unreadable": 401,
    "http-timestamp-off": 401,
    "http-replayed": 401,
    "http-id": 400,
}
HEADERS_BY_STATUS: Mapping[int, Mapping[str, str]] = {
    401: {"www-authenticate": "Webhook-Signature"},
    405: {"allow": METHODS},
    408: {"connection": "close"},
    413: {"connection": "close"},
}


class HttpSource:
    """An ASGI application at the path of its options; it answers 503 while nobody runs it."""

    def __init__(self, options: HttpSourceOptions, site: Site) -> None:
        if site.listen is None:
            raise UsageError("http-not-listening", system=site.system)
        self._options = options
        self._system = site.system
        self._signatures = Signatures(options.secret) if options.secret else None
        self._accept: Accept | None = None
        site.listen(options.path, self)

    async def run(self, accept: Accept) -> None:
        """Take documents until cancelled; what is being answered then is still answered."""
        self._accept = accept
        try:
            await asyncio.Event().wait()
        finally:
            self._accept = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            reply = await self._respond(scope["method"], headers_of(scope), receive)
        except SenderGone:
            return
        await reply.send(send)

    async def _respond(self, method: str, headers: Mapping[str, str], receive: Receive) -> Reply:
        if method in ("GET", "HEAD"):
            return Reply(HTTPStatus.OK, self._invitation())
        taken: tuple[str, int] | None = None
        try:
            if method != "POST":
                raise Refused("http-method", method=method, allowed=METHODS)
            if self._accept is None:
                raise Unavailable("http-not-running")
            self._check_headers(headers)
            raw = await _read(headers, receive, self._options.max_body)
            if self._signatures:
                taken = self._signatures.check(headers, raw, int(time.time()))
            document = self._document(headers, raw)
            return _answer(await accepted_or_refused(self._accept, document))
        except BusError as error:
            if isinstance(error, Unavailable) and taken and self._signatures:
                self._signatures.forget(taken)
            return _refuse(error)
        except asyncio.CancelledError:
            if taken and self._signatures:
                self._signatures.forget(taken)
            raise

    def _check_headers(self, headers: Mapping[str, str]) -> None:
        """Refuse, before the body is read, what no body could make good."""
        coding = _coding(headers)
        if coding not in ("identity", "gzip"):
            raise DocumentError("http-content-encoding", coding=coding)
        media_type = _media_type(headers)
        fitting = MEDIA_TYPES.get(self._options.format, ())
        if fitting and media_type not in UNSAID and not media_type.endswith(fitting):
            raise DocumentError(
                "http-content-type", got=media_type, format=self._options.format, expected=fitting[0]
            )

    def _document(self, headers: Mapping[str, str], raw: bytes) -> Document:
        body = _gunzip(raw, self._options.max_body) if _coding(headers) == "gzip" else raw
        given = headers.get("webhook-id") or headers.get("idempotency-key") or ""
        if len(given) > MAX_ID:
            raise DocumentError("http-id", limit=MAX_ID)
        content_type = "" if _media_type(headers) in UNSAID else headers.get("content-type", "")
        return Document(
            system=self._system,
            body=body,
            name=self._options.path,
            id=given or digest(body).hex(),
            content_type=content_type,
        )

    def _invitation(self) -> str:
        code = "http-invitation-signed" if self._signatures else "http-invitation"
        return say(code, format=self._options.format, limit=self._options.max_body) + "\n"


def _media_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _coding(headers: Mapping[str, str]) -> str:
    return headers.get("content-encoding", "identity").strip().lower()


async def _read(headers: Mapping[str, str], receive: Receive, limit: int) -> bytes:
    """Return the body as sent, compressed or not; never holds more than `limit` bytes and one chunk."""
    declared = headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared) > limit + LINGER_BYTES:
        raise DocumentError("http-too-large", limit=limit)
    body, size, more = bytearray(), 0, True
    try:
        async with asyncio.timeout(READ_TIMEOUT_S):
            while more and size <= limit + LINGER_BYTES:
                part, more = await part_of_body(receive)
                size += len(part)
                if size <= limit:
                    body += part
    except TimeoutError as exc:
        raise DocumentError("http-slow", seconds=int(READ_TIMEOUT_S)) from exc
    if size > limit:
        raise DocumentError("http-too-large", limit=limit)
    return bytes(body)


def _gunzip(raw: bytes, limit: int) -> bytes:
    """Return what `raw` holds, one gzip member; stops one byte beyond `limit`, however much more there is."""
    stream = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        body = stream.decompress(raw, limit + 1)
    except zlib.error as exc:
        raise DocumentError("http-gzip") from exc
    if len(body) > limit:
        raise DocumentError("http-too-large", limit=limit)
    if not stream.eof or stream.unused_data:
        raise DocumentError("http-gzip")
    return body


def _answer(accepted: Accepted) -> Reply:
    """202 when the bus has the document in hand; what it could not do with a part of it is said beside."""
    error = refusal(accepted)
    if error:
        return _refuse(error)
    events = [{"type": type_, "id": id_} for type_, id_ in accepted.events]
    problem = {"problem": _reason(accepted.problem)} if accepted.problem else {}
    return Reply(HTTPStatus.ACCEPTED, {"events": events, **problem})


def _refuse(error: BusError) -> Reply:
    headers: dict[str, str] = {}
    if isinstance(error, Unavailable):
        status = 503
        headers["retry-after"] = str(math.ceil(error.retry_after_s or RETRY_AFTER_S))
    else:
        unreadable = isinstance(error, DocumentError)
        status = STATUS_BY_CODE.get(error.code, 400 if unreadable else 422)
        headers.update(HEADERS_BY_STATUS.get(status, {}))
    return Reply(status, {"error": _reason(error)}, headers)


def _reason(error: BusError) -> dict[str, str]:
    reason = {"code": error.code, "message": str(error)}
    return {**reason, "hint": error.hint} if error.hint else reason
