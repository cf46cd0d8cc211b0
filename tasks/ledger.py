"""Keep the books: expire holds, seal what is complete, check what must always be true."""

from typing import Final

import structlog

from domain.actor import Actor
from services import alerts, invariants
from services.ledger import holds, seals
from tasks.app import task
from wiring.container import Container

BOOKS: Final = "ledger:books"

log = structlog.get_logger(__name__)


@task("ledger.expire_holds")
def expire_holds(container: Container, by: Actor) -> int:
    """Void the holds whose time is over. Returns how many were looked at."""
    with container.transaction() as session:
        return len(holds.expire(session, now=container.now()))


@task("ledger.seal")
def seal(container: Container, by: Actor) -> int:
    """Seal the transfers that are certainly complete. Returns how many seals were made."""
    with container.transaction() as session:
        return seals.seal(session)


@task("ledger.check")
def check(container: Container, by: Actor) -> int:
    """Check the invariants and raise or clear their alert. Returns how many are broken."""
    with container.transaction() as session:
        findings = invariants.check(session)
        if findings:
            log.error("ledger_invariant_broken", findings=[str(finding) for finding in findings])
            alerts.raise_alert(
                session,
                "ledger_invariant_broken",
                scope=BOOKS,
                severity="critical",
                reason=str(findings[0]),
                now=container.now(),
                details={"findings": [str(finding) for finding in findings[:20]]},
            )
        else:
            alerts.clear(
                session, "ledger_invariant_broken", scope=BOOKS, now=container.now(), reason="every check holds"
            )
    return len(findings)
