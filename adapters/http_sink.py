"""The client behind `sink: {adapter: http}`: a request per delivery, many at a time over kept connections."""

import asyncio
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import aiohttp

from adapters.http import HttpSinkOptions
from adapters.outcome import answer_for
from bus.adapter import Answer, Outbound, Site, SourceOptions
from bus.codecs import answer_of, read
from bus.errors import BusError, Refused, Unavailable

CONNECT_TIMEOUT_S = 10.0
MAX_RETRY_AFTER_S = 86_400.0  # a target cannot park its deliveries for a year
LARGE_BYTES = 1024 * 1024  # aiohttp warns that as bytes they would hold up the loop
MAX_TYPE = 80  # characters of a content type that are told
PASSING = frozenset({408, 425, 429})  # besides every 5xx
SNIFFED = {b"{": "json", b"[": "json", b"<": "xml"}
NOT_FORWARDED = ("cloudevents", "bus-")  # the broker's own headers; the event's go out as ce-


class HttpSink:
    """Requests to one URL. A redirect is a failure: it could lead anywhere."""

    def __init__(self, options: HttpSinkOptions, site: Site) -> None:
        self._options = options
        self._reading = SourceOptions(max_body=options.max_answer)
        self._system = site.system
        self._session: aiohttp.ClientSession | None = None
        self._slots = asyncio.Semaphore(options.concurrency)

    async def deliver(self, batch: Sequence[Outbound]) -> Sequence[Answer]:
        """Send each as a request of its own, at most `concurrency` at a time over all callers."""
        if len(batch) == 1:  # as the bus calls it; a task of its own would cost a tenth of the request
            return [await self._send(batch[0])]
        return await asyncio.gather(*(self._send(outbound) for outbound in batch))

    async def close(self) -> None:
        """Let the connections go. Idempotent."""
        session, self._session = self._session, None
        if session:
            await session.close()

    async def _send(self, outbound: Outbound) -> Answer:
        try:
            async with self._slots:  # waiting for one's turn is not the target's time
                with _target_errors(self._system):
                    return await self._exchange(outbound)
        except BusError as error:
            return answer_for(error)

    async def _exchange(self, outbound: Outbound) -> Answer:
        async with self._open().request(
            self._options.method,
            _url(self._options.url, outbound.path),
            data=outbound.body if len(outbound.body) < LARGE_BYTES else io.BytesIO(outbound.body),
            headers=_headers(self._options.headers, outbound),
            allow_redirects=False,
        ) as response:
            body = await _read(response, self._options.max_answer)
            value, not_read = _parse(body, response, self._reading)
            return Answer(
                ok=200 <= response.status < 300,
                response=value,
                not_read=not_read,
                code=str(response.status),
                message=response.reason or "",
                retry=response.status >= 500 or response.status in PASSING,
                retry_after_s=_retry_after_s(response.headers.get("Retry-After", "")),
            )

    def _open(self) -> aiohttp.ClientSession:
        # Opened here and not where it is made: a session belongs to the loop that runs it.
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),  # bounded by the slots
                cookie_jar=aiohttp.DummyCookieJar(),  # no delivery depends on the one before
                timeout=aiohttp.ClientTimeout(
                    total=self._options.timeout, sock_connect=min(CONNECT_TIMEOUT_S, self._options.timeout)
                ),
            )
        return self._session


@contextmanager
def _target_errors(system: str) -> Iterator[None]:
    """Turn what aiohttp raises into Unavailable, or Refused where the request itself cannot be made."""
    try:
        yield
    except TimeoutError as exc:  # aiohttp's own are subclasses of it
        raise Unavailable("http-timeout", system=system) from exc
    except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError) as exc:
        raise Unavailable("http-tls", system=system) from exc
    except aiohttp.ClientConnectorError as exc:
        reason = exc.strerror or str(exc.os_error)
        raise Unavailable("http-no-connection", system=system, reason=reason) from exc
    except (aiohttp.InvalidURL, ValueError) as exc:
        raise Refused("http-request", system=system) from exc
    except (aiohttp.ClientError, OSError) as exc:
        raise Unavailable("http-broken-off", system=system) from exc


