"""Bring the schema to a revision: one process at a time, never waiting long for a lock that others hold."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from models import Base
from wiring.database import with_driver
from wiring.parsing import SettingsRefused
from wiring.settings import Settings

ROOT: Final = Path(__file__).resolve().parent.parent
LOCK_KEY: Final = 0x5742_4F4E_474D
"""The advisory lock that every migrating process takes; any constant will do, as long as it never changes."""
WAIT_FOR_OTHERS_S: Final = 120
LOCK_TIMEOUT_S: Final = 5
"""While a revision waits for a table lock, all later readers wait behind it; better to fail and retry."""
STATEMENT_TIMEOUT_S: Final = 600
AfterEach = Callable[[Connection, str | None], None]
"""Called with the schema after each revision, before that commits: (connection, revision); None is the empty schema."""


@contextmanager
def connection(settings: Settings) -> Iterator[Connection]:
    """A connection as the role that owns the schema, holding the lock that keeps other migrations out."""
    address = settings.migration_database_url or settings.database_url
    if address is None:
        raise SettingsRefused(["DATABASE_URL is not set and no embedded PostgreSQL was started"])
    options = f"-c lock_timeout={LOCK_TIMEOUT_S}s -c statement_timeout={STATEMENT_TIMEOUT_S}s"
    engine = create_engine(
        with_driver(address),
        poolclass=NullPool,
        connect_args={"options": options, "application_name": "strongroom migrations"},
    )
    with engine.connect() as opened:
        opened.execute(text(f"SET LOCAL lock_timeout = '{WAIT_FOR_OTHERS_S}s'"))
        opened.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK_KEY})
        opened.commit()
        try:
            yield opened
        finally:
            opened.rollback()
            opened.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK_KEY})
            opened.commit()


def upgrade(settings: Settings, revision: str = "head", *, after_each: AfterEach | None = None) -> None:
    """Apply what is missing up to this revision, and after a restore let the event log go on here.

    Safe to run from several processes at once.
    """
    with connection(settings) as opened:
        command.upgrade(_config(opened, after_each), revision)
        if revision == "head":
            # What was restored into another server carries numbers of transactions that this one has yet to reach.
            opened.execute(text("SELECT log_catch_up()"))
            opened.commit()


def downgrade(settings: Settings, revision: str, *, after_each: AfterEach | None = None) -> None:
    """Undo everything after this revision; "base" undoes all."""
    with connection(settings) as opened:
        command.downgrade(_config(opened, after_each), revision)


def current(connection_: Connection) -> str | None:
    """The revision that this database is at; None when it was never migrated."""
    return MigrationContext.configure(connection_).get_current_revision()


def head() -> str | None:
    """The newest revision that this code knows."""
    return ScriptDirectory.from_config(_config(None)).get_current_head()


def revisions() -> list[str]:
    """Every revision that this code knows, oldest first."""
    scripts = ScriptDirectory.from_config(_config(None)).walk_revisions()
    return [script.revision for script in reversed(list(scripts))]


def differences(connection_: Connection) -> list[Any]:
    """What autogenerate would change to make this database agree with the models; it does not see CHECKs."""
    context = MigrationContext.configure(
        connection_, opts={"compare_type": True, "target_metadata": Base.metadata, "include_object": is_modelled}
    )
    return list(compare_metadata(context, Base.metadata))


def is_modelled(_thing: Any, _name: str | None, kind: str, reflected: bool, counterpart: Any) -> bool:  # noqa: FBT001 - Alembic's signature
    """Leave out of the comparison what only the database has: tables that raw SQL made and raw SQL uses."""
    return not (kind == "table" and reflected and counterpart is None)


def _config(opened: Connection | None, after_each: AfterEach | None = None) -> Config:
    config = Config(str(ROOT / "alembic.ini"))
    config.attributes["connection"] = opened
    if after_each is not None:

        def applied(*, ctx: MigrationContext, heads: set[str], **_: Any) -> None:
            if ctx.connection is not None:
                after_each(ctx.connection, next(iter(heads), None))

        config.attributes["on_version_apply"] = applied
    return config
