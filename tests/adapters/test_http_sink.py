"""Deliveries over HTTP to targets that behave, and to some that do not."""

import asyncio
import time
from collections.abc import Callable, Sequence
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from adapters.http import HttpSinkOptions, check, sink
from bus.adapter import Answer, Outbound
from bus.event import Event

from tests.adapters.servers import serving
from tests.adapters.support import outbound, site

BODY = '{"po_no":"采购-1"}'.encode()


class Target:
    """An HTTP server that answers as told and remembers what it was asked."""

    def __init__(self, answer: Callable[[Request], Any] | Response | None = None) -> None:
        self._answer = answer
        self.requests: list[tuple[Request, bytes]] = []
        self.connections: set[Any] = set()
        self.at_once = self.most_at_once = 0

    async def respond(self, request: Request) -> Response:
        self.connections.add(request.client)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self.requests.append((request, await request.body()))
            if callable(self._answer) and not isinstance(self._answer, Response):
                answer: Response = await self._answer(request)
                return answer
            return self._answer or Response(b'{"flag": "success"}', media_type="application/json")
        finally:
            self.at_once -= 1

    def deliver(self, *batch: Outbound, path: str = "/api", batches: int = 1, **options: Any) -> Sequence[Answer]:
        """Deliver to it and return the answers of the last batch."""
        everything = Starlette(routes=[Route("/{path:path}", self.respond, methods=["POST", "PUT"])])

        async def run() -> Sequence[Answer]:
            async with serving(everything) as url:
                target = sink(HttpSinkOptions(**{"url": url + path, **options}), site(Path()))
                try:
                    for _ in range(batches):
                        answers = await target.deliver(batch)
                    return answers
                finally:
                    await target.close()

        return asyncio.run(run())


def responding(body: bytes, content_type: str = "application/json", status: int = 200, **headers: str) -> Target:
    return Target(Response(body, status, {**headers, "Content-Type": content_type}))


def test_a_delivery_is_one_request_with_its_key_type_and_body() -> None:
    target = Target()
    event = Event("purchase_order.released", "erp", "采购 1", {}, extensions={"traceparent": "00-1-2-03"})
    delivery = outbound(BODY, event=event, content_encoding="utf-8", headers={"X-Site": "SH", "bus-route": "r"})
    [answer] = target.deliver(delivery, headers={"Authorization": "Bearer t", "x-site": "default"})
    assert answer == Answer(ok=True, response={"flag": "success"}, code="200", message="OK")
    [(request, body)] = target.requests
    assert (request.method, request.url.path, body) == ("POST", "/api", BODY)
    assert request.headers["idempotency-key"] == delivery.id
    assert request.headers["content-type"] == "application/json; charset=utf-8"
    assert request.headers["content-length"] == str(len(BODY))
    assert request.headers["authorization"] == "Bearer t"
    assert request.headers.getlist("x-site") == ["SH"]
    assert request.headers["ce-id"] == "%E9%87%87%E8%B4%AD%201"
    assert request.headers["ce-type"] == "purchase_order.released"
    assert request.headers["traceparent"] == "00-1-2-03"
    assert "bus-route" not in request.headers


def test_a_route_cannot_take_the_key_away() -> None:
    target = Target()
    delivery = outbound(BODY, headers={"idempotency-key": "mine"})
    target.deliver(delivery)
    assert target.requests[0][0].headers.getlist("idempotency-key") == [delivery.id]


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("orders/PO 1?mode=new", "/api/orders/PO%201?key=1&mode=new"),
        ("//evil.example/x", "/api/evil.example/x?key=1"),
        ("http://evil.example/", "/api/http://evil.example/?key=1"),
        ("采购", "/api/%E9%87%87%E8%B4%AD?key=1"),
    ],
)
def test_a_path_is_added_to_the_url_and_never_leaves_its_host(path: str, asked: str) -> None:
    target = Target()
    [answer] = target.deliver(outbound(BODY, path=path), path="/api?key=1")
    assert answer.ok
    url = target.requests[0][0].url
    assert f"{target.requests[0][0].scope['raw_path'].decode()}?{url.query}" == asked


