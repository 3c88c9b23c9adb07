"""A RabbitMQ of one's own: a private node of the installed server, for `bus bench` and for tests.

It may be of another release in a folder of its own, a small Debian as `deploy/brokers.sh` makes it; then it
runs there in a mount namespace that ends with it. Any user may start the installed server; the others take
root, or a kernel that lets users have namespaces.
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
from pathlib import Path
from typing import cast

from bus.errors import Unavailable

_BIN = Path("/usr/lib/rabbitmq/bin")
_PORTS = range(20_000, 30_000)  # below the ephemeral range: a restart never finds its port taken by a client
_START_TIMEOUT_S = 90.0
# Ends what a run leaves behind, however the run ends: it reads the process groups of one's servers,
# the latest line counts, until the run's end of the pipe is gone.
_WATCHER = (
    'groups=""; while read -r line; do groups=$line; done; '
    'for g in $groups; do kill -9 -"$g"; done; rm -rf "$0" || rm -rf "$0"'
)
# Into the folder "$0" of another Debian; the mounts are the process's own and end with it.
_ENTER = 'mount --rbind /proc "$0/proc"; mount --rbind /dev "$0/dev"; exec chroot "$0" "$@"'


def free_ports(count: int) -> list[int]:
    """Ports that nobody has. Raises Unavailable."""
    ports: list[int] = []
    for port in random.sample(_PORTS, 200):  # so that two at once rarely meet
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        ports.append(port)
        if len(ports) == count:
            return ports
    raise Unavailable("node-no-ports", first=_PORTS.start, last=_PORTS.stop - 1)


def wait_until_it_speaks(host: str, port: int, alive: Callable[[], None] = lambda: None) -> None:
    """Return once a broker takes connections.

    Args:
        alive: asked between two attempts; raises when there is nothing to wait for any more.

    Raises:
        Unavailable: not in time.
    """
    end = time.monotonic() + _START_TIMEOUT_S
    while not speaks_amqp(host, port):
        alive()
        if time.monotonic() > end:
            raise Unavailable("node-too-slow", seconds=round(_START_TIMEOUT_S))
        time.sleep(0.02)


def speaks_amqp(host: str, port: int) -> bool:
    """Whether a broker takes connections there."""
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
        tree: the folder of another release; None is the installed one.
        beside: a node to make a cluster with: same secret, same name server.

    Raises:
        Unavailable: the server is not installed.
    """

    own = True

    def __init__(
        self, plugins: Sequence[str] = (), tree: Path | None = None, beside: "PrivateNode | None" = None
    ) -> None:
        if not (Path(tree or "/") / _BIN.relative_to("/") / "rabbitmq-server").exists():
            raise Unavailable("node-not-installed", folder=tree or "/")
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
            # RabbitMQ ties each of its threads to a core, which is for machines it has to itself: whoever shares a
            # core with a busy one waits there, though the next core is idle.
            "RABBITMQ_SCHEDULER_BIND_TYPE": "u",
            "RUNNING_UNDER_SYSTEMD": "true",  # the script becomes the server, so its process is ours to kill
        }
        self._node: subprocess.Popen[bytes] | None = None
        self._watcher = subprocess.Popen(  # noqa: S603 - our own command
            ["/bin/sh", "-c", _WATCHER, self.folder], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            start_new_session=True,
        )
        # One's own name server, in the foreground: a node would start a daemon that outlives it.
        self._epmd = None if beside else self._run("epmd", "-port", str(epmd), "-address", "127.0.0.1")
        self._tell_watcher()
        atexit.register(self.remove)

    @property
    def pid(self) -> int:
        """The server's process, which is Erlang's; it must have been started."""
        return cast("subprocess.Popen[bytes]", self._node).pid

    def _command(self, *command: str) -> list[str]:
        if self._tree is None:
            return list(command)
        mapped = [] if os.geteuid() == 0 else ["--map-root-user"]
        return ["unshare", *mapped, "--mount", "/bin/sh", "-ec", _ENTER, str(self._tree), *command]

    def _run(self, *command: str) -> subprocess.Popen[bytes]:
        with (self.folder / "output").open("ab") as output:
            return subprocess.Popen(  # noqa: S603 - our own command
                self._command(*command), env=self._environment, cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, start_new_session=True,
            )

    def _tell_watcher(self) -> None:
        groups = [process.pid for process in (self._epmd, self._node) if process is not None]
        print(*groups, file=self._watcher.stdin, flush=True)

    def launch(self) -> None:
        """Start it without waiting."""
        self._node = self._run(str(_BIN / "rabbitmq-server"))
        self._tell_watcher()

    def start(self) -> None:
        """Start it, or start it again with what its disk holds; returns once it takes connections."""
        self.launch()
        node = self._node

        def alive() -> None:
            if node is not None and node.poll() is not None:
                said = (self.folder / "output").read_text(errors="replace")[-2000:]
                raise Unavailable("node-ended", code=node.returncode, said=said)

        wait_until_it_speaks("127.0.0.1", self.port, alive)

    def kill(self) -> None:
        """End it as a power cut would: SIGKILL, nothing flushed."""
        if self._node is not None:
            os.killpg(self._node.pid, signal.SIGKILL)  # with the helpers it started, which share its session
            self._node.wait()
            self._node = None
            self._tell_watcher()

    def ctl(self, *arguments: str) -> str:
        """Run `rabbitmqctl` and return what it prints."""
        done = subprocess.run(  # noqa: S603 - our own command
            self._command(str(_BIN / "rabbitmqctl"), "--quiet", *arguments), env=self._environment, cwd=self.folder,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
        )
        if done.returncode:
            raise RuntimeError(f"rabbitmqctl {arguments[0]}: {done.stderr or done.stdout}")
        return done.stdout

    def remove(self) -> None:
        """Kill it and remove all it wrote. Idempotent."""
        if self._watcher.poll() is not None:
            return
        self._watcher.communicate()
        for process in (self._node, self._epmd):
            if process is not None:
                process.wait()
        atexit.unregister(self.remove)
