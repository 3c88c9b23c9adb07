"""What every adapter shows to the bus, and what a new one is told to do."""

import asyncio
import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from adapters import queue
from adapters.outcome import answer_for
from bus.adapter import AdapterSpec, Options, SinkOptions, SourceOptions
from bus.errors import Refused, Unavailable

from tests.adapters.support import Bus, outbound, running, site, until

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
ENTRY_POINTS = PYPROJECT["project"]["entry-points"]["bus.adapters"]
PAGES = [ROOT / "docs" / name for name in ("adapters.md", "adapters.zh-CN.md")]
HEAVY = {"aiohttp", "lxml", "sqlalchemy", "httptools", "uvicorn", "watchfiles"}


def spec(name: str) -> AdapterSpec:
    module, _, attribute = ENTRY_POINTS[name].partition(":")
    found = getattr(import_module(module), attribute)
    assert isinstance(found, AdapterSpec)
    return found


def test_every_shipped_adapter_is_an_entry_point() -> None:
    assert sorted(ENTRY_POINTS) == ["database", "file", "http", "queue"]


@pytest.mark.parametrize("name", ENTRY_POINTS)
def test_an_adapter_has_the_name_it_is_found_by(name: str) -> None:
    assert spec(name).name == name


@pytest.mark.parametrize("name", ENTRY_POINTS)
def test_every_option_of_an_adapter_is_described(name: str) -> None:
    models: list[type[Options]] = [model for model in (spec(name).source_options, spec(name).sink_options) if model]
    for model in models:
        inherited = SourceOptions.model_fields | SinkOptions.model_fields
        own = {field for field in model.__annotations__ if field in model.model_fields}
        undescribed = [field for field in own if not model.model_fields[field].description]
        assert model in (SourceOptions, SinkOptions) or undescribed == [], model
        assert set(model.model_fields) <= own | set(inherited)


def test_naming_the_adapters_loads_nothing_heavy() -> None:
    imports = ";".join(f"import {target.partition(':')[0]}" for target in ENTRY_POINTS.values())
    code = f"{imports};import sys;print(*sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, timeout=60)
    assert done.stdout.strip() == ""


def test_a_queue_source_waits_and_a_queue_sink_is_none() -> None:
    assert queue.SPEC.sink is None
    assert queue.SPEC.sink_options is SinkOptions

    async def run() -> None:
        async with running(queue.source(SourceOptions(), site(Path())), Bus().accept) as task:
            done, _ = await asyncio.wait([task], timeout=0.05)
            assert not done

    asyncio.run(run())


def test_only_what_is_unavailable_may_pass() -> None:
    assert answer_for(Unavailable("http-not-running", retry_after_s=7)).retry_after_s == 7
    assert answer_for(Unavailable("http-not-running")).retry
    assert not answer_for(Refused("http-gzip")).retry


def example(page: Path) -> str:
    [code] = re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    return str(code)


def test_both_pages_show_the_same_example() -> None:
    english, chinese = map(example, PAGES)
    assert english == chinese


@pytest.fixture
def tcp() -> Any:
    """The example of the page, imported."""
    module = ModuleType("acme_bus_tcp")
    exec(compile(example(PAGES[0]), "docs/adapters.md", "exec"), module.__dict__)
    return module


def test_the_example_brings_documents_in_and_says_what_became_of_them(tcp: Any) -> None:
    said: list[bytes] = []

    async def device(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"GP-1;12.50\nGP-2;3\n")
        said.extend([await reader.readline(), await reader.readline()])
        writer.close()

    async def run() -> None:
        async with await asyncio.start_server(device, "127.0.0.1", 0) as server:
            options = tcp.SPEC.source_options(host="127.0.0.1", port=server.sockets[0].getsockname()[1])
            async with running(tcp.SPEC.source(options, site(Path())), bus.accept):
                await until(lambda: len(said) == 2)

    bus = Bus()
    asyncio.run(run())
    assert bus.bodies == [b"GP-1;12.50\n", b"GP-2;3\n"]
    assert said == [b"OK\n", b"OK\n"]


def test_the_example_delivers_and_says_what_may_pass(tcp: Any) -> None:
    printed: list[bytes] = []

    async def printer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        printed.append(await reader.read())
        writer.close()

    async def run() -> list[Any]:
        async with await asyncio.start_server(printer, "127.0.0.1", 0) as server:
            options = tcp.SPEC.sink_options(host="127.0.0.1", port=server.sockets[0].getsockname()[1])
            answers = list(await tcp.SPEC.sink(options, site(Path())).deliver([outbound(b"^XA^XZ")]))
            await until(lambda: bool(printed))
        return answers + list(await tcp.SPEC.sink(options, site(Path())).deliver([outbound(b"^XA^XZ")]))

    there, gone = asyncio.run(run())
    assert there.ok
    assert (gone.ok, gone.retry) == (False, True)
    assert printed == [b"^XA^XZ"]


def test_the_example_is_unavailable_where_nobody_listens(tcp: Any) -> None:
    options = tcp.SPEC.source_options(host="127.0.0.1", port=9)
    with pytest.raises(Unavailable) as caught:
        asyncio.run(tcp.SPEC.source(options, site(Path())).run(Bus().accept))
    assert "127.0.0.1" in str(caught.value)
