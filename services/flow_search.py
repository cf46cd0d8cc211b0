"""Find flows by what is known about them, at a cost that does not grow with the number of flows."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, TextClause, select, text
from sqlalchemy.orm import Session

from domain import spellings
from domain.flows import FLOW_KINDS
from models.asset import Asset
from models.flow import Flow

_FIRST: Final = UUID(int=0)
_LAST: Final = UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Search criteria, all of which a flow has to meet. `reference` is an id or a short id.

    `owner_id` limits the search to one user's flows. `tx_hash` and `address` are found however they are spelled: the
    transaction of a payment or claim, or an id of a provider's or ours; an address that was paid, is claimed to have
    been, or was swept. `opened_after` and `opened_before` go by the time in a flow's id.
    """

    reference: str | None = None
    owner_id: UUID | None = None
    user_id: UUID | None = None
    kind: str | None = None
    state: str | None = None
    asset_id: str | None = None
    tx_hash: str | None = None
    address: str | None = None
    opened_after: datetime | None = None
    opened_before: datetime | None = None


# Each combination is one descent of ix_flows_search, whichever of the three columns are given.
_LISTED: Final = text(
    """
    SELECT flow.group_id FROM unnest(CAST(:assets AS text[]), CAST(:kinds AS text[]), CAST(:states AS text[]))
        AS listed (asset_id, kind, state)
    CROSS JOIN LATERAL (
        SELECT group_id FROM flows
        WHERE asset_id = listed.asset_id AND kind = listed.kind AND state = listed.state
            AND group_id > :after AND group_id < :before
        ORDER BY group_id DESC LIMIT :limit
    ) AS flow
    ORDER BY flow.group_id DESC LIMIT :limit
    """
)
# By the unique keys (chain, txid, …): a hash is looked up once for each chain.
_BY_TRANSACTION: Final = text(
    """
    WITH chains AS (SELECT DISTINCT chain FROM assets), forms AS (
        SELECT form.payout_id FROM chains
        JOIN payout_transactions AS form ON form.chain = chains.chain AND form.txid = ANY(:spellings)
        UNION
        SELECT payouts.id FROM chains
        JOIN payouts ON payouts.chain = chains.chain AND payouts.provider_id = ANY(:spellings)
    ), found AS (
        SELECT deposits.flow_id FROM chains
        JOIN deposits ON deposits.chain = chains.chain AND deposits.txid = ANY(:spellings)
        UNION
        SELECT withdrawals.flow_id FROM forms JOIN withdrawals ON withdrawals.payout_id = forms.payout_id
        UNION
        SELECT sweeps.flow_id FROM forms
        JOIN payouts ON payouts.id = forms.payout_id JOIN sweeps ON sweeps.id = payouts.sweep_id
        UNION
        SELECT claim.flow_id FROM chains
        JOIN payment_verifications AS claim ON claim.chain = chains.chain AND claim.tx_hash = ANY(:spellings)
    )
    SELECT flow_id FROM found WHERE flow_id > :after AND flow_id < :before ORDER BY flow_id DESC LIMIT :batch
    """
)
# OFFSET 0 keeps the planner from applying the bounds on flows to the few sweeps and orders of an address: theirs is the
# index to use.
_BY_ADDRESS: Final = text(
    """
    WITH paid AS (SELECT id FROM deposit_addresses WHERE address = ANY(:spellings)), found AS (
        SELECT coming.flow_id FROM paid CROSS JOIN LATERAL (
            SELECT flow_id FROM deposits WHERE address_id = paid.id AND flow_id > :after AND flow_id < :before
            ORDER BY flow_id DESC LIMIT :batch
        ) AS coming
        UNION
        SELECT swept.flow_id FROM paid
        CROSS JOIN LATERAL (SELECT flow_id FROM sweeps WHERE address_id = paid.id OFFSET 0) AS swept
        UNION
        SELECT orders.flow_id FROM paid
        CROSS JOIN LATERAL (SELECT flow_id FROM replenishments WHERE address_id = paid.id OFFSET 0) AS orders
        UNION
        SELECT going.flow_id FROM unnest(CAST(:spellings AS text[])) AS spelled (destination) CROSS JOIN LATERAL (
            SELECT flow_id FROM withdrawals
            WHERE destination = spelled.destination AND flow_id > :after AND flow_id < :before
            ORDER BY flow_id DESC LIMIT :batch
        ) AS going
        UNION
        SELECT claimed.flow_id FROM unnest(CAST(:spellings AS text[])) AS spelled (recipient) CROSS JOIN LATERAL (
            SELECT flow_id FROM payment_verifications
            WHERE recipient = spelled.recipient AND flow_id > :after AND flow_id < :before
            ORDER BY flow_id DESC LIMIT :batch
        ) AS claimed
    )
    SELECT flow_id FROM found WHERE flow_id > :after AND flow_id < :before ORDER BY flow_id DESC LIMIT :batch
    """
)
_BY_ROW: Final = text(
    """
    SELECT flow_id FROM deposits WHERE id = :id
    UNION ALL SELECT flow_id FROM withdrawals WHERE id = :id
    UNION ALL SELECT flow_id FROM sweeps WHERE id = :id
    UNION ALL SELECT flow_id FROM payment_verifications WHERE id = :id
    UNION ALL SELECT flow_id FROM conversions WHERE id = :id
    UNION ALL SELECT flow_id FROM replenishments WHERE id = :id
    UNION ALL SELECT flow_id FROM losses WHERE id = :id
    """
)
BATCH: Final = 1000
"""How many flows of one transaction or address are read at a time."""


