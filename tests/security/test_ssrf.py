"""SSRF: the bus calls the hosts that `systems` name and no other, whatever a document or a target says."""

import asyncio
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from adapters.http import HttpSinkOptions, sink
from bus.adapter import Answer

from tests.adapters.servers import serving
from tests.adapters.support import outbound, site
from tests.configuring import loaded

METADATA = "http://169.254.169.254/latest/meta-data/"


class Host:
    """An HTTP server that counts who calls."""

    def __init__(self, answer: Response | None = None) -> None:
        self.called: list[str] = []
        self._answer = answer or Response()
        self.app = Starlette(routes=[Route("/{path:path}", self._respond, methods=["GET", "POST"])])

    async def _respond(self, request: Request) -> Response:
        self.called.append(request.url.path)
        return self._answer


async def deliver(url: str, path: str = "") -> Answer:
    target = sink(HttpSinkOptions(url=url, timeout=5), site(Path()))
    try:
        (answer,) = await target.deliver([outbound(b"{}", path=path)])
        return answer
    finally:
        await target.close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_not_an_order(status: int) -> None:
    async def run() -> None:
        inner = Host()
        async with serving(inner.app) as inside:
            for goal in (METADATA, f"{inside}/admin"):
                outer = Host(RedirectResponse(goal, status))
                async with serving(outer.app) as url:
                    answer = await deliver(f"{url}/api")
                assert (answer.ok, answer.code, answer.retry) == (False, str(status), False)
                assert outer.called == ["/api"]
        assert inner.called == []

    asyncio.run(asyncio.wait_for(run(), 30))


@pytest.mark.parametrize("path", [
    "//169.254.169.254/latest", "http://169.254.169.254/", "@169.254.169.254/", ":80@169.254.169.254/", "\\\\169.254.169.254\\x",
    "?@169.254.169.254", "#@169.254.169.254", "/../../admin", "%2e%2e/admin", "%252e%252e/admin", "..%2fadmin", "\r\nHost: 169.254.169.254", "..;/admin",
])
def test_a_path_made_of_a_document_stays_on_its_host_and_below_its_url(path: str) -> None:
    async def run() -> None:
        host = Host()
        async with serving(host.app) as url:
            answer = await deliver(f"{url}/api", path)
            # It arrived there, whatever that host says to it, or was refused here; nothing else would be a status.
            assert answer.code.isdigit() or answer.code in ("http-path", "http-request")
        assert all(called.startswith("/api") for called in host.called)

    asyncio.run(asyncio.wait_for(run(), 30))


def test_a_document_cannot_name_a_host() -> None:
    """`url` is no expression: what looks like one is a URL that is none."""
    config = loaded("""
        version: 1
        systems:
          wms: {sink: {adapter: http, url: data.callback}}
    """)
    assert [error.code for error in config.errors] == ["http-url"]


@pytest.mark.parametrize("url", ["file:///etc/passwd", "gopher://127.0.0.1/", "ftp://host/x", "//host/x", "http://"])
def test_only_http_is_spoken(url: str) -> None:
    config = loaded(f"version: 1\nsystems: {{wms: {{sink: {{adapter: http, url: '{url}'}}}}}}\n")
    assert [error.code for error in config.errors] == ["http-url"]
