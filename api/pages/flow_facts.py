"""Shape a flow's facts and links for its page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from api.pages import sentences, shapes, wording
from api.pages.flow_shapes import Link
from api.pages.shapes import AssetName, Money
from api.possessives import for_reader
from domain.beneficiaries import masked
from domain.conversions import FAILURES, spell_rate
from domain.flows import FLOW_KINDS, LOSS
from domain.ids import short_id
from domain.verification import REASONS
from models.alert import OpsAlert
from models.conversion import ConversionQuote
from models.log_line import KeptLogLine
from models.replenishment import Replenishment
from models.sweep import Sweep
from models.verification import PaymentVerification
from models.withdrawal import Withdrawal
from services import payouts
from services.activity import confirmations
from services.evidence import Evidence
from services.flow_stats import Usual

_DECISIONS: Final = {"approve": "approved", "reject": "rejected"}


@dataclass(frozen=True, slots=True)
class Reading:
    """What the page is made from: the evidence, its asset, how far its chain was read, and the time.

    `usual` is the usual duration of each state; `alerts` and `lines` are for operators.
    """

    found: Evidence
    asset: AssetName
    height: int | None
    now: datetime
    viewer_id: UUID
    is_operator: bool = False
    may_decide: bool = False
    # The asset of network fees, where it is another one.
    fee_asset: AssetName | None = None
    usual: Mapping[str, Usual] = field(default_factory=dict)
    alerts: Sequence[OpsAlert] = ()
    lines: Sequence[KeptLogLine] = ()
    # Every asset by its id: a conversion's postings are in two.
    known: Mapping[str, AssetName] = field(default_factory=dict)
    # Where to send the funds of an approved order.
    fund_at: str | None = None

    @property
    def is_owner(self) -> bool:
        """Whether the reader owns the flow."""
        return self.found.flow.user_id == self.viewer_id

    @property
    def paid_in(self) -> AssetName:
        """The asset of network fees."""
        return self.fee_asset or self.asset


def sentence(reading: Reading) -> str:
    """The state of the flow as a sentence for this reader."""
    return for_reader(_standing(reading), is_owner=reading.is_owner)


def _standing(reading: Reading) -> str:
    found = reading.found
    if found.deposit is not None:
        done = confirmations(found.deposit, reading.height)
        return sentences.deposit(found.deposit.state, done, found.deposit.confirmations_needed, found.deposit.chain)
    if found.withdrawal is not None:
        if found.came_back is not None and found.came_back.retracted_at is None:
            return sentences.RETURNED if found.came_back.booked_at is not None else sentences.CAME_BACK
        usual_words = sentences.withdrawal(found.withdrawal.state, found.withdrawal.waiting_reason)
        return usual_words if found.made is None else sentences.made_after_all(found.made, usual_words)
    usual = FLOW_KINDS[found.flow.kind].states[found.flow.state].sentence
    if found.verification is not None and found.verification.reason:
        return REASONS.get(found.verification.reason, usual)
    why = ""
    if found.conversion is not None and found.conversion.failed_because:
        why = FAILURES[found.conversion.failed_because]
    elif found.sweep is not None and found.sweep.waiting_reason:
        why = sentences.waiting(found.sweep.waiting_reason)
    return f"{usual} {why}".rstrip()


def money(reading: Reading) -> Money | None:
    """The amount, signed for the reader; None for a claim that names no amount and has found none."""
    found = reading.found
    flow, minor = found.flow, found.flow.amount_minor
    if found.verification is not None:
        minor = found.verification.paid_minor or minor
    received = flow.kind == "internal_transfer" and flow.user_id != reading.viewer_id
    is_incoming = FLOW_KINDS[flow.kind].direction == "in" or received
    sign = "" if flow.kind == "sweep" else "+" if is_incoming else "-"
    return Money(minor, reading.asset, sign) if minor else None


def facts(reading: Reading) -> tuple[shapes.Evidence, ...]:
    """The facts; for operators also when work on it continues."""
    return (*_about(reading), *((*_whose(reading), *_work(reading)) if reading.is_operator else ()))


def links(reading: Reading) -> tuple[Link, ...]:
    """Related pages: the flow that returns a deposit, or the operators' page for a decision."""
    found, made = reading.found, []
    if found.pair_id is not None:
        words = "The deposit that this pays back" if found.is_return else "The withdrawal that pays it back"
        made.append(Link(f"/flows/{short_id(found.pair_id)}", words))
    if not reading.is_operator:
        return tuple(made)
    if found.deposit is not None and found.quarantine is not None and found.quarantine.decision is None:
        made.append(Link("/operator/deposits", "Release it or pay it back"))
    if found.sweep is not None:
        made.append(Link("/operator/sweeps", "All sweeps"))
    if found.flow.kind == LOSS.name:
        made.append(Link("/operator/losses", "Propose to book it, or agree"))
    if found.made is not None and found.made.loss_id is not None:
        made.append(Link("/operator/losses", "The loss that it is proposed as"))
    if found.replenishment is not None:
        made.append(Link("/operator/buffers", "The buffer that it is for"))
    return tuple(made)


def spelled(amount_minor: int, asset: AssetName) -> str:
    """An amount with its asset, as text."""
    return f"{wording.amount(amount_minor, asset.decimals)}\u00a0{asset.symbol}"


