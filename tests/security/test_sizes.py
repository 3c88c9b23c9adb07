"""Sizes: nothing is read that is too large, too deep or ambiguous, and nothing is unpacked beyond a limit."""

import asyncio
import gzip
import resource
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from adapters.http import HttpSourceOptions, source
from bus.adapter import SourceOptions
from bus.codecs import read
from bus.errors import DocumentError, Refused
from bus.runtime.embedded import EmbeddedBroker
from bus.testing import letter
from bus.topology import Topology

from tests.adapters.servers import serving
from tests.adapters.support import Bus, running, site

LIMIT_S = 0.5
JSON: dict[str, tuple[bytes, str]] = {
    "100k opening brackets": (b"[" * 100_000, "document-too-deep"),
    "100k nested lists": (b"[" * 100_000 + b"]" * 100_000, "document-too-deep"),
    "100k nested objects": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "document-too-deep"),
    "65 levels": (b"[" * 65 + b"]" * 65, "document-too-deep"),
    "NaN": (b'{"qty": NaN}', ""),
    "Infinity": (b'{"qty": -Infinity}', ""),
    "a number of a million digits": (b'{"qty": ' + b"9" * 1_000_000 + b"}", ""),
    "a huge exponent": (b'{"qty": 1e999999999}', ""),
    "the same key twice": (b'{"qty": 1, "qty": 2}', ""),
    "no UTF-8": (b'{"qty": "\xff"}', ""),
}


@pytest.mark.parametrize("what", JSON)
def test_hostile_json_is_refused_at_once(what: str) -> None:
    body, code = JSON[what]
    began = time.process_time()
    with pytest.raises(DocumentError) as refused:
        read("json", body, SourceOptions())
    assert time.process_time() - began < LIMIT_S
    assert not code or refused.value.code == code


@pytest.mark.parametrize("format_", ["json", "xml", "csv", "text"])
def test_a_document_beyond_its_limit_is_not_even_looked_at(format_: str) -> None:
    with pytest.raises(DocumentError) as refused:
        read(format_, b"x" * 11, SourceOptions(format=format_, max_body=10))
    assert refused.value.code == "document-too-large"


def test_by_default_eight_mebibytes_are_the_limit() -> None:
    assert SourceOptions().max_body == 8 * 1024 * 1024


def test_a_gzip_bomb_costs_no_memory() -> None:
    bomb = gzip.compress(bytes(256 * 1024 * 1024), 9)  # 256 KiB that hold 256 MiB
    assert len(bomb) < 300_000
    routes: list[Route] = []
    made = source(
        HttpSourceOptions(path="/in", max_body=1024 * 1024),
        site(Path(), listen=lambda path, app: routes.append(Route(path, app))),
    )
    bus = Bus()

    async def run() -> tuple[int, Any]:
        app = Starlette(routes=routes)
        async with running(made, bus.accept), serving(app) as url, aiohttp.ClientSession() as session:
            headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
            async with session.post(f"{url}/in", data=bomb, headers=headers) as reply:
                return reply.status, await reply.json()

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    status, said = asyncio.run(asyncio.wait_for(run(), 30))
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert (status, said["error"]["code"]) == (413, "http-too-large")
    assert grown_kib < 64 * 1024
    assert bus.documents == []


def test_the_brokers_take_no_message_beyond_sixteen_mebibytes(tmp_path: Path) -> None:
    async def run() -> None:
        broker = EmbeddedBroker(tmp_path / "bus.db")
        await broker.open(Topology(("wms",)))
        try:
            await broker.publish(letter("1", body=bytes(16 * 1024 * 1024 + 1)))
        finally:
            await broker.close()

    with pytest.raises(Refused):
        asyncio.run(run())