def search(session: Session, wanted: Wanted, *, before: UUID | None, limit: int) -> Sequence[Flow]:
    """A page of the matching flows, newest first, older than the flow `before`."""
    ways = _ways(wanted)
    if ways:
        return _along(session, ways, wanted, before=before, limit=limit)
    query = _fitting(wanted, before).limit(limit)
    if wanted.reference is not None:
        return session.scalars(query).all()
    is_listed = wanted.kind is not None or wanted.state is not None or wanted.asset_id is not None
    if wanted.owner_id is None and wanted.user_id is None and is_listed:
        after, until = _range(wanted, before)
        listed = {**_combinations(session, wanted), "after": after, "before": until, "limit": limit}
        found = session.execute(_LISTED, listed).scalars().all()
        return session.scalars(query.where(Flow.group_id.in_(found))).all()
    return session.scalars(query).all()


def of_row(session: Session, row_id: UUID) -> Sequence[UUID]:
    """The flow of a deposit, withdrawal, conversion, sweep, claim, order or loss with this id."""
    return session.execute(_BY_ROW, {"id": row_id}).scalars().all()


def _ways(wanted: Wanted) -> list[tuple[TextClause, list[str]]]:
    """The statements that find the flows of a transaction or an address, each with the spellings to look for."""
    ways = []
    if wanted.tx_hash is not None:
        ways.append((_BY_TRANSACTION, sorted(spellings.of_hash(wanted.tx_hash))))
    if wanted.address is not None:
        ways.append((_BY_ADDRESS, sorted(spellings.of_address(wanted.address))))
    return ways


def _along(
    session: Session,
    ways: Sequence[tuple[TextClause, list[str]]],
    wanted: Wanted,
    *,
    before: UUID | None,
    limit: int,
) -> Sequence[Flow]:
    """The matching ones among the flows of one transaction or address, read newest first."""
    (first, spelled), *others = ways
    fitting: list[Flow] = []
    while len(fitting) < limit:
        after, until = _range(wanted, before)
        within = {"after": after, "before": until}
        found = session.execute(first, {"spellings": spelled, **within, "batch": BATCH}).scalars().all()
        both = set(found)
        for other, also in others:
            both &= {*session.execute(other, {"spellings": also, **within, "batch": None}).scalars()}
        query = _fitting(wanted, before).where(Flow.group_id.in_(both)).limit(limit - len(fitting))
        fitting += session.scalars(query).all()
        if len(found) < BATCH:
            break
        before = found[-1]
    return fitting


