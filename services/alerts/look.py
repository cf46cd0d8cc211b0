"""One look at everything: what the sources of alerts are given."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from domain.alert_rule import AlertRule
from domain.host_facts import HostFacts


@dataclass(frozen=True, slots=True)
class Look:
    """The rows, the host and the moment that one judgement goes by, and the rule that it judges by."""

    session: Session
    facts: HostFacts
    now: datetime
    rule: AlertRule
