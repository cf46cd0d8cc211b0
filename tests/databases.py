"""Databases for tests: copies of one migrated template, each reused by many tests in turn."""

import secrets
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import psycopg2
from psycopg2 import sql

from tests.recycling import Pristine
from wiring.embedded import postgres
from wiring.embedded.process import await_truth
from wiring.embedded.services import Addresses
from wiring.secret import Secret
from wiring.settings import Settings, read_settings

TEMPLATE = "strongroom_template"
LEFT_WITHIN_S = 0.5
"""How long a closed connection may take to leave the server; one that stays longer is a leak."""


@dataclass(frozen=True)
class Database:
    """One database and how to reach it: as the application, as the owner of its tables, as the superuser."""

    name: str
    url: Secret
    owner_url: Secret
    superuser_url: Secret


class Server:
    """Makes and drops databases on the run's PostgreSQL."""

    def __init__(self, services: Addresses) -> None:
        self._services = services
        self._used: list[Database] = []
        self._pristine: Pristine | None = None
        self._administration = psycopg2.connect(self.named("postgres").superuser_url.reveal())
        self._administration.autocommit = True

    def close(self) -> None:
        """Close the connection; the databases go with the server."""
        self._administration.close()

    def named(self, name: str) -> Database:
        """The addresses of a database of this name."""
        urls = (
            self._services.database_url,
            self._services.migration_database_url,
            self._services.superuser_url,
        )
        return Database(name, *(_with_database(url, name) for url in urls))

    def empty(self, name: str | None = None) -> Database:
        """A database without tables, prepared for the two roles."""
        made = self.named(name) if name else self._new_name()
        self._execute("CREATE DATABASE {} OWNER {}", made.name, postgres.OWNER)
        postgres.prepare_database(made.superuser_url.reveal(), made.name)
        return made

    def make_template(self, migrate: Callable[[Settings], None]) -> None:
        """Migrate the database that `lend` copies, anew."""
        self._execute("DROP DATABASE IF EXISTS {}", TEMPLATE)
        migrate(settings_for(self.empty(TEMPLATE)))

    def lend(self) -> Database:
        """A migrated, empty database under a new name: a used one that was cleaned, else a new copy."""
        while self._used:
            used = self._used.pop()
            if self._is_left(used):
                # The new name keeps left-overs of the test before, such as a slow process, from connecting to it.
                used = self._renamed(used)
                if self._restore(used):
                    return used
            self.drop(used)
        return self._copy()

    def give_back(self, used: Database) -> None:
        """Take a lent database back. It is cleaned when somebody asks for one: its connections may yet be closing."""
        self._used.append(used)

    def _copy(self) -> Database:
        made = self._new_name()
        # Copying files is faster than writing them through the WAL.
        self._execute("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", made.name, TEMPLATE)
        if self._pristine is None:
            with closing(psycopg2.connect(made.superuser_url.reveal())) as connection:
                self._pristine = Pristine.of(connection)
        return made

    def _renamed(self, used: Database) -> Database:
        renamed = self._new_name()
        self._execute("ALTER DATABASE {} RENAME TO {}", used.name, renamed.name)
        return renamed

    def _restore(self, used: Database) -> bool:
        assert self._pristine is not None
        with closing(psycopg2.connect(used.superuser_url.reveal())) as connection:
            return self._pristine.restore(connection)

    def _is_left(self, used: Database) -> bool:
        """Whether nobody is connected any more."""
        query = "SELECT 1 FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'"
        with self._administration.cursor() as cursor:

            def is_left() -> bool:
                cursor.execute(query, (used.name,))
                return cursor.fetchone() is None

            return await_truth(is_left, LEFT_WITHIN_S)

    def _new_name(self) -> Database:
        return self.named(f"test_{secrets.token_hex(6)}")

    def drop(self, made: Database) -> None:
        """Drop it, closing any connections."""
        self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", made.name)

    def _execute(self, statement: str, *names: str) -> None:
        with self._administration.cursor() as cursor:
            cursor.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def settings_for(database: Database) -> Settings:
    """Settings that migrate this database."""
    return read_settings(
        {
            "DATABASE_URL": database.url.reveal(),
            "STRONGROOM_MIGRATION_DATABASE_URL": database.owner_url.reveal(),
            "STRONGROOM_SECRET_KEY": "s" * 32,
            "STRONGROOM_FLOWER_PASSWORD": "f" * 16,
        }
    )


def _with_database(url: Secret | None, name: str) -> Secret:
    assert url is not None
    # urlunsplit drops the empty host of a unix socket address together with its slashes: the user keeps it here.
    return Secret(urlunsplit(urlsplit(url.reveal())._replace(path=f"/{name}")))
