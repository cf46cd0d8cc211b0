"""What templates are given: plain values, shaped by the views from the rows of the services."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID


@dataclass(frozen=True, slots=True)
class AssetName:
    """An asset as far as writing its amounts goes."""

    asset_id: str
    symbol: str
    name: str
    decimals: int
    chain: str = ""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of an asset; `sign` is "+" or "-" where the direction matters."""

    minor: int
    asset: AssetName
    sign: str = ""


@dataclass(frozen=True, slots=True)
class Worth:
    """What an amount is worth in dollars, by a price of this age."""

    words: str
    priced_at: datetime


@dataclass(frozen=True, slots=True)
class Coming:
    """One line under a balance: money on its way, or money held."""

    money: Money
    meaning: str
    words: str
    href: str | None = None


@dataclass(frozen=True, slots=True)
class BalanceBlock:
    """One asset's balance on the home page; what is not spendable is in other lines, never in the same figure."""

    available: Money
    coming: tuple[Coming, ...] = ()
    held: tuple[Coming, ...] = ()
    worth: Worth | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return not (self.available.minor or self.coming or self.held)


@dataclass(frozen=True, slots=True)
class Activity:
    """One movement of money in a list."""

    flow: str
    kind: str
    meaning: str
    money: Money | None
    what: str
    words: str
    at: datetime
    moving: bool = False
    word: str = ""


@dataclass(frozen=True, slots=True)
class Home:
    """The home page."""

    balances: tuple[BalanceBlock, ...]
    activity: tuple[Activity, ...]
    rails: bool
    older: str | None = None

    @property
    def moving(self) -> bool:
        """Whether something is on its way, so that the page is read again soon."""
        return any(line.moving for line in self.activity)


@dataclass(frozen=True, slots=True)
class AddressCard:
    """An address to pay to; `network` where the asset moves on several, and its `uri` is then the bare address."""

    id: UUID
    address: str
    uri: str
    asset: AssetName
    minimum: Money
    confirmations: str
    issued_at: datetime
    network: str = ""


@dataclass(frozen=True, slots=True)
class FormField:
    """One input as it was typed, and what was wrong with it."""

    value: str = ""
    errors: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """What a withdrawal of one asset has to satisfy, in words that are shown beside the form.

    `network` is what an address has to be one of; `names` says whether whoever is paid is named.
    """

    asset: AssetName
    network: str
    available: Money
    fee: Money
    minimum: Money
    auto_limit: Money
    daily_limit: Money
    two_approvals_from: Money
    transfers_count: bool
    allowlist_only: bool
    paused: bool
    cooldown: timedelta | None = None
    worth: Worth | None = None
    names: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """One asset that is converted into another, and what a conversion has to satisfy; spread and fee in per cent."""

    sold: AssetName
    bought: AssetName
    available: Money
    minimum: Money
    maximum: Money
    spread: str
    fee: str
    lifetime: timedelta

    @property
    def path(self) -> str:
        """Where its form is."""
        return f"/convert?{urlencode({'from': self.sold.asset_id, 'to': self.bought.asset_id})}"


@dataclass(frozen=True, slots=True)
class QuoteCard:
    """What an amount brings, until the quote expires."""

    id: UUID
    taken: Money
    receives: Money
    change: Money
    spread: Money
    fee: Money
    rate: str
    expires_at: datetime
    left_s: int


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One line of the history: what was posted, and the balance after it."""

    at: datetime
    what: str
    money: Money
    balance: Money
    flow: str | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """A fact worth knowing: a label, and a value that may be an identifier worth copying."""

    label: str
    value: str
    copy: bool = False


@dataclass(frozen=True, slots=True)
class Gauge:
    """One reading of the operator's strip of health."""

    label: str
    meaning: str
    words: str
    detail: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class AlertLine:
    """An alert that stands."""

    event_id: UUID
    code: str
    severity: str
    reason: str
    scope: str
    raised_at: datetime


@dataclass(frozen=True, slots=True)
class WaitingLine:
    """A withdrawal that waits for an operator."""

    id: UUID
    flow: str
    money: Money
    destination: str
    owner: str
    since: datetime
    approvals: str
    state: str
    mine: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class BufferCard:
    """What is held on a rail beside what the ledger says."""

    asset: AssetName
    verdict: str
    meaning: str
    words: str
    at: datetime
    ledger: Money
    holding: Money | None
    difference: Money | None
    lines: tuple[tuple[str, Money], ...] = ()


@dataclass(frozen=True, slots=True)
class Board:
    """The operator's board."""

    health: tuple[Gauge, ...]
    buffers: tuple[BufferCard, ...]
    alerts: tuple[AlertLine, ...]
    uncertain: tuple[WaitingLine, ...]
    approvals: tuple[WaitingLine, ...]
    held_up: tuple[WaitingLine, ...]
    may_decide: bool
