"""A connection to PostgreSQL that sends statements nobody waits for together with the next one."""

from typing import Any, Final

import psycopg2
from psycopg2 import extensions

UNSENT_MAX: Final = 64
"""How many statements are held back at most; a transaction with more does not wait for each anyway."""
_SAVEPOINT: Final = "SAVEPOINT "
_RELEASE: Final = "RELEASE SAVEPOINT "
_ROLLBACK_TO: Final = "ROLLBACK TO SAVEPOINT "


class Cursor(extensions.cursor):
    """Sends the statements that its connection holds back before each statement, in the same message."""

    connection: "FrugalConnection"

    def execute(self, query: Any, vars: Any = None) -> None:  # noqa: A002 - the name is psycopg2's
        """Carry a statement out, after all that was to be carried out before it."""
        held = self.connection
        if held.stands_alone:
            super().execute(query, vars)
        elif vars or not isinstance(query, str) or not held.keeps_savepoint(query):
            # First adapt the parameters, which may fail without asking the server.
            said = self.mogrify(query, vars)
            super().execute(held.due() + said)

    def executemany(self, query: Any, vars_list: Any) -> None:
        """Carry a statement out for each of these parameters."""
        self.connection.send()
        super().executemany(query, vars_list)

    def copy_expert(self, sql: Any, file: Any, size: int = 8192) -> None:
        """Copy to or from a file."""
        self.connection.send()
        super().copy_expert(sql, file, size)


class FrugalConnection(extensions.connection):
    """A psycopg2 connection that saves round trips; to its user it is an ordinary one.

    psycopg2 sends BEGIN, each SAVEPOINT and each RELEASE as a message of its own and waits for the answer, which in a
    busy process costs a turn in the queue each time. Here they are held back and sent with the next statement, in one
    message that PostgreSQL carries out in order up to the first error. Writes whose result nobody reads can be held
    back as well (`later`); what has not been sent by the commit goes with it, so that the locks it takes are held for
    no round trip.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Connect, with psycopg2 in autocommit: this class begins and ends the transactions."""
        super().__init__(*arguments, **options)
        self.cursor_factory = Cursor
        self.stands_alone = False
        self._is_open = False
        self._unsent: list[bytes] = []
        driver: Any = extensions.connection.autocommit
        driver.__set__(self, True)

    @property
    def autocommit(self) -> bool:
        """Whether each statement stands for itself."""
        return self.stands_alone

    @autocommit.setter
    def autocommit(self, value: bool) -> None:
        if self._is_open or self._unsent:
            raise psycopg2.ProgrammingError("autocommit cannot be changed inside a transaction")
        self.stands_alone = value

    def set_isolation_level(self, level: int | None) -> None:
        """Switch between AUTOCOMMIT and the server's own level, READ COMMITTED; no other is used here."""
        if level not in {extensions.ISOLATION_LEVEL_AUTOCOMMIT, extensions.ISOLATION_LEVEL_READ_COMMITTED, None}:
            raise psycopg2.NotSupportedError("transactions run at READ COMMITTED")
        self.autocommit = level == extensions.ISOLATION_LEVEL_AUTOCOMMIT

    def later(self, query: str, parameters: tuple[Any, ...]) -> None:
        """Carry a statement out before anything else in this transaction, and before it commits.

        Its result is dropped, and its error is raised by whatever it is sent with. Without a transaction it is sent at
        once.
        """
        if self.stands_alone:
            self.cursor().execute(query, parameters)
            return
        self._unsent.append(extensions.cursor(self).mogrify(query, parameters))
        if len(self._unsent) >= UNSENT_MAX:
            self.send()

    def keeps_savepoint(self, query: str) -> bool:
        """Whether this statement is about a savepoint and can be held back."""
        if query.startswith((_SAVEPOINT, _RELEASE)):
            self._unsent.append(query.encode())
            return True
        if not query.startswith(_ROLLBACK_TO):
            return False
        begun = (_SAVEPOINT + query.removeprefix(_ROLLBACK_TO)).encode()
        was_sent = begun not in self._unsent
        # Everything held back came after the savepoint that was sent; if the savepoint itself is held back, only what
        # follows it is dropped.
        self._unsent = [] if was_sent else self._unsent[: self._unsent.index(begun) + 1]
        return not was_sent

    def due(self) -> bytes:
        """The statements to send before the next one; from here on they count as sent."""
        kept, self._unsent = self._unsent, []
        if not self._is_open:
            kept.insert(0, b"BEGIN")
            self._is_open = True
        return b"".join(statement + b"; " for statement in kept)

    def send(self) -> None:
        """Send what is held back, now."""
        if not self.stands_alone and (before := self.due()):
            extensions.cursor(self).execute(before)

    def commit(self) -> None:
        """Send what is held back and commit, in one message. A transaction that did nothing sends nothing."""
        if self._is_open or self._unsent:
            extensions.cursor(self).execute(self.due() + b"COMMIT")
            self._is_open = False

    def rollback(self) -> None:
        """Roll back what was sent, and drop what was not."""
        self._unsent.clear()
        if self._is_open:
            extensions.cursor(self).execute("ROLLBACK")
            self._is_open = False
