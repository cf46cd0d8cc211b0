"""Prepared statements, planned once per connection, for the few that every request executes."""

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

Rows = Sequence[tuple[Any, ...]]


class Prepared:
    """A named statement, with `$1`, `$2` … for its parameters.

    Planning the look-up of a session takes PostgreSQL five times as long as executing it. A connection prepares the
    statement at its first use, also in a transaction that is then rolled back: PREPARE is not undone.
    """

    def __init__(self, name: str, types: str, statement: str) -> None:
        """`types` are the PostgreSQL types of the parameters, separated by commas."""
        self._name = name
        self._prepare = f"PREPARE {name} ({types}) AS {statement}"
        marks = ", ".join(["%s"] * len(types.split(",")))
        self._execute = f"EXECUTE {name} ({marks})"

    def rows(self, session: Session, *parameters: Any) -> Rows:
        """Execute it on the session's connection and return all rows as the driver's tuples."""
        connection = session.connection()
        if self._name not in connection.info:
            self._learn(connection)
        # Directly through the driver: SQLAlchemy's result handling takes longer than the fetch.
        held: Any = connection.connection.dbapi_connection
        error: type[Exception] = connection.dialect.loaded_dbapi.Error
        try:
            with held.cursor() as cursor:
                cursor.execute(self._execute, parameters)
                found: Rows = cursor.fetchall()
                return found
        except error as fault:
            if held.autocommit or held.closed:
                # Executed again through SQLAlchemy, which raises its own errors and discards a dead connection.
                return connection.exec_driver_sql(self._execute, parameters).all()
            raise self._failed(fault, error) from fault

    def alone(self, engine: Engine, *parameters: Any) -> Rows:
        """Execute it in a transaction of its own, in one round trip, and return all rows as the driver's tuples.

        Raises SQLAlchemy's DBAPIError; after a broken connection the outcome is unknown.
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
                # On a dead connection, through SQLAlchemy, which then replaces every connection of the pool.
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
        # Without parameters the driver does not interpret %.
        connection.exec_driver_sql(self._prepare, execution_options={"no_parameters": True})
        connection.info[self._name] = True
