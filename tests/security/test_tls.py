"""TLS: the broker is who it says it is, and so are we; HTTP sources can be reached over HTTPS."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from bus.errors import BusError, UsageError
from bus.runtime.doctor import Check
from bus.runtime.listener import Listener
from bus.runtime.rabbitmq import RabbitBroker
from bus.runtime.rabbitmq.doctor import examine_broker
from bus.topology import Topology

from tests.brokers import Broker
from tests.proxy import Proxy
from tests.security.authority import Authority, Certificate

NAME = "broker.test"
LIMIT_S = 30.0


class Pki:
    """Two authorities; the broker's certificate and a client's of the first, and one of the second."""

    def __init__(self, folder: Path) -> None:
        ours, theirs = Authority(folder / "ours"), Authority(folder / "theirs")
        self.ours, self.theirs = ours.root.certificate, theirs.root.certificate
        self.broker, self.ending = ours.issue(NAME), ours.issue("ending.test", days=5)
        self.client, self.stranger = ours.issue("bus"), theirs.issue("stranger")
        self.local = ours.issue("127.0.0.1")

    def query(self, *, ca: Path | None = None, name: str = NAME, client: Certificate | None = None) -> str:
        options = {"cacertfile": ca, "server_name_indication": name or None}
        if client is not None:
            options |= {"certfile": client.certificate, "keyfile": client.key}
        return "?" + "&".join(f"{option}={value}" for option, value in options.items() if value)


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))


@contextlib.asynccontextmanager
async def amqps(broker: Broker, pki: Pki, certificate: Certificate) -> AsyncIterator[str]:
    """The broker behind TLS that asks for client certificates; yields the URL without a query."""
    where = urlsplit(broker.url)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    context.load_verify_locations(pki.ours)
    context.verify_mode = ssl.CERT_REQUIRED
    asyncio.get_running_loop().set_exception_handler(lambda _, __: None)  # of handshakes refused
    async with Proxy(where.hostname or "", where.port or 5672, context) as proxy:
        yield f"amqps://guest:guest@127.0.0.1:{proxy.port}/"


def opened(broker: Broker, pki: Pki, query: str) -> str:
    """Open a transport over TLS; return the code of the error, "" when it is open."""

    async def run() -> str:
        async with asyncio.timeout(LIMIT_S), amqps(broker, pki, pki.broker) as url:
            transport = RabbitBroker(url + query)
            try:
                await transport.open(Topology(("wms",)))
            except BusError as error:
                return error.code
            finally:
                await transport.close()
            return ""

    return asyncio.run(run())


def test_a_broker_of_the_named_authority_and_name_is_trusted_and_trusts_us(rabbitmq: Broker, pki: Pki) -> None:
    assert opened(rabbitmq, pki, pki.query(ca=pki.ours, client=pki.client)) == ""


def test_another_authority_is_not_trusted(rabbitmq: Broker, pki: Pki) -> None:
    assert opened(rabbitmq, pki, pki.query(ca=pki.theirs, client=pki.client)) == "amqp-certificate"


def test_without_an_authority_only_the_systems_own_are_trusted(rabbitmq: Broker, pki: Pki) -> None:
    assert opened(rabbitmq, pki, pki.query(client=pki.client)) == "amqp-certificate"


def test_a_certificate_for_another_host_is_not_trusted(rabbitmq: Broker, pki: Pki) -> None:
    assert opened(rabbitmq, pki, pki.query(ca=pki.ours, name="", client=pki.client)) == "amqp-certificate"
    assert opened(rabbitmq, pki, pki.query(ca=pki.ours, name="other.test", client=pki.client)) == "amqp-certificate"


def test_without_a_client_certificate_nobody_gets_in(rabbitmq: Broker, pki: Pki) -> None:
    assert opened(rabbitmq, pki, pki.query(ca=pki.ours)) == "amqp-tls-ended"


def test_a_client_certificate_of_another_authority_does_not_get_in(rabbitmq: Broker, pki: Pki) -> None:
    assert opened(rabbitmq, pki, pki.query(ca=pki.ours, client=pki.stranger)) == "amqp-tls-ended"


def examined(broker: Broker, pki: Pki, certificate: Certificate, query: str) -> dict[str, Check]:
    async def run() -> dict[str, Check]:
        async with asyncio.timeout(LIMIT_S), amqps(broker, pki, certificate) as url:
            return {check.name: check async for check in examine_broker(url + query, None)}

    return asyncio.run(run())


def test_the_doctor_names_the_fault_of_a_handshake(rabbitmq: Broker, pki: Pki) -> None:
    well = examined(rabbitmq, pki, pki.broker, pki.query(ca=pki.ours, client=pki.client))
    assert well["broker.tls"].code == "doctor-certificate"
    assert well["broker.login"].ok
    untrusted = examined(rabbitmq, pki, pki.broker, pki.query(ca=pki.theirs, client=pki.client))
    assert (untrusted["broker.tls"].ok, untrusted["broker.tls"].code) == (False, "amqp-certificate")
    unknown = examined(rabbitmq, pki, pki.broker, pki.query(ca=pki.ours))
    assert (unknown["broker.login"].ok, unknown["broker.login"].code) == (False, "amqp-tls-ended")
    assert "certfile" in unknown["broker.login"].remedy
    ending = examined(rabbitmq, pki, pki.ending, pki.query(ca=pki.ours, name="ending.test", client=pki.client))
    assert ending["broker.tls"].code == "doctor-certificate-ends"
    assert ending["broker.login"].ok


# ------------------------------------------------------------------------------------------- HTTPS


async def _answer(_scope: object, _receive: object, send: object) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})  # type: ignore[operator]  # as ASGI has it
    await send({"type": "http.response.body", "body": b""})  # type: ignore[operator]  # the same


def posted(listener: Listener, scheme: str, trusted: Path) -> int:
    """Post to a listener with that authority trusted; return the status."""

    async def run() -> int:
        listener.add("/in/wms", _answer)
        await listener.start()
        url = f"{scheme}://127.0.0.1:{listener.port}/in/wms"
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.post(url, data=b"{}", ssl=ssl.create_default_context(cafile=str(trusted))) as reply,
            ):
                return reply.status
        finally:
            await listener.stop()

    return asyncio.run(asyncio.wait_for(run(), LIMIT_S))


def secured(pki: Pki) -> Listener:
    listener = Listener("127.0.0.1:0")
    listener.secure(*pki.local)
    return listener


def test_an_http_source_is_reached_over_https_and_in_clear_no_more(pki: Pki) -> None:
    assert posted(secured(pki), "https", pki.ours) == 204
    with pytest.raises(aiohttp.ClientError):
        posted(secured(pki), "http", pki.ours)
    with pytest.raises(aiohttp.ClientConnectorCertificateError):
        posted(secured(pki), "https", pki.theirs)


def wrong_files(pki: Pki) -> Sequence[tuple[Path, Path]]:
    return [
        (pki.local.certificate, pki.client.key), (pki.local.key, pki.local.key), (pki.local.certificate, Path("nowhere")),
    ]


def test_certificate_and_key_that_do_not_fit_are_told_at_the_start(pki: Pki) -> None:
    for certificate, key in wrong_files(pki):
        with pytest.raises(UsageError, match="--listen-tls") as told:
            Listener("127.0.0.1:0").secure(certificate, key)
        assert "passphrase" in told.value.hint
