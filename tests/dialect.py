"""One dialect for all engines of a test process: a statement that one engine compiled, no other compiles again."""

from typing import Any, ClassVar, Final, Self

from sqlalchemy import Connection, Engine
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.util import LRUCache

STATEMENTS_MAX: Final = 5_000
"""More than there are."""


class SharedDialect(PGDialect_psycopg2):
    """PostgreSQL's dialect, once. It keeps what it learnt of the one server, and what was compiled for it.

    An engine keeps compiled statements for itself, and a test has an engine of its own: a third of what tests cost
    would go into compiling the same statements over and over.
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
        """Let this engine know what the others have compiled."""
        engine._compiled_cache = cls._compiled


def share() -> None:
    """Have every engine that this process makes from now on use it."""
    registry.register("postgresql.psycopg2", __name__, SharedDialect.__name__)
