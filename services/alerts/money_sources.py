"""Alert sources about money on its way: one query for each rule, bounded whatever goes wrong."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, TextClause, text

from domain.alert_states import Reading
from services import flow_search
from services.alerts.evaluation import Evaluation
from services.ledger.verify import altered_seal

FOUND_MAX: Final = 50
"""The most that one rule reports: this many wake somebody as well as all would."""

_INVENTORY: Final = text(
    """
    SELECT assets.asset_id, assets.chain, newest.at, known.at AS known_at FROM assets
    CROSS JOIN LATERAL (SELECT at FROM buffer_snapshots AS s WHERE s.asset_id = assets.asset_id
        ORDER BY at DESC LIMIT 1) AS newest
    LEFT JOIN LATERAL (SELECT at FROM buffer_snapshots AS s WHERE s.asset_id = assets.asset_id
        AND s.verdict <> 'unknown' ORDER BY at DESC LIMIT 1) AS known ON true
    """
)


def _bounded(query: str, order: str) -> TextClause:
    """The first rows of a query on `d`, and those among all of them that are known already.

    Without the latter, an alert that is as true as ever would clear as soon as enough others come before it.
    """
    found = f"({query} ORDER BY {order} LIMIT :most)"
    return text(f"{found} UNION ({query} AND d.id = ANY(CAST(:known AS uuid[])))")


_UNCONFIRMED: Final = _bounded(
    """
    SELECT d.id, d.chain, d.asset_id, d.txid, d.first_seen_at AS since FROM deposits AS d
    WHERE d.state = 'seen' AND d.block_height IS NULL AND d.first_seen_at < :before
    """,
    "d.first_seen_at",
)
_UNCREDITED: Final = _bounded(
    """
    SELECT d.id, d.chain, d.asset_id, d.txid, d.state_changed_at AS since FROM deposits AS d
    JOIN chain_cursors AS c ON c.chain = d.chain
    WHERE d.state = 'confirming' AND c.height - d.block_height + 1 >= d.confirmations_needed
    """,
    "d.id",
)
_CONFIRMING: Final = _bounded(
    """
    SELECT d.id, d.chain, d.asset_id, d.txid, d.state_changed_at AS since FROM deposits AS d
    WHERE d.state = 'confirming' AND d.state_changed_at < :before
    """,
    "d.id",
)
_UNSENT: Final = _bounded(
    """
    SELECT d.id, d.chain, d.asset_id, d.txid, d.reason FROM payouts AS d
    WHERE d.state IN ('signed', 'uncertain') AND d.reason IS NOT NULL
    """,
    "d.id",
)
_CHAINS: Final = text("SELECT asset_id, chain FROM assets")
_FAILURES: Final = text(
    """
    SELECT count(*) FROM (SELECT at, level, said FROM kept_log_lines ORDER BY id DESC LIMIT 5000) AS newest
    WHERE at > :after AND level = 'error' AND said ->> 'task' LIKE 'deposits.%'
    """
)
_WAITING: Final = text(
    """
    SELECT count(*) FROM (SELECT FROM withdrawals
        WHERE state IN ('requested', 'pending_approval', 'approved', 'signed') AND requested_at < :before
        LIMIT 1000) AS waiting
    """
)
# The newest, each of the others in turn, and the one that was found broken.
_SEALS: Final = text(
    """
    SELECT id FROM ledger_seals WHERE id IN ((SELECT max(id) FROM ledger_seals),
        (SELECT 1 + mod(:turn, max(id)) FROM ledger_seals),
        (SELECT CAST(details ->> 'seal_id' AS bigint) FROM alert_states WHERE fingerprint = 'seal_broken:ledger:seals'))
    ORDER BY id
    """
)


def inventory(evaluation: Evaluation) -> Iterator[Reading]:
    """Assets whose wallet could not be read for too long; those that are not compared are left out."""
    limit = timedelta(seconds=evaluation.rule.threshold)
    for row in evaluation.session.execute(_INVENTORY):
        if row.known_at is None or evaluation.now - row.known_at > limit:
            told = f"the wallet of {row.asset_id} was last read {_moment(row.known_at)}"
            yield Reading(f"asset:{row.asset_id}", "bad", told, asset_id=row.asset_id, beside=_beside(row.chain))


def unconfirmed(evaluation: Evaluation) -> Iterator[Reading]:
    """Deposits that have been in no block for too long."""
    before = evaluation.now - timedelta(seconds=evaluation.rule.threshold)
    for row in _listed(evaluation, _UNCONFIRMED, "deposit", before=before):
        yield _deposit(row, f"seen {_moment(row.since)} and in no block yet")


def uncredited(evaluation: Evaluation) -> Iterator[Reading]:
    """Deposits that have all their confirmations and are not credited."""
    for row in _listed(evaluation, _UNCREDITED, "deposit"):
        yield _deposit(row, "it has its confirmations and is not credited")


def confirming(evaluation: Evaluation) -> Iterator[Reading]:
    """Deposits that have been confirming for too long."""
    before = evaluation.now - timedelta(seconds=evaluation.rule.threshold)
    for row in _listed(evaluation, _CONFIRMING, "deposit", before=before):
        yield _deposit(row, f"confirming since {_moment(row.since)}")


def unsent(evaluation: Evaluation) -> Iterator[Reading]:
    """Signed payments that the network did not take."""
    for row in _listed(evaluation, _UNSENT, "payout"):
        yield Reading(
            f"payout:{row.id}", "bad", f"not sent: {row.reason}", asset_id=row.asset_id, tx_hash=row.txid,
            beside=_beside(row.chain),
        )  # fmt: skip


def stuck(evaluation: Evaluation) -> Iterator[Reading]:
    """Flows that have been in a state for longer than its table allows."""
    chains = {row.asset_id: row.chain for row in evaluation.session.execute(_CHAINS)}
    for flow in flow_search.stuck(
        evaluation.session, now=evaluation.now, limit=FOUND_MAX, known=evaluation.known_ids("flow")
    ):
        told = f"the {flow.kind} {flow.short_id} is {flow.state} since {_moment(flow.state_since)}"
        chain = chains.get(flow.asset_id, "")
        details = {"kind": flow.kind, "state": flow.state, "short_id": flow.short_id}
        yield Reading(f"flow:{flow.group_id}", "bad", told, details, flow.asset_id, beside=_beside(chain))


def failures(evaluation: Evaluation) -> Iterator[Reading]:
    """Whether processing deposits fails too often."""
    count = evaluation.session.execute(_FAILURES, {"after": evaluation.now - timedelta(minutes=5)}).scalar_one()
    if count > evaluation.rule.threshold:
        yield Reading("deposits:all", "bad", f"{count} attempts to process deposits failed within five minutes")


def waiting(evaluation: Evaluation) -> Iterator[Reading]:
    """Whether too many withdrawals are not sent."""
    count = evaluation.session.execute(_WAITING, {"before": evaluation.now - timedelta(minutes=30)}).scalar_one()
    if count > evaluation.rule.threshold:
        yield Reading("withdrawals:all", "bad", f"{count} withdrawals have been open for 30 minutes", {"count": count})


def seals(evaluation: Evaluation) -> Iterator[Reading]:
    """Whether two seals follow from the ones before them, and still match the rows that they seal."""
    broken = None
    turn = int(evaluation.now.timestamp()) // int(evaluation.rule.every.total_seconds())
    for seal_id in evaluation.session.execute(_SEALS, {"turn": turn}).scalars().all():
        broken = broken or altered_seal(evaluation.session, first=seal_id, last=seal_id)
    if broken is not None:
        yield Reading("ledger:seals", "bad", str(broken), {"seal_id": broken.row_id})


def _listed(evaluation: Evaluation, query: TextClause, noun: str, **when: datetime) -> Iterator[Row[Any]]:
    yield from evaluation.session.execute(query, {"most": FOUND_MAX, "known": evaluation.known_ids(noun), **when})


def _deposit(row: Row[Any], told: str) -> Reading:
    return Reading(f"deposit:{row.id}", "bad", told, asset_id=row.asset_id, tx_hash=row.txid, beside=_beside(row.chain))


def _beside(chain: str) -> frozenset[str]:
    return frozenset({f"chain_source_stale:chain:{chain}"})


def _moment(at: datetime | None) -> str:
    return "never" if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"
