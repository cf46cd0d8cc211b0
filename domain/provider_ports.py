"""What the core asks of custodians and payout providers, and of the notifications that they post."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from domain.chain_facts import OutPoint
from domain.provider_facts import IncomingPage, IncomingTransfer, Notification, Report
from domain.rail_rows import RailRow
from domain.wallet_facts import BroadcastAnswer, Holding, NewAddress, Payment, SignedPayment


class Provider(Protocol):
    """A custodian or a provider of payouts: it keeps the keys, we keep the books. Every method may raise ChainError.

    A failed read says nothing about money. Nothing here is retried, except reads.
    """

    @property
    def rail(self) -> RailRow:
        """The rail that this provider is."""
        ...

    @property
    def credits_pending(self) -> bool:
        """Whether money that is announced but not final is credited already: the operator's choice and risk."""
        ...

    @property
    def poll_interval(self) -> timedelta:
        """How often to poll for incoming money when no notification arrives."""
        ...

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        ...

    @property
    def knows_references(self) -> bool:
        """Whether `report` finds a payment by our reference alone, or needs the provider's own id."""
        ...

    def new_addresses(self, count: int, *, first_index: int = 0, network: str = "") -> list[NewAddress]:
        """Fresh receiving addresses, whose `script` is the address in UTF-8; none where nothing can come in.

        `network` is one of `rail.networks`, where there are any. Fewer than `count` may be returned: ask again for the
        rest.
        """
        ...

    def build(
        self, payments: Sequence[Payment], *, fee_max_minor: int, avoid: Collection[OutPoint] = ()
    ) -> SignedPayment:
        """Prepare the request for these payments, with a fresh reference, and send nothing.

        Raises PaymentTooSmall, InsufficientHotFunds, FeeAboveCap where that is known beforehand.
        """
        ...

    def broadcast(self, raw_tx: str) -> BroadcastAnswer:
        """Send this request. Safe to repeat: the reference in it is the provider's idempotency key.

        Raises ChainUncertain when no answer came, or one that is neither yes nor no.
        """
        ...

    def report(self, reference: str, *, provider_id: str = "") -> Report:
        """What became of the payment with this reference of ours; `provider_id` is its own, once we were told it."""
        ...

    def made(
        self, raw_tx: str, *, since: datetime, until: datetime | None = None, provider_id: str = ""
    ) -> tuple[Report, ...]:
        """Every payment since then, until then, that may be what this request had it make, each with its id there.

        By our reference where the provider tells it, else by what is paid to whom; with `provider_id`, that one alone,
        if it fits. None means that it shows all, and none of them fits: a list that is not whole raises ChainError.
        Nothing is asked for again.
        """
        ...

    def holding(self, contract: str = "") -> Holding:
        """What the provider says it holds for us of one asset."""
        ...

    def incoming(self, cursor: str) -> IncomingPage:
        """The money that came in after this cursor ("" for the present); empty where nothing can come in."""
        ...

    def incoming_one(self, transfer_id: str) -> IncomingTransfer | None:
        """One transfer by the provider's id, as it is now; None when it is unknown or did not come in to us."""
        ...


class NotificationReader(Protocol):
    """Reads what a provider posts to us. Only `fetch_key` and `confirm` use the network."""

    @property
    def topics(self) -> Collection[str]:
        """The topics that it posts about: each is the last part of an address that it posts to."""
        ...

    @property
    def default_topic(self) -> str:
        """The topic when it posts to the address without one; "" when there has to be one."""
        ...

    @property
    def headers(self) -> Collection[str]:
        """The headers that `read` needs; they are stored with the notification."""
        ...

    @property
    def secret_headers(self) -> Collection[str]:
        """The headers that `read` needs and that are secrets themselves: passed to it, and never stored."""
        ...

    def read(self, topic: str, headers: Mapping[str, str], body: bytes) -> Notification:
        """What this request says, and what is needed to verify that the provider sent it. Raises BadNotification.

        A signature made with a secret that is held here is verified here; otherwise the answer names the key that is
        needed. A notification that waits for its key, or offers a subscription, is read again from what was stored,
        without secret headers.
        """
        ...

    def verify(self, notification: Notification, key: bytes) -> bool:
        """Whether this notification was signed with this key (SubjectPublicKeyInfo, DER)."""
        ...

    def fetch_key(self, key_name: str) -> bytes | None:
        """The key of this name, from the provider itself; None when there is none. Raises ChainError."""
        ...

    def confirm(self, notification: Notification) -> None:
        """Confirm a subscription that the provider offers. Raises ChainError."""
        ...
