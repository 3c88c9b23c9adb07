"""The HTTP server that HTTP sources share, and the one that shows metrics."""

import asyncio
import contextlib
import socket
import ssl
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, start_http_server

from bus.errors import UsageError, why

BACKLOG = 2048


def split_address(address: str, option: str) -> tuple[str, int]:
    """`host:port`, `:port` or `[::1]:port`. Raises UsageError."""
    host, _, port = address.rpartition(":")
    if not port.isdigit() or int(port) > 65535:
        raise UsageError("address-unclear", option=option, address=address)
    return host.strip("[]") or "127.0.0.1", int(port)


class Listener:
    """One port, one application per path."""

    def __init__(self, address: str) -> None:
        self.host, self.port = split_address(address, "--listen")
        self._address = address
        self._paths: dict[str, Any] = {}
        self._tls: ssl.SSLContext | None = None
        self._server: Any = None
        self._task: asyncio.Task[None] | None = None

    def secure(self, certificate: Path, key: Path) -> None:
        """Speak TLS and nothing else. Raises UsageError: PEM files that cannot be used or do not fit each other."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(certificate, key, password="")  # else OpenSSL asks the terminal for one
        except (OSError, ssl.SSLError) as error:
            reason = getattr(error, "reason", None) or why(error)
            raise UsageError("listen-tls", certificate=str(certificate), key=str(key), reason=reason) from error
        self._tls = context

    def add(self, path: str, app: Any) -> None:
        """Register an ASGI application at a path, in the place of another."""
        self._paths[path] = app

    def remove(self, path: str, app: Any) -> None:
        """Let a path be nobody's, unless another application has it by now."""
        if self._paths.get(path) is app:
            del self._paths[path]

    @property
    def has_paths(self) -> bool:
        """Whether anything listens."""
        return bool(self._paths)

    async def start(self) -> None:
        """Begin to listen. Idempotent. Raises UsageError when the port is taken."""
        if self._server is not None:
            return
        import uvicorn  # 0.1 s nobody without HTTP sources waits for

        from bus.runtime.http_protocol import Protocol

        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        # Only where TCP is named asyncio turns Nagle's algorithm off; with it the end of an answer waits 40 ms.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((self.host, self.port))
            listening.listen(BACKLOG)  # here and not in uvicorn, which would end the process over a port that is taken
        except OSError as error:
            listening.close()
            raise _taken("--listen", self._address, error) from error
        self.port = listening.getsockname()[1]
        config = uvicorn.Config(
            self._dispatch, log_config=None, access_log=False, lifespan="off", server_header=False,
            interface="asgi3", timeout_graceful_shutdown=5, http=Protocol, ws="none", proxy_headers=False,
        )
        config.load()
        config.ssl = self._tls
        self._server = uvicorn.Server(config)
        self._server.install_signal_handlers = lambda: None  # the app has its own
        self._server.capture_signals = contextlib.nullcontext
        self._task = asyncio.create_task(self._server.serve(sockets=[listening]))

    async def _dispatch(self, scope: Any, receive: Any, send: Any) -> None:
        app = self._paths.get(scope.get("path", "").rstrip("/") or "/")
        if app is not None:
            await app(scope, receive, send)
        elif scope["type"] == "http":
            headers = [(b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": 404, "headers": headers})
            await send({"type": "http.response.body", "body": b'{"error":{"code":"no-such-path"}}'})

    async def stop(self) -> None:
        """Answer what came in, then close."""
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await self._task


def serve_metrics(address: str, registry: CollectorRegistry) -> Any:
    """Show the metrics at `http://host:port/metrics`; return what closes it. Raises UsageError."""
    host, port = split_address(address, "--metrics")
    try:
        server, _ = start_http_server(port, host, registry)
    except OSError as error:
        raise _taken("--metrics", address, error) from error
    return server


def _taken(option: str, address: str, error: OSError) -> UsageError:
    return UsageError("port-taken", option=option, address=address, reason=why(error))
