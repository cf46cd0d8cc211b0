"""One look at everything: what the sources of alerts are given."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from domain.alert_rule import AlertRule
from domain.host_facts import HostFacts


@dataclass(frozen=True, slots=True)
class Look:
    """The rows, the host and the moment that one judgement goes by, and the rule that it judges by.

    `known` are the scopes of the rule's alerts that are not normal now. A source that lists no more than so many says
    of these in any case how they are: what it does not mention counts as well.
    """

    session: Session
    facts: HostFacts
    now: datetime
    rule: AlertRule
    known: frozenset[str] = frozenset()

    def known_ids(self, noun: str) -> list[str]:
        """The ids of what is known of under this noun; a scope of another form, which an older version wrote, has none.

        What is not looked for by any more is well, as everything is that a source does not mention.
        """
        told = (scope.removeprefix(f"{noun}:") for scope in self.known if scope.startswith(f"{noun}:"))
        return sorted(name for name in told if _is_id(name))


def _is_id(name: str) -> bool:
    try:
        UUID(name)
    except ValueError:
        return False
    return True