def _about(reading: Reading) -> tuple[shapes.Evidence, ...]:
    found, asset = reading.found, reading.asset
    if found.deposit is not None:
        why = found.quarantine
        return (
            shapes.Evidence("To", found.deposit.address, copy=True),
            shapes.Evidence("Transaction", found.deposit.txid, copy=True),
            shapes.Evidence("Asset", asset.name),
            *(
                (shapes.Evidence("Set aside", f"{wording.spoken(why.cause)}: {why.reason}"),)
                if why and reading.is_operator
                else ()
            ),
        )
    if found.withdrawal is not None:
        return _of_withdrawal(reading, found.withdrawal)
    if found.sweep is not None:
        return _of_sweep(reading, found.sweep)
    if found.replenishment is not None:
        return _of_order(reading, found.replenishment)
    if found.verification is not None:
        return _of_claim(reading, found.verification)
    return _of_transfer(reading) if found.quote is None else _of_conversion(reading, found.quote)


def _whose(reading: Reading) -> tuple[shapes.Evidence, ...]:
    """The owner; nobody for flows of the installation itself."""
    owner_id = reading.found.flow.user_id
    if owner_id is None:
        return ()
    return (shapes.Evidence("Whose", "yours" if reading.is_owner else f"user {short_id(owner_id)}"),)


def _work(reading: Reading) -> tuple[shapes.Evidence, ...]:
    """Which worker holds it, or when it is due again, and after how many failed attempts."""
    found, now = reading.found, reading.now
    payout = None if found.payout is None or found.payout.state in payouts.CLOSED else found.payout
    row = payout or found.withdrawal or found.sweep or found.verification or found.conversion
    # A flow that waits for a person is not due.
    if row is None or row.state == "pending_approval" or found.flow.closed_at is not None:
        return ()
    if row.lease_until is not None and row.lease_until > now:
        words = f"a worker is at it: {row.lease_owner}"
    elif row.due_at is None or row.due_at <= now:
        words = "due now"
    else:
        words = f"due {wording.relative(row.due_at, now)}"
    tried = f"; tried {wording.counted(row.attempts, 'time')} since it last moved" if row.attempts else ""
    return (shapes.Evidence("Work", words + tried),)


def _of_transfer(reading: Reading) -> tuple[shapes.Evidence, ...]:
    """The facts of a transfer, with its recipient if that is a user."""
    key = reading.found.recipient_key
    to = (shapes.Evidence("To", key, copy=True),) if key else ()
    return (*to, shapes.Evidence("Asset", reading.asset.name))


def _of_withdrawal(reading: Reading, row: Withdrawal) -> tuple[shapes.Evidence, ...]:
    decided = ", ".join(
        f"{_DECISIONS[one.decision]} by operator {short_id(one.approver_id)}"
        + (f": {one.reason}" if one.reason else "")
        for one in reading.found.approvals
    )
    needed = f"{row.approvals_needed} needed" if row.approvals_needed else "none needed"
    said = reading.found.said if reading.is_operator else None
    return (
        shapes.Evidence("To", row.destination, copy=True),
        *((shapes.Evidence("Who is paid", name_shown(reading, row.beneficiary_name)),) if row.beneficiary_name else ()),
        shapes.Evidence("Fee", spelled(row.fee_minor, reading.asset)),
        shapes.Evidence("Approvals", needed + (f"; {decided}" if decided else "")),
        *((shapes.Evidence("Said of it", sentences.said(said)),) if said is not None else ()),
    )


def name_shown(reading: Reading, name: str) -> str:
    """A user's key or address, in full for whoever named it and for operators."""
    return name if reading.is_owner or reading.may_decide else masked(name)


def _of_sweep(reading: Reading, row: Sweep) -> tuple[shapes.Evidence, ...]:
    made = [
        shapes.Evidence("From", reading.found.sweep_address, copy=True),
        shapes.Evidence("To", "the hot wallet"),
        shapes.Evidence("Asset", reading.asset.name),
    ]
    if row.left_minor is not None:
        made.append(shapes.Evidence("Left there", spelled(row.left_minor, reading.paid_in)))
    return tuple(made)


def _of_order(reading: Reading, row: Replenishment) -> tuple[shapes.Evidence, ...]:
    made = [
        shapes.Evidence("Why", row.reason),
        shapes.Evidence("Arrived", spelled(row.received_minor, reading.asset)),
        shapes.Evidence("Ends", wording.exact(row.expires_at)),
    ]
    if reading.fund_at is not None:
        made.insert(0, shapes.Evidence("Send it to", reading.fund_at, copy=True))
    if row.closed_because:
        made.append(shapes.Evidence("Closed", row.closed_because))
    return tuple(made)


def _of_claim(reading: Reading, row: PaymentVerification) -> tuple[shapes.Evidence, ...]:
    claimed = "no amount was named" if row.amount_minor is None else spelled(row.amount_minor, reading.asset)
    made = [
        shapes.Evidence("Transaction", row.tx_hash, copy=True),
        shapes.Evidence("To", row.recipient, copy=True),
        shapes.Evidence("Asset", reading.asset.name),
        shapes.Evidence("Claimed", claimed),
    ]
    if row.paid_minor is not None:
        made.append(shapes.Evidence("Found", spelled(row.paid_minor, reading.asset)))
    if row.reference:
        made.append(shapes.Evidence("Reference", row.reference))
    return tuple(made)


def _of_conversion(reading: Reading, quote: ConversionQuote) -> tuple[shapes.Evidence, ...]:
    bought = reading.known.get(quote.to_asset_id, reading.asset)
    return (
        shapes.Evidence("Into", spelled(quote.receives_minor, bought)),
        shapes.Evidence("Rate", f"1 {reading.asset.symbol} is worth {spell_rate(quote.rate)} {bought.symbol}"),
        shapes.Evidence("Spread", spelled(quote.spread_minor, reading.asset)),
        shapes.Evidence("Fee", spelled(quote.fee_minor, reading.asset)),
    )
