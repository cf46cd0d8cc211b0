"""The one form in which the browser's feed, webhooks, e-mail and streams report what happened."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final, Self
from uuid import UUID

from domain.errors import StrongroomError
from domain.money import format_amount
from models.alert import OpsAlert
from models.deposit import FundingObservation
from models.flow import Flow, FlowEvent

ALERT: Final = "alert"
FLOW: Final = "flow"
FUNDING: Final = "funding"
SOURCES: Final = (ALERT, FLOW, FUNDING)
"""The sources, in the order that breaks ties within one transaction: never reorder, only append."""

# The parts of an event's detail that its owner, and programs of theirs, may read.
_TOLD: Final = frozenset(
    {
        "approvals", "approvals_needed", "block_hash", "block_height", "came_back_because", "failed_after_all",
        "failed_because", "made_after_all", "note", "paid_after_all", "rate", "receives", "replaced_by", "replaces",
        "reorganised", "return_booked", "settled_after_all", "settlement_undone", "to_asset", "txid", "vout",
        "waits_because",
    }
)  # fmt: skip


class InvalidPosition(StrongroomError):
    """This is not a position in the log."""

    code: ClassVar[str] = "invalid_position"


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the log: transaction, rank of the source, number there. Later is larger."""

    xid: int
    source: int
    seq: int

    @classmethod
    def read(cls, text: str) -> Self:
        """The place that `str` spelled. Raises InvalidPosition."""
        parts = text.split("-")
        if len(parts) != len(("xid", "source", "seq")) or not all(
            part.isascii() and part.isdigit() and int(part) < 2**63 for part in parts
        ):
            raise InvalidPosition
        return cls(*map(int, parts))

    def __str__(self) -> str:
        return f"{self.xid}-{self.source}-{self.seq}"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to one object, and that never changes.

    `id` names the event for ever; `sequence` grows with each event of the same object, so that whoever receives them
    out of order knows the newest. `user_id` is the object's owner, None for what only operators may see; `audience` are
    all users concerned. `correlation_id` is that of the request or task that caused it, for the log and traces; it is
    not told outside.
    """

    position: Position
    id: str
    type: str
    kind: str
    object_id: str
    sequence: int
    occurred_at: datetime
    user_id: UUID | None
    data: Mapping[str, Any]
    audience: frozenset[UUID] = field(default_factory=frozenset)
    correlation_id: str | None = None

    def outside(self) -> dict[str, Any]:
        """The event as JSON; amounts are decimal strings in whole units."""
        return {
            "id": self.id,
            "type": self.type,
            "object": {"kind": self.kind, "id": self.object_id},
            "sequence": self.sequence,
            "occurred_at": _moment(self.occurred_at),
            "user_id": None if self.user_id is None else str(self.user_id),
            "data": dict(self.data),
        }


def of_flow(event: FlowEvent, flow: Flow, *, decimals: int, item_id: UUID | None = None) -> Event:
    """A step of a flow: `deposit.credited`; `deposit.updated` for one that leaves it in its state.

    `item_id` is the deposit, withdrawal or conversion that the flow is about.
    """
    is_note = event.from_state == event.state
    data: dict[str, Any] = {
        "flow_id": str(flow.group_id),
        "short_id": flow.short_id,
        "state": event.state,
        "from_state": event.from_state,
        "asset": flow.asset_id,
        "amount": format_amount(flow.amount_minor, decimals),
    }
    if item_id is not None:
        data[f"{flow.kind}_id"] = str(item_id)
    data |= {name: value for name, value in event.detail.items() if name in _TOLD}
    return Event(
        position=Position(event.xid, SOURCES.index(FLOW), event.id),
        id=f"{FLOW}-{event.id}",
        type=f"{flow.kind}.{'updated' if is_note else event.state}",
        kind=flow.kind,
        object_id=str(flow.group_id),
        sequence=event.id,
        occurred_at=event.at,
        user_id=flow.user_id,
        data=data,
        audience=_concerned(event, flow),
        correlation_id=event.correlation_id,
    )


def page_of_alert(alert_event_id: UUID) -> str:
    """The path of the operators' page about the alert that this transition belongs to."""
    return f"/operator/alerts/{alert_event_id}"


def of_alert(row: OpsAlert) -> Event:
    """A transition of an alert, with the fields of its row: `alert.raised` or `alert.cleared`; for operators."""
    return Event(
        position=Position(row.xid, SOURCES.index(ALERT), row.seq),
        id=f"{ALERT}-{row.seq}",
        type=f"alert.{row.status}",
        kind="alert",
        object_id=row.fingerprint,
        sequence=row.seq,
        occurred_at=row.recorded_at,
        user_id=None,
        data={
            "alert_event_id": str(row.alert_event_id),
            "alert_code": row.alert_code,
            "status": row.status,
            "severity": row.severity,
            "reason": row.reason,
            "service_scope": row.service_scope,
            "pair": row.pair,
            "asset_id": row.asset_id,
            "tx_hash": row.tx_hash,
            "raised_at": _moment(row.raised_at),
            "cleared_at": None if row.cleared_at is None else _moment(row.cleared_at),
            "details": row.details,
            "page": page_of_alert(row.alert_event_id),
        },
    )


def of_funding(row: FundingObservation, *, decimals: int) -> Event:
    """What a chain showed about one output, with the fields of its row: `funding.mempool` and so on; for operators."""
    return Event(
        position=Position(row.xid, SOURCES.index(FUNDING), row.seq),
        id=f"{FUNDING}-{row.seq}",
        type=f"funding.{row.status}",
        kind="funding",
        object_id=str(row.deposit_id),
        sequence=row.seq,
        occurred_at=row.recorded_at,
        user_id=None,
        data={
            "funding_observation_id": str(row.funding_observation_id),
            "account_id": str(row.account_id),
            "asset_id": row.asset_id,
            "chain": row.chain,
            "funding_handle": row.funding_handle,
            "source": row.source,
            "tx_hash": row.tx_hash,
            "status": row.status,
            "amount": format_amount(row.amount, decimals),
            "confirmations": row.confirmations,
            "first_seen_at": _moment(row.first_seen_at),
            "last_seen_at": _moment(row.last_seen_at),
            "credited_at": None if row.credited_at is None else _moment(row.credited_at),
            "bridge_deposit_tx_hash": row.bridge_deposit_tx_hash,
        },
    )


def _concerned(event: FlowEvent, flow: Flow) -> frozenset[UUID]:
    """The owner, and the recipient of an internal transfer."""
    users = {flow.user_id}
    if flow.kind == "internal_transfer" and "to" in event.detail:
        users.add(UUID(event.detail["to"]))
    return frozenset(user for user in users if user is not None)


def _moment(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
