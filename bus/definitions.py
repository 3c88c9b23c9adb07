"""A broker's definitions as `rabbitmqctl import_definitions` reads them. Pure."""

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Any

from bus.declarations import Arguments
from bus.plan import Wanted

HASHING = "rabbit_password_hashing_sha256"


def definitions(want: Wanted, virtual_host: str, hashes: Mapping[str, str]) -> dict[str, Any]:
    """Return everything a broker needs to carry the bus: users, permissions, queues, exchanges, bindings.

    Args:
        hashes: by user, the hash of the password. A user without one is there and cannot log in with any.
    """
    host = {"vhost": virtual_host}
    declared = want.declarations
    return {
        "vhosts": [{"name": virtual_host}],
        "users": [
            {
                "name": user.name, "password_hash": hashes.get(user.name, ""), "hashing_algorithm": HASHING,
                "tags": [], "limits": {},
            }
            for user in want.users
        ],
        "permissions": [
            {"user": user.name, **host, "configure": user.configure, "write": user.write, "read": user.read}
            for user in want.users
        ],
        "topic_permissions": [
            {"user": user.name, **host, "exchange": exchange, "write": pattern, "read": "^$"}
            for user in want.users for exchange, pattern in user.topics
        ],
        "exchanges": [
            {
                "name": exchange.name, **host, "type": exchange.type, **_lasting({}), "internal": False,
            }
            for exchange in declared.exchanges
        ],
        "queues": [{"name": queue.name, **host, **_lasting(queue.arguments)} for queue in declared.queues],
        "bindings": [
            {
                "source": binding.source, **host, "destination": binding.target,
                "destination_type": "queue", "routing_key": binding.routing_key, "arguments": {},
            }
            for binding in declared.bindings
        ],
    }


def _lasting(arguments: Arguments) -> dict[str, Any]:
    return {"durable": True, "auto_delete": False, "arguments": dict(arguments)}


def password_hash(password: str, salt: bytes) -> str:
    """Hash a password as RabbitMQ stores it: SHA-256 over 4 bytes of salt and the password, in Base64.

    >>> password_hash("test12", bytes.fromhex("908dc60a"))
    'kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR'
    """
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def variable(user: str) -> str:
    """Name the environment variable of a user's password.

    >>> variable("erp"), variable("bus.deploy")
    ('BUS_PASSWORD_ERP', 'BUS_PASSWORD_BUS_DEPLOY')
    """
    return "BUS_PASSWORD_" + re.sub(r"\W", "_", user).upper()
