"""Look claimed payments up on their chains."""

from concurrent.futures import ThreadPoolExecutor
from typing import Final
from uuid import UUID

import structlog
from structlog.contextvars import bound_contextvars

from domain.actor import Actor
from domain.claim_reading import ClaimQuestion, Reading
from domain.crash import crash_point
from models.verification import PaymentVerification
from services import verifications
from services.leases import LeaseLost
from tasks.app import task
from tasks.runtime import worker_name
from wiring.container import Container

log = structlog.get_logger(__name__)

BATCH: Final = 16
AT_ONCE: Final = 8
"""How many claims are looked into at the same time: fewer than there are database connections."""


@task("verifications.check")
def check(container: Container, by: Actor) -> int:
    """Look into the claims that are due. Returns how many were looked into."""
    looked = 0
    while count := check_batch(container, by):
        looked += count
        if count < BATCH:
            break
    return looked


def check_batch(container: Container, by: Actor) -> int:
    """Look into some claims: claim them, then ask and record, several at once. Returns how many."""
    with container.transaction() as session:
        due = verifications.claim_due(session, owner=worker_name(), limit=BATCH, now=container.now())
    crash_point("verification.claimed")
    if not due:
        return 0
    with container.reading() as session:
        questions = verifications.questions_of(session, due)
    with ThreadPoolExecutor(min(AT_ONCE, len(due)), thread_name_prefix="verify") as pool:
        for each in [pool.submit(_look_into, container, by, *claim) for claim in zip(due, questions, strict=True)]:
            each.result()
    with container.transaction() as session:
        for chain in sorted({row.chain for row in due}):
            verifications.judge_failure_rate(session, chain, now=container.now())
    return len(due)


def _look_into(container: Container, by: Actor, row: PaymentVerification, question: ClaimQuestion) -> None:
    """Ask about one claim, and record the answer by itself: its commit shares the flush with those beside it."""
    # Its lines carry the id of the request that made the claim.
    with bound_contextvars(
        correlation_id=row.correlation_id, verification_id=str(row.id), attempt=row.lease_generation
    ):
        reading = _look(container, row.chain, question)
        crash_point("verification.looked")
        _record(container, row.id, reading, row.lease_generation, Actor(by.name, correlation_id=row.correlation_id))


def _look(container: Container, chain: str, question: ClaimQuestion) -> Reading:
    reader = container.verifiers.get(chain)
    if reader is None:
        return Reading(None, "not_configured", ())
    log.info("verification_attempt", chain=chain, tx_hash=question.tx_hash)
    return reader.read(question)


def _record(container: Container, verification_id: UUID, reading: Reading, generation: int, by: Actor) -> None:
    try:
        with container.transaction() as session:
            decision = verifications.record(
                session, verification_id, reading, generation=generation, now=container.now(), by=by
            )
    except LeaseLost:
        log.warning("lease_lost")
    else:
        log.info("verification_result", state=decision.state, reason=decision.reason)
