"""What a custodian or payout provider reports about transfers."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final, Literal

from domain.errors import StrongroomError


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a payment that was requested under a reference of ours.

    `unknown`: the provider knows no such reference, or does not say; that proves nothing. `failed`: it says that it
    will never pay; that is proof. `fee_minor` is what it charged, in the rail's fee asset, once it says so.
    """

    state: Literal["pending", "completed", "failed", "unknown"]
    fee_minor: int | None = None
    reason: str = ""
    provider_id: str = ""
    """The provider's own name for it."""
    tx_hash: str = ""
    """Where it went out on a chain."""


@dataclass(frozen=True, slots=True)
class IncomingTransfer:
    """Money that came in at a provider. `transfer_id` is the provider's, and identifies the deposit for ever.

    `contract` names the asset as the registry does. `address` is the one that was paid, as it was issued. `failed`
    means that money announced as pending never came, or was taken back.
    """

    transfer_id: str
    contract: str
    address: str
    amount_minor: int
    state: Literal["pending", "final", "failed"]
    at: datetime
    tx_hash: str = ""


@dataclass(frozen=True, slots=True)
class IncomingPage:
    """Some transfers, oldest first, and where to read on. Transfers that are not final yet are repeated later.

    `cursor` is the provider's own; it is stored and handed back, and never interpreted.
    """

    transfers: tuple[IncomingTransfer, ...]
    cursor: str
    is_last: bool


class BadNotification(StrongroomError):
    """The notification's signature is not valid, or it cannot be read."""

    code: ClassVar[str] = "bad_notification"


SUBSCRIPTION: Final = "subscription_confirmation"
"""The kind of a notification that offers a subscription, to be agreed to by `NotificationReader.confirm`."""


@dataclass(frozen=True, slots=True)
class Notification:
    """What a provider posted to us: a hint to look, never a fact about money.

    `scheme` is the reader's name for the way in which it was signed: lower-case letters, digits and underscores.
    `notification_id` identifies it for ever, however often it is delivered. `resource_id` is the provider's id of the
    transfer to ask about, and `reference` our own of one that we asked for; both are "" when nothing is to be asked.
    `key_name` names the key that the signature needs; "" when it was verified with a secret held here. `signed` is
    exactly what was signed.
    """

    scheme: str
    notification_id: str
    kind: str
    resource_id: str
    key_name: str = ""
    signed: bytes = b""
    signature: bytes = b""
    confirm_url: str = ""
    """Where a subscription is agreed to."""
    reference: str = ""
    """Ours, where the provider names it."""
