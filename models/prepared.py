"""Statements that PostgreSQL plans once for each connection: for the few that every request pays for."""

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

Rows = Sequence[tuple[Any, ...]]


class Prepared:
    """A statement under a name, with `$1`, `$2` … for its parameters.

    Planning the look-up of a session takes PostgreSQL five times as long as carrying it out; a connection that keeps
    the plan is spared that. A connection learns the statement when it first executes it, also in a transaction that
    is then rolled back: PREPARE is not undone.
    """

    def __init__(self, name: str, types: str, statement: str) -> None:
        """`types` are the PostgreSQL types of the parameters, separated by commas."""
        self._name = name
        self._prepare = f"PREPARE {name} ({types}) AS {statement}"
        marks = ", ".join(["%s"] * len(types.split(",")))
        self._execute = f"EXECUTE {name} ({marks})"

    def rows(self, session: Session, *parameters: Any) -> Rows:
        """Carry it out on the session's connection and return every row, as the driver gives it."""
        connection = session.connection()
        if self._name not in connection.info:
            self._learn(connection)
        # Straight through the driver: describing a result to SQLAlchemy takes longer than fetching it.
        held: Any = connection.connection.dbapi_connection
        error: type[Exception] = connection.dialect.loaded_dbapi.Error
        try:
            with held.cursor() as cursor:
                cursor.execute(self._execute, parameters)
                found: Rows = cursor.fetchall()
                return found
        except error as fault:
            if held.autocommit or held.closed:
                # Asked once more the long way, which raises SQLAlchemy's errors and takes a dead connection away.
                return connection.exec_driver_sql(self._execute, parameters).all()
            raise self._failed(fault, error) from fault

    def alone(self, engine: Engine, *parameters: Any) -> Rows:
        """Carry it out by itself, committed when this returns, and return every row, as the driver gives it.

        One round trip and none of a session's book-keeping. Raises SQLAlchemy's DBAPIError; after a connection that
        broke, nobody knows whether the statement was carried out.
        """
        error: type[Exception] = engine.dialect.loaded_dbapi.Error
        try:
            lent = engine.raw_connection()
        except error as fault:
            raise self._failed(fault, error) from fault
        held: Any = lent.dbapi_connection
        try:
            held.autocommit = True
            cursor = held.cursor()
            if self._name not in lent.info:
                cursor.execute(self._prepare)
                lent.info[self._name] = True
            cursor.execute(self._execute, parameters)
            found: Rows = cursor.fetchall()
        except error as fault:
            if held.closed:
                # Said to a dead connection the long way, which replaces every connection of the pool.
                Connection(engine, connection=lent).exec_driver_sql(self._execute, parameters)
            raise self._failed(fault, error) from fault
        else:
            return found
        finally:
            lent.close()

    def _failed(self, fault: Exception, error: type[Exception]) -> DBAPIError:
        failed = DBAPIError.instance(self._execute, None, fault, error, hide_parameters=True)
        return cast("DBAPIError", failed)

    def _learn(self, connection: Connection) -> None:
        # Without parameters the driver does not look for placeholders, so that a % stays one.
        connection.exec_driver_sql(self._prepare, execution_options={"no_parameters": True})
        connection.info[self._name] = True
