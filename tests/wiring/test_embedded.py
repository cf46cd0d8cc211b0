"""The embedded servers start, last, are shared, and survive whatever happens to the process that started them."""

import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg2
import pytest
import redis

from tests.waiting import eventually
from wiring.embedded import account
from wiring.embedded import redis as embedded_redis
from wiring.embedded.account import Account
from wiring.embedded.postgres import PostgresServer, install_directory
from wiring.embedded.redis import PORT_MIN, free_port
from wiring.embedded.services import Addresses, Embedded, Service
from wiring.secret import Secret

BOTH: frozenset[Service] = frozenset({"postgres", "redis"})
POSTGRES: frozenset[Service] = frozenset({"postgres"})
# A system without setpriv: the kernel is not asked to stop the servers.
WITHOUT_HELP = """
from wiring.embedded import account, process
account.dies_with_us = process.dies_with_us = lambda _signal: []
"""
HOLD = """
import sys, time
from pathlib import Path
from wiring.embedded.services import Embedded
with Embedded(Path(sys.argv[1]), frozenset({"postgres", "redis"}), durable=False):
    print("up", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def var_dir() -> Iterator[Path]:
    """A directory with a short path."""
    with tempfile.TemporaryDirectory(prefix="sr-") as directory:
        yield Path(directory)


def cluster_under(var_dir: Path) -> Path:
    """Where the cluster's files are: elsewhere when the account that runs it may not enter this directory."""
    return account.choose(var_dir / "postgres", install_directory()).home / "cluster"


