"""Values for the template of a flow's page, shaped from its records."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from api.pages.graph import Graph
from api.pages.shapes import Evidence, Money
from services.flow_stats import Usual


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a flow's timeline."""

    state: str
    meaning: str
    sentence: str
    at: datetime
    actor: str
    lasted: timedelta | None
    limit: timedelta | None
    evidence: tuple[Evidence, ...] = ()
    note: bool = False
    usual: Usual | None = None


@dataclass(frozen=True, slots=True)
class TransferLine:
    """One ledger transfer that a flow made."""

    id: int
    kind: str
    phase: str
    debit: str
    credit: str
    money: Money
    at: datetime


@dataclass(frozen=True, slots=True)
class ChainLine:
    """One chain transaction of a flow."""

    txid: str
    words: str
    raw: str | None = None
    fee: Money | None = None
    block_height: int | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class AlertChange:
    """One transition of an alert that concerns a flow."""

    event_id: UUID
    code: str
    status: str
    severity: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class LogLine:
    """One warning or error of the log."""

    at: datetime
    level: str
    line: str
    said: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Action:
    """A possible action and its consequence.

    A `grave` one is final; a `quiet` one is offered without emphasis.
    `typed` requires typing the flow's short id first; `reason` requires a reason for the record, and
    `asks` requires a provider's id, with this label.
    """

    path: str
    label: str
    consequence: str
    grave: bool = False
    quiet: bool = False
    typed: bool = False
    reason: bool = False
    value: str = ""
    asks: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A related page."""

    path: str
    words: str


@dataclass(frozen=True, slots=True)
class FlowView:
    """The page of one flow; `money` is None while the amount is unknown."""

    short_id: str
    kind: str
    state: str
    meaning: str
    sentence: str
    money: Money | None
    opened_at: datetime
    closed_at: datetime | None
    facts: tuple[Evidence, ...]
    steps: tuple[Step, ...]
    transfers: tuple[TransferLine, ...]
    chain: tuple[ChainLine, ...]
    graph: Graph
    actions: tuple[Action, ...] = ()
    moving: bool = False
    alerts: tuple[AlertChange, ...] = ()
    lines: tuple[LogLine, ...] = ()
    links: tuple[Link, ...] = ()
