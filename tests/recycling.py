"""Clean a used database in milliseconds, where a new copy would take hundreds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg2 import extensions, sql

GROWTH_BYTES_MAX: Final = 4 * 2**20
"""Deleted rows leave their pages behind; beyond this size a new copy is cheaper."""

# Any change of an object or of its rights writes a new row to one of these catalogs.
_CATALOGS: Final = (
    "pg_attrdef", "pg_attribute", "pg_class", "pg_constraint", "pg_default_acl", "pg_event_trigger", "pg_extension",
    "pg_index", "pg_namespace", "pg_policy", "pg_proc", "pg_rewrite", "pg_sequence", "pg_trigger", "pg_type",
)  # fmt: skip
_WRITTEN: Final = """
    SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND pg_relation_size(oid) > 0
"""
_SETTINGS: Final = """
    SELECT datacl::text, datallowconn, datconnlimit, (
        SELECT array_agg(setconfig::text) FROM pg_db_role_setting WHERE setdatabase = pg_database.oid
    ) FROM pg_database WHERE datname = current_database()
"""
_SEQUENCES: Final = "SELECT sequencename, start_value, last_value FROM pg_sequences WHERE schemaname = 'public'"


@dataclass(frozen=True)
class Pristine:
    """The state of a database before its first use."""

    objects: Sequence[Any]
    size_bytes: int
    filled: Sequence[str]
    contents: Sequence[Any]
    sequences: Sequence[Any]

    @classmethod
    def of(cls, connection: extensions.connection) -> "Pristine":
        """Read the state of a new copy, as the superuser."""
        filled = [
            name for (name,) in _rows(connection, _WRITTEN) if _rows(connection, _fill("SELECT FROM {} LIMIT 1", name))
        ]
        return cls(
            objects=_objects(connection),
            size_bytes=_size_bytes(connection),
            filled=filled,
            contents=_contents(connection, filled),
            sequences=_rows(connection, _SEQUENCES),
        )

    def restore(self, connection: extensions.connection) -> bool:
        """Empty the tables and restart the sequences, as the superuser. Nobody else may be connected.

        False when that is not enough, because a test altered an object, a right or a migrated row, or left too
        much behind: then the database must be dropped.
        """
        if _objects(connection) != self.objects or _contents(connection, self.filled) != self.contents:
            return False
        if _size_bytes(connection) - self.size_bytes > GROWTH_BYTES_MAX:
            return False
        with connection, connection.cursor() as cursor:
            # No trigger fires: neither those that refuse to delete history nor those that check foreign keys.
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(_WRITTEN)
            for (name,) in cursor.fetchall():
                if name not in self.filled:
                    cursor.execute(_fill("DELETE FROM {}", name))
            for name, start, last in self.sequences:
                cursor.execute("SELECT setval(%s::regclass, %s, %s)", (f'"{name}"', last or start, last is not None))
        return True


def _objects(connection: extensions.connection) -> Sequence[Any]:
    """How many rows each catalog has and when the newest was written: any change of an object changes one of them."""
    newest = sql.SQL("SELECT count(*), max(xmin::text::bigint) FROM {}")
    of_catalogs = sql.SQL(" UNION ALL ").join(newest.format(sql.Identifier(name)) for name in _CATALOGS)
    return [*_rows(connection, of_catalogs), *_rows(connection, _SETTINGS)]


def _contents(connection: extensions.connection, tables: Sequence[str]) -> Sequence[Any]:
    read = "SELECT md5(string_agg(t::text, ';' ORDER BY t::text)) FROM {} t"
    return [_rows(connection, _fill(read, name)) for name in tables]


def _size_bytes(connection: extensions.connection) -> int:
    [(size,)] = _rows(connection, "SELECT pg_database_size(current_database())")
    return int(size)


def _fill(statement: str, name: str) -> sql.Composed:
    return sql.SQL(statement).format(sql.Identifier(name))


def _rows(connection: extensions.connection, query: str | sql.Composable) -> list[tuple[Any, ...]]:
    with connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()
