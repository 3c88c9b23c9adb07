"""Documents posted to a real server: what is stored is answered 202, everything else says why."""

import asyncio
import base64
import gzip
import hashlib
import hmac
import io
import json
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from adapters.http import HttpSourceOptions, source
from bus.adapter import Accepted, Document
from bus.errors import (
    BusError,
    ConfigurationError,
    DocumentError,
    Held,
    IdentityConflict,
    Refused,
    Unavailable,
    UsageError,
)

from tests.adapters.servers import serving
from tests.adapters.support import Bus, raising, refusing, running, site

SECRET = "canary-of-a-secret"
JSON = {"Content-Type": "application/json"}
Post = Callable[..., Coroutine[Any, Any, "Reply"]]


class Reply:
    """What came back, read whole."""

    def __init__(self, status: int, headers: Mapping[str, str], text: str) -> None:
        self.status, self.headers, self.text = status, headers, text

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def code(self) -> str:
        """The error's code; its sentence is there as well."""
        error = self.json["error"]
        assert error["message"]
        return str(error["code"])


def talk(bus: Bus, story: Callable[[Post], Awaitable[None]], **options: Any) -> None:
    """Run a source at /in/wms behind a real server, and let `story` post to it."""
    routes: list[Route] = []
    made = source(
        HttpSourceOptions(**{"path": "/in/wms", "format": "json", **options}),
        site(Path(), listen=lambda path, app: routes.append(Route(path, app))),
    )

    async def run() -> None:
        app = Starlette(routes=routes)
        async with running(made, bus.accept), serving(app) as url, aiohttp.ClientSession() as session:

            async def post(body: Any = b"{}", headers: Mapping[str, str] = JSON, method: str = "POST") -> Reply:
                async with session.request(method, f"{url}/in/wms", data=body, headers=headers) as answer:
                    return Reply(answer.status, answer.headers, await answer.text())

            await story(post)

    asyncio.run(run())


def signed(body: bytes, id_: str = "msg-1", off_s: int = 0, key: bytes = SECRET.encode()) -> dict[str, str]:
    stamp = str(int(time.time()) + off_s)
    mac = hmac.new(key, f"{id_}.{stamp}.".encode() + body, hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(mac).decode()}"
    return {**JSON, "Webhook-Id": id_, "Webhook-Timestamp": stamp, "Webhook-Signature": signature}


def test_a_stored_document_is_answered_with_its_events() -> None:
    bus = Bus(lambda document: Accepted((("gate_pass.issued", "GP-1"),)))

    async def story(post: Post) -> None:
        reply = await post(b'{"a": 1}', {**JSON, "Idempotency-Key": "k-1"})
        assert (reply.status, reply.json) == (202, {"events": [{"type": "gate_pass.issued", "id": "GP-1"}]})

    talk(bus, story)
    assert bus.documents == [Document("wms", b'{"a": 1}', "/in/wms", "k-1", "application/json")]


def test_without_an_id_the_same_body_is_the_same_document() -> None:
    bus = Bus()

    async def story(post: Post) -> None:
        await post(b'{"a": 1}')
        await post(gzip.compress(b'{"a": 1}'), {**JSON, "Content-Encoding": "gzip"})
        await post(b'{"a": 2}')

    talk(bus, story)
    first, zipped, other = bus.documents
    assert first == zipped
    assert other.id != first.id


