"""Shape the records of a flow for its page."""

import itertools
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from api.pages import flow_chain, flow_facts, graph, sentences, shapes, wording
from api.pages.flow_facts import Reading, spelled
from api.pages.flow_shapes import Action, AlertChange, FlowView, LogLine, Step, TransferLine
from api.pages.shapes import Money
from api.possessives import for_reader
from domain.flows import FLOW_KINDS
from domain.ids import short_id
from models.flow import FlowEvent

_COPIED: Final = frozenset(
    {
        "txid",
        "block_hash",
        "address",
        "destination",
        "payout_id",
        "provider_id",
        "replaces",
        "cancels",
        "reorganised",
        "said_to_be",
        "identified_as",
        "replaced_by",
        "to",
    }
)

_PHASES: Final = {"posted": "posted", "pending": "held", "post": "hold posted", "void": "hold released"}


def view(reading: Reading, actions: Sequence[Action]) -> FlowView:
    """The page's values for its template."""
    flow = reading.found.flow
    path = [event.state for event in reading.found.events if event.from_state != event.state]
    return FlowView(
        short_id=flow.short_id,
        kind=sentences.kind_word(flow.kind),
        state=flow.state,
        meaning=sentences.meaning(flow.kind, flow.state),
        sentence=flow_facts.sentence(reading),
        money=flow_facts.money(reading),
        opened_at=flow.opened_at,
        closed_at=flow.closed_at,
        links=flow_facts.links(reading),
        facts=flow_facts.facts(reading),
        steps=_steps(reading),
        transfers=_transfers(reading),
        chain=flow_chain.chain(reading),
        graph=graph.draw(FLOW_KINDS[flow.kind], path),
        actions=tuple(actions),
        moving=flow.closed_at is None,
        alerts=tuple(
            AlertChange(row.alert_event_id, row.alert_code, row.status, row.severity, row.reason, row.recorded_at)
            for row in reading.alerts
        ),
        lines=tuple(LogLine(row.at, row.level, row.line, _said(row.said)) for row in reading.lines),
    )


def _steps(reading: Reading) -> tuple[Step, ...]:
    """The steps, newest first. Each lasts until the next transition; the last one until now, or for ever."""
    events, is_owner = list(reading.found.events), reading.is_owner
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
                sentence=_note(event) if is_note else for_reader(kind.states[event.state].sentence, is_owner=is_owner),
                at=event.at,
                actor=_actor(event.actor, reading),
                lasted=None if is_note or end is None else end - event.at,
                limit=None if is_note else kind.states[event.state].time_limit,
                evidence=_evidence(event, reading),
                note=is_note,
                usual=None if is_note else reading.usual.get(event.state),
            )
        )
    return tuple(reversed(steps))


def _actor(name: str, reading: Reading) -> str:
    """The actor of a step; the name of a task is shown to operators only."""
    if name in {f"user:{short_id(reading.viewer_id)}", f"operator:{short_id(reading.viewer_id)}"}:
        return "you"
    if name.startswith("task:") and not reading.is_operator:
        return "by itself"
    return sentences.actor(name)


_NOTED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "not_bumped_because": "Its network fee could not be raised",
        "not_cancelled_because": "It could not be cancelled",
        "gas_top_up": "The gas for its address",
        "came_back_because": "The provider says that it came back",
    }
)


_WHY: Final[Mapping[str, str]] = MappingProxyType(
    {
        "paused_and_in_the_way": "It was signed before withdrawals of its asset were paused, and no payment that was "
        "signed after it can be in a block before its number is used up."
    }
)


_SAID: Final[Mapping[str, str]] = MappingProxyType(
    {
        "cancels": "A payment of nothing was signed to take its place: a block decides which of the two is first.",
        "replaces": "Its network fee was raised. The new form spends the same coins, so only one of them can be paid.",
        "paid_after_all": "The provider says that it was paid after all.",
        "is_upheld": "The provider does not bear out what was said of it: it stays uncertain.",
        "said_to_be": "An operator says which of the provider's payments it is. The provider is asked.",
        "identified_as": "It is the provider's payment that an operator named.",
        "failed_after_all": "The provider says that it was not made after all.",
        "settlement_undone": "It came back: how it was settled was undone.",
        "return_booked": "Its return was booked: the amount and the fee it took were given back.",
    }
)


_BY_WORD: Final[Mapping[str, Mapping[str | int, str]]] = MappingProxyType(
    {
        "said_never_made": {
            1: "An operator says that it was never made. Another has to say so too.",
            2: "Two operators say that it was never made. The provider is asked.",
        },
        "made_after_all": {
            "pending": "The provider says that it is making it, although it had failed and the funds went back.",
            "completed": "The provider says that it made it, although it had failed and the funds went back.",
        },
        "settled_after_all": {
            "lost": "Suspense carries it: an operator proposes that the house bears it.",
            "recovered": "What it takes was taken from the balance of its owner.",
        },
    }
)


def _note(event: FlowEvent) -> str:
    """An event without a transition: a waiting reason, one of several approvals, a raised fee."""
    detail = event.detail
    if "waits_because" in detail:
        return sentences.waiting(str(detail["waits_because"]))
    if "approvals" in detail:
        return f"{detail['approvals']} of {detail['approvals_needed']} approvals given."
    for name in _BY_WORD.keys() & detail.keys():
        return _BY_WORD[name][detail[name]]
    why = f"{_WHY[detail['because']]} " if detail.get("because") in _WHY else ""
    for name in _SAID.keys() & detail.keys():
        return why + _SAID[name]
    for name in _NOTED.keys() & detail.keys():
        return f"{why}{_NOTED[name]}: {wording.spoken(str(detail[name]))}."
    return f"Noted while {wording.spoken(event.state)}."


def _evidence(event: FlowEvent, reading: Reading) -> tuple[shapes.Evidence, ...]:
    facts = []
    for name, value in event.detail.items():
        if value is None or value == "":
            continue
        if name.endswith("_minor"):
            asset = reading.paid_in if name == "network_fee_minor" else reading.asset
            facts.append(shapes.Evidence(wording.spoken(name.removesuffix("_minor")), spelled(int(value), asset)))
        elif name == "to" and reading.found.recipient_key:
            facts.append(shapes.Evidence("to", reading.found.recipient_key, copy=True))
        else:
            facts.append(shapes.Evidence(wording.spoken(name), str(value), copy=name in _COPIED))
    if reading.is_operator and event.correlation_id:
        # It finds the log lines of all processes for this request or task.
        facts.append(shapes.Evidence("correlation id", event.correlation_id, copy=True))
    return tuple(facts)


def _said(fields: Mapping[str, Any]) -> tuple[shapes.Evidence, ...]:
    return tuple(shapes.Evidence(wording.spoken(name), str(value)) for name, value in sorted(fields.items()))


def _transfers(reading: Reading) -> tuple[TransferLine, ...]:
    return tuple(
        TransferLine(
            id=row.transfer_id,
            kind=row.kind,
            phase=_PHASES[row.phase],
            debit=_account(row.debit_code, row.debit_owner_id, reading),
            credit=_account(row.credit_code, row.credit_owner_id, reading),
            money=Money(row.amount_minor, reading.known.get(row.asset_id, reading.asset)),
            at=row.recorded_at,
        )
        for row in reading.found.transfers
    )


def _account(code: str, owner_id: UUID | None, reading: Reading) -> str:
    """A ledger account: the installation's by purpose, a user's by owner."""
    if owner_id is None:
        return wording.spoken(code)
    if owner_id == reading.viewer_id:
        return "you"
    return f"user {short_id(owner_id)}" if reading.is_operator else "another user"
