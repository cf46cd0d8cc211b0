"""One dialect for all engines of a test process, so that each statement is compiled once."""

from typing import Any, ClassVar, Final, Self

from sqlalchemy import Connection, Engine
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.util import LRUCache

STATEMENTS_MAX: Final = 5_000
"""More than there are."""


class SharedDialect(PGDialect_psycopg2):
    """A single instance of PostgreSQL's dialect, with the server's properties and a shared cache of statements.

    Engines have caches of their own, and every test has its own engine: compiling the same statements again would be a
    third of the suite's cost.
    """

    supports_statement_cache = True
    _only: ClassVar[Self | None] = None
    _compiled: ClassVar[LRUCache[Any, Any]] = LRUCache(STATEMENTS_MAX)

    def __new__(cls, **_: Any) -> Self:
        """The only one."""
        if cls._only is None:
            cls._only = super().__new__(cls)
        return cls._only

    def __init__(self, **facts: Any) -> None:
        """Learn the driver, the first time."""
        if not self.__dict__:
            super().__init__(**facts)  # type: ignore[no-untyped-call]

    def initialize(self, connection: Connection) -> None:
        """Learn the server, the first time."""
        if getattr(self, "server_version_info", None) is None:
            super().initialize(connection)  # type: ignore[no-untyped-call]

    @classmethod
    def engine_created(cls, engine: Engine) -> None:
        """Give this engine the shared cache."""
        engine._compiled_cache = cls._compiled


def share() -> None:
    """Use it for every engine that this process makes from now on."""
    registry.register("postgresql.psycopg2", __name__, SharedDialect.__name__)
