"""An in-memory provider that behaves, lags, forgets and changes its mind, by the protocol `domain.ports.Provider`."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from domain.chain_facts import OutPoint
from domain.ids import new_id
from domain.networks import NETWORKS
from domain.provider_facts import IncomingPage, IncomingTransfer, Report
from domain.rail_rows import RailRow
from domain.wallet_facts import BroadcastAnswer, Holding, NewAddress, Payment, SignedPayment

_YES = BroadcastAnswer("accepted")
AT = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass
class Custodian:
    """Holds money in one asset; `says` decides about requests, `breaks` about connections."""

    rail: RailRow = NETWORKS["litecoin-testnet"]
    credits_pending: bool = False
    says: BroadcastAnswer = _YES
    takes: bool = True
    knows_references: bool = True
    poll_interval: timedelta = timedelta(0)
    breaks: BaseException | None = None
    holds_minor: int = 0
    requests: list[str] = field(default_factory=list)
    reports: dict[str, Report] = field(default_factory=dict)
    story: list[IncomingTransfer] = field(default_factory=list)

    def close(self) -> None:
        """Nothing to close."""

    def new_addresses(self, count: int, *, first_index: int = 0, network: str = "") -> list[NewAddress]:  # noqa: ARG002
        made = [f"wallet-{new_id()}" for _ in range(count)]
        return [NewAddress(address, address.encode()) for address in made]

    def build(
        self,
        payments: Sequence[Payment],
        *,
        fee_max_minor: int,  # noqa: ARG002
        avoid: Collection[OutPoint] = (),  # noqa: ARG002
    ) -> SignedPayment:
        reference = str(new_id())
        body = f"{reference} {[(payment.address, payment.amount_minor) for payment in payments]}"
        return SignedPayment(reference, body, 0, 0, (), tuple(range(len(payments))), None)

    def broadcast(self, raw_tx: str) -> BroadcastAnswer:
        self.requests.append(raw_tx)
        if self.takes:
            reference = raw_tx.split(" ", maxsplit=1)[0]
            self.reports.setdefault(reference, Report("pending", provider_id=f"p-{len(self.reports) + 1}"))
        if self.breaks is not None:
            raise self.breaks
        return self.says

    def report(self, reference: str, *, provider_id: str = "") -> Report:  # noqa: ARG002
        return self.reports.get(reference, Report("unknown"))

    def made(
        self,
        raw_tx: str,
        *,
        since: datetime,  # noqa: ARG002
        until: datetime | None = None,  # noqa: ARG002
        provider_id: str = "",  # noqa: ARG002
    ) -> tuple[Report, ...]:
        report = self.report(raw_tx.split(" ", maxsplit=1)[0])
        return () if report.state == "unknown" else (report,)

    def holding(self, contract: str = "") -> Holding:  # noqa: ARG002
        return Holding(self.holds_minor, 0, 0, 0, "")

    def incoming(self, cursor: str) -> IncomingPage:
        """Two per page; transfers before the cursor are listed again when they change."""
        start = int(cursor or 0)
        page = tuple(self.story[start : start + 2])
        end = start + len(page)
        return IncomingPage(page, str(end), is_last=end >= len(self.story))

    def incoming_one(self, transfer_id: str) -> IncomingTransfer | None:
        return next((told for told in reversed(self.story) if told.transfer_id == transfer_id), None)

    def tell(self, transfer_id: str, address: str, amount_minor: int, state: str) -> None:
        told = IncomingTransfer(transfer_id, "", address, amount_minor, "pending", AT)
        self.story.append(replace(told, state=state))  # type: ignore[arg-type]

    def decides(self, report: Report) -> None:
        """Set the outcome of all its requests."""
        self.reports = dict.fromkeys(self.reports, report)
