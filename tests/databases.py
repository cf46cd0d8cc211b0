"""Databases for tests: one is migrated, the others are copies of it, which cost some tens of milliseconds."""

import secrets
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import psycopg2
from psycopg2 import sql

from wiring.embedded import postgres
from wiring.embedded.services import Addresses
from wiring.secret import Secret
from wiring.settings import Settings, read_settings

TEMPLATE = "strongroom_template"


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

    def named(self, name: str) -> Database:
        """How to reach a database of this name."""
        urls = (
            self._services.database_url,
            self._services.migration_database_url,
            self._services.superuser_url,
        )
        return Database(name, *(_with_database(url, name) for url in urls))

    def empty(self, name: str | None = None) -> Database:
        """A database without tables, prepared for the two roles."""
        made = self.named(name or f"test_{secrets.token_hex(6)}")
        self._execute("CREATE DATABASE {} OWNER {}", made.name, postgres.OWNER)
        postgres.prepare_database(made.superuser_url.reveal(), made.name)
        return made

    def make_template(self, migrate: Callable[[Settings], None]) -> None:
        """Migrate the database that `clone` copies, anew."""
        self._execute("DROP DATABASE IF EXISTS {}", TEMPLATE)
        migrate(settings_for(self.empty(TEMPLATE)))

    def clone(self) -> Database:
        """A migrated, empty database."""
        made = self.named(f"test_{secrets.token_hex(6)}")
        # Copying files beats writing them through the log where nothing has to last.
        self._execute("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", made.name, TEMPLATE)
        return made

    def drop(self, made: Database) -> None:
        """Drop it, whoever is still connected."""
        self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", made.name)

    def _execute(self, statement: str, *names: str) -> None:
        with closing(psycopg2.connect(self.named("postgres").superuser_url.reveal())) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
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
