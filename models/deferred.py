"""Deferred statements: writes that are sent together with the next statement or the commit."""

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from domain.errors import StrongroomError
from models.prepared import Prepared

Refusal = Callable[[str], StrongroomError]
_REFUSALS: Final = "strongroom.refusals"


class Deferred(Prepared):
    """A prepared statement whose result is not needed.

    It is executed before the transaction's next statement, at the latest together with the commit, and so costs no
    round trip, during which its locks would be held. Its error is raised by the statement or commit it was sent with.
    """

    def later(self, session: Session, *parameters: Any) -> None:
        """Execute it, in order, before the next statement of this session."""
        connection = session.connection()
        if self._name not in connection.info:
            self._learn(connection)
        held: Any = connection.connection.dbapi_connection
        held.later(self._execute, parameters)


def refuse(session: Session, constraint: str, refusal: Refusal) -> None:
    """Map a violation of this constraint in this transaction to this refusal, which gets PostgreSQL's detail."""
    session.info.setdefault(_REFUSALS, {})[constraint] = refusal


def refusal_of(session: Session, fault: IntegrityError) -> StrongroomError | None:
    """The refusal for a violated constraint; None if the violation is a bug."""
    told: Any = getattr(fault.orig, "diag", None)
    refusal: Refusal | None = session.info.get(_REFUSALS, {}).get(getattr(told, "constraint_name", None))
    return None if refusal is None else refusal(told.message_detail or "")
