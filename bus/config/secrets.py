"""Secrets that stand written out in routing.yaml instead of in the environment."""

import re
from collections.abc import Iterator

from bus.config.nodes import MapNode, Node, ScalarNode
from bus.config.report import Report

_PASSWORD_IN_URL = re.compile(r"://[^/@:\s]*:([^/@\s]+)@")
_TOKEN_IN_URL = re.compile(
    r"[?&](?:access_?token|token|api_?key|app_?secret|secret|password|pwd|sign(?:ature)?)=([^&#\s]+)", re.IGNORECASE
)
_SECRET_HEADERS = ("authorization", "token", "secret", "api-key", "apikey", "password", "cookie")


def check_secret(
    option: str, node: Node, what: str, filled: frozenset[int], report: Report, *, secret: bool
) -> None:
    """Report each secret written out in an option's value.

    Args:
        what: `systems.wms.sink`. filled: ids of the scalars the environment filled.
        secret: the whole value of the option is one, or a URL that may hold one.
    """
    for name, scalar in _scalars(option, node):
        if id(scalar) in filled or not scalar.text:
            continue
        token = _TOKEN_IN_URL.search(scalar.text)
        in_url = token or _PASSWORD_IN_URL.search(scalar.text)
        headed = option == "headers" and any(word in name.lower() for word in _SECRET_HEADERS)
        whole = secret and option not in ("url", "headers") and "://" not in scalar.text
        if not (in_url or headed or whole):
            continue
        place = scalar.place_of(in_url.start(1), len(in_url[1])) if in_url else scalar.place
        key = f"{what}.{option}" if name == option else f"{what}.{option}.{name}"
        env = _variable(what, "token" if token else "password" if in_url else name)
        report.error("secret-written-out", place, key=key, env=env)


def _variable(what: str, name: str) -> str:
    """A name for the variable: `WMS_SECRET` for systems.wms.source.secret."""
    return re.sub(r"\W+", "_", f"{what.split('.')[1]}_{name}").upper()


def _scalars(name: str, node: Node) -> Iterator[tuple[str, ScalarNode]]:
    if isinstance(node, ScalarNode):
        yield name, node
    elif isinstance(node, MapNode):
        for key, value in node.items:
            yield from _scalars(key.text, value)
    else:
        for item in node.items:
            yield from _scalars(name, item)
