"""deploy/postgresql.sql on a server that has never seen us: the owner can migrate, and the application can do less."""

import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg2
import pytest
from psycopg2 import sql

from wiring import migrate
from wiring.container import build_container
from wiring.embedded.postgres import APPLICATION, DATABASE, OWNER, SUPERUSER, PostgresServer, install_directory
from wiring.examination import examine
from wiring.secret import Secret
from wiring.settings import Settings, read_settings

ROOT = Path(__file__).resolve().parent.parent.parent
WORDS = {OWNER: "owner'word", APPLICATION: "application word"}
READS_ALIKE = """
    SELECT object.kind, object.name, object.acl FROM (
        SELECT 'table' AS kind, relname AS name, relacl::text AS acl FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'S', 'v')
        UNION ALL
        SELECT 'function', oid::regprocedure::text, proacl::text FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace
        UNION ALL
        SELECT 'schema', nspname, nspacl::text FROM pg_namespace WHERE nspname = 'public'
    ) AS object ORDER BY 1, 2
"""


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[PostgresServer]:
    """A server without our roles and our database, as its administrator has it before the script."""
    server = PostgresServer(tmp_path / "pg", durable=False)
    server.start()
    try:
        with closing(psycopg2.connect(server.url(SUPERUSER, "postgres"))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(DATABASE)))
                cursor.execute(sql.SQL("DROP ROLE {}, {}").format(sql.Identifier(OWNER), sql.Identifier(APPLICATION)))
        yield server
    finally:
        server.stop()


def test_an_administrator_prepares_a_server_with_the_shipped_script(
    bare: PostgresServer, settings: Settings, tmp_path: Path
) -> None:
    run = [
        str(install_directory() / "bin" / "psql"), "--no-psqlrc", "--quiet",
        "--dbname", bare.url(SUPERUSER, "postgres"),
        "-v", f"owner_password={WORDS[OWNER]}", "-v", f"application_password={WORDS[APPLICATION]}",
        "-f", str(ROOT / "deploy" / "postgresql.sql"),
    ]  # fmt: skip
    answer = subprocess.run(run, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr) == (0, "")

    made = replace(
        read_settings({"STRONGROOM_VAR_DIR": str(tmp_path / "var")}),
        database_url=_url(bare, APPLICATION),
        migration_database_url=_url(bare, OWNER),
        redis_url=settings.redis_url,
    )
    migrate.upgrade(made)
    assert _access(_url(bare, SUPERUSER)) == _access(settings.migration_database_url), "not what tests and demo run on"

    container = build_container(made)
    try:
        wrong = [finding for finding in examine(container) if finding.state == "wrong"]
    finally:
        container.engine.dispose()
    assert [finding for finding in wrong if finding.subject == "PostgreSQL"] == []
    for forbidden in (
        "CREATE TABLE mine (x int)",
        "DELETE FROM ledger_transfers",
        "DELETE FROM flow_events",
        "DELETE FROM audit_logs",
        "DROP TABLE users",
        "CREATE SCHEMA mine",
        "CREATE TEMPORARY TABLE mine (x int)",
    ):
        _is_forbidden(_url(bare, APPLICATION), forbidden)


def _is_forbidden(url: Secret, statement: str) -> None:
    with closing(psycopg2.connect(url.reveal())) as connection, connection.cursor() as cursor:
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute(statement)
        connection.rollback()


def _url(server: PostgresServer, role: str) -> Secret:
    """The server's address as this role, with the password that the administrator chose."""
    if role == SUPERUSER:
        return Secret(server.url(SUPERUSER))
    where = server.url(SUPERUSER).partition("@")[2]
    return Secret(f"postgresql://{role}:{WORDS[role].replace(' ', '%20').replace(chr(39), '%27')}@{where}")


def _access(url: Secret | None) -> list[tuple[str, str, str]]:
    assert url is not None
    with closing(psycopg2.connect(url.reveal())) as connection, connection.cursor() as cursor:
        cursor.execute(READS_ALIKE)
        return cursor.fetchall()
