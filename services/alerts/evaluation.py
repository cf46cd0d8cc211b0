"""What a source of alerts is given for one evaluation of a rule."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from domain.alert_rule import AlertRule
from domain.host_facts import HostFacts


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The database, the host, the moment and the rule of one evaluation.

    `known` are the scopes of the rule's alerts that are not normal now. A source that reports only the first few of
    many must report on these in any case: a scope that it does not mention counts as well.
    """

    session: Session
    facts: HostFacts
    now: datetime
    rule: AlertRule
    known: frozenset[str] = frozenset()

    def known_ids(self, noun: str) -> list[str]:
        """The ids of known scopes of this noun; scopes of a form that an earlier version used have none.

        What a source no longer reports on counts as well, like everything that it does not mention.
        """
        told = (scope.removeprefix(f"{noun}:") for scope in self.known if scope.startswith(f"{noun}:"))
        return sorted(name for name in told if _is_id(name))


def _is_id(name: str) -> bool:
    try:
        UUID(name)
    except ValueError:
        return False
    return True