@contextmanager
def holding(var_dir: Path, program: str = HOLD) -> Iterator["subprocess.Popen[bytes]"]:
    """Another process that owns the servers of `var_dir`."""
    with subprocess.Popen([sys.executable, "-c", program, str(var_dir)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"up\n"
        yield holder
        holder.kill()


@pytest.fixture
def holder(var_dir: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with holding(var_dir) as process:
        yield process


def fleeting(var_dir: Path, wanted: frozenset[Service]) -> Embedded:
    """Servers that need not survive a power cut, which no test brings about."""
    return Embedded(var_dir, wanted, durable=False)


def query(url: Secret | None, statement: str) -> object:
    assert url is not None
    with closing(psycopg2.connect(url.reveal())) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def client(addresses: Addresses) -> "redis.Redis":
    assert addresses.redis_url is not None
    return redis.Redis.from_url(addresses.redis_url.reveal())


def servers_under(var_dir: Path) -> list[int]:
    """The processes that work in a directory below `var_dir`."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cwd").readlink().is_relative_to(var_dir):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def test_what_was_stored_is_there_at_the_next_start(var_dir: Path) -> None:
    with fleeting(var_dir, BOTH) as first:
        query(first.migration_database_url, "CREATE TABLE kept (id int)")
        client(first).set("kept", "yes")
    assert not servers_under(var_dir)
    with fleeting(var_dir, BOTH) as second:
        assert query(second.migration_database_url, "SELECT count(*) FROM kept") == 0
        assert client(second).get("kept") == b"yes"


def test_the_servers_keep_what_they_acknowledge(var_dir: Path) -> None:
    with Embedded(var_dir, BOTH) as addresses:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert query(addresses.database_url, f"SHOW {setting}") == "on"
        assert query(addresses.database_url, "SHOW jit") == "off"
        assert client(addresses).config_get("*append*")["appendonly"] == "yes"
        assert client(addresses).config_get("appendfsync") == {"appendfsync": "everysec"}
        assert client(addresses).config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_nobody_gets_in_without_the_password(var_dir: Path) -> None:
    with fleeting(var_dir, BOTH) as addresses:
        assert addresses.database_url is not None
        assert addresses.redis_url is not None
        address = addresses.database_url.reveal()
        for role in ("postgres", "strongroom_owner", "strongroom_app"):
            with pytest.raises(psycopg2.OperationalError, match="password"):
                psycopg2.connect(f"postgresql://{role}:wrong@{address.split('@')[1]}")
        with pytest.raises(redis.AuthenticationError):
            redis.Redis.from_url(f"redis://{addresses.redis_url.reveal().split('@')[1]}").ping()
        for path in (var_dir / "embedded.json", cluster_under(var_dir) / "passwords.json"):
            assert path.stat().st_mode & 0o777 == 0o600


def test_a_second_process_joins_and_stops_nothing(var_dir: Path, holder: "subprocess.Popen[bytes]") -> None:
    with fleeting(var_dir, BOTH) as joined:
        assert query(joined.database_url, "SELECT 1") == 1
    with fleeting(var_dir, BOTH) as again:
        assert again == joined
        assert query(again.database_url, "SELECT 1") == 1


def test_servers_end_with_a_killed_owner_and_start_again(var_dir: Path, holder: "subprocess.Popen[bytes]") -> None:
    assert servers_under(var_dir)
    holder.kill()
    holder.wait()
    eventually(lambda: not servers_under(var_dir), what="the end of the servers")
    with fleeting(var_dir, BOTH) as addresses:
        assert query(addresses.database_url, "SELECT 1") == 1


def test_everything_killed_at_once_starts_again(var_dir: Path, holder: "subprocess.Popen[bytes]") -> None:
    for pid in servers_under(var_dir):
        os.kill(pid, signal.SIGKILL)
    holder.kill()
    holder.wait()
    with fleeting(var_dir, BOTH) as addresses:
        assert query(addresses.database_url, "SELECT 1") == 1
        assert client(addresses).ping()


def test_servers_that_outlived_their_owner_are_replaced(var_dir: Path) -> None:
    with holding(var_dir, WITHOUT_HELP + HOLD) as holder:
        holder.kill()
    left = servers_under(var_dir)
    assert left, "the kernel stopped them after all, and this test shows nothing"
    with fleeting(var_dir, BOTH) as addresses:
        assert not set(left) & set(servers_under(var_dir))
        assert query(addresses.database_url, "SELECT 1") == 1


def test_a_stale_pid_of_a_stranger_is_no_obstacle_and_the_stranger_lives(var_dir: Path) -> None:
    with fleeting(var_dir, BOTH):
        pass
    with subprocess.Popen(["sleep", "600"]) as stranger:
        try:
            (cluster_under(var_dir) / "data" / "postmaster.pid").write_text(f"{stranger.pid}\n")
            (var_dir / "redis" / "redis.pid").write_text(f"{stranger.pid}\n")
            with fleeting(var_dir, BOTH) as addresses:
                assert query(addresses.database_url, "SELECT 1") == 1
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_a_cluster_that_was_half_made_is_made_again(var_dir: Path) -> None:
    half = cluster_under(var_dir).with_name("cluster.new") / "data"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18")
    with fleeting(var_dir, POSTGRES) as addresses:
        assert query(addresses.database_url, "SELECT 1") == 1


def test_a_path_too_long_for_a_socket_is_no_obstacle(var_dir: Path) -> None:
    deep = var_dir / ("long" * 20) / ("deep" * 20)
    with fleeting(deep, POSTGRES) as addresses:
        assert query(addresses.database_url, "SELECT 1") == 1


def test_an_account_that_cannot_use_user_namespaces_runs_it_all_the_same(
    var_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = account._runs_programs

    def forbidden(candidate: Account) -> bool:
        return "unshare" not in candidate.prefix and runs(candidate)

    monkeypatch.setattr(account, "_runs_programs", forbidden)
    monkeypatch.setattr(account, "STATE_OF_ROOT", var_dir / "state")
    var_dir.chmod(0o711)
    closed = var_dir / "closed"
    closed.mkdir(mode=0o700)
    server = PostgresServer(closed / "postgres", durable=False)
    server.start()
    try:
        assert query(Secret(server.url("strongroom_app")), "SELECT 1") == 1
        # Root had to move the files to where another user can reach them; an ordinary user just starts it.
        assert (closed / "postgres" / "MOVED").exists() == (os.geteuid() == 0)
    finally:
        server.stop()


def test_a_copy_of_the_programs_runs_by_itself(tmp_path: Path) -> None:
    copy = account._copied(install_directory(), tmp_path / "programs")
    for program in ("postgres", "initdb"):
        assert subprocess.run([copy / "bin" / program, "--version"], capture_output=True, check=True).stdout


def test_a_free_port_is_one_that_no_outgoing_connection_is_given() -> None:
    """Between being chosen and being listened on, for seconds, it would else be anybody's."""
    range_file = Path("/proc/sys/net/ipv4/ip_local_port_range")
    first_outgoing = int(range_file.read_text().split()[0])
    if first_outgoing > PORT_MIN:
        assert all(PORT_MIN <= free_port() < first_outgoing for _ in range(20))
    random.seed(1)
    first = {free_port() for _ in range(20)}
    random.seed(1)
    assert first != {free_port() for _ in range(20)}, "processes of one seed would choose the same"


def test_a_port_that_somebody_holds_is_not_free(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        monkeypatch.setattr(embedded_redis, "_first_outgoing_port", lambda: port + 1)
        monkeypatch.setattr(embedded_redis, "PORT_MIN", port)
        assert free_port() not in {0, port}
