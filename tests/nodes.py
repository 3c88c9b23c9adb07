"""RabbitMQ as private nodes: of the installed server, or of another release in a folder of its own.

`deploy/brokers.sh` makes such folders, each a small Debian; a node of it runs there in a mount namespace
that ends with it. Any user may start the installed server; the others take root, or a kernel that lets
users have namespaces.
"""

import atexit
import os
import random
import secrets
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

_BIN = Path("/usr/lib/rabbitmq/bin")
_INSTALL = "run deploy/install-brokers.sh, or set BUS_TEST_AMQP to the URL of a broker for tests"
_PORTS = range(20_000, 30_000)  # below the ephemeral range: a restart never finds its port taken by a client
_START_TIMEOUT_S = 90.0
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "business-event-bus"
# Ends what a test run leaves behind, however the run ends: it reads the process groups of one's servers,
# the latest line counts, until the run's end of the pipe is gone.
_WATCHER = 'groups=""; while read -r line; do groups=$line; done; for g in $groups; do kill -9 -"$g"; done; rm -rf "$0" || rm -rf "$0"'
# Into the folder "$0" of another Debian; the mounts are the process's own and end with it.
_ENTER = 'mount --rbind /proc "$0/proc"; mount --rbind /dev "$0/dev"; exec chroot "$0" "$@"'


class NoBroker(Exception):
    """No RabbitMQ can be had here; says why, and the way out."""


def trees() -> dict[str, Path]:
    """The releases that `deploy/brokers.sh` has brought, by number: 4.0, 4.3."""
    return {path.name.removeprefix("rabbitmq-"): path for path in sorted(_CACHE.glob("rabbitmq-*"))}


def free_ports(count: int) -> list[int]:
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


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float = _START_TIMEOUT_S) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            raise NoBroker(f"{what} within {timeout_s:.0f} s")
        time.sleep(0.02)


def speaks_amqp(host: str, port: int) -> bool:
    # An open port is not enough: a container's proxy listens before the broker does.
    try:
        with socket.create_connection((host, port), timeout=1) as probe:
            probe.sendall(b"AMQP\x00\x00\x09\x01")
            return probe.recv(1) == b"\x01"
    except OSError:
        return False


class PrivateNode:
    """A rabbitmq-server as a node of its own, beside any other.

    Args:
        tree: the folder of another release, one of `trees()`; None is the installed one.
        beside: a node to make a cluster with: same secret, same name server.
    """

    own = True

    def __init__(
        self, plugins: Sequence[str] = (), tree: Path | None = None, beside: "PrivateNode | None" = None
    ) -> None:
        if not (Path(tree or "/") / _BIN.relative_to("/") / "rabbitmq-server").exists():
            raise NoBroker(f"rabbitmq-server is not installed{f' in {tree}' if tree else ''}: {_INSTALL}")
        self._tree = tree
        self.folder = Path(tempfile.mkdtemp(prefix="bus-rabbitmq-", dir=tree and tree / "tmp"))
        inside = self.folder if tree is None else "/" / self.folder.relative_to(tree)
        self.port, distribution, epmd = free_ports(3)
        self.epmd_port: int = beside.epmd_port if beside else epmd
        self.name = f"bus{self.port}@localhost"
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}/"
        home = self.folder / "home"
        home.mkdir()
        self.cookie: str = beside.cookie if beside else secrets.token_hex(16)
        (home / ".erlang.cookie").write_text(self.cookie)
        (home / ".erlang.cookie").chmod(0o400)
        (self.folder / "plugins").write_text(f"[{','.join(plugins)}].\n")
        (self.folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.local = 127.0.0.1:{self.port}\n"
            "disk_free_limit.absolute = 50MB\n"
            "log.file.level = info\n"
        )
        self._environment = {
            "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin",
            "LANG": "C.UTF-8",
            "HOME": str(inside / "home"),
            "ERL_EPMD_PORT": str(self.epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_CONF_ENV_FILE": str(inside / "none"),  # not the distribution's settings
            "RABBITMQ_CONFIG_FILE": str(inside / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(inside / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(inside / "mnesia"),
            "RABBITMQ_LOG_BASE": str(inside / "log"),
            "RABBITMQ_PID_FILE": str(inside / "pid"),
            "RUNNING_UNDER_SYSTEMD": "true",  # the script becomes the server, so its process is ours to kill
        }
        self._node: subprocess.Popen[bytes] | None = None
        self._watcher = subprocess.Popen(
            ["/bin/sh", "-c", _WATCHER, self.folder], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            start_new_session=True,
        )
        # One's own name server, in the foreground: a node would start a daemon that outlives it.
        self._epmd = None if beside else self._run("epmd", "-port", str(epmd), "-address", "127.0.0.1")
        self._tell_watcher()
        atexit.register(self.remove)

    @property
    def pid(self) -> int:
        """The server's process, to be stopped and continued."""
        assert self._node is not None
        return self._node.pid

    def _command(self, *command: str) -> list[str]:
        if self._tree is None:
            return list(command)
        mapped = [] if os.geteuid() == 0 else ["--map-root-user"]
        return ["unshare", *mapped, "--mount", "/bin/sh", "-ec", _ENTER, str(self._tree), *command]

    def _run(self, *command: str) -> subprocess.Popen[bytes]:
        with (self.folder / "output").open("ab") as output:
            return subprocess.Popen(
                self._command(*command), env=self._environment, cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, start_new_session=True,
            )

    def _tell_watcher(self) -> None:
        assert self._watcher.stdin is not None
        groups = [process.pid for process in (self._epmd, self._node) if process is not None]
        print(*groups, file=self._watcher.stdin, flush=True)

    def launch(self) -> None:
        """Start it without waiting."""
        self._node = self._run(str(_BIN / "rabbitmq-server"))
        self._tell_watcher()

    def start(self) -> None:
        self.launch()
        node = self._node

        def ready() -> bool:
            if node is not None and node.poll() is not None:
                said = (self.folder / "output").read_text(errors="replace")[-2000:]
                raise NoBroker(f"rabbitmq-server ended with {node.returncode}:\n{said}")
            return speaks_amqp("127.0.0.1", self.port)

        wait_until(ready, "rabbitmq-server did not take connections")

    def kill(self) -> None:
        if self._node is not None:
            os.killpg(self._node.pid, signal.SIGKILL)  # with the helpers it started, which share its session
            self._node.wait()
            self._node = None
            self._tell_watcher()

    def ctl(self, *arguments: str) -> str:
        done = subprocess.run(
            self._command(str(_BIN / "rabbitmqctl"), "--quiet", *arguments), env=self._environment, cwd=self.folder,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
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


class Cluster:
    """Three private nodes of one release that hold every quorum queue three times."""

    def __init__(self, plugins: Sequence[str] = (), tree: Path | None = None) -> None:
        first = PrivateNode(plugins, tree)
        self.nodes = [first, *(PrivateNode(plugins, tree, beside=first) for _ in range(2))]
        self.url = ",".join(node.url for node in self.nodes)

    def start(self) -> None:
        """Start the nodes and join them; returns once each takes connections."""
        first, *others = self.nodes
        for node in self.nodes:
            node.launch()
        for node in self.nodes:
            wait_until(partial(speaks_amqp, "127.0.0.1", node.port), f"{node.name} did not take connections")
        for node in others:
            node.ctl("stop_app")
            node.ctl("join_cluster", first.name)
            node.ctl("start_app")

    def remove(self) -> None:
        for node in reversed(self.nodes):  # the first one has the name server
            node.remove()