def _fitting(wanted: Wanted, before: UUID | None) -> Select[Flow]:
    after, until = _range(wanted, before)
    query = select(Flow).where(Flow.group_id > after, Flow.group_id < until).order_by(Flow.group_id.desc())
    known = {
        Flow.kind: wanted.kind,
        Flow.state: wanted.state,
        Flow.asset_id: wanted.asset_id,
    }
    for column, value in known.items():
        if value is not None:
            query = query.where(column == value)
    if wanted.reference is not None:
        query = query.where(_named(wanted.reference))
    for user_id in (wanted.owner_id, wanted.user_id):
        if user_id is not None:
            query = query.where(Flow.user_id == user_id)
    return query


def _named(reference: str) -> Any:
    try:
        return Flow.group_id == UUID(reference)
    except ValueError:
        return Flow.short_id == reference


def _range(wanted: Wanted, before: UUID | None) -> tuple[UUID, UUID]:
    """The range of ids: they begin with the millisecond in which a flow was opened."""
    after = _FIRST if wanted.opened_after is None else _id_at(wanted.opened_after)
    until = _LAST if wanted.opened_before is None else _id_at(wanted.opened_before)
    return after, until if before is None else min(until, before)


def _id_at(moment: datetime) -> UUID:
    milliseconds = min(max(round(moment.timestamp() * 1000), 0), 2**48 - 1)
    return UUID(int=milliseconds << 80)


def _combinations(session: Session, wanted: Wanted) -> dict[str, list[str]]:
    """Every combination of asset, kind and state that matches."""
    assets = [wanted.asset_id] if wanted.asset_id is not None else session.scalars(select(Asset.asset_id)).all()
    listed = [
        (asset_id, kind.name, state)
        for kind in FLOW_KINDS.values()
        if wanted.kind in {None, kind.name}
        for state in kind.states
        if wanted.state in {None, state}
        for asset_id in assets
    ]
    return {
        "assets": [asset_id for asset_id, _, _ in listed],
        "kinds": [kind for _, kind, _ in listed],
        "states": [state for _, _, state in listed],
    }


_STUCK: Final = text(
    """
    SELECT flow.group_id FROM unnest(
        CAST(:kinds AS text[]), CAST(:states AS text[]), CAST(:since AS timestamptz[])
    ) AS timed (kind, state, since)
    CROSS JOIN LATERAL (
        SELECT group_id, state_since FROM flows
        WHERE closed_at IS NULL AND kind = timed.kind AND state = timed.state AND state_since < timed.since
        ORDER BY state_since LIMIT :limit
    ) AS flow
    ORDER BY flow.state_since LIMIT :limit
    """
)
_STUCK_STILL: Final = text(
    """
    SELECT group_id FROM unnest(CAST(:kinds AS text[]), CAST(:states AS text[]), CAST(:since AS timestamptz[]))
        AS timed (kind, state, since)
    JOIN flows USING (kind, state)
    WHERE group_id = ANY(CAST(:known AS uuid[])) AND closed_at IS NULL AND state_since < timed.since
    """
)


def stuck(session: Session, *, now: datetime, limit: int, known: Collection[str] = ()) -> Sequence[Flow]:
    """The flows that have been in their state for longer than its table allows, longest first, up to a limit.

    Those of the `known` ids that still are come on top of that.
    """
    timed = [
        (kind.name, name, now - state.time_limit)
        for kind in FLOW_KINDS.values()
        for name, state in kind.states.items()
        if state.time_limit is not None
    ]
    kinds, states, since = (list(column) for column in zip(*timed, strict=True))
    timing = {"kinds": kinds, "states": states, "since": since}
    found = [*session.execute(_STUCK, {**timing, "limit": limit}).scalars()]
    if known:
        found += session.execute(_STUCK_STILL, {**timing, "known": list(known)}).scalars()
    rows = session.scalars(select(Flow).where(Flow.group_id.in_(found)))
    return sorted(rows, key=lambda flow: flow.state_since)
