"""HTTP: documents that systems post to the bus, and deliveries that the bus posts to systems.

Only the options live here, so that lint and help need no aiohttp.
"""

from collections.abc import Iterator
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field

from bus.adapter import (
    AdapterSpec,
    Duration,
    Expression,
    Secret,
    Sink,
    SinkOptions,
    Site,
    Source,
    SourceOptions,
)
from bus.errors import BusError, ConfigurationError


class HttpSourceOptions(SourceOptions):
    """A path of the bus's own HTTP server that a system posts its documents to."""

    path: str = Field(pattern=r"^/[^?#\s]*$", description="Where documents are posted to, e.g. /in/wms.")
    secret: Secret | None = Field(
        default=None,
        description="Key of the HMAC-SHA256 signature every document must carry (Standard Webhooks headers); "
        "a value that begins with whsec_ is Base64. Without it anybody who reaches the path may post.",
    )


class HttpSinkOptions(SinkOptions):
    """A URL that takes one document per request."""

    url: Secret = Field(description="http:// or https:// address; itself the permission to call that host.")
    path: Expression | None = Field(
        default=None, description="Its text is added to the URL, after a slash."
    )
    method: Literal["POST", "PUT", "PATCH", "DELETE"] = Field(default="POST", description="Of every request.")
    headers: dict[str, Secret] = Field(default={}, description="Sent with every request, e.g. Authorization.")
    timeout: Duration = Field(default=30.0, gt=0, description="For one whole request, connecting included.")
    max_answer: int = Field(default=1024 * 1024, ge=1, description="Bytes; a larger answer is not read.")


def check(options: SourceOptions | SinkOptions) -> Iterator[tuple[str, BusError]]:
    """Yield what the types of the options cannot say."""
    if isinstance(options, HttpSinkOptions):
        try:
            parts = urlsplit(options.url)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            yield "url", ConfigurationError("http-url")


def source(options: HttpSourceOptions, site: Site) -> Source:
    """Register the path with the bus's HTTP server."""
    from adapters.http_source import HttpSource

    return HttpSource(options, site)


def sink(options: HttpSinkOptions, site: Site) -> Sink:
    """Prepare one session; nothing is connected yet."""
    from adapters.http_sink import HttpSink

    return HttpSink(options, site)


SPEC = AdapterSpec(
    name="http",
    source_options=HttpSourceOptions,
    source=source,
    sink_options=HttpSinkOptions,
    sink=sink,
    check=check,
)
