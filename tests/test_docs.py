"""The examples in the manual and the README, run."""

import asyncio
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bus.codecs import parse_written
from bus.config.load import load
from bus.config.model import Configuration
from bus.event import Event
from bus.ports import Message
from bus.routing import Routing
from bus.runtime.files import adapters
from bus.runtime.rabbitmq import RabbitBroker
from bus.suite import run_suite
from bus.testing import pull_all
from bus.topology import ROUTER, Topology, to
from bus.wire import envelope

from tests.brokers import Broker, rabbitmq, virtual_host  # noqa: F401 - a fixture

ROOT = Path(__file__).parents[1]
MANUALS = ("routing.md", "routing.zh-CN.md")
READMES = ("README.md", "README.zh-CN.md")
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
ENVIRONMENT = {"WMS_SECRET": "s"}
SYSTEMS = "systems:\n  erp: {source: {adapter: queue}}\n  wms: {sink: {adapter: queue}}\n"
MAX_LINES_OF_THE_STANDARD_TASK = 20


class _Files:
    def read(self, path: str) -> bytes:
        return (ROOT / path).read_bytes()


def _load(text: str) -> Configuration:
    whole = text if "systems:" in text else SYSTEMS + text
    return load({"routing.yaml": whole}, _Files(), ENVIRONMENT, adapters())


def _blocks(manual: str) -> list[tuple[str, str]]:
    return BLOCK.findall((ROOT / "docs" / manual).read_text("utf-8"))


def _examples() -> Iterator[tuple[str, int, str, str]]:
    """Yield each YAML block with what stands right below it as its result."""
    for manual in MANUALS:
        blocks = _blocks(manual)
        for position, (language, text) in enumerate(blocks):
            if language == "yaml":
                # Behind the first example stands the order all of them use, then what is made of it.
                made = blocks[position + (2 if position == 0 else 1) : position + 3]
                yield manual, position, text, made[0][1] if made else ""


EXAMPLES = list(_examples())


def _order(manual: str) -> bytes:
    return next(text for language, text in _blocks(manual) if language == "json").encode()


@pytest.mark.parametrize(("manual", "position", "text", "made"), EXAMPLES)
def test_every_example_of_the_manual_is_clean(manual: str, position: int, text: str, made: str) -> None:
    assert _load(text).errors == (), f"{manual}, block {position}"


@pytest.mark.parametrize(
    ("manual", "position", "text", "made"), [each for each in EXAMPLES if "example:" in each[2] or each[1] == 0]
)
def test_what_stands_below_an_example_is_what_the_bus_makes(manual: str, position: int, text: str, made: str) -> None:
    routing = Routing(_load(text))
    body = _order(manual)
    event = routing.read(Event("purchase_order.released", "erp", "1", {}), body)
    (match,) = routing.matches(event, body)
    assert match.failure is None, str(match.failure)
    (document,) = match.documents
    assert document.body.decode().replace("\r\n", "\n").strip() == made.strip()


@pytest.mark.parametrize("manual", MANUALS)
def test_the_manual_names_every_function_and_no_other(manual: str) -> None:
    from bus.functions import FUNCTIONS

    table = (ROOT / "docs" / manual).read_text("utf-8").split("<!-- functions -->")[1].split("\n## ")[0]
    named = {word for cell in re.findall(r"^\| (.*?) \|", table, re.MULTILINE) for word in re.findall(r"[a-z][a-z0-9_]+(?=[( ])", cell)}
    named |= {word for cell in re.findall(r"`([a-z0-9_ ]+)\(", table) for word in cell.split()}
    assert set(FUNCTIONS) | {"lookup", "known"} <= named


@pytest.mark.parametrize("readme", READMES)
def test_the_standard_task_is_clean_and_takes_at_most_twenty_lines(readme: str) -> None:
    text = (ROOT / readme).read_text("utf-8").split("<!-- standard-task -->")[1]
    yaml = BLOCK.findall(text)[0][1]
    assert len(yaml.splitlines()) <= MAX_LINES_OF_THE_STANDARD_TASK
    config = _load(yaml)
    assert config.findings == ()
    body = b'{"po_no":"PO-1","warehouse":"WH01","due_date":"2026-12-08","lines":[{"item_code":"BRG-6204","qty":12.5}]}'
    routing = Routing(config)
    event = routing.read(Event("purchase_order.created", "erp", "1", {}), body)
    (match,) = routing.matches(event, body)
    assert parse_written("xml", match.documents[0].body) == {
        "request": {
            "orderCode": "PO-1", "expectStart": "2026-12-08 00:00:00",
            "orderLine": {"itemCode": "SKU-6204", "planQty": "13"},
        }
    }


def test_the_shipped_configuration_is_clean_and_passes_its_own_tests() -> None:
    config = load({"routing.yaml": (ROOT / "routing.yaml").read_text("utf-8")}, _Files(), {}, adapters())
    assert config.findings == ()
    text = (ROOT / "routing_test.yaml").read_text("utf-8")
    suite = run_suite(text, "routing_test.yaml", config, _Files(), datetime.now(UTC))
    assert [(result.name, result.differences) for result in suite.results if result.differences] == []
    assert suite.findings == []
    assert {route.name for route in config.routes} == suite.reached


@pytest.mark.parametrize("manual", ["amqp.md", "amqp.zh-CN.md"])
def test_the_programs_of_the_manual_publish_and_read(rabbitmq: Broker, manual: str) -> None:  # noqa: F811 - pytest's way
    programs = [text for language, text in _blocks(manual) if language == "python"]
    order = {"po_no": "4500012345"}
    with virtual_host(rabbitmq, "manual") as url:
        publish, read = (
            program.replace("amqp://erp:secret@broker/prod", url).replace("start_consuming()", "connection.process_data_events(1)")
            for program in programs
        )
        stored: dict[str, bytes] = {}
        names: dict[str, Any] = {"order": order, "known": stored.__contains__, "store": stored.__setitem__}

        async def between() -> tuple[Event, bytes]:
            bus = RabbitBroker(url)
            await bus.open(Topology(("wms",)))
            try:
                await asyncio.to_thread(exec, publish, names)
                [received] = await pull_all(bus, ROUTER, 1)
                received.become(*(Message(to("wms"), "delivery-1", b"<order/>") for _ in range(2)))
                await bus.drain()
                return envelope(received.message)
            finally:
                await bus.close()

        event, data = asyncio.run(asyncio.wait_for(between(), 30))
        exec(read, names)
        names["connection"].close()
    assert (event.type, event.source, event.id, event.subject) == (
        "purchase_order.created", "erp", "4500012345-v1", "4500012345",
    )
    assert json.loads(data) == order
    assert stored == {"delivery-1": b"<order/>"}
