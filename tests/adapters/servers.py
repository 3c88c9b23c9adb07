"""A real HTTP server for the length of a block."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from bus.runtime.http_protocol import Protocol

from tests.adapters.support import until


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[str]:
    """Serve an ASGI application on a free port of this machine; yield the URL without a slash at its end."""
    config = uvicorn.Config(app, log_level="critical", lifespan="off", http=Protocol)
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        # Its two ends only: `serve` would take Ctrl-C from pytest, and wait 0.1 s twice.
        await server.startup([listener])
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            for each in server.servers:
                each.close()
            for connection in list(server.server_state.connections):
                connection.shutdown()
            await until(lambda: not server.server_state.connections, "the end of all connections")
