"""A connection to PostgreSQL that sends what nobody waits for along with what somebody does."""

from typing import Any, Final

import psycopg2
from psycopg2 import extensions

UNSENT_MAX: Final = 64
"""So many statements are kept back at most: a transaction that says more is one that does not wait for each."""
_SAVEPOINT: Final = "SAVEPOINT "
_RELEASE: Final = "RELEASE SAVEPOINT "
_ROLLBACK_TO: Final = "ROLLBACK TO SAVEPOINT "


class Cursor(extensions.cursor):
    """Sends what its connection kept back before each statement, in the same message."""

    connection: "FrugalConnection"

    def execute(self, query: Any, vars: Any = None) -> None:  # noqa: A002 - the name is psycopg2's
        """Carry a statement out, after all that was to be carried out before it."""
        held = self.connection
        if held.stands_alone:
            super().execute(query, vars)
        elif vars or not isinstance(query, str) or not held.keeps_savepoint(query):
            # First what may be refused without asking the server: parameters that no type fits.
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
    """A psycopg2 connection that spares round trips; whoever uses it sees an ordinary one.

    psycopg2 sends BEGIN, each SAVEPOINT and each RELEASE as a message of its own and waits for the answer, which in a
    busy process is a turn in the queue for each. Here they wait for the next statement and go with it, in one message
    that PostgreSQL carries out in order and up to the first error. Writes that nobody reads back can wait likewise
    (`later`); what has not gone by the commit goes with it, so that the locks that it takes are held for no round trip.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Connect. To psycopg2 every message stands alone: the transactions are this class's own."""
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
        """Carry a statement out before anything else that this transaction says, and before it commits.

        Its result is nobody's, and its error is that of whatever it goes with. Without a transaction it goes at once.
        """
        if self.stands_alone:
            self.cursor().execute(query, parameters)
            return
        self._unsent.append(extensions.cursor(self).mogrify(query, parameters))
        if len(self._unsent) >= UNSENT_MAX:
            self.send()

    def keeps_savepoint(self, query: str) -> bool:
        """Whether this statement is about a savepoint and need not be sent now."""
        if query.startswith((_SAVEPOINT, _RELEASE)):
            self._unsent.append(query.encode())
            return True
        if not query.startswith(_ROLLBACK_TO):
            return False
        begun = (_SAVEPOINT + query.removeprefix(_ROLLBACK_TO)).encode()
        was_sent = begun not in self._unsent
        # All that waits was said after the savepoint that was sent; with one that was not, go only its followers.
        self._unsent = [] if was_sent else self._unsent[: self._unsent.index(begun) + 1]
        return not was_sent

    def due(self) -> bytes:
        """What has to go before the next statement; from here on it counts as sent."""
        kept, self._unsent = self._unsent, []
        if not self._is_open:
            kept.insert(0, b"BEGIN")
            self._is_open = True
        return b"".join(statement + b"; " for statement in kept)

    def send(self) -> None:
        """Send what was kept back, now."""
        if not self.stands_alone and (before := self.due()):
            extensions.cursor(self).execute(before)

    def commit(self) -> None:
        """Send what was kept back and commit, in one message. A transaction that said nothing is none."""
        if self._is_open or self._unsent:
            extensions.cursor(self).execute(self.due() + b"COMMIT")
            self._is_open = False

    def rollback(self) -> None:
        """Undo what was sent and forget what was not."""
        self._unsent.clear()
        if self._is_open:
            extensions.cursor(self).execute("ROLLBACK")
            self._is_open = False
