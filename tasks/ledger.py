"""Maintain the ledger: expire holds, seal what is complete, check the invariants."""

from collections.abc import Sequence
from typing import Final

import structlog

from domain.actor import Actor
from services import checking
from services.invariants import Finding
from services.ledger import holds, seals
from tasks.app import task
from tasks.runtime import worker_name
from wiring.container import Container

# One turn does not go on for ever; the next one follows soon.
SPANS_MAX: Final = 20
SLICES_MAX: Final = 50

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
    """Check what moved since the last time, and raise an alert if something is broken. Returns how many findings.

    Only a check of everything ends the alert: a minute later, what is broken is no longer new.
    """
    found, after = 0, None
    for _ in range(SPANS_MAX):
        with container.transaction() as session:
            span, findings = checking.check_posted(session, now=container.now(), after=after)
            checking.report(session, findings, now=container.now())
        found += _logged(findings)
        if span is None or span.is_last:
            break
        after = span.last
    for _ in range(SPANS_MAX):
        with container.transaction() as session:
            there_were, findings = checking.check_steps(session, owner=worker_name(), now=container.now())
            checking.report(session, findings, now=container.now())
        found += _logged(findings)
        if not there_were:
            break
    with container.transaction() as session:
        findings = checking.check_newest(session)
        checking.report(session, findings, now=container.now())
    return found + _logged(findings)


@task("ledger.check_all")
def check_all(container: Container, by: Actor) -> int:
    """Go on with the day's check of everything, if it is due or under way. Returns how much is broken so far."""
    found = 0
    for _ in range(SLICES_MAX):
        with container.transaction() as session:
            turn = checking.check_next_slice(session, now=container.now())
        if turn is None:
            break
        found += _logged(turn.findings)
        if turn.is_last:
            break
    return found


def _logged(findings: Sequence[Finding]) -> int:
    if findings:
        log.error("ledger_invariant_broken", findings=[str(finding) for finding in findings])
    return len(findings)