def _url(base: str, path: str) -> str:
    """Return `base` with `path`, and the query it may hold, added; host and port always stay those of `base`.

    >>> _url("https://wms/api?key=1", "orders/PO 1?mode=new")
    'https://wms/api/orders/PO%201?key=1&mode=new'
    >>> _url("https://wms/api", "//evil.example/x"), _url("https://wms", "@evil.example")
    ('https://wms/api/evil.example/x', 'https://wms/@evil.example')
    """
    if not path:
        return base
    parts = urlsplit(base)
    added, _, query = path.partition("?")
    # Written as %2e%2e they are the same to aiohttp, and to many a server.
    if ".." in unquote(added).replace("\\", "/").split("/"):
        raise Refused("http-path", name=path)
    return urlunsplit((
        parts.scheme,
        parts.netloc,
        f"{parts.path.rstrip('/')}/{quote(added.lstrip('/'), safe='/@:%,;=+!$&*()')}",
        "&".join(filter(None, (parts.query, query))),
        "",
    ))


def _headers(fixed: Mapping[str, str], outbound: Outbound) -> dict[str, str]:
    """Return the headers of one request; the route's come last and win, but for the idempotency key."""
    event, content_type, charset = outbound.event, outbound.content_type, outbound.content_encoding
    headers = {
        "content-type": ("Content-Type", content_type + (f"; charset={charset}" if charset else "")),
        "ce-id": ("ce-id", _ce_value(event.id)),
        "ce-source": ("ce-source", _ce_value(event.source)),
        "ce-type": ("ce-type", _ce_value(event.type)),
    }
    if traceparent := event.extensions.get("traceparent"):
        headers["traceparent"] = "traceparent", traceparent
    for name, value in (*fixed.items(), *outbound.headers.items()):
        if not (lower := name.lower()).startswith(NOT_FORWARDED):
            headers[lower] = name, value  # as it was written: some targets know only that
    headers["idempotency-key"] = "Idempotency-Key", outbound.id
    return dict(headers.values())


def _ce_value(value: str) -> str:
    """Write an attribute as the HTTP binding of CloudEvents says: what is not printable ASCII as %XX.

    >>> _ce_value("PO-2026/1 采")
    'PO-2026/1%20%E9%87%87'
    """
    return quote(value, safe="!#$&'()*+,/:;<=>?@[]^`{|}\\")


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes | None:
    """Return the answer's body, None beyond `limit`; the connection is then given up."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)


def _parse(body: bytes | None, response: aiohttp.ClientResponse, options: SourceOptions) -> tuple[Any, str]:
    """Return the answer as JSON or XML says it, as text where it is neither, null when empty or too large.

    Beside it stands the content type of an answer that was neither; "" otherwise.
    """
    if not body:
        return None, ""
    content_type = response.headers.get("Content-Type", "")
    form = _format(content_type, body)
    if form:
        try:
            return answer_of(read(form, body, options, content_type)), ""
        except BusError:
            pass  # it says JSON or XML and is neither: the status decides, and the text is there to look at
    not_read = content_type.partition(";")[0].strip()[:MAX_TYPE] or "text/plain"
    try:
        return body.decode(response.charset or "utf-8"), not_read
    except (LookupError, UnicodeDecodeError):
        return None, not_read


def _format(content_type: str, body: bytes) -> str | None:
    """Say what an answer is written in. Many targets send JSON as text/html, so the body counts too.

    >>> _format("application/problem+json", b"{}"), _format("text/html", b" {"), _format("text/html", b"<p>")
    ('json', 'json', None)
    """
    media_type = content_type.partition(";")[0].strip().lower()
    for form in ("json", "xml"):
        if media_type.endswith((f"/{form}", f"+{form}")):
            return form
    sniffed = SNIFFED.get(body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1])
    return None if sniffed == "xml" and media_type == "text/html" else sniffed


def _retry_after_s(value: str) -> float | None:
    """Return the seconds that a Retry-After header asks for: a number, or a date of HTTP."""
    if value.isascii() and value.isdigit():
        return min(float(value[:9]), MAX_RETRY_AFTER_S)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return float(min(max(0, math.ceil((at - datetime.now(UTC)).total_seconds())), MAX_RETRY_AFTER_S))
