"""The whole content of a database, for tests of what must not be in it."""

from contextlib import closing

import psycopg2
from psycopg2 import sql

from wiring.secret import Secret


def everything_stored(owner_url: Secret) -> dict[str, str]:
    """The rows of every table as text, including those that the application may not read."""
    with closing(psycopg2.connect(owner_url.reveal())) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        stored = {}
        for (table,) in cursor.fetchall():
            cursor.execute(sql.SQL("SELECT CAST(t AS text) FROM {} AS t").format(sql.Identifier(table)))
            stored[table] = "\n".join(row for (row,) in cursor)
        return stored
