"""Values for templates, which views shape from the rows of the services."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID


@dataclass(frozen=True, slots=True)
class AssetName:
    """An asset, as far as formatting amounts needs it."""

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
    """An amount's value in dollars, and the age of the price."""

    words: str
    priced_at: datetime


@dataclass(frozen=True, slots=True)
class Coming:
    """One line under a balance: a deposit under way, or a hold."""

    money: Money
    meaning: str
    words: str
    href: str | None = None


@dataclass(frozen=True, slots=True)
class BalanceBlock:
    """One asset's balance on the home page; amounts that are not spendable have lines of their own."""

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
    """One flow in a list."""

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
        """Whether something is under way, so that the page is reloaded soon."""
        return any(line.moving for line in self.activity)


@dataclass(frozen=True, slots=True)
class AddressCard:
    """A deposit address; with several networks, `network` is set and `uri` is the bare address."""

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
    """One input as typed, and its error."""

    value: str = ""
    errors: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules for withdrawing one asset, in words beside the form.

    `network` is what an address has to belong to; `names` says whether the beneficiary is named.
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
    """A pair and its limits for a conversion; spread and fee in per cent."""

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
        """The path of its form."""
        return f"/convert?{urlencode({'from': self.sold.asset_id, 'to': self.bought.asset_id})}"


@dataclass(frozen=True, slots=True)
class QuoteCard:
    """A quote until it expires."""

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
    """One entry of the statement, and the balance after it."""

    at: datetime
    what: str
    money: Money
    balance: Money
    flow: str | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """A fact: a label, and a value that may be an identifier to copy."""

    label: str
    value: str
    copy: bool = False


@dataclass(frozen=True, slots=True)
class Gauge:
    """One gauge of the operator's health strip."""

    label: str
    meaning: str
    words: str
    detail: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class AlertLine:
    """A standing alert."""

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
    """The holding of one rail compared with the ledger."""

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
