"""What the tests of adapters start from: the databases, and an `accept` that remembers."""

from tests.databases import mariadb, postgresql

__all__ = ["mariadb", "postgresql"]
