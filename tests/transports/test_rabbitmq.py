"""RabbitMQ keeps the contract; other publishers, order per key, and what opening it says."""

import asyncio
import ssl
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pika
import pytest

from bus.errors import BusError, ConfigurationError, Refused, Unavailable
from bus.ports import Message, Received, Transport
from bus.runtime.brokers import is_attended
from bus.runtime.rabbitmq import RabbitBroker
from bus.testing import Inbox, letter, pull_all, until
from bus.topology import DOCUMENTS, ROUTER, Topology, to

from tests.brokers import Broker, Proxy, rabbitmq  # noqa: F401 - a fixture
from tests.transports.rabbitmq_stories import LIMIT_S, TOPOLOGY, empty, opened, story
from tests.transports.sifting import SiftContract


class TestContract(SiftContract):
    """The suite of every transport."""

    url: str

    @pytest.fixture(autouse=True)
    def _broker(self, rabbitmq: Broker) -> None:  # noqa: F811 - pytest's way
        self.url = rabbitmq.url

    async def open_transport(self) -> Transport:
        transport = RabbitBroker(self.url)
        await transport.open(self.topology)
        await empty(transport, self.topology)
        return transport

    async def reopen(self, transport: Transport) -> Transport:
        await transport.close()
        again = RabbitBroker(self.url)
        await again.open(self.topology)
        return again


# ------------------------------------------------------------------------------------------ settling


@story
async def test_one_slow_message_does_not_starve_those_after_it(broker: Broker) -> None:
    async with opened(broker.url) as bus:
        inbox = Inbox()

        def all_but_the_first(batch: Sequence[Received]) -> None:
            inbox(batch)
            for received in batch:
                if received.message.id != "PO-0":
                    received.become()

        await bus.publish(*(letter(f"PO-{n}") for n in range(100)))
        await bus.consume(ROUTER, all_but_the_first, 5)
        await inbox.holds(100)
        await bus.drain()
        assert (await bus.depth([ROUTER]))[ROUTER].messages == 1


@story
async def test_whether_somebody_runs_the_bus_is_told_by_who_reads_its_events(broker: Broker) -> None:
    async with opened(broker.url) as bus:

        async def unattended() -> bool:  # the broker counts the reader of the story before for a moment longer
            return not await is_attended(broker.url, bus, [ROUTER])

        await until(unattended)
        await bus.consume(ROUTER, Inbox(), 5)
        assert await is_attended(broker.url, bus, [ROUTER])


@story
async def test_a_delay_that_is_not_configured_becomes_the_next_longer_one(broker: Broker) -> None:
    async with opened(broker.url) as bus:
        loop = asyncio.get_running_loop()
        start = loop.time()
        await bus.publish(letter("PO-1", delay_s=0.5))
        await pull_all(bus, ROUTER, 1)
        assert loop.time() - start >= 0.9


# ---------------------------------------------------------------------------------- other publishers


def by_hand(url: str, exchange: str, routing_key: str, properties: pika.BasicProperties, body: bytes) -> None:
    """Publish as a system does that speaks AMQP itself."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.confirm_delivery()
    channel.basic_publish(exchange, routing_key, body, properties, mandatory=True)
    connection.close()


@story
async def test_an_event_of_a_foreign_publisher_arrives_with_headers_of_any_type(broker: Broker) -> None:
    async with opened(broker.url) as bus:
        when = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
        known = {"cloudEvents_id": "PO-1", "cloudEvents_type": "purchase_order.released"}
        headers = {**known, "cloudEvents_time": when, "flag": True, "none": None, "list": [1]}
        properties = pika.BasicProperties(headers=headers)
        await asyncio.to_thread(by_hand, broker.url, "bus.events", "purchase_order.released", properties, b"{}")
        (received,) = await pull_all(bus, ROUTER, 1)
        assert received.message == Message(
            ROUTER, "PO-1", b"{}",
            {**known, "cloudEvents_time": "2026-11-23T20:00:00+00:00", "flag": 1, "list": "[1]"},
        )


@story
async def test_a_document_carries_the_name_of_its_system(broker: Broker) -> None:
    async with opened(broker.url) as bus:
        await asyncio.to_thread(
            by_hand, broker.url, "bus.documents", "wms", pika.BasicProperties(content_type="text/xml"), b"<a/>"
        )
        (received,) = await pull_all(bus, DOCUMENTS, 1)
        assert received.message == Message(DOCUMENTS, "", b"<a/>", {"bus-system": "wms"}, "text/xml")


# --------------------------------------------------------------------------------- opening, in words


def opening(url: str, topology: Topology = TOPOLOGY) -> BusError:
    """Open it; return the error."""

    async def play() -> None:
        async with asyncio.timeout(LIMIT_S):
            await RabbitBroker(url).open(topology)

    with pytest.raises(BusError) as caught:
        asyncio.run(play())
    return caught.value


def test_a_wrong_password_is_one_clear_line_without_it(rabbitmq: Broker) -> None:  # noqa: F811 - pytest's way
    where = urlsplit(rabbitmq.url)
    error = opening(f"amqp://guest:canary@{where.hostname}:{where.port}/%2F")
    assert isinstance(error, ConfigurationError)
    assert str(error) == (
        f"amqp://guest:***@{where.hostname}:{where.port} refused user guest: unknown user or wrong password"
    )
    assert "canary" not in repr(error) + str(error.__cause__) + error.hint


def test_a_missing_virtual_host_is_named(rabbitmq: Broker) -> None:  # noqa: F811 - pytest's way
    error = opening(rabbitmq.url.rstrip("/") + "/nowhere")
    assert isinstance(error, ConfigurationError)
    assert str(error).endswith("/nowhere: no virtual host 'nowhere'")


def test_a_broker_that_does_not_answer_is_unavailable() -> None:
    error = opening("amqp://bus:canary@127.0.0.1:1/")
    assert isinstance(error, Unavailable)
    assert str(error) == "amqp://bus:***@127.0.0.1:1 does not answer: Connection refused"


def test_a_plain_port_spoken_to_in_tls_is_told(rabbitmq: Broker) -> None:  # noqa: F811 - pytest's way
    error = opening(rabbitmq.url.replace("amqp:", "amqps:"))
    assert (error.code, type(error)) == ("amqp-tls", ConfigurationError)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with cert.pem and key.pem for the name broker.test."""
    folder = tmp_path_factory.mktemp("certificate")
    subject = ["-subj", "/CN=broker.test", "-addext", "subjectAltName=DNS:broker.test"]
    command = ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run([*command, *subject], cwd=folder, capture_output=True, check=True)
    return folder


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("?cacertfile={folder}/cert.pem&server_name_indication=broker.test", None),
        ("?cacertfile={folder}/cert.pem", "amqp-certificate"),  # another host name
        ("?server_name_indication=broker.test", "amqp-certificate"),  # nobody vouches for it
        ("?cacertfile={folder}/key.pem", "amqp-certificate-file"),
    ],
)
def test_tls_takes_the_certificate_of_the_named_host_from_the_named_authority_only(
    rabbitmq: Broker, certificate: Path, query: str, code: str | None,  # noqa: F811 - pytest's way
) -> None:
    where = urlsplit(rabbitmq.url)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")

    async def play() -> str | None:
        async with asyncio.timeout(LIMIT_S), Proxy(where.hostname or "", where.port or 5672, context) as proxy:
            asyncio.get_running_loop().set_exception_handler(lambda _, __: None)  # of handshakes refused
            url = f"amqps://guest:guest@127.0.0.1:{proxy.port}/{query.format(folder=certificate)}"
            try:
                async with opened(url) as bus:
                    await bus.publish(letter("PO-1"))
            except ConfigurationError as error:
                return error.code
            return None

    assert asyncio.run(play()) == code