class Slow(Bus):
    """Stores a document only when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.stored = asyncio.Event(), asyncio.Event()

    async def accept(self, document: Document) -> Accepted:
        self.reached.set()
        await self.stored.wait()
        return await super().accept(document)


def test_no_202_comes_before_the_document_is_stored() -> None:
    bus = Slow()

    async def story(post: Post) -> None:
        task = asyncio.create_task(post())
        await bus.reached.wait()
        assert not task.done()
        bus.stored.set()
        assert (await task).status == 202

    talk(bus, story)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (DocumentError("http-gzip"), 400),
        (Refused("http-gzip"), 422),
        (IdentityConflict("http-gzip"), 422),
        (Unavailable("http-not-running"), 503),
    ],
)
def test_what_is_not_taken_says_so_with_one_reason(error: BusError, status: int) -> None:
    async def story(post: Post) -> None:
        reply = await post()
        assert (reply.status, reply.code) == (status, error.code)
        assert ("Retry-After" in reply.headers) == (status == 503)

    talk(Bus(raising(error)), story)
    if status != 503:
        talk(Bus(refusing(error)), story)


def test_a_document_that_is_only_held_is_taken_and_says_what_it_waits_for() -> None:
    async def story(post: Post) -> None:
        reply = await post()
        assert reply.status == 202
        assert reply.json["problem"]["code"] == "http-gzip"

    talk(Bus(refusing(Held("http-gzip"))), story)


def test_a_part_that_is_refused_does_not_hide_the_part_that_is_taken() -> None:
    both = Accepted((("gate_pass.issued", "GP-1"),), Refused("http-gzip"))

    async def story(post: Post) -> None:
        reply = await post()
        assert reply.status == 202
        assert reply.json["events"]
        assert reply.json["problem"]["code"] == "http-gzip"

    talk(Bus(lambda document: both), story)


def test_the_bus_says_when_to_come_again() -> None:
    async def story(post: Post) -> None:
        assert (await post()).headers["Retry-After"] == "42"

    talk(Bus(raising(Unavailable("http-not-running", retry_after_s=41.2))), story)


@pytest.mark.parametrize(
    ("content_type", "format_", "status"),
    [
        ("application/json; charset=utf-8", "json", 202),
        ("application/cloudevents+json", "json", 202),
        ("text/xml", "xml", 202),
        ("application/soap+xml", "xml", 202),
        ("text/csv", "csv", 202),
        ("application/x-www-form-urlencoded", "xml", 202),  # what curl says when nobody says anything
        ("application/octet-stream", "json", 202),
        ("text/xml", "json", 415),
        ("application/json", "xml", 415),
        ("text/plain", "json", 415),
    ],
)
def test_a_content_type_that_contradicts_the_format_is_refused(content_type: str, format_: str, status: int) -> None:
    async def story(post: Post) -> None:
        assert (await post(b"x", {"Content-Type": content_type})).status == status

    talk(Bus(), story, format=format_)


@pytest.mark.parametrize("size", [1001, 300_000, 20_000_000])
def test_a_body_above_the_limit_is_refused_and_the_sender_sees_the_answer(size: int) -> None:
    bus = Bus()

    async def chunks() -> Any:
        for _ in range(0, size, 1000):
            yield b"x" * 1000
        yield b"x"

    async def story(post: Post) -> None:
        declared = await post(io.BytesIO(b"x" * size))
        assert (declared.status, declared.code) == (413, "http-too-large")
        if size < 1_000_000:
            assert (await post(chunks())).status == 413

    talk(bus, story, max_body=1000)
    assert bus.documents == []


def test_a_body_at_the_limit_is_taken() -> None:
    bus = Bus()

    async def story(post: Post) -> None:
        assert (await post(b"x" * 1000)).status == 202

    talk(bus, story, max_body=1000)
    assert len(bus.documents[0].body) == 1000


def test_a_gzip_bomb_is_refused_without_being_unpacked() -> None:
    bomb = gzip.compress(bytes(200_000_000), 9)

    async def story(post: Post) -> None:
        began = time.process_time()
        reply = await post(bomb, {**JSON, "Content-Encoding": "gzip"})
        assert (reply.status, reply.code) == (413, "http-too-large")
        assert time.process_time() - began < 0.5

    talk(Bus(), story, max_body=1_000_000)


@pytest.mark.parametrize(
    ("coding", "body", "status"),
    [
        ("identity", b"{}", 202),
        ("GZIP", gzip.compress(b"{}"), 202),
        ("br", b"{}", 415),
        ("gzip, gzip", b"{}", 415),
        ("gzip", b"{}", 400),
        ("gzip", gzip.compress(b"{}")[:-3], 400),
        ("gzip", gzip.compress(b"{}") + b"x", 400),
    ],
)
def test_a_content_encoding_is_understood_or_refused(coding: str, body: bytes, status: int) -> None:
    async def story(post: Post) -> None:
        assert (await post(body, {**JSON, "Content-Encoding": coding})).status == status

    talk(Bus(), story)


def test_a_get_says_what_the_path_takes_and_other_methods_what_is_allowed() -> None:
    bus = Bus()

    async def story(post: Post) -> None:
        invitation = await post(None, {}, "GET")
        assert invitation.status == 200
        assert invitation.text.count("\n") == 1
        assert "json" in invitation.text
        for method in ("PUT", "DELETE", "PATCH"):
            reply = await post(b"{}", JSON, method)
            assert (reply.status, reply.code, reply.headers["Allow"]) == (405, "http-method", "GET, HEAD, POST")

    talk(bus, story)
    assert bus.documents == []


def test_an_id_longer_than_brokers_carry_is_refused() -> None:
    async def story(post: Post) -> None:
        assert (await post(b"{}", {**JSON, "Idempotency-Key": "x" * 256})).status == 400

    talk(Bus(), story)


def test_a_signed_document_is_taken_and_its_webhook_id_is_its_id() -> None:
    bus = Bus()

    async def story(post: Post) -> None:
        assert (await post(b"{}", signed(b"{}"))).status == 202
        zipped = gzip.compress(b"{}")
        assert (await post(zipped, {**signed(zipped, "msg-2"), "Content-Encoding": "gzip"})).status == 202
        two = signed(b"{}", "msg-3")
        two["Webhook-Signature"] = "v1,AAAA " + two["Webhook-Signature"]
        assert (await post(b"{}", two)).status == 202

    talk(bus, story, secret=SECRET)
    assert [document.id for document in bus.documents] == ["msg-1", "msg-2", "msg-3"]


def test_a_secret_in_base64_is_the_bytes_it_stands_for() -> None:
    async def story(post: Post) -> None:
        assert (await post(b"{}", signed(b"{}", key=bytes(range(24))))).status == 202

    talk(Bus(), story, secret="whsec_" + base64.b64encode(bytes(range(24))).decode())


BODY = b'{"qty": 1}'
FORGED = {
    "a flipped bit": (b'{"qty": 3}', {}),
    "re-encoded JSON": (b'{"qty":1}', {}),
    "another id": (BODY, {"Webhook-Id": "msg-9"}),
    "another time": (BODY, {"Webhook-Timestamp": str(int(time.time()) - 7)}),
    "a time that is none": (BODY, {"Webhook-Timestamp": "1e9"}),
    "another version": (BODY, {"Webhook-Signature": "v2,AAAA"}),
    "no signature": (BODY, {"Webhook-Signature": ""}),
    "no id": (BODY, {"Webhook-Id": ""}),
    "a signature that is no ASCII": (BODY, {"Webhook-Signature": "v1,é"}),
}


@pytest.mark.parametrize("how", FORGED)
def test_a_forged_document_is_refused(how: str) -> None:
    body, changes = FORGED[how]
    bus = Bus()

    async def story(post: Post) -> None:
        reply = await post(body, {**signed(BODY), **changes})
        assert reply.status == 401
        assert "WWW-Authenticate" in reply.headers
        assert SECRET not in reply.text

    talk(bus, story, secret=SECRET)
    assert bus.documents == []


@pytest.mark.parametrize(("off_s", "status"), [(-302, 401), (302, 401), (-290, 202), (290, 202)])
def test_a_clock_may_be_five_minutes_off(off_s: int, status: int) -> None:
    async def story(post: Post) -> None:
        assert (await post(b"{}", signed(b"{}", off_s=off_s))).status == status

    talk(Bus(), story, secret=SECRET)


def test_a_replay_is_refused_and_a_retry_signed_anew_is_not() -> None:
    bus = Bus()

    async def story(post: Post) -> None:
        sent = signed(b"{}")
        assert (await post(b"{}", sent)).status == 202
        assert (await post(b"{}", sent)).code == "http-replayed"
        assert (await post(b"{}", signed(b"{}", off_s=1))).status == 202

    talk(bus, story, secret=SECRET)
    assert len(bus.documents) == 2


def test_a_document_the_bus_could_not_store_may_come_again_as_it_is() -> None:
    bus = Bus(raising(Unavailable("http-not-running")))

    async def story(post: Post) -> None:
        sent = signed(b"{}")
        assert (await post(b"{}", sent)).status == 503
        bus._answer = lambda document: Accepted(())
        assert (await post(b"{}", sent)).status == 202

    talk(bus, story, secret=SECRET)


def test_an_unsigned_document_costs_no_unpacking() -> None:
    bomb = gzip.compress(bytes(1_000_000), 9)

    async def story(post: Post) -> None:
        headers = {**signed(b"other"), "Content-Encoding": "gzip"}
        assert (await post(bomb, headers)).status == 401  # and not 413

    talk(Bus(), story, secret=SECRET, max_body=10_000)


def test_while_nobody_runs_the_source_documents_are_put_off() -> None:
    routes: list[Route] = []
    made = source(HttpSourceOptions(path="/in"), site(Path(), listen=lambda path, app: routes.append(Route(path, app))))
    bus = Bus()

    async def run() -> None:
        async with serving(Starlette(routes=routes)) as url, aiohttp.ClientSession() as session:
            async with session.post(f"{url}/in", data=b"{}", headers=JSON) as answer:
                assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
            async with running(made, bus.accept):
                await asyncio.sleep(0)  # its first step
                async with session.post(f"{url}/in", data=b"{}", headers=JSON) as answer:
                    assert answer.status == 202
            async with session.post(f"{url}/in", data=b"{}", headers=JSON) as answer:
                assert answer.status == 503

    asyncio.run(run())


def test_a_sender_that_goes_away_leaves_nothing_behind() -> None:
    bus = Bus()

    async def story(post: Post) -> None:
        async def half() -> Any:
            yield b'{"a"'
            raise ConnectionResetError

        with pytest.raises((aiohttp.ClientError, ConnectionResetError)):
            await post(half())
        assert (await post()).status == 202

    talk(bus, story)
    assert bus.bodies == [b"{}"]


def test_without_a_listener_the_source_says_what_to_start_with() -> None:
    with pytest.raises(UsageError) as caught:
        source(HttpSourceOptions(path="/in"), site(Path()))
    assert "--listen" in caught.value.hint


def test_a_secret_that_is_no_base64_is_said_and_not_shown() -> None:
    with pytest.raises(ConfigurationError) as caught:
        source(HttpSourceOptions(path="/in", secret="whsec_canary!"), site(Path(), listen=lambda path, app: None))
    assert "canary" not in str(caught.value)
