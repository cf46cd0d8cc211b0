"""Shape what is on record about a flow into its page."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from api.pages import graph, sentences, shapes, wording
from api.pages.shapes import Action, AlertChange, AssetName, ChainLine, FlowView, LogLine, Money, Step, TransferLine
from domain.flows import FLOW_KINDS
from domain.ids import short_id
from domain.rail_rows import RailRow
from domain.rails import RAILS
from models.alert import OpsAlert
from models.flow import FlowEvent
from models.log_line import KeptLogLine
from services.activity import confirmations
from services.evidence import Evidence
from services.flow_stats import Usual

_COPIED: Final = frozenset(
    {
        "txid",
        "block_hash",
        "address",
        "destination",
        "payout_id",
        "replaces",
        "cancels",
        "reorganised",
        "replaced_by",
        "to",
    }
)

_DECISIONS: Final = {"approve": "approved", "reject": "rejected"}
_PHASES: Final = {"posted": "posted", "pending": "held", "post": "hold posted", "void": "hold released"}


@dataclass(frozen=True, slots=True)
class Reading:
    """What the page is made from: the evidence, its asset, how far its chain was read, and the moment.

    `usual` is how long each state usually lasts; `alerts` and `lines` are for operators.
    """

    found: Evidence
    asset: AssetName
    height: int | None
    now: datetime
    # What the network's fee is paid in, where that is another asset.
    fee_asset: AssetName | None = None
    usual: Mapping[str, Usual] = field(default_factory=dict)
    alerts: Sequence[OpsAlert] = ()
    lines: Sequence[KeptLogLine] = ()

    @property
    def paid_in(self) -> AssetName:
        """The asset of network fees."""
        return self.fee_asset or self.asset


def view(reading: Reading, actions: Sequence[Action], viewer_id: UUID) -> FlowView:
    """The page as its template wants it."""
    flow = reading.found.flow
    incoming = flow.kind == "deposit" or (flow.kind == "internal_transfer" and flow.user_id != viewer_id)
    path = [event.state for event in reading.found.events if event.from_state != event.state]
    return FlowView(
        short_id=flow.short_id,
        kind=sentences.kind_word(flow.kind),
        state=flow.state,
        meaning=sentences.meaning(flow.kind, flow.state),
        sentence=_sentence(reading),
        money=Money(flow.amount_minor, reading.asset, "+" if incoming else "-"),
        opened_at=flow.opened_at,
        closed_at=flow.closed_at,
        facts=_facts(reading),
        steps=_steps(reading),
        transfers=_transfers(reading),
        chain=_chain(reading),
        graph=graph.draw(FLOW_KINDS[flow.kind], path),
        actions=tuple(actions),
        moving=flow.closed_at is None,
        alerts=tuple(
            AlertChange(row.alert_code, row.status, row.severity, row.reason, row.recorded_at) for row in reading.alerts
        ),
        lines=tuple(LogLine(row.at, row.level, row.line, _said(row.said)) for row in reading.lines),
    )


def _sentence(reading: Reading) -> str:
    found = reading.found
    if found.deposit is not None:
        done = confirmations(found.deposit, reading.height)
        return sentences.deposit(found.deposit.state, done, found.deposit.confirmations_needed, found.deposit.chain)
    if found.withdrawal is not None:
        return sentences.withdrawal(found.withdrawal.state, found.withdrawal.waiting_reason)
    return FLOW_KINDS[found.flow.kind].states[found.flow.state].sentence


def _facts(reading: Reading) -> tuple[shapes.Evidence, ...]:
    found, asset = reading.found, reading.asset
    if found.deposit is not None:
        return (
            shapes.Evidence("To", found.deposit.address, copy=True),
            shapes.Evidence("Transaction", found.deposit.txid, copy=True),
            shapes.Evidence("Asset", asset.name),
        )
    if found.withdrawal is not None:
        approvals = ", ".join(
            f"{_DECISIONS[row.decision]} by operator {short_id(row.approver_id)}"
            + (f": {row.reason}" if row.reason else "")
            for row in found.approvals
        )
        needed = found.withdrawal.approvals_needed
        return (
            shapes.Evidence("To", found.withdrawal.destination, copy=True),
            shapes.Evidence("Fee", _spelled(found.withdrawal.fee_minor, asset)),
            shapes.Evidence(
                "Approvals", (f"{needed} needed" if needed else "none needed") + (f"; {approvals}" if approvals else "")
            ),
        )
    return (shapes.Evidence("Asset", asset.name),)


def _steps(reading: Reading) -> tuple[Step, ...]:
    """Newest first. A step lasts until the next one that changes the state; the last one until now, or for ever."""
    events = list(reading.found.events)
    kind = FLOW_KINDS[reading.found.flow.kind]
    moves = [event for event in events if event.from_state != event.state]
    ends = {event.id: later.at for event, later in itertools.pairwise(moves)}
    steps = []
    for event in events:
        is_note = event.from_state == event.state
        end = ends.get(event.id, None if kind.closed(event.state) else reading.now)
        steps.append(
            Step(
                state=event.state,
                meaning=sentences.meaning(kind.name, event.state),
                sentence=_note(event) if is_note else kind.states[event.state].sentence,
                at=event.at,
                actor=sentences.actor(event.actor),
                lasted=None if is_note or end is None else end - event.at,
                limit=None if is_note else kind.states[event.state].time_limit,
                evidence=_evidence(event.detail, reading),
                note=is_note,
                usual=None if is_note else reading.usual.get(event.state),
            )
        )
    return tuple(reversed(steps))


_NOTED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "not_bumped_because": "Its network fee could not be raised",
        "not_cancelled_because": "It could not be cancelled",
        "gas_top_up": "The gas for its address",
    }
)


def _note(event: FlowEvent) -> str:
    """An event within a state: a reason to wait, an approval of several, a fee raised."""
    detail = event.detail
    if "waits_because" in detail:
        return sentences.waiting(str(detail["waits_because"]))
    if "approvals" in detail:
        return f"{detail['approvals']} of {detail['approvals_needed']} approvals given."
    if "cancels" in detail:
        return "A payment of nothing was signed to take its place: a block decides which of the two is first."
    if "replaces" in detail:
        return "Its network fee was raised. The new form spends the same coins, so only one of them can be paid."
    for name in _NOTED.keys() & detail.keys():
        return f"{_NOTED[name]}: {wording.spoken(str(detail[name]))}."
    return f"Noted while {wording.spoken(event.state)}."


def _evidence(detail: Mapping[str, Any], reading: Reading) -> tuple[shapes.Evidence, ...]:
    facts = []
    for name, value in detail.items():
        if value is None:
            continue
        if name.endswith("_minor"):
            asset = reading.paid_in if name == "network_fee_minor" else reading.asset
            facts.append(shapes.Evidence(wording.spoken(name.removesuffix("_minor")), _spelled(int(value), asset)))
        else:
            facts.append(shapes.Evidence(wording.spoken(name), str(value), copy=name in _COPIED))
    return tuple(facts)


def _said(fields: Mapping[str, Any]) -> tuple[shapes.Evidence, ...]:
    return tuple(shapes.Evidence(wording.spoken(name), str(value)) for name, value in sorted(fields.items()))


def _transfers(reading: Reading) -> tuple[TransferLine, ...]:
    return tuple(
        TransferLine(
            id=row.transfer_id,
            kind=row.kind,
            phase=_PHASES[row.phase],
            debit=wording.spoken(row.debit_code),
            credit=wording.spoken(row.credit_code),
            money=Money(row.amount_minor, reading.asset),
            at=row.recorded_at,
        )
        for row in reading.found.transfers
    )


def _chain(reading: Reading) -> tuple[ChainLine, ...]:
    found, rail = reading.found, RAILS.get(reading.asset.chain)
    lines = []
    if found.deposit is not None:
        done = confirmations(found.deposit, reading.height)
        words = wording.counted(done, "confirmation") if done else "in no block"
        if found.deposit.replaced_by:
            words = f"replaced by {found.deposit.replaced_by}"
        lines.append(
            ChainLine(
                found.deposit.txid, words, block_height=found.deposit.block_height, url=_shown(rail, found.deposit.txid)
            )
        )
    for form in found.forms:
        confirmed = found.payout is not None and found.payout.txid == form.txid
        height = found.payout.block_height if found.payout is not None and confirmed else None
        words = "in a block" if confirmed else "superseded" if form is not found.forms[-1] else "in no block"
        fee = Money(form.fee_minor, reading.paid_in)
        lines.append(ChainLine(form.txid, words, form.raw_tx, fee, height, _shown(rail, form.txid)))
    return tuple(reversed(lines))


def _shown(rail: RailRow | None, txid: str) -> str | None:
    """Where anybody can look the transaction up."""
    return None if rail is None else rail.explorer_url(txid)


def _spelled(amount_minor: int, asset: AssetName) -> str:
    return f"{wording.amount(amount_minor, asset.decimals)}\u00a0{asset.symbol}"
