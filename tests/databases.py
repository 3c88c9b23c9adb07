"""Real databases for tests and scripts: PostgreSQL and MariaDB, given or private servers of one's own.

`BUS_TEST_POSTGRESQL` and `BUS_TEST_MARIADB` name ones that run already (a URL of SQLAlchemy); else the
distribution's server is started with everything it writes in a temporary folder, on a free port, and as
`nobody` when root asks, since both refuse to run as root. Without either the tests that need it are
skipped, and fail where `CI=true`: there a missing database is a broken build.

Import the fixture where it is needed: `from tests.databases import postgresql`.
"""

import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa

_START_TIMEOUT_S = 60.0
_VARIABLES = "BUS_TEST_POSTGRESQL and BUS_TEST_MARIADB to URLs of databases for tests"


class NoDatabase(Exception):
    """No such database can be had here; says why, and the way out."""


class Server:
    """A database server of one's own; `url` stays the same over kills and restarts."""

    def __init__(self, name: str, url: str, install: Sequence[str], run: Sequence[str]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"bus-{name}-"))
        self.port = _free_port()
        places = {"folder": self.folder, "data": self.folder / "data", "port": self.port}
        self.url = url.format(**places)
        self._run_command = [part.format(**places) for part in run]
        self._server: subprocess.Popen[bytes] | None = None
        self._user = "nobody" if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(self.folder, self._user)
        atexit.register(self.remove)
        done = self._start([part.format(**places) for part in install]).wait(_START_TIMEOUT_S)
        if done:
            raise NoDatabase(f"{name} could not be set up:\n{self._said()}")

    def start(self) -> None:
        """Start it, or start it again with what its disk holds; returns once it takes connections."""
        self._server = self._start(self._run_command)
        engine = sa.create_engine(self.url, poolclass=sa.NullPool)
        until = time.monotonic() + _START_TIMEOUT_S
        while True:
            try:
                with engine.connect():
                    return
            except sa.exc.OperationalError:
                if self._server.poll() is not None or time.monotonic() > until:
                    raise NoDatabase(f"the server did not start:\n{self._said()}") from None
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill it; what it wrote stays, since the system does not go down with it."""
        server, self._server = self._server, None
        if server and server.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()

    def remove(self) -> None:
        """Kill it and remove all it wrote. Idempotent."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
        atexit.unregister(self.remove)

    def _start(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        with (self.folder / "output").open("ab") as output:
            return subprocess.Popen(
                command, env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(self.folder)},
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True, user=self._user,
            )  # fmt: skip

    def _said(self) -> str:
        return (self.folder / "output").read_text(errors="replace")[-2000:]


def start_postgresql(*, durable: bool = False) -> Server:
    """Return a PostgreSQL that takes connections; the caller removes it.

    Args:
        durable: it waits for the disk, as one in earnest does.
    """
    newest = max(Path("/usr/lib/postgresql").glob("*/bin/initdb"), default=None, key=_version)
    bin_ = newest.parent if newest else Path(_program("initdb")).parent
    return _started(
        "postgresql",
        "postgresql+psycopg://bus:bus@127.0.0.1:{port}/postgres",
        (str(bin_ / "initdb"), "--pgdata={data}", "--username=bus", "--auth=trust", "--encoding=UTF8",
         "--locale=C.UTF-8", "--no-sync"),
        (str(bin_ / "postgres"), "-D", "{data}", "-p", "{port}", "-k", "{folder}", "-h", "127.0.0.1",
         "-c", f"fsync={'on' if durable else 'off'}"),
    )  # fmt: skip


def start_mariadb() -> Server:
    """Return a MariaDB that takes connections; the caller removes it."""
    return _started(
        "mariadb",
        "mysql+pymysql://root@127.0.0.1:{port}/mysql?charset=utf8mb4",
        (_program("mariadb-install-db"), "--no-defaults", "--datadir={data}", "--skip-test-db",
         "--auth-root-authentication-method=normal", "--character-set-server=utf8mb4"),
        (_program("mariadbd"), "--no-defaults", "--datadir={data}", "--port={port}", "--socket={folder}/socket",
         "--bind-address=127.0.0.1", "--character-set-server=utf8mb4", "--innodb-buffer-pool-size=32M",
         "--innodb-flush-log-at-trx-commit=2"),
    )  # fmt: skip


def _started(name: str, url: str, install: Sequence[str], run: Sequence[str]) -> Server:
    server = Server(name, url, install, run)
    try:
        server.start()
    except BaseException:  # Ctrl-C while it starts leaves nothing behind either
        server.remove()
        raise
    return server


def _version(initdb: Path) -> int:
    name = initdb.parts[-3]
    return int(name) if name.isdigit() else 0


def _program(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if found is None:
        raise NoDatabase(f"{name} is not installed: run deploy/install-brokers.sh, or set {_VARIABLES}")
    return found


def _free_port() -> int:
    # Below the ephemeral range, where no client's connection takes it before the server does.
    for port in range(20_000 + os.getpid() % 5_000, 30_000):
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise NoDatabase("no free port between 20000 and 30000")


def _given_or_started(variable: str, start: Callable[[], Server]) -> Iterator[str]:
    if url := os.environ.get(variable):
        yield url
        return
    try:
        server = start()
    except NoDatabase as reason:
        if os.environ.get("CI") == "true":
            pytest.fail(str(reason))
        pytest.skip(str(reason))
    try:
        yield server.url
    finally:
        server.remove()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a PostgreSQL, the same for the whole run."""
    yield from _given_or_started("BUS_TEST_POSTGRESQL", start_postgresql)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[str]:
    """The URL of a MariaDB, the same for the whole run."""
    yield from _given_or_started("BUS_TEST_MARIADB", start_mariadb)
