"""`bus run` as a process of its own, in a folder with files on both sides of it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.cli.commands import Ran

LIMIT_S = 15.0

ROUTING = """\
version: 1
systems:
  shop:
    source: {adapter: file, folder: in, settle: 0s, poll: 50ms}
  desk:
    sink: {adapter: file, folder: out}
  mill:
    sink: {adapter: queue}
lookups: {item: item.csv}
events:
  order.placed: {no: text, item: text}
inbound:
  order:
    from: shop
    when: document.kind == "order"
    event: order.placed
    id: document.no
    map: {no: document.no, item: 'lookup("item", document.item)'}
routes:
  to-desk: {on: order.placed, to: desk, name: data.no, json: data}
  to-mill: {on: order.placed, to: mill, json: {number: data.no}}
"""


def furnish(folder: Path, routing: str = ROUTING) -> Path:
    """Write a configuration; return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "routing.yaml").write_text(routing)
    (folder / "item.csv").write_text("bus,shop\nI1,A\n")
    (folder / "in").mkdir(exist_ok=True)
    return folder


def order(no: str, **more: object) -> str:
    """A document of the shop."""
    return json.dumps({"kind": "order", "no": no, "item": "A", **more})


def put(folder: Path, name: str, text: str) -> None:
    """Let the shop drop a document, whole at once."""
    (folder / f".{name}").write_text(text)
    (folder / f".{name}").rename(folder / "in" / name)


def until(true: Callable[[], bool], what: str = "the condition did not come true", limit_s: float = LIMIT_S) -> None:
    """Return once it is true."""
    end = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.01)


def free_port() -> int:
    """A port nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Running:
    """A bus in a process; what it writes goes to files beside its configuration."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        self.folder = folder
        self._out, self._err = folder / "stdout", folder / "stderr"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "bus.cli", "run", *arguments], cwd=folder, stdin=subprocess.DEVNULL,
                stdout=out, stderr=err, env={**os.environ, "PYTHONUTF8": "1", **environment},
            )

    @property
    def err(self) -> str:
        """What it wrote to stderr so far."""
        return self._err.read_text("utf-8", errors="replace")

    def ready(self) -> "Running":
        """Wait until it consumes."""
        until(lambda: "router ready" in self.err or self.process.poll() is not None)
        assert "router ready" in self.err, self.err
        return self

    def ended(self) -> Ran:
        """Wait for its end."""
        code = self.process.wait(LIMIT_S + 10)
        return Ran(code, self._out.read_text("utf-8"), self.err)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> Ran:
        """Tell it to stop and wait until it has."""
        self.process.send_signal(number)
        return self.ended()

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.wait()


@contextmanager
def running(folder: Path, *arguments: str, **environment: str) -> Iterator[Running]:
    """A bus that is ready, for the length of the block."""
    bus = Running(folder, *arguments, **environment)
    try:
        yield bus.ready()
    finally:
        if bus.process.poll() is None:
            bus.kill()


def names(folder: Path) -> Sequence[str]:
    """The files of a folder that are whole."""
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")) if folder.exists() else []
