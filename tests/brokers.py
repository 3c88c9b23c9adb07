"""A real RabbitMQ for tests and scripts: given, in a container, or a private node of the installed server.

`BUS_TEST_AMQP` names one that runs already; else a Docker engine, when one answers, starts one; else
the distribution's `rabbitmq-server` is started as a private node, by any user, with everything it
writes in a temporary folder. Without any of the three the tests that need it are skipped, and fail
where `CI=true`: there a missing broker is a broken build.

`BUS_TEST_BROKERS=installed,4.0,4.3` runs every test that takes the fixture on each of these: what
`deploy/brokers.sh` has brought, by number, and `installed`, which is the above; `all` is all there are.

Import the fixture where it is needed: `from tests.brokers import rabbitmq`.
"""

import atexit
import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn, Protocol, TypeVar

import pytest

from bus.errors import Unavailable
from bus.runtime.rabbitmq.node import PrivateNode, free_ports, wait_until_it_speaks

from tests.nodes import Cluster, NoBroker, trees
from tests.proxy import Proxy

__all__ = ["Broker", "Cluster", "NoBroker", "PrivateNode", "Proxy", "cluster", "rabbitmq", "start_rabbitmq", "virtual_host"]

INSTALLED = "installed"
_B = TypeVar("_B", bound="Removable")


class Removable(Protocol):
    """What was started for a test."""

    def start(self) -> None: ...

    def remove(self) -> None: ...


class Broker(Protocol):
    """A RabbitMQ of one's own. `url` stays the same over kills and restarts."""

    @property
    def url(self) -> str: ...

    @property
    def own(self) -> bool:
        """Whether it may be killed and given commands; not so for one that `BUS_TEST_AMQP` names."""

    def kill(self) -> None:
        """End it as a power cut would: SIGKILL, nothing flushed."""

    def start(self) -> None:
        """Start it, or start it again with what its disk holds; returns once it takes connections."""

    def ctl(self, *arguments: str) -> str:
        """Run `rabbitmqctl` and return what it prints."""

    def remove(self) -> None:
        """Kill it and remove all it wrote. Idempotent."""


class ContainerNode:
    """RabbitMQ in a container, on a port that stays over restarts."""

    own = True

    def __init__(self, plugins: Sequence[str] = ()) -> None:
        from testcontainers.community.rabbitmq import RabbitMqContainer

        (self.port,) = free_ports(1)
        self._plugins = plugins
        self._container: Any = RabbitMqContainer(os.environ.get("BUS_TEST_RABBITMQ_IMAGE", "rabbitmq:4"))
        self._container.with_bind_ports(5672, self.port)
        self._started = False
        self.host = self._container.get_container_host_ip()
        self.url = f"amqp://guest:guest@{self.host}:{self.port}/"
        atexit.register(self.remove)

    def start(self) -> None:
        if self._started:
            self._container.get_wrapped_container().start()
        else:
            self._container.start()
            self._started = True
            for plugin in self._plugins:
                self._execute("rabbitmq-plugins", "enable", plugin)
        wait_until_it_speaks(self.host, self.port)

    def kill(self) -> None:
        self._container.get_wrapped_container().kill()

    def _execute(self, *command: str) -> str:
        code, output = self._container.exec(list(command))
        if code:
            raise RuntimeError(f"{' '.join(command)}: {output.decode()}")
        return str(output.decode())

    def ctl(self, *arguments: str) -> str:
        return self._execute("rabbitmqctl", "--quiet", *arguments)

    def remove(self) -> None:
        if self._started:
            self._container.stop()
        atexit.unregister(self.remove)


class GivenNode:
    """The broker that `BUS_TEST_AMQP` names: used as it is, never killed."""

    own = False

    def __init__(self, url: str) -> None:
        self.url = url

    def start(self) -> None: ...

    def kill(self) -> None:
        pytest.skip("the broker that BUS_TEST_AMQP names is not ours to kill")

    def ctl(self, *arguments: str) -> str:
        pytest.skip("the broker that BUS_TEST_AMQP names is not ours to command")

    def remove(self) -> None: ...


def _docker_answers() -> bool:
    if shutil.which("docker") is None:
        return False
    try:
        answer = subprocess.run(["docker", "version"], capture_output=True, timeout=5, check=False)
    except subprocess.TimeoutExpired:
        return False
    return answer.returncode == 0


def start_rabbitmq(plugins: Sequence[str] = (), release: str = INSTALLED) -> Broker:
    """Return a RabbitMQ that takes connections; the caller removes it.

    Raises:
        NoBroker: none is to be had.
    """
    node: Broker
    if release != INSTALLED:
        node = PrivateNode(plugins, _tree(release))
    elif url := os.environ.get("BUS_TEST_AMQP"):
        return GivenNode(url)
    else:
        node = ContainerNode(plugins) if _docker_answers() else PrivateNode(plugins)
    return _started(node)


def start_cluster(release: str = INSTALLED) -> Cluster:
    """Return three nodes of that release as a cluster; the caller removes it. Raises NoBroker."""
    return _started(Cluster((), None if release == INSTALLED else _tree(release)))


def _started(broker: _B) -> _B:
    try:
        broker.start()
    except BaseException:  # Ctrl-C while it starts leaves nothing behind either
        broker.remove()
        raise
    return broker


def _tree(release: str) -> Path:
    there = trees()
    if release not in there:
        raise NoBroker(f"no RabbitMQ {release} (there: {', '.join((INSTALLED, *there))}): run deploy/brokers.sh")
    return there[release]


def releases() -> list[str]:
    """Those that `BUS_TEST_BROKERS` names; by default the installed one."""
    named = os.environ.get("BUS_TEST_BROKERS", INSTALLED)
    return [INSTALLED, *trees()] if named == "all" else named.split(",")


def _none(reason: Exception) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(str(reason))
    pytest.skip(str(reason))


def _only(params: list[str]) -> list[str] | None:
    """Parameters of a fixture, or None for a single one, so that the names of tests stay without it."""
    return None if params == [INSTALLED] else params


@pytest.fixture(scope="session", params=_only(releases()))
def rabbitmq(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """One RabbitMQ for the whole run; a test that kills it starts it again."""
    try:
        node = start_rabbitmq(release=getattr(request, "param", INSTALLED))
    except (NoBroker, Unavailable) as reason:
        _none(reason)
    yield node
    node.remove()


@contextlib.contextmanager
def virtual_host(broker: Broker | Cluster, name: str) -> Iterator[str]:
    """The URL of a virtual host that is empty, and gone afterwards; for a topology that is not everybody's."""
    try:
        broker.ctl("add_vhost", name)
    except RuntimeError:  # a node that was started again takes connections a little before it takes commands
        broker.ctl("await_startup")
        broker.ctl("add_vhost", name)
    broker.ctl("set_permissions", "-p", name, "guest", ".*", ".*", ".*")
    try:
        yield ",".join(f"{url.rstrip('/')}/{name}" for url in broker.url.split(","))
    finally:
        broker.ctl("delete_vhost", name)


@pytest.fixture(scope="module")
def installed_rabbitmq() -> None:
    """For what starts a node of the installed server by itself."""
    try:
        PrivateNode().remove()
    except Unavailable as reason:
        _none(reason)


@pytest.fixture(scope="module", params=_only(releases()))
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """Three nodes, each of which may be killed and started again."""
    try:
        nodes = start_cluster(getattr(request, "param", INSTALLED))
    except (NoBroker, Unavailable) as reason:
        _none(reason)
    yield nodes
    nodes.remove()
