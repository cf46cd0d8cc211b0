"""Examine an installation: what is wrong with it, and how to mend that."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import redis
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from wiring import migrate
from wiring.container import Container
from wiring.examining_alerts import examine_alerts
from wiring.examining_plain_http import examine_plain_http
from wiring.examining_rails import examine_rails
from wiring.finding import Finding

POSTGRES_VERSION_MIN: Final = 150000
CLOCK_SKEW_MAX: Final = timedelta(seconds=2)
DISK_FREE_BYTES_MIN: Final = 2 * 1024**3
GIBIBYTE: Final = 1024**3
_ROLE: Final = """
    SELECT rolname, rolsuper OR EXISTS (
               SELECT FROM pg_class WHERE relowner = pg_roles.oid AND relnamespace = 'public'::regnamespace
           ) AS has_power
    FROM pg_roles WHERE rolname = current_user
"""


def examine(container: Container) -> Iterator[Finding]:
    """Everything that this installation depends on, one finding after another. Changes nothing."""
    yield from _postgres(container)
    yield from _redis(container)
    yield from examine_rails(container)
    yield from examine_plain_http(container)
    yield from _front(container)
    yield _disk(container)


def _front(container: Container) -> Iterator[Finding]:
    """Nothing here speaks TLS: a site with TLS has a proxy in front, from which all requests seem to come."""
    settings = container.settings
    if settings.public_url.startswith("https://") and not settings.trusted_proxies:
        yield Finding(
            "front door", "wrong", "everybody seems to come from the proxy: they share the limits on signing in",
            "Set STRONGROOM_TRUSTED_PROXIES to the number of proxies that append to X-Forwarded-For (1 with the "
            "shipped nginx).",
        )  # fmt: skip


def _postgres(container: Container) -> Iterator[Finding]:
    try:
        with container.reading() as session:
            version = int(session.scalar(text("SHOW server_version_num")) or 0)
            role = session.execute(
                text(_ROLE)
            ).one()  # fmt: skip
            server_now = session.execute(text("SELECT clock_timestamp()")).scalar_one()
            revision = migrate.current(session.connection())
            is_ahead = revision == migrate.head() and bool(session.scalar(text("SELECT log_is_ahead()")))
            settings = {row.name: row.setting for row in session.execute(text("SELECT name, setting FROM pg_settings"))}
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", error)).strip().splitlines()[0]
        yield Finding(
            "PostgreSQL", "wrong", f"does not answer: {reason}",
            "Start it, or correct DATABASE_URL: host, port, user, password and database must all be right.",
        )  # fmt: skip
        return
    yield _postgres_version(version)
    yield _postgres_role(role.rolname, has_power=role.has_power)
    yield _durability(settings)
    yield _schema(revision)
    if is_ahead:
        yield Finding(
            "event log", "wrong", "was restored from another server and stands still: nobody is told of anything new",
            "Run `python -m cli migrate` while no process of Strongroom runs.",
        )  # fmt: skip
    yield _clock(server_now)
    if revision == migrate.head():
        yield from examine_alerts(container)


def _postgres_version(version: int) -> Finding:
    words = f"answers, version {version // 10000}.{version % 10000}"
    if version < POSTGRES_VERSION_MIN:
        return Finding("PostgreSQL", "wrong", words, "Upgrade it: version 15 or newer is needed.")
    return Finding("PostgreSQL", "ok", words)


def _postgres_role(role: str, *, has_power: bool) -> Finding:
    if has_power:
        return Finding(
            "role", "wrong", f"the application connects as {role}, which could rewrite the ledger",
            "Create a lesser role for DATABASE_URL and keep the owner for STRONGROOM_MIGRATION_DATABASE_URL "
            "(deploy/postgresql.sql).",
        )  # fmt: skip
    return Finding("role", "ok", f"{role} owns nothing and is no superuser")


def _durability(settings: dict[str, str]) -> Finding:
    lax = [name for name in ("fsync", "synchronous_commit", "full_page_writes") if settings.get(name) == "off"]
    if lax:
        return Finding(
            "durability", "wrong", f"{', '.join(lax)} off: a power cut can lose money that was acknowledged",
            "Switch it on in postgresql.conf and restart PostgreSQL.",
        )  # fmt: skip
    return Finding("durability", "ok", "a commit is on disk before it is acknowledged")


def _schema(revision: str | None) -> Finding:
    newest = migrate.head()
    if revision != newest:
        return Finding(
            "schema", "wrong", f"is at {revision or 'nothing'}, this code needs {newest}",
            "Run `python -m cli migrate` (or `make run`, which does it first).",
        )  # fmt: skip
    return Finding("schema", "ok", f"at {revision}, the newest")


def _clock(server_now: datetime) -> Finding:
    skew = abs(datetime.now(UTC) - server_now.astimezone(UTC))
    words = f"differs from PostgreSQL's by {skew.total_seconds():.2f} s"
    if skew > CLOCK_SKEW_MAX:
        return Finding("clock", "wrong", words, "Keep both hosts on NTP (timedatectl set-ntp true).")
    return Finding("clock", "ok", words)


def _redis(container: Container) -> Iterator[Finding]:
    url = container.settings.redis_database(0).reveal()
    client = redis.Redis.from_url(url, socket_connect_timeout=5, socket_timeout=5)
    try:
        version = client.info("server")["redis_version"]
        policy = client.config_get("maxmemory-policy").get("maxmemory-policy")
        keeps = client.config_get("appendonly").get("appendonly")
    except redis.RedisError as error:
        yield Finding("Redis", "wrong", f"does not answer: {error}", "Start it, or correct REDIS_URL.")
        return
    finally:
        client.close()
    yield Finding("Redis", "ok", f"answers, version {version}")
    if policy != "noeviction":
        yield Finding(
            "Redis", "wrong", f"maxmemory-policy is {policy}: it throws messages away in silence",
            "Set `maxmemory-policy noeviction` in redis.conf.",
        )  # fmt: skip
    if keeps != "yes":
        yield Finding(
            "Redis", "note", "keeps nothing over a restart: that costs time, never money",
            "Set `appendonly yes` and `appendfsync everysec` in redis.conf.",
        )  # fmt: skip


def _disk(container: Container) -> Finding:
    place = container.settings.var_dir
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    words = f"{free / GIBIBYTE:.1f} GiB free where {place} is"
    if free < DISK_FREE_BYTES_MIN:
        return Finding("disk", "wrong", words, "Make room: PostgreSQL and the node stop when it is full.")
    return Finding("disk", "ok", words)
