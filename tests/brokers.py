"""A real RabbitMQ for tests and scripts: given, in a container, or a private node of the installed server.

`BUS_TEST_AMQP` names one that runs already; else a Docker engine, when one answers, starts one; else
the distribution's `rabbitmq-server` is started as a private node, by any user, with everything it
writes in a temporary folder. Without any of the three the tests that need it are skipped, and fail
where `CI=true`: there a missing broker is a broken build.

Import the fixture where it is needed: `from tests.brokers import rabbitmq`.
"""

import asyncio
import atexit
import contextlib
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, Self

import pytest

_BIN = Path("/usr/lib/rabbitmq/bin")
_INSTALL = "run deploy/install-brokers.sh, or set BUS_TEST_AMQP to the URL of a broker for tests"
_PORTS = range(20_000, 30_000)  # below the ephemeral range: a restart never finds its port taken by a client
_START_TIMEOUT_S = 60.0
# Ends what a test run leaves behind, however the run ends: it reads the process groups of one's servers,
# the latest line counts, until the run's end of the pipe is gone.
_WATCHER = 'groups=""; while read -r line; do groups=$line; done; for g in $groups; do kill -9 -"$g"; done; rm -rf "$0" || rm -rf "$0"'


class NoBroker(Exception):
    """No RabbitMQ can be had here; says why, and the way out."""


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


def _free_ports(count: int) -> list[int]:
    ports: list[int] = []
    for port in random.sample(_PORTS, 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        ports.append(port)
        if len(ports) == count:
            return ports
    raise NoBroker(f"no {count} free ports in {_PORTS.start}-{_PORTS.stop}")


def _wait_until(condition: Callable[[], bool], what: str, timeout_s: float = _START_TIMEOUT_S) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            raise NoBroker(f"{what} within {timeout_s:.0f} s")
        time.sleep(0.02)


def _speaks_amqp(host: str, port: int) -> bool:
    # An open port is not enough: a container's proxy listens before the broker does.
    try:
        with socket.create_connection((host, port), timeout=1) as probe:
            probe.sendall(b"AMQP\x00\x00\x09\x01")
            return probe.recv(1) == b"\x01"
    except OSError:
        return False


class PrivateNode:
    """The installed rabbitmq-server as a node of its own, beside any other and under any user."""

    own = True

    def __init__(self, plugins: Sequence[str] = ()) -> None:
        if not (_BIN / "rabbitmq-server").exists():
            raise NoBroker(f"rabbitmq-server is not installed: {_INSTALL}")
        self.folder = Path(tempfile.mkdtemp(prefix="bus-rabbitmq-"))
        self.port, distribution, epmd = _free_ports(3)
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}/"
        home = self.folder / "home"
        home.mkdir()
        (self.folder / "plugins").write_text(f"[{','.join(plugins)}].\n")
        (self.folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.local = 127.0.0.1:{self.port}\n"
            "disk_free_limit.absolute = 50MB\n"
            "log.file.level = info\n"
        )
        self._environment = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(home),
            "ERL_EPMD_PORT": str(epmd),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"bus{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "none"),  # not the distribution's settings
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RUNNING_UNDER_SYSTEMD": "true",  # the script becomes the server, so its process is ours to kill
        }
        self._node: subprocess.Popen[bytes] | None = None
        self._watcher = subprocess.Popen(
            ["/bin/sh", "-c", _WATCHER, self.folder], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            start_new_session=True,
        )
        # One's own name server, in the foreground: a node would start a daemon that outlives it.
        self._epmd = self._run("epmd", "-port", str(epmd), "-address", "127.0.0.1")
        self._tell_watcher()
        atexit.register(self.remove)

    def _run(self, *command: str) -> subprocess.Popen[bytes]:
        with (self.folder / "output").open("ab") as output:
            return subprocess.Popen(
                command, env=self._environment, cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, start_new_session=True,
            )

    def _tell_watcher(self) -> None:
        assert self._watcher.stdin is not None
        groups = [process.pid for process in (self._epmd, self._node) if process is not None]
        print(*groups, file=self._watcher.stdin, flush=True)

    def start(self) -> None:
        self._node = node = self._run(str(_BIN / "rabbitmq-server"))
        self._tell_watcher()

        def ready() -> bool:
            if node.poll() is not None:
                said = (self.folder / "output").read_text(errors="replace")[-2000:]
                raise NoBroker(f"rabbitmq-server ended with {node.returncode}:\n{said}")
            return _speaks_amqp("127.0.0.1", self.port)

        _wait_until(ready, "rabbitmq-server did not take connections")

    def kill(self) -> None:
        if self._node is not None:
            os.killpg(self._node.pid, signal.SIGKILL)  # with the helpers it started, which share its session
            self._node.wait()
            self._node = None
            self._tell_watcher()

    def ctl(self, *arguments: str) -> str:
        done = subprocess.run(
            [_BIN / "rabbitmqctl", "--quiet", *arguments], env=self._environment, cwd=self.folder,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
        )
        if done.returncode:
            raise RuntimeError(f"rabbitmqctl {' '.join(arguments)}: {done.stderr or done.stdout}")
        return done.stdout

    def remove(self) -> None:
        if self._watcher.poll() is not None:
            return
        self._watcher.communicate()
        for process in (self._node, self._epmd):
            if process is not None:
                process.wait()
        atexit.unregister(self.remove)


