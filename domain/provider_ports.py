"""What the core asks of custodians and of providers of payouts, and of what they post."""

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
        """Whether what is announced and not final yet is credited already: by the operator's choice, at their risk."""
        ...

    @property
    def poll_interval(self) -> timedelta:
        """How often to look for what came in, when nothing hints at it."""
        ...

    def close(self) -> None:
        """Let go of connections; the next question makes new ones."""
        ...

    @property
    def knows_references(self) -> bool:
        """Whether `report` finds a payment by our reference alone, or has to be told the provider's own id."""
        ...

    def new_addresses(self, count: int, *, first_index: int = 0, network: str = "") -> list[NewAddress]:
        """Fresh receiving addresses, whose `script` is the spelling in UTF-8; none where nothing can come in.

        `network` is one of `rail.networks`, where there are any. Fewer than `count` may come: ask again for the rest.
        """
        ...

    def build(
        self, payments: Sequence[Payment], *, fee_max_minor: int, avoid: Collection[OutPoint] = ()
    ) -> SignedPayment:
        """Word the request for these payments, with a fresh reference, and ask nothing.

        Raises PaymentTooSmall, InsufficientHotFunds, FeeAboveCap where that is known beforehand.
        """
        ...

    def broadcast(self, raw_tx: str) -> BroadcastAnswer:
        """Make this request. Safe to repeat: the reference in it is the provider's idempotency key.

        Raises ChainUncertain when no answer came, or one that says neither yes nor no.
        """
        ...

    def report(self, reference: str, *, provider_id: str = "") -> Report:
        """What became of the payment with this reference of ours; `provider_id` is its own, once we were told it."""
        ...

    def made(self, raw_tx: str, *, since: datetime, provider_id: str = "") -> tuple[Report, ...]:
        """Every payment since then that may be what this request had it make, each with the provider's id.

        By our reference where the provider tells it, else by what is paid to whom; with `provider_id`, that one alone,
        if it fits. None means that it shows all, and none of them fits: a list that is not whole raises ChainError.
        Nothing is asked for again.
        """
        ...

    def holding(self, contract: str = "") -> Holding:
        """What the provider says that it holds for us of one asset."""
        ...

    def incoming(self, cursor: str) -> IncomingPage:
        """The money that came in from this place on, "" for now; empty where nothing can come in."""
        ...

    def incoming_one(self, transfer_id: str) -> IncomingTransfer | None:
        """One transfer by the provider's id, as it is now; None when it is unknown, or not one that came in to us."""
        ...


class NotificationReader(Protocol):
    """Reads what a provider posts to us. Nothing here waits for the network, except `fetch_key` and `confirm`."""

    @property
    def topics(self) -> Collection[str]:
        """What it may be about: the last part of the address that is posted to."""
        ...

    @property
    def default_topic(self) -> str:
        """What it is about when it is posted to the provider's address without a topic; "" when it cannot be."""
        ...

    @property
    def headers(self) -> Collection[str]:
        """The headers that `read` needs, as it spells them; they are kept with the notification."""
        ...

    @property
    def secret_headers(self) -> Collection[str]:
        """The headers that `read` needs and that are a secret themselves: handed to it, and never kept."""
        ...

    def read(self, topic: str, headers: Mapping[str, str], body: bytes) -> Notification:
        """What this request says, and what it takes to know that the provider sent it. Raises BadNotification.

        A scheme whose secret is held here is verified here; one that needs a key says which. What waits for its key, or
        offers a subscription, is read a second time from what was kept, which no secret header is.
        """
        ...

    def verify(self, notification: Notification, key: bytes) -> bool:
        """Whether this notification was signed with this key (SubjectPublicKeyInfo, DER)."""
        ...

    def fetch_key(self, key_name: str) -> bytes | None:
        """The key of this name from the provider itself; None when there is none. Raises ChainError."""
        ...

    def confirm(self, notification: Notification) -> None:
        """Say yes to a subscription that the provider offers. Raises ChainError."""
        ...
