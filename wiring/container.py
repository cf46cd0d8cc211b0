"""The composition root: what a process is made of, put together once."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from redis import BlockingConnectionPool, Redis
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from adapters.buckets import SharedBuckets
from adapters.bus import Bus
from adapters.presence import Presence
from adapters.prices.http import HttpPrices
from adapters.screening.http import NullScreening
from adapters.stream_copy import StreamCopy
from auth import invalidation
from auth.session_cache import SessionCache
from domain.claim_reading import ClaimReader
from domain.ports import Chain, PriceFeed, Publisher, Screening
from domain.provider_ports import NotificationReader, Provider
from models import deferred
from services import outbox
from wiring.chains import build_chains
from wiring.database import make_engine, without_transaction
from wiring.parsing import SettingsRefused
from wiring.providers import build_providers, build_readers
from wiring.publishing import NullPublisher
from wiring.screening import build_screening
from wiring.settings import Settings
from wiring.verification import build_verifiers

BUS: Final = 1
CACHE: Final = 2
"""Which of the three databases of Redis is the cache; the bus has the one before."""
CACHE_WAIT_S: Final = 0.5
CACHE_CONNECTIONS_MAX: Final = 16
"""In a realtime process, where thousands may want something at once: who finds none free waits, each for a moment."""
CACHE_TURN_S: Final = 5.0


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Container:
    """The parts of one process. Build it after the fork, and once."""

    settings: Settings
    engine: Engine
    chains: Mapping[str, Chain] = field(default_factory=lambda: MappingProxyType({}))
    providers: Mapping[str, Provider] = field(default_factory=lambda: MappingProxyType({}))
    price_feed: PriceFeed = field(default_factory=HttpPrices)
    screening: Screening = field(default_factory=NullScreening)
    verifiers: Mapping[str, ClaimReader] = field(default_factory=lambda: MappingProxyType({}))
    readers: Mapping[str, NotificationReader] = field(default_factory=lambda: MappingProxyType({}))
    """What reads the notifications of each provider."""
    publisher: Publisher = field(default_factory=NullPublisher)
    session_cache: SessionCache = field(default_factory=SessionCache)
    bus: Bus = field(default_factory=lambda: Bus(None))
    presence: Presence = field(default_factory=Presence)
    buckets: SharedBuckets = field(default_factory=SharedBuckets)
    stream_copy: StreamCopy = field(default_factory=StreamCopy)
    clock: Callable[[], datetime] = _utc_now

    def now(self) -> datetime:
        """This moment, aware and in UTC."""
        return self.clock()

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """One decision: everything commits when the block ends, nothing if it raises.

        Only then, with the connection given back, are the workers woken that the transaction promised work to. A
        wake-up that gets lost costs time: the promise is a row. Also raises the refusals that only PostgreSQL could
        decide, as late as at the commit (`deferred.refuse`).
        """
        with Session(self.engine, expire_on_commit=False) as session:
            try:
                with session.begin():
                    yield session
            except IntegrityError as fault:
                refusal = deferred.refusal_of(session, fault)
                if refusal is None:
                    raise
                raise refusal from fault
            promised = outbox.take_noted(session)
            changed, ended = invalidation.take_noted(session), invalidation.take_ended(session)
        if changed:
            self.session_cache.forget(changed)
        if changed or ended:
            self.bus.recheck({*ended, *(token_hash.hex() for token_hash in changed)})
        if promised:
            self.publisher.wake(promised)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session for reads, each statement seeing what is committed at that moment; it opens no transaction."""
        with Session(self.engine, expire_on_commit=False) as session:
            without_transaction(session.connection())
            yield session


def build_container(
    settings: Settings,
    *,
    publisher: Publisher | None = None,
    chains: Mapping[str, Chain] | None = None,
    listens: bool = False,
) -> Container:
    """Everything that these settings describe; nothing connects until it is used. A realtime process `listens`.

    Raises SettingsRefused when there is no database address: `provided(settings)` fills in an embedded one.
    """
    if settings.database_url is None:
        raise SettingsRefused(["DATABASE_URL is not set and no embedded PostgreSQL was started"])
    engine = make_engine(
        settings.database_url,
        pool_size=settings.database_pool_size,
        statement_timeout_s=settings.statement_timeout_s,
        lock_timeout_s=settings.lock_timeout_s,
    )
    cache = _redis(settings, is_bounded=listens)
    bus = settings.redis_database(BUS).reveal() if settings.redis_url is not None else None
    return Container(
        settings=settings,
        engine=engine,
        chains=MappingProxyType(dict(chains)) if chains is not None else build_chains(settings.chains),
        providers=build_providers(settings),
        readers=build_readers(settings),
        screening=build_screening(settings),
        verifiers=build_verifiers(settings.verify_chains, settings.chains),
        publisher=publisher or NullPublisher(),
        session_cache=SessionCache(cache),
        bus=Bus(bus, listens=listens),
        presence=Presence(cache),
        buckets=SharedBuckets(cache),
        stream_copy=StreamCopy(bus),
    )


def _redis(settings: Settings, *, is_bounded: bool) -> Redis | None:
    """The cache, which nothing waits for: half a second is longer than it ever takes."""
    if settings.redis_url is None:
        return None
    address = settings.redis_database(CACHE).reveal()
    waits = {"socket_timeout": CACHE_WAIT_S, "socket_connect_timeout": CACHE_WAIT_S}
    if not is_bounded:
        return Redis.from_url(address, **waits)
    pool = BlockingConnectionPool.from_url(
        address, max_connections=CACHE_CONNECTIONS_MAX, timeout=CACHE_TURN_S, **waits
    )
    return Redis.from_pool(pool)
