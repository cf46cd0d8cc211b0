"""Connections to PostgreSQL: how many, how long they may wait, and what a gevent process needs besides."""

import os
import weakref
from time import monotonic
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import InvalidatePoolError

from wiring.connections import FrugalConnection
from wiring.fair_pool import FairPool
from wiring.secret import Secret

POOL_WAIT_S: Final = 10.0
CONNECTION_AGE_S_MAX: Final = 1800
CONNECT_TIMEOUT_S: Final = 5
UNASKED_S_MAX: Final = 1.0
"""A connection that answered this recently is used without checking that it lives: the check is a round trip."""
IDLE_IN_TRANSACTION_S_MAX: Final = 60
"""No transaction is open during network calls, so one that idles this long is stuck."""


def make_engine(
    url: Secret, *, pool_size: int, statement_timeout_s: float, lock_timeout_s: float, name: str = "strongroom"
) -> Engine:
    """An engine whose connections have time-outs for everything; nothing connects until the first use.

    A process that forks gives its children an empty pool: two processes on one connection would read each other's
    answers. `name` is shown in pg_stat_activity.
    """
    limits = {
        "statement_timeout": f"{statement_timeout_s * 1000:.0f}",
        "lock_timeout": f"{lock_timeout_s * 1000:.0f}",
        "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_S_MAX * 1000}",
        "timezone": "UTC",
    }
    engine = create_engine(
        with_driver(url),
        poolclass=FairPool,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=POOL_WAIT_S,
        pool_recycle=CONNECTION_AGE_S_MAX,
        pool_use_lifo=True,
        hide_parameters=True,
        connect_args={
            "application_name": name,
            "connection_factory": FrugalConnection,
            "connect_timeout": CONNECT_TIMEOUT_S,
            "options": " ".join(f"-c {key}={value}" for key, value in limits.items()),
        },
    )
    _look_after_connections(engine)
    _forget_after_fork(engine)
    return engine


def without_transaction(connection: Connection) -> None:
    """Make each statement of this connection a transaction of its own, until it returns to the pool.

    SQLAlchemy's AUTOCOMMIT does the same, but restores an isolation level on the way back, which psycopg2 tells the
    server: a round trip for each read.
    """
    held: Any = connection.connection.dbapi_connection
    held.autocommit = True


def with_driver(url: Secret) -> URL:
    """The URL with the installed driver in it, whatever the bare scheme defaults to."""
    return make_url(url.reveal()).set(drivername="postgresql+psycopg2")


def cooperate_with_gevent() -> None:
    """Let greenlets run while psycopg2 waits for PostgreSQL. Only for processes that gevent has patched."""
    from gevent.socket import wait_read, wait_write
    from psycopg2 import OperationalError, extensions

    def wait(connection: extensions.connection, timeout_s: float | None = None) -> None:
        while True:
            state = connection.poll()
            if state == extensions.POLL_OK:
                return
            if state == extensions.POLL_READ:
                wait_read(connection.fileno(), timeout=timeout_s)
            elif state == extensions.POLL_WRITE:
                wait_write(connection.fileno(), timeout=timeout_s)
            else:
                raise OperationalError(f"psycopg2 is in an unknown state: {state!r}")

    extensions.set_wait_callback(wait)


def _look_after_connections(engine: Engine) -> None:
    """Replace a connection that died while it idled before anybody uses it, and undo `without_transaction`.

    One that died within the last second is noticed by the statement that it fails, which also empties the pool.
    """
    idle_since = "strongroom.idle_since"

    def rest(connection: Any, record: Any) -> None:
        record.info[idle_since] = monotonic()
        if connection is not None and not connection.closed:
            connection.autocommit = False

    def wake(connection: Any, record: Any, _holder: Any) -> None:
        if monotonic() - record.info.get(idle_since, monotonic()) < UNASKED_S_MAX:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error

    event.listen(engine, "checkin", rest)
    event.listen(engine, "checkout", wake)


def _forget_after_fork(engine: Engine) -> None:
    reference = weakref.ref(engine)

    def forget() -> None:
        live = reference()
        if live is not None:
            live.dispose(close=False)

    os.register_at_fork(after_in_child=forget)