@pytest.mark.parametrize("changes", [{"path": "../admin"}, {"path": "a/..\\b"}, {"headers": {"X-A": "1\r\nX-B: 2"}}])
def test_a_request_that_must_not_be_made_is_refused_for_good(changes: dict[str, Any]) -> None:
    target = Target()
    [answer] = target.deliver(outbound(BODY, **changes))
    assert (answer.ok, answer.retry) == (False, False)
    assert answer.code in ("http-path", "http-request")
    assert target.requests == []


@pytest.mark.parametrize(
    ("status", "ok", "retry"),
    [(200, True, False), (204, True, False), (400, False, False), (401, False, False), (404, False, False),
     (408, False, True), (409, False, False), (422, False, False), (429, False, True), (500, False, True),
     (503, False, True)],
)  # fmt: skip
def test_a_status_says_whether_it_may_pass(status: int, ok: bool, retry: bool) -> None:
    [answer] = responding(b"", status=status).deliver(outbound(BODY))
    assert (answer.ok, answer.code) == (ok, str(status))
    assert answer.message
    if not ok:
        assert answer.retry == retry


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [
        ("120", 120, 120),
        ("0", 0, 0),
        ("9" * 400, 86_400, 86_400),
        ("soon", None, None),
    ],
)
def test_what_the_target_asks_to_wait_is_passed_on(value: str, least: float | None, most: float | None) -> None:
    [answer] = responding(b"", status=503, **{"Retry-After": value}).deliver(outbound(BODY))
    if least is None or most is None:
        assert answer.retry_after_s is None
    else:
        assert answer.retry_after_s is not None
        assert least <= answer.retry_after_s <= most


@pytest.mark.parametrize(("in_s", "least", "most"), [(90, 1, 91), (-90, 0, 0)])
def test_a_time_at_which_the_target_asks_to_be_called_again_is_passed_on(in_s: int, least: float, most: float) -> None:
    [answer] = responding(b"", status=503, **{"Retry-After": formatdate(time.time() + in_s, usegmt=True)}).deliver(outbound(BODY))
    assert answer.retry_after_s is not None
    assert least <= answer.retry_after_s <= most


@pytest.mark.parametrize(
    ("body", "content_type", "flag"),
    [
        (b'{"flag": "ok"}', "application/json", "ok"),
        (b'{"flag": "ok"}', "application/problem+json", "ok"),
        (b' {"flag": "ok"}', "text/html", "ok"),
        (b'\xef\xbb\xbf{"flag": "ok"}', "text/plain", "ok"),
        (b"<response><flag>ok</flag></response>", "text/xml; charset=utf-8", "ok"),
        (b"<response><flag>ok</flag></response>", "text/plain", "ok"),
        ('<?xml version="1.0" encoding="GBK"?><r><flag>成功</flag></r>'.encode("gbk"), "application/xml", "成功"),
    ],
)
def test_an_answer_is_read_as_what_it_is(body: bytes, content_type: str, flag: str) -> None:
    from bus.codecs import plain

    [answer] = responding(body, content_type).deliver(outbound(BODY))
    assert plain(answer.response)["flag"] == flag


@pytest.mark.parametrize(
    ("body", "content_type", "response"),
    [
        (b"success", "text/plain", "success"),
        ("成功".encode("gbk"), "text/plain; charset=gbk", "成功"),
        (b"<html><p>", "text/html", "<html><p>"),
        (b"{broken", "application/json", "{broken"),
        (b"", "application/json", None),
        (b"\xff\xfe", "application/octet-stream", None),
        (b"{" + b" " * 5000 + b"}", "application/json", None),
    ],
)
def test_an_answer_that_is_neither_json_nor_xml_is_text_or_null(body: bytes, content_type: str, response: Any) -> None:
    [answer] = responding(body, content_type).deliver(outbound(BODY), max_answer=4096)
    assert (answer.ok, answer.response) == (True, response)


