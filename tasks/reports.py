"""Ask providers to make payments, and what became of them."""

from collections.abc import Collection

import structlog

from domain.actor import Actor
from domain.crash import crash_point
from domain.node_refusals import ChainError, ChainUncertain
from domain.provider_facts import Report
from domain.provider_ports import Provider
from services import payouts
from services.leases import LeaseLost
from services.payouts import Asserted, Closed, Outgoing
from tasks.runtime import worker_name
from wiring.container import Container

log = structlog.get_logger(__name__)


def follow_provider(container: Container, provider: Provider, by: Actor) -> int:
    """Ask one provider for what it was not asked for yet, about the rest, and about what may have come back since.

    Returns how many payments.
    """
    looked_into = _look_into(container, provider, by)
    with container.transaction() as session:
        due = payouts.claim_reportable(session, provider.rail.chain, owner=worker_name(), now=container.now())
    crash_point("withdrawal.sending")
    for outgoing, is_new, may_ask in due:
        try:
            _follow(container, provider, outgoing, by, is_new=is_new, may_ask=may_ask)
        except LeaseLost:
            log.warning("lease_lost", payout_id=str(outgoing.payout_id))
    return looked_into + len(due) + _look_again(container, provider, by)


def _look_into(container: Container, provider: Provider, by: Actor) -> int:
    """Ask whether what operators say of doubtful payments is so. Nothing is asked for. Returns how many."""
    with container.transaction() as session:
        said = payouts.claim_asserted(session, provider.rail.chain, owner=worker_name(), now=container.now())
    for asserted in said:
        try:
            _look_into_one(container, provider, asserted, by)
        except LeaseLost:
            log.warning("lease_lost", payout_id=str(asserted.outgoing.payout_id))
    return len(said)


def _look_into_one(container: Container, provider: Provider, asserted: Asserted, by: Actor) -> None:
    outgoing = asserted.outgoing
    try:
        found = provider.made(outgoing.raw_tx, since=asserted.since, provider_id=asserted.provider_id)
    except ChainError as error:
        log.warning("provider_not_asked", payout_id=str(outgoing.payout_id), code=error.code)
        with container.transaction() as session:
            payouts.record_unsent(session, outgoing, code=error.code, now=container.now(), by=by)
        return
    with container.transaction() as session:
        row = payouts.record_found(session, asserted, found, now=container.now(), by=by)
        is_upheld = None if row is None else row.is_upheld
    log.info("assertion_looked_into", reference=outgoing.txid, is_upheld=is_upheld, found=len(found))


def look_for_named(container: Container, provider: Provider, provider_ids: Collection[str], by: Actor) -> None:
    """See whether one of these payments of a provider's is one of ours that failed before it was given a name."""
    if provider.knows_references or not provider_ids:
        return
    with container.transaction() as session:
        chain = provider.rail.chain
        nameless = payouts.claim_nameless(session, chain, owner=worker_name(), now=container.now())
    for closed in nameless:
        _look_at(container, provider, closed, by, named=provider_ids)


def _look_again(container: Container, provider: Provider, by: Actor) -> int:
    """Ask about payments that were closed: what was paid may have come back, what failed may have been made."""
    with container.transaction() as session:
        due = payouts.claim_closed(session, provider.rail.chain, owner=worker_name(), now=container.now())
    for closed in due:
        _look_at(container, provider, closed, by)
    return len(due)


def _look_at(
    container: Container, provider: Provider, closed: Closed, by: Actor, *, named: Collection[str] = ()
) -> None:
    outgoing = closed.outgoing
    is_guess = closed.has_failed and not outgoing.provider_id and not provider.knows_references
    try:
        found = _shown(provider, closed, named) if is_guess else [_report(provider, outgoing, outgoing.provider_id)]
    except ChainError as error:
        log.warning("provider_not_asked", payout_id=str(outgoing.payout_id), code=error.code)
        found = None
    try:
        with container.transaction() as session:
            now = container.now()
            if found is None:
                payouts.record_silence(session, outgoing, now=now)
            elif closed.has_failed:
                payouts.record_shown(session, outgoing, found, is_guess=is_guess, now=now, by=by)
            else:
                payouts.record_word(session, outgoing, found[0], now=now, by=by)
    except LeaseLost:
        log.warning("lease_lost", payout_id=str(outgoing.payout_id))


def _shown(provider: Provider, closed: Closed, named: Collection[str]) -> list[Report]:
    """What the provider shows that may be a payment to which it never gave a name: among these, or in its list."""
    raw_tx, since = closed.outgoing.raw_tx, closed.since
    if not named:
        return list(provider.made(raw_tx, since=since, until=closed.until))
    return [report for one in sorted(named) for report in provider.made(raw_tx, since=since, provider_id=one)]


def _follow(
    container: Container, provider: Provider, outgoing: Outgoing, by: Actor, *, is_new: bool, may_ask: bool
) -> None:
    try:
        refusal, report = "", None if is_new else _report(provider, outgoing, outgoing.provider_id)
        if may_ask and (report is None or report.state == "unknown"):
            refusal, report = _ask(container, provider, outgoing)
    except ChainUncertain as error:
        log.warning("payment_uncertain", payout_id=str(outgoing.payout_id), code=error.code)
        with container.transaction() as session:
            payouts.record_uncertain(session, outgoing, code=error.code, now=container.now(), by=by)
        return
    except ChainError as error:
        log.warning("provider_not_asked", payout_id=str(outgoing.payout_id), code=error.code)
        with container.transaction() as session:
            payouts.record_unsent(session, outgoing, code=error.code, now=container.now(), by=by)
        return
    with container.transaction() as session:
        if refusal:
            payouts.record_refused(session, outgoing, reason=refusal, now=container.now(), by=by)
        else:
            payouts.record_report(session, outgoing, report or Report("unknown"), now=container.now(), by=by)
    crash_point("withdrawal.settled")
    log.info("provider_reported", reference=outgoing.txid, state="refused" if refusal else report and report.state)


def _ask(container: Container, provider: Provider, outgoing: Outgoing) -> tuple[str, Report]:
    """Make the request. A final no counts, as a reason, unless the provider knows of the payment all the same.

    One that answers about its own ids only cannot say whether an earlier request was taken whose answer was lost: its
    no is believed the first time, and leaves a doubt afterwards.
    """
    with container.transaction() as session:
        is_first = payouts.about_to_ask(session, outgoing, now=container.now())
    try:
        answer = provider.broadcast(outgoing.raw_tx)
    except ChainError as error:
        if is_first and not isinstance(error, ChainUncertain):
            with container.transaction() as session:
                payouts.was_not_asked(session, outgoing)
        raise
    crash_point("withdrawal.broadcast")
    if answer.outcome in {"accepted", "already_known"}:
        return "", Report("pending", provider_id=answer.provider_id)
    report = _report(provider, outgoing, answer.provider_id or outgoing.provider_id)
    is_sure = provider.knows_references or is_first
    if answer.outcome == "refused" and report.state == "unknown" and is_sure:
        return answer.reason or "refused", report
    return "", report


def _report(provider: Provider, outgoing: Outgoing, provider_id: str) -> Report:
    return provider.report(outgoing.txid, provider_id=provider_id)
