"""The migrations lead to the models, and back, and up again."""

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import CheckConstraint, Connection, create_engine, text
from sqlalchemy.pool import NullPool

from models import Base
from tests.databases import Database, Server, settings_for
from wiring import migrate
from wiring.database import with_driver

_EVERYTHING = text(
    """
    SELECT 'column', table_name || '.' || column_name,
           concat_ws(' ', data_type, is_nullable, column_default, is_identity)
      FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
      FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT 'trigger', tgrelid::regclass || '.' || tgname, pg_get_triggerdef(oid)
      FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT 'function', oid::regprocedure::text, prosrc || coalesce(proacl::text, '')
      FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT 'relation', oid::regclass::text, concat_ws(' ', relkind, relacl::text, reloptions::text)
      FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'm', 'S', 'p')
    UNION ALL SELECT 'type', typname, typtype::text FROM pg_type
      WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd')
    ORDER BY 1, 2
    """
)


@pytest.fixture
def empty(server: Server) -> Iterator[Database]:
    """A database without tables."""
    made = server.empty()
    yield made
    server.drop(made)


@pytest.fixture
def connection(own_database: Database) -> Iterator[Connection]:
    engine = create_engine(with_driver(own_database.owner_url), poolclass=NullPool)
    with engine.connect() as opened:
        yield opened


Everything = list[tuple[str, ...]]


def everything(connection: Connection) -> Everything:
    """Every table, column, constraint, index, trigger, function and privilege of ours there is, as text."""
    return [tuple(row) for row in connection.execute(_EVERYTHING) if "alembic_version" not in row[1]]


def test_each_revision_can_be_taken_back_and_down_and_up_again_leads_to_the_same_place(empty: Database) -> None:
    settings = settings_for(empty)
    engine = create_engine(with_driver(empty.owner_url), poolclass=NullPool)
    with engine.connect() as opened:
        seen: dict[str | None, Everything] = {None: everything(opened)}

    def remember(opened: Connection, revision: str | None) -> None:
        seen[revision] = everything(opened)

    def compare(opened: Connection, revision: str | None) -> None:
        compared.append(revision)
        assert everything(opened) == seen[revision], revision

    compared: list[str | None] = []
    revisions = migrate.revisions()
    migrate.upgrade(settings, after_each=remember)
    assert list(seen) == [None, *revisions]
    assert len(seen[revisions[-1]]) > len(seen[None])
    migrate.downgrade(settings, "base", after_each=compare)
    assert compared == [*reversed(revisions[:-1]), None]
    migrate.upgrade(settings)
    with engine.connect() as opened:
        assert everything(opened) == seen[revisions[-1]]


def test_models_and_migrations_agree(connection: Connection) -> None:
    assert migrate.differences(connection) == []


def test_every_check_of_the_models_exists_in_the_database(connection: Connection) -> None:
    rows = connection.execute(
        text("SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype = 'c' AND conrelid <> 0")
    )
    present = {(table, name) for table, name in rows}
    wanted = {
        (table.name, str(constraint.name))
        for table in Base.metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    }
    assert wanted, "the models have no CHECK at all, so this test looks in the wrong place"
    assert wanted - present == set()


def test_every_foreign_key_is_indexed(connection: Connection) -> None:
    # Rows of assets and users are never deleted and never change their keys, so nothing ever looks from there.
    bare = connection.execute(
        text(
            """
            SELECT conrelid::regclass || '.' || conname FROM pg_constraint AS key
             WHERE contype = 'f' AND connamespace = 'public'::regnamespace
               AND confrelid NOT IN ('assets'::regclass, 'users'::regclass)
               AND NOT EXISTS (
                   SELECT FROM pg_index WHERE indrelid = key.conrelid AND indkey[0] = ANY (key.conkey)
                      AND coalesce(pg_get_expr(indpred, indrelid), 'IS NOT NULL)') LIKE '%IS NOT NULL)%')
            """
        )
    ).scalars()
    assert list(bare) == []


def test_constraints_are_named_by_our_convention(connection: Connection) -> None:
    names = connection.execute(
        text(
            "SELECT conname FROM pg_constraint "
            "WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'u', 'f', 'p') AND conparentid = 0"
        )
    ).scalars()
    assert [name for name in names if not re.match(r"(ck|uq|fk|pk)_", name) and "alembic" not in name] == []


def test_two_processes_that_migrate_at_once_take_turns(empty: Database) -> None:
    settings = settings_for(empty)
    with migrate.connection(settings) as first:
        first.execute(text("SELECT 1"))
        engine = create_engine(with_driver(empty.owner_url), poolclass=NullPool)
        with engine.connect() as second:
            taken = second.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": migrate.LOCK_KEY})
            assert taken is False
    with engine.connect() as third:
        assert third.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": migrate.LOCK_KEY}) is True


def test_a_migration_waits_for_nobody_for_long(empty: Database) -> None:
    with migrate.connection(settings_for(empty)) as opened:
        assert opened.scalar(text("SHOW lock_timeout")) == f"{migrate.LOCK_TIMEOUT_S}s"
        assert opened.scalar(text("SHOW statement_timeout")) == "10min"
