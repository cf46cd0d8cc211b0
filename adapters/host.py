"""This host: disk, memory, Redis, and the certificate under its public address."""

import shutil
import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import redis
import structlog

from domain.host_facts import HostFacts

TIMEOUT_S: Final = 3.0
MEMORY: Final = Path("/proc/meminfo")

log = structlog.get_logger(__name__)


def look(*, directory: Path, redis_url: str | None, public_url: str, with_certificate: bool) -> HostFacts:
    """Read everything once; what cannot be read is None. The certificate is fetched only with `with_certificate`."""
    address = urlsplit(public_url)
    serves_https = with_certificate and address.scheme == "https"
    ends = _certificate_ends(address.hostname or "", address.port or 443) if serves_https else None
    return HostFacts(
        host=socket.gethostname(),
        disk_free_percent=_disk_free_percent(directory),
        memory_used_percent=_memory_used_percent(),
        redis_answers=None if redis_url is None else _redis_answers(redis_url),
        serves_https=serves_https,
        certificate_ends_at=ends,
    )


def _disk_free_percent(directory: Path) -> float | None:
    try:
        usage = shutil.disk_usage(directory)
    except OSError as fault:
        log.warning("disk_unreadable", reason=str(fault))
        return None
    return 100 * usage.free / usage.total


def _memory_used_percent() -> float | None:
    """From MemAvailable, which counts caches that the kernel would give back."""
    try:
        lines = dict(line.split(":", 1) for line in MEMORY.read_text().splitlines())
        total, available = (int(lines[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
    except (OSError, KeyError, ValueError) as fault:
        log.warning("memory_unreadable", reason=str(fault))
        return None
    return 100 * (1 - available / total)


def _redis_answers(url: str) -> bool:
    client = redis.Redis.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)
    try:
        return bool(client.ping())
    except redis.RedisError as fault:
        log.warning("redis_unreachable", reason=str(fault))
        return False
    finally:
        client.close()


def _certificate_ends(host: str, port: int) -> datetime | None:
    context = ssl.create_default_context()
    try:
        with (
            socket.create_connection((host, port), timeout=TIMEOUT_S) as plain,
            context.wrap_socket(plain, server_hostname=host) as secured,
        ):
            found = secured.getpeercert() or {}
            return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(found["notAfter"])), UTC)
    except (OSError, KeyError, ValueError) as fault:
        log.warning("certificate_unreadable", host=host, reason=str(fault))
        return None
