"""Virtual hosts of a real broker, one for each test."""

import pytest

from tests.brokers import Broker

HOSTS = 24


@pytest.fixture(scope="session")
def hosts(rabbitmq: Broker) -> list[str]:
    """Virtual hosts, made at once: rabbitmqctl takes half a second to begin."""
    names = ",".join(f'<<"topology-{n}">>' for n in range(HOSTS))
    rabbitmq.ctl(
        "eval",
        f'[begin rabbit_vhost:add(V, <<"tests">>), rabbit_auth_backend_internal:set_permissions('
        f'<<"guest">>, V, <<".*">>, <<".*">>, <<".*">>, <<"tests">>) end || V <- [{names}]].',
    )
    return [f"{rabbitmq.url.rstrip('/')}/topology-{n}" for n in range(HOSTS)]


@pytest.fixture
def host(hosts: list[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """A virtual host of one's own, where nobody waits for young queues."""
    monkeypatch.setattr("bus.runtime.rabbitmq.topology.SETTLE_S", 0.0)
    monkeypatch.setattr("bus.runtime.rabbitmq.declare.SETTLE_S", 0.0)
    return hosts.pop()