def test_an_xml_answer_reads_no_file_and_no_entity(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    canary.write_text("canary")
    body = f'<!DOCTYPE r [<!ENTITY x SYSTEM "file://{canary}">]><r><flag>&x;</flag></r>'.encode()
    [answer] = responding(body, "application/xml").deliver(outbound(BODY))
    assert answer.response == body.decode()  # kept as text


def test_a_redirect_is_a_failure_and_not_followed() -> None:
    target = Target(RedirectResponse("http://127.0.0.1:9/latest/meta-data", 302))
    [answer] = target.deliver(outbound(BODY))
    assert (answer.ok, answer.code, answer.retry) == (False, "302", False)
    assert len(target.requests) == 1


def test_a_target_that_is_slow_is_tried_again() -> None:
    async def slow(request: Request) -> Response:
        await asyncio.sleep(30)
        raise AssertionError

    [answer] = Target(slow).deliver(outbound(BODY), timeout=0.2)
    assert (answer.ok, answer.retry, answer.code) == (False, True, "http-timeout")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/SECRET", "http://user:SECRET@nowhere.invalid/"])
def test_a_target_that_is_not_there_is_tried_again_and_its_url_not_shown(url: str) -> None:
    async def run() -> Answer:
        target = sink(HttpSinkOptions(url=url), site(Path()))
        [answer] = await target.deliver([outbound(BODY)])
        await target.close()
        return answer

    answer = asyncio.run(run())
    assert (answer.ok, answer.retry, answer.code) == (False, True, "http-no-connection")
    assert "SECRET" not in answer.message
    assert "wms" in answer.message


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{", b"220 ftp ready\r\n"]
)
def test_an_answer_that_breaks_off_is_unknown_and_tried_again(said: bytes) -> None:
    async def run() -> Answer:
        async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(said)
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(cut, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        target = sink(HttpSinkOptions(url=f"http://127.0.0.1:{port}"), site(Path()))
        [answer] = await target.deliver([outbound(BODY)])
        await target.close()
        server.close()
        return answer

    answer = asyncio.run(run())
    assert (answer.ok, answer.retry, answer.code) == (False, True, "http-broken-off")


def test_a_batch_goes_out_at_once_within_the_bound_and_over_kept_connections() -> None:
    async def pause(request: Request) -> Response:
        await asyncio.sleep(0.02)
        return Response(b"{}")

    target = Target(pause)
    answers = target.deliver(*(outbound(BODY, n) for n in range(12)), concurrency=3, batches=2)
    assert [answer.ok for answer in answers] == [True] * 12
    assert len(target.requests) == 24
    assert target.most_at_once == 3
    assert len(target.connections) == 3


def test_waiting_for_ones_turn_is_not_the_targets_time() -> None:
    async def pause(request: Request) -> Response:
        await asyncio.sleep(0.1)
        return Response(b"{}")

    answers = Target(pause).deliver(*(outbound(BODY, n) for n in range(8)), concurrency=1, timeout=0.5)
    assert all(answer.ok for answer in answers)


def test_one_bad_answer_leaves_its_neighbours_unharmed() -> None:
    async def picky(request: Request) -> Response:
        bad = request.headers["idempotency-key"] == outbound(BODY, 1).id
        return Response(b"{}", 500 if bad else 200)

    answers = Target(picky).deliver(*(outbound(BODY, n) for n in range(3)))
    assert [answer.ok for answer in answers] == [True, False, True]


def test_a_large_delivery_arrives_whole() -> None:
    target = Target()
    [answer] = target.deliver(outbound(b"x" * 5_000_000))
    assert answer.ok
    assert len(target.requests[0][1]) == 5_000_000


def test_closing_twice_or_unused_is_no_error() -> None:
    async def run() -> None:
        target = sink(HttpSinkOptions(url="http://127.0.0.1:9"), site(Path()))
        await target.close()
        await target.close()

    asyncio.run(run())


@pytest.mark.parametrize("url", ["wms.example.com/api", "ftp://wms", "http://", "https://[::1", "http://wms:0"])
def test_a_url_that_is_none_is_found_at_load(url: str) -> None:
    [(option, error)] = list(check(HttpSinkOptions(url=url)))
    assert (option, error.code) == ("url", "http-url")
    assert list(check(HttpSinkOptions(url="https://wms.example.com:8443/api"))) == []