class ContainerNode:
    """RabbitMQ in a container, on a port that stays over restarts."""

    own = True

    def __init__(self, plugins: Sequence[str] = ()) -> None:
        from testcontainers.community.rabbitmq import RabbitMqContainer

        (self.port,) = _free_ports(1)
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
        _wait_until(lambda: _speaks_amqp(self.host, self.port), "the container did not take connections")

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


class Proxy:
    """A TCP connection through a place where it can be cut, or swallowed. Used from one event loop.

    With `tls` it is the server's end of amqps, too.
    """

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        self._target = host, port
        self._tls = tls
        self._pairs: list[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = []
        self._pumps: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    def cut(self) -> None:
        """Reset every connection at once, in the middle of whatever goes by."""
        pairs, self._pairs = self._pairs, []
        for writer in (writer for pair in pairs for writer in pair):
            writer.transport.abort()

    def swallow(self) -> None:
        """Let nothing through any more, and tell nobody: a black hole."""
        self._flowing.clear()

    def restore(self) -> None:
        """Let new connections through; what was swallowed stays lost."""
        self.cut()
        self._flowing.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(*self._target)
        self._pairs.append((writer, there_writer))
        for source, sink in ((reader, there_writer), (there_reader, writer)):
            pump = asyncio.get_running_loop().create_task(self._pump(source, sink))
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65_536):
                await self._flowing.wait()
                sink.write(data)
                await sink.drain()
        sink.transport.abort()


def _docker_answers() -> bool:
    if shutil.which("docker") is None:
        return False
    try:
        answer = subprocess.run(["docker", "version"], capture_output=True, timeout=5, check=False)
    except subprocess.TimeoutExpired:
        return False
    return answer.returncode == 0


def start_rabbitmq(plugins: Sequence[str] = ("rabbitmq_consistent_hash_exchange",)) -> Broker:
    """Return a RabbitMQ that takes connections; the caller removes it.

    Raises:
        NoBroker: none is to be had.
    """
    if url := os.environ.get("BUS_TEST_AMQP"):
        return GivenNode(url)
    node = ContainerNode(plugins) if _docker_answers() else PrivateNode(plugins)
    try:
        node.start()
    except BaseException:  # Ctrl-C while it starts leaves nothing behind either
        node.remove()
        raise
    return node


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[Broker]:
    """One RabbitMQ for the whole run; a test that kills it starts it again."""
    try:
        node = start_rabbitmq()
    except NoBroker as reason:
        if os.environ.get("CI") == "true":
            pytest.fail(str(reason))
        pytest.skip(str(reason))
    try:
        yield node
    finally:
        node.remove()
