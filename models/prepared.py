"""Statements that PostgreSQL plans once for each connection: for the few that every request pays for."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session


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

    def rows(self, session: Session, *parameters: Any) -> Sequence[tuple[Any, ...]]:
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
                found: Sequence[tuple[Any, ...]] = cursor.fetchall()
                return found
        except error as fault:
            if held.autocommit or held.closed:
                # Asked once more the long way, which raises SQLAlchemy's errors and takes a dead connection away.
                return connection.exec_driver_sql(self._execute, parameters).all()
            raise DBAPIError.instance(self._execute, None, fault, error, hide_parameters=True) from fault

    def _learn(self, connection: Connection) -> None:
        # Without parameters the driver does not look for placeholders, so that a % stays one.
        connection.exec_driver_sql(self._prepare, execution_options={"no_parameters": True})
        connection.info[self._name] = True