def test_the_next_url_is_tried_when_one_does_not_answer(rabbitmq: Broker) -> None:  # noqa: F811 - pytest's way
    async def play() -> None:
        async with asyncio.timeout(LIMIT_S), opened(f"amqp://127.0.0.1:1,{rabbitmq.url}") as bus:
            await bus.publish(letter("PO-1"))

    asyncio.run(play())


def test_a_queue_with_other_arguments_is_named_with_the_argument(rabbitmq: Broker) -> None:  # noqa: F811 - pytest's way
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq.url))
    connection.channel().queue_declare("to.crm", durable=True)
    error = opening(rabbitmq.url, Topology(("crm",)))
    connection.channel().queue_delete("to.crm")
    connection.close()
    assert isinstance(error, ConfigurationError)
    said = "none" if "= none" in str(error) else "classic"  # as it was declared, until RabbitMQ 4 filled it in
    assert str(error) == f"queue to.crm exists with x-queue-type = {said}; the bus needs quorum"
    assert "rabbitmqctl delete_queue to.crm" in error.hint


@story
async def test_pika_s_heartbeat_sees_what_is_read_past_it(broker: Broker) -> None:
    async with opened(broker.url) as bus:
        stream = bus._publishing.connection._connection
        before = stream.bytes_received
        await bus.publish(letter("PO-1", to("wms")))
        assert stream.bytes_received > before, "or it takes the broker for dead"


@story
async def test_a_topology_that_cannot_be_declared_leaves_the_one_there_is_in_use(broker: Broker) -> None:
    more = Topology(("erp", "mes", "oa", "wms"), (0.3, 0.9))
    connection = pika.BlockingConnection(pika.URLParameters(broker.url))
    connection.channel().queue_declare("to.mes", durable=True)
    async with opened(broker.url) as bus:
        inbox = Inbox()
        await bus.consume(to("wms"), inbox, 10)
        with pytest.raises(ConfigurationError, match=r"to\.mes"):
            await bus.open(more)
        with pytest.raises(Refused, match=r"no queue to\.mes"):
            await bus.publish(letter("PO-1", to("mes")))
        connection.channel().queue_delete("to.mes")
        connection.close()
        await bus.open(more)
        await bus.publish(letter("PO-1", to("mes")), letter("PO-2", to("wms")))
        for received in (*await inbox.holds(1), *await bus.pull(to("mes"), 1)):
            received.become()
        await bus.drain()


def test_headers_larger_than_a_frame_are_refused(rabbitmq: Broker) -> None:  # noqa: F811 - pytest's way
    async def play() -> None:
        async with asyncio.timeout(LIMIT_S), opened(rabbitmq.url) as bus:
            with pytest.raises(Refused, match="headers take 200"):
                await bus.publish(letter("PO-1", to("wms"), headers={"x": "y" * 200_000}))
            with pytest.raises(Refused, match="PO-2"):
                await bus.publish(letter("PO-2", to("wms"), headers={"x": 2**70}))
            with pytest.raises(Refused, match=r"no queue to\.nobody"):
                await bus.publish(letter("PO-3", "to.nobody"))

    asyncio.run(play())
