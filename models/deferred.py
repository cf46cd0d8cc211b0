"""Statements that go with the next one, or with the commit: writes whose result nobody waits for."""

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from domain.errors import StrongroomError
from models.prepared import Prepared

Refusal = Callable[[str], StrongroomError]
_REFUSALS: Final = "strongroom.refusals"


class Deferred(Prepared):
    """A prepared statement that need not be waited for.

    It is carried out before whatever its transaction says next, and at the latest together with the commit. So it
    costs no round trip, and the locks that it takes are held for none. What fails about it fails the statement, or the
    commit, that it went with.
    """

    def later(self, session: Session, *parameters: Any) -> None:
        """Have it carried out, in order, before anything else that is said on this session from now on."""
        connection = session.connection()
        if self._name not in connection.info:
            self._learn(connection)
        held: Any = connection.connection.dbapi_connection
        held.later(self._execute, parameters)


def refuse(session: Session, constraint: str, refusal: Refusal) -> None:
    """Have a violation of this constraint, by this transaction, mean this refusal: it is told PostgreSQL's detail."""
    session.info.setdefault(_REFUSALS, {})[constraint] = refusal


def refusal_of(session: Session, fault: IntegrityError) -> StrongroomError | None:
    """The refusal that a violated constraint stands for; None if it stands for a bug."""
    told: Any = getattr(fault.orig, "diag", None)
    refusal: Refusal | None = session.info.get(_REFUSALS, {}).get(getattr(told, "constraint_name", None))
    return None if refusal is None else refusal(told.message_detail or "")
